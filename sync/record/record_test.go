package record

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/mapping"
)

// size is what Salesforce counts of a text.
func size(s string) int {
	return len(utf16.Encode([]rune(s))) + strings.Count(s, "\n")
}

func TestShortenFitsTheField(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		length := rapid.IntRange(1, 40).Draw(t, "length")
		got := shorten(s, length)
		switch {
		case size(s) <= length && got != s:
			t.Fatalf("%q fits %d and became %q", s, length, got)
		case size(got) > length:
			t.Fatalf("%q is longer than %d", got, length)
		case got != s && !strings.HasPrefix(s, strings.TrimSuffix(got, "…")):
			t.Fatalf("%q is not the beginning of %q", got, s)
		}
	})
	if got := shorten("a\U0001F600b", 3); got != "a…" {
		t.Errorf("a surrogate pair was cut: %q", got)
	}
}

func TestHashIsOfTheStateAndNotOfWhenItWasComputed(t *testing.T) {
	t.Parallel()
	to := mapping.Destination{Object: "Partner_Commission__c", Key: "Commission_Key__c", Fields: []mapping.DestinationField{
		{Name: "amount", Path: "Amount__c"}, {Name: "computed_at", Path: "Computed_At__c"},
		{Name: "partner", Path: "Partner__r.Partner_ID__c"}, {Name: "reason", Path: "Reason__c", Length: 4},
	}}
	values := func() map[string]any {
		return map[string]any{"amount": decimal.RequireFromString("12345678901234567.891"), "reason": "",
			"computed_at": time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), "partner": "FG3877"}
	}
	base := Make(to, "k", values())
	text, err := json.Marshal(base)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Amount__c":12345678901234567.891,"Commission_Key__c":"k","Computed_At__c":"2026-11-20T12:00:00.000Z",` +
		`"Partner__r":{"Partner_ID__c":"FG3877"},"Reason__c":null}`
	if string(text) != want {
		t.Errorf("record %s", text)
	}
	later := values()
	later["computed_at"] = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	changed := values()
	changed["reason"] = "before_go_live"
	other := to
	other.Object = "Commission__c"
	for name, c := range map[string]struct {
		to   mapping.Destination
		r    Record
		same bool
	}{
		"later": {to, Make(to, "k", later), true}, "changed": {to, Make(to, "k", changed), false},
		"other object": {other, Make(other, "k", values()), false},
	} {
		a, err := base.Hash(to)
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.r.Hash(c.to)
		if err != nil {
			t.Fatal(err)
		}
		if (string(a) == string(b)) != c.same {
			t.Errorf("%s: the same is %v", name, !c.same)
		}
	}
}

func TestUnlinkEmptiesWhatWasNamed(t *testing.T) {
	t.Parallel()
	to := mapping.Destination{Fields: []mapping.DestinationField{
		{Name: "opportunity_id", Type: mapping.IDType, Path: "Opportunity__c"}, {Name: "space_id", Type: mapping.IDType, Path: "Space__c"},
		{Name: "account_id", Type: mapping.IDType, Path: "Account__c"}, {Name: "reason", Type: mapping.TextType, Path: "Reason__c"},
	}}
	for name, c := range map[string]struct {
		named []string
		all   bool
		left  string
	}{
		"named":   {[]string{"Space__c"}, false, `{"Account__c":null,"Opportunity__c":"o","Reason__c":"r","Space__c":null}`},
		"unnamed": {nil, false, `{"Account__c":null,"Opportunity__c":null,"Reason__c":"r","Space__c":null}`},
		"foreign": {[]string{"Reason__c"}, false, `{"Account__c":null,"Opportunity__c":null,"Reason__c":"r","Space__c":null}`},
		"all":     {[]string{"Space__c"}, true, `{"Account__c":null,"Opportunity__c":null,"Reason__c":"r","Space__c":null}`},
	} {
		r := Record{"Opportunity__c": "o", "Space__c": "s", "Account__c": nil, "Reason__c": "r"}
		if !r.Unlink(to, c.named, c.all) {
			t.Errorf("%s: nothing to unlink", name)
		}
		if text, err := json.Marshal(r); err != nil || string(text) != c.left {
			t.Errorf("%s: %s", name, text)
		}
	}
	if (Record{"Reason__c": "r"}).Unlink(to, nil, true) {
		t.Error("there was no link")
	}
}
