package console

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// lines writes a table as text.
func (t *table) lines() []string {
	var heads []string
	for _, c := range t.Columns {
		heads = append(heads, c.Name)
	}
	out := []string{strings.Join(heads, "|")}
	for _, row := range t.Rows {
		var cells []string
		for _, c := range row {
			text := c.Text
			if c.Table != nil {
				text = "(" + strings.Join(c.Table.lines(), ";") + " of " + c.Table.Total + ")"
			}
			cells = append(cells, text)
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return out
}

func TestATableOfWhateverTheAPIAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, json string
		want       []string
	}{
		{"aggregates", `[{"attributes":{"type":"AggregateResult"},"Name":"a","expr0":12.10},{"attributes":{"type":"AggregateResult"},"Name":null,"expr0":3}]`,
			[]string{"Name|expr0", "a|12.10", "|3"}},
		{"a subquery", `[{"Name":"a","Opportunities":{"totalSize":3,"done":false,"records":[{"attributes":{"type":"Opportunity"},"Name":"x","Amount":1.50}]}},{"Name":"b","Opportunities":null}]`,
			[]string{"Name|Opportunities", "a|(Name|Amount;x|1.50 of 3)", "b|"}},
		{"a parent that some lack", `[{"A":null,"N":"1"},{"A":{"attributes":{"type":"A"},"Name":"p","B":null},"N":"2"},{"A":{"Name":"q","B":{"Name":"r"}},"N":"3"}]`,
			[]string{"A.Name|A.B.Name|N", "||1", "p||2", "q|r|3"}},
		{"a compound value", `[{"BillingAddress":{"city":"Oslo","latitude":59.9}}]`, []string{"BillingAddress.city|BillingAddress.latitude", "Oslo|59.9"}},
		{"a list", `[{"L":[1,"a",null,{"b":true}]}]`, []string{"L", `[1,"a",null,{"b":true}]`}},
		{"numbers as they are", `[{"N":123456789012345678.900},{"N":1e400},{"N":-0.0}]`, []string{"N", "123456789012345678.900", "1e400", "-0.0"}},
		{"fields that are only in some", `[{"a":1},{"b":2,"a":3}]`, []string{"b|a", "|1", "2|3"}},
		{"nothing", `[]`, []string{""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, err := parseJSON([]byte(tt.json))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, tableOf(n, func(string) bool { return false }).lines()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzResult(f *testing.F) {
	f.Add(`{"records":[{"a":{"b":null}},{"a":null}]}`)
	f.Add(`[[[[{"records":[]}]]]]`)
	f.Add(`{"records":[{"attributes":1,"x":{"records":[{"records":[1]}]}}]}`)
	f.Fuzz(func(_ *testing.T, text string) {
		n, err := parseJSON([]byte(text))
		if err != nil {
			return
		}
		tableOf(n, func(string) bool { return true })
		tableOf(n.get("records"), func(string) bool { return false })
		errorOf(Answer{Body: []byte(text)}, n, text)
		if again, err := parseJSON([]byte(n.json())); err != nil || again.json() != n.json() {
			panic("a value is written as something else: " + n.json())
		}
	})
}

func TestTheTextIsCutWhereThePlatformPoints(t *testing.T) {
	for _, tt := range []struct {
		text     string
		row, col int
		want     string
	}{
		{"SELECT x FROM y", 1, 8, "SELECT [x] FROM y"},
		{"SELECT x,\n  yy FROM z", 2, 3, "SELECT x,\n  [yy] FROM z"},
		{"WHERE a = 'שלום' AND b", 1, 22, "WHERE a = 'שלום' AND [b]"},
		{"a(b)", 1, 2, "a[(]b)"},
		{"ab", 1, 3, ""}, {"ab", 2, 1, ""}, {"ab", 0, 1, ""}, {"ab", 1, 0, ""}, {"", 1, 1, ""},
	} {
		before, at, after, ok := cutAt(tt.text, tt.row, tt.col)
		got := ""
		if ok {
			got = before + "[" + at + "]" + after
		}
		if got != tt.want {
			t.Errorf("%q at %d:%d is cut %q", tt.text, tt.row, tt.col, got)
		}
	}
}

func TestAmounts(t *testing.T) {
	for _, tt := range []struct{ number, currency, want string }{
		{"12000.0", "USD", "12,000.00 USD"}, {"92.05", "USD", "92.05 USD"}, {"4406044.0", "JPY", "4,406,044 JPY"}, {"977.721", "KWD", "977.721 KWD"},
		{"977.7", "KWD", "977.700 KWD"}, {"-1234567.5", "EUR", "−1,234,567.50 EUR"}, {"0.005", "USD", "0.005 USD"}, {"0", "USD", "0.00 USD"},
		{"999", "", "999"}, {"1.6820726E7", "JPY", "16,820,726 JPY"}, {"1000.50", "", "1,000.5"}, {"123456789012345.678", "USD", "123,456,789,012,345.678 USD"}, {"x", "USD", "x USD"},
	} {
		if got := amount(tt.number, tt.currency); got != tt.want {
			t.Errorf("%s %s is shown as %q, not %q", tt.number, tt.currency, got, tt.want)
		}
	}
}

func TestNoDigitIsLostInShowingANumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := decimal.New(rapid.Int64().Draw(t, "digits"), -int32(rapid.IntRange(0, 12).Draw(t, "scale")))
		shown := strings.NewReplacer(",", "", "−", "-").Replace(decimals(d.String(), int32(rapid.IntRange(0, 3).Draw(t, "least"))))
		back, err := decimal.NewFromString(shown)
		if err != nil || !back.Equal(d) {
			t.Fatalf("%s is shown as %s (%v)", d, shown, err)
		}
	})
}
