package brought_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/brought"
)

const heading = "kind,partner_id,currency,amount,period,reference,note,opportunity_id,paid_on,regime,slice\n"

func read(t *testing.T, text string) brought.File {
	t.Helper()
	f, err := brought.Read(strings.NewReader(text), "some/folder/brought.csv")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func month(s string) clock.Month {
	m, err := clock.ParseMonth(s)
	if err != nil {
		panic(err)
	}
	return m
}

func date(s string) clock.Date {
	d, err := clock.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// However a program or a person writes the file, the rows are the same.
func TestR8_9_AFileIsReadInWhateverFormItComes(t *testing.T) {
	t.Parallel()
	want := []brought.Row{
		{Kind: brought.Opening, PartnerID: "FG3877", Currency: "USD", Minor: -5000, Period: month("2026-04"), Reference: "INV-7", Note: "owes back, says Ana"},
		{
			Kind: brought.Paid, PartnerID: "FG3877", Currency: "USD", Minor: 10192, Period: month("2026-01"), Reference: "PAY-1",
			OpportunityID: "0065g00000XyZAbAAN", PaidOn: date("2026-02-15"),
		},
	}
	const opening, paid = `opening,FG3877,USD,-50.00,2026-04,INV-7,"owes back, says Ana"`, `paid,FG3877,USD,101.92,2026-01,PAY-1,,0065g00000XyZAb,2026-02-15`
	semicolons := "KIND;Partner ID;Currency;Amount;Period;Reference;Note;Opportunity-ID;paid_on\r\n" +
		"opening;fg3877;usd;-50,00;2026-04;INV-7;owes back, says Ana\r\n" +
		"paid; FG3877 ;USD;101,92;2026-01;PAY-1;;0065g00000XyZAbAAN;2026-02-15\r\n"
	for name, text := range map[string]string{
		"named":                       heading + opening + "\n" + paid + "\n",
		"no heading":                  opening + "\n" + paid,
		"byte order mark, CRLF":       "\ufeff" + strings.ReplaceAll(heading+opening+"\n"+paid+"\n", "\n", "\r\n"),
		"semicolons, decimal comma":   semicolons,
		"byte order mark, semicolons": "\ufeff" + semicolons,
		"tabs":                        strings.ReplaceAll(strings.ReplaceAll(semicolons, ", says", "~ says"), ";", "\t"),
		"other order": "note,paid_on,opportunity_id,reference,period,amount,currency,partner_id,kind\n" +
			"\"owes back, says Ana\",,,INV-7,2026-04,-50.00,USD,FG3877,Opening\n" +
			",2026-02-15,0065g00000XyZAbAAN,PAY-1,2026-01,+101.92,USD,FG3877,PAID\n",
		"quoted line breaks":         heading + "opening,FG3877,USD,-50.00,2026-04,\"INV-7\n\",\"owes back,\r\nsays Ana\"\n" + paid,
		"against formulas":           heading + `'opening,FG3877,USD,'-50.00,2026-04,INV-7,"owes back, says Ana"` + "\n" + strings.Replace(paid, "101.92", "'+101.92", 1),
		"blank rows, cells too many": heading + "\n,,,\n" + opening + ",,,,,,,\n\n" + paid + ",,,,\n",
	} {
		text = strings.Replace(text, "'opening", "opening", 1)
		f := read(t, strings.ReplaceAll(text, "~ says", ", says"))
		if len(f.Faults) > 0 {
			t.Errorf("%s: %v", name, f.Faults)
		}
		if d := cmp.Diff(want, f.Rows, cmpopts.IgnoreUnexported(brought.Row{}, clock.Month{}, clock.Date{}), cmpopts.IgnoreFields(brought.Row{}, "Line"),
			cmp.Comparer(func(a, b clock.Month) bool { return a == b }), cmp.Comparer(func(a, b clock.Date) bool { return a == b })); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if f.Name != "brought.csv" || len(f.Hash) != 32 {
			t.Errorf("%s: it is called %s, with a hash of %d bytes", name, f.Name, len(f.Hash))
		}
	}
}

// A note that begins with an apostrophe of its own keeps it; one that was put there
// against formulas is gone.
func TestAnApostropheAgainstFormulasIsReadBack(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"'=1+1": "=1+1", "'-5": "-5", "'@home": "@home", "' =x": "=x", "'＝x": "＝x", "'s-Hertogenbosch": "'s-Hertogenbosch", "'": "'", "''=x": "''=x", "=1+1": "=1+1",
	} {
		f := read(t, heading+"opening,FG3877,USD,1.00,2026-04,"+cell+"\n")
		if len(f.Faults) > 0 || f.Rows[0].Reference != want {
			t.Errorf("%s is read as %q %v", cell, f.Rows[0].Reference, f.Faults)
		}
	}
}

// Every bad cell is told with its line and its column, and what to do about it.
func TestR8_9_EveryBadCellIsTold(t *testing.T) {
	t.Parallel()
	row := map[string]string{
		"kind": "paid", "partner_id": "FG3877", "currency": "USD", "amount": "101.92", "period": "2026-01", "reference": "PAY-1",
		"opportunity_id": "0065g00000XyZAbAAN", "paid_on": "2026-02-15",
	}
	for _, c := range []struct{ column, value, says string }{
		{"kind", "credit", `"credit" is neither opening nor paid`},
		{"kind", "", `"" is neither`},
		{"partner_id", "FG387", `"FG387" is no Partner ID`},
		{"partner_id", "", `"" is no Partner ID`},
		{"currency", "XYZ", `"XYZ" is no currency`},
		{"currency", "$", `"$" is no currency`},
		{"amount", "", `"" is no amount`},
		{"amount", "1,234.50", `"1,234.50" is no amount`},
		{"amount", "1.234,50", `"1.234,50" is no amount`},
		{"amount", "1,234", `"1,234" is no amount`},
		{"amount", "(50.00)", `is no amount`},
		{"amount", "1e5", `is no amount`},
		{"amount", "$5.00", `is no amount`},
		{"amount", "--5", `is no amount`},
		{"amount", "NaN", `is no amount`},
		{"amount", "١٢", `is no amount`},
		{"amount", "1.005", `more decimals than USD has (2)`},
		{"amount", "100.000", `more decimals than USD has (2)`},
		{"amount", "0", `zero`},
		{"amount", "-0.00", `zero`},
		{"amount", "1234567890123456789", `larger than the book takes in one row, 100000000000000.00 USD`},
		{"amount", "100000000000000.01", `larger than the book takes`},
		{"period", "Sep-26", `"Sep-26" is no month`},
		{"period", "2026-13", `is no month`},
		{"period", "2026-01-01", `is no month`},
		{"period", "0226-01", `too long ago`},
		{"reference", "", `it is blank`},
		{"reference", strings.Repeat("x", 201), `201 characters, and 200 are kept`},
		{"reference", "a\x00b", `U+0000`},
		{"reference", "a\u200eb\x1b[31m", `U+001B`},
		{"note", strings.Repeat("é", 1001), `1001 characters`},
		{"opportunity_id", "", `"" is no id`},
		{"opportunity_id", "0065g00000XyZAbAAA", `is no id`},
		{"paid_on", "", `"" is no date`},
		{"paid_on", "15.02.2026", `is no date`},
		{"paid_on", "1970-01-01", `too long ago`},
		{"regime", "program", `is no regime`},
		{"slice", "referral~adj:2026-01", `no slice of an opportunity`},
		{"slice", "tier1", `no slice of an opportunity`},
	} {
		var cells []string
		for _, name := range brought.Columns() {
			value := row[name]
			if name == c.column {
				value = c.value
			}
			cells = append(cells, `"`+value+`"`)
		}
		f := read(t, heading+"\n"+strings.Join(cells, ",")+"\n")
		if len(f.Faults) != 1 || f.Faults[0].Line != 3 || f.Faults[0].Column != c.column || !strings.Contains(f.Faults[0].What, c.says) || f.Faults[0].Do == "" {
			t.Errorf("%s %q: %v, want one fault of line 3 that says %s", c.column, c.value, f.Faults, c.says)
		}
	}
}

// The decimals of a currency are its own: 0 for JPY, 3 for KWD (R7.4).
func TestR7_4_DecimalsAreThoseOfTheCurrency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		currency, amount string
		minor            int64 // 0: refused
	}{
		{"JPY", "1200", 1200}, {"JPY", "1200.00", 0}, {"JPY", "1200.5", 0}, {"KWD", "1.234", 1234}, {"KWD", `"1,234"`, 0}, {"KWD", "1.2345", 0},
		{"USD", "7", 700}, {"USD", "7.1", 710}, {"USD", `"7,1"`, 710}, {"USD", "-0.01", -1}, {"USD", "100000000000000.00", 1e16},
	} {
		f := read(t, fmt.Sprintf("%sopening,FG3877,%s,%s,2026-04,x\n", heading, c.currency, c.amount))
		if f.Rows[0].Minor != c.minor || (c.minor == 0) != (len(f.Faults) == 1) {
			t.Errorf("%s %s is %d %v", c.amount, c.currency, f.Rows[0].Minor, f.Faults)
		}
	}
}

// Several faults of one row are all told, and so are those of rows as a whole.
func TestR8_9_FaultsOfARowAreToldTogether(t *testing.T) {
	t.Parallel()
	f := read(t, heading+
		"opening,XX,dollars,much,soon,,,,2026-01-01,space\n"+
		"paid,FG3877,USD,1,234.50,2026-01,PAY-1,,0065g00000XyZAbAAN,2026-02-15,,,,\n"+
		"paid,FG3877,USD,1.00,2026-01,PAY-1,,0065g00000XyZAbAAN,2026-02-15,space,net_new\n"+
		"opening,FG3877,USD,1.00,2026-04,x,,,,,,more\n"+
		"opening,FG3877,USD,1.00,2026-04,\"x\"y\nopening,ZZ,ZZ\n")
	var got []string
	for _, x := range f.Faults {
		got = append(got, fmt.Sprintf("%d %s", x.Line, x.Column))
	}
	want := []string{
		"2 partner_id", "2 currency", "2 amount", "2 period", "2 reference", "2 paid_on", "2 regime",
		"3 period", "3 opportunity_id", "3 paid_on", "3 regime",
		"4 slice", "5 ", "6 ",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Log(f.Faults)
		t.Error(d)
	}
}

// What is no such file as a whole is refused as a whole.
func TestAFileThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"":                "it is empty",
		"\ufeff":          "it is empty",
		heading:           "no rows",
		heading + ",,,\n": "no rows",
		"hello\n":         "neither names the columns nor is a row",
		"kind,partner_id,currency,amount,period\n":                "no column reference",
		"kind,partner_id,currency,amount,period,reference,kind":   "the column kind twice",
		"kind,partner_id,currency,amount,period,reference,colour": `a column "colour" that means nothing here`,
		"\xff\xfek\x00i\x00": "UTF-16",
		"PK\x03\x04":         "a workbook",
		heading + "opening,FG3877,USD,1.00,2026-04,caf\xe9\n":                    "line 2 is not UTF-8",
		strings.Repeat(" ", 33<<20):                                              "larger than 32 MB",
		heading + strings.Repeat("opening,FG3877,USD,1.00,2026-04,x\n", 100_001): "more than 100000 rows",
	} {
		_, err := brought.Read(strings.NewReader(text), "x.csv")
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(fmt.Sprint(err), "x.csv: ") || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%.60q: %v, want it to say %s", text, err, says)
		}
	}
}

// Whatever the bytes, reading ends, and every row is a row with faults or one without.
func FuzzRead(f *testing.F) {
	f.Add([]byte(heading + "opening,FG3877,USD,-50.00,2026-04,INV-7\n"))
	f.Add([]byte("paid;FG3877;USD;101,92;2026-01;PAY-1;;0065g00000XyZAb;2026-02-15\r\n"))
	f.Add([]byte("\ufeffkind\t\"a"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := brought.Read(strings.NewReader(string(raw)), "x.csv")
		if err != nil {
			return
		}
		faulty := map[int]bool{}
		for _, x := range file.Faults {
			if x.Line < 1 || x.What == "" || x.Do == "" {
				t.Fatalf("a fault says too little: %+v", x)
			}
			faulty[x.Line] = true
		}
		for _, r := range file.Rows {
			if !faulty[r.Line] && (r.PartnerID == "" || r.Minor == 0 || r.Period.IsZero() || r.Reference == "") {
				t.Fatalf("a row without a fault says too little: %+v", r)
			}
		}
	})
}
