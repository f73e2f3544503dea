package company_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/company"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

type row = map[string]any

func generate(t testing.TB, o emulator.Options, g company.Options) *emulator.Org {
	t.Helper()
	o.Clock = clock.NewManual(noon)
	org := emulator.New(o)
	if err := org.Generate(g); err != nil {
		t.Fatal(err)
	}
	return org
}

// digest is a hash over all fields of all records of all objects.
func digest(org *emulator.Org) string {
	h := sha256.New()
	for _, obj := range org.Schema.Objects {
		for _, r := range org.Records(obj.Name) {
			for _, k := range slices.Sorted(maps.Keys(r)) {
				fmt.Fprintf(h, "%s.%s=%v\n", obj.Name, k, r[k])
			}
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func TestTheSameOptionsMakeTheSameCompany(t *testing.T) {
	options := company.Options{Customers: 200, Seed: 7, Leads: 50, Years: 4, Partners: company.PartnerIDs(30)}
	for _, multi := range []bool{false, true} {
		a := digest(generate(t, emulator.Options{MultiCurrency: multi}, options))
		if b := digest(generate(t, emulator.Options{MultiCurrency: multi}, options)); a != b {
			t.Errorf("multi-currency %v: two orgs of one seed differ", multi)
		}
		other := options
		other.Seed++
		if b := digest(generate(t, emulator.Options{MultiCurrency: multi}, other)); a == b {
			t.Errorf("multi-currency %v: another seed makes the same", multi)
		}
	}
}

// What people ask for, such as more leads, changes nothing of what is made before.
func TestMoreLeadsChangeNothingElse(t *testing.T) {
	few := generate(t, emulator.Options{}, company.Options{Customers: 60, Leads: -1})
	many := generate(t, emulator.Options{}, company.Options{Customers: 60, Leads: 500})
	for _, object := range []string{"Opportunity", "Space__c", "Space__History", "Space_User__c", "sfLma__License__c", "Space_Invitation__c"} {
		if fmt.Sprint(few.Records(object)) != fmt.Sprint(many.Records(object)) {
			t.Errorf("%s differs", object)
		}
	}
	if a, b := few.Count("Lead"), many.Count("Lead"); b-a != 500 {
		t.Errorf("%d leads, then %d", a, b)
	}
}

// group counts the records of an object by a key.
func group(org *emulator.Org, object string, key func(row) string) map[string]int {
	n := map[string]int{}
	for _, r := range org.Records(object) {
		n[key(r)]++
	}
	return n
}

// over counts the groups that have at least n.
func over(groups map[string]int, n int) int {
	found := 0
	for key, size := range groups {
		if key != "" && size >= n {
			found++
		}
	}
	return found
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// What the company's story has to hold in every kind, for 1,000 customers.
func TestACompanyHasEverythingThatHappens(t *testing.T) {
	org := generate(t, emulator.Options{MultiCurrency: true}, company.Options{Customers: 1000, Seed: 7})
	count := func(object string, f func(row) bool) int {
		return group(org, object, func(r row) string { return fmt.Sprint(f(r)) })["true"]
	}
	isFree := func(email any) bool {
		return slices.ContainsFunc([]string{"@gmail.com", "@qq.com", "@outlook.com", "@web.de"}, func(d string) bool { return strings.HasSuffix(strings.ToLower(text(email)), d) })
	}
	day := func(v any) string { return text(v)[:min(10, len(text(v)))] }
	for _, tt := range []struct {
		what     string
		min, max int
		n        int
	}{
		{"customers", 1000, 1000, org.Count("Account")},
		{"merged accounts", 5, 40, count("Account", func(r row) bool { return r["IsDeleted"] == true && r["MasterRecordId"] != nil })},
		{"orgs with the package installed twice", 20, 200, over(group(org, "sfLma__License__c", func(r row) string { return text(r["sfLma__Subscriber_Org_ID__c"]) }), 2)},
		{"trials", 50, 300, count("sfLma__License__c", func(r row) bool { return r["sfLma__License_Status__c"] == "Trial" })},
		{"trials of no customer", 30, 150, count("sfLma__License__c", func(r row) bool { return r["sfLma__Account__c"] == nil })},
		{"people invited more than once", 20, 100, over(group(org, "Space_Invitation__c", func(r row) string { return text(r["Email__c"]) }), 2)},
		{"e-mails with several profiles", 10, 60, over(group(org, "Space_User__c", func(r row) string { return strings.ToLower(text(r["Email__c"])) }), 2)},
		{"Spaces taken over more than once", 5, 60, over(group(org, "Space__History", func(r row) string {
			if r["Field"] != "Partner_ID__c" {
				return ""
			}
			return text(r["ParentId"])
		}), 2)},
		{"clearings of Spaces", 5, 60, count("Space__History", func(r row) bool { return r["Field"] == "Partner_ID__c" && r["NewValue"] == nil })},
		{"changed profiles", 10, 80, count("Space_User__History", func(r row) bool { return r["Field"] == "Partner_ID__c" })},
		{"Spaces made by somebody with a free address", 10, 60, count("Space__c", func(r row) bool { return isFree(r["Creator_Email__c"]) })},
		{"leads with a referral code", 80, 250, count("Lead", func(r row) bool { return r["Referral_Code__c"] != nil })},
		{"contacts with a referral code", 20, 120, count("Contact", func(r row) bool { return r["Referral_Code__c"] != nil })},
		{"converted leads", 50, 150, count("Lead", func(r row) bool { return r["IsConverted"] == true && r["ConvertedAccountId"] != nil })},
		{"converted leads with a deal", 40, 140, count("Lead", func(r row) bool { return r["ConvertedOpportunityId"] != nil })},
		{"deleted opportunities", 50, 200, count("Opportunity", func(r row) bool { return r["IsDeleted"] == true })},
		{"renewals signed months before", 50, 1500, count("Opportunity", func(r row) bool {
			return r["Type"] == "Renewal" && r["Service_Start__c"] != nil && later(day(r["CloseDate"]), 60) <= day(r["Service_Start__c"])
		})},
		{"renewals signed too late", 50, 3000, count("Opportunity", func(r row) bool {
			return r["Type"] == "Renewal" && r["Service_Start__c"] != nil && day(r["CloseDate"]) > day(r["Service_Start__c"])
		})},
		{"contacts moved by a merge", 5, 40, count("Contact", func(r row) bool { return text(r["SystemModstamp"]) > text(r["LastModifiedDate"]) })},
		{"instants shared by opportunities", 500, 20_000, over(group(org, "Opportunity", func(r row) string { return text(r["SystemModstamp"]) }), 2)},
		{"currencies", 5, 5, len(group(org, "Opportunity", func(r row) string { return text(r["CurrencyIsoCode"]) }))},
	} {
		if tt.n < tt.min || tt.n > tt.max {
			t.Errorf("%d %s, want %d to %d", tt.n, tt.what, tt.min, tt.max)
		}
	}
	states := group(org, "Partner_Registration__c", func(r row) string { return text(r["Status__c"]) })
	for _, s := range []string{"Draft", "Submitted", "Approved", "Rejected", "Conflict", "Withdrawn", "Won", "Lost", "Expired", "Revoked"} {
		if states[s] == 0 {
			t.Errorf("no registration is %s", s)
		}
	}
	checkScripts(t, org)
	checkTerms(t, org)
}

// later moves a day by some days.
func later(day string, by int) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return ""
	}
	return t.AddDate(0, 0, by).Format(time.DateOnly)
}

// checkScripts sees that companies and people have names in every script.
func checkScripts(t *testing.T, org *emulator.Org) {
	t.Helper()
	for name, script := range map[string]*unicode.RangeTable{"Cyrillic": unicode.Cyrillic, "Greek": unicode.Greek, "Arabic": unicode.Arabic, "Hebrew": unicode.Hebrew,
		"Han": unicode.Han, "Katakana": unicode.Katakana, "Hangul": unicode.Hangul, "Devanagari": unicode.Devanagari, "Thai": unicode.Thai,
		"Latin with diacritics": {R16: []unicode.Range16{{Lo: 0xc0, Hi: 0x1ef9, Stride: 1}}}} {
		for _, object := range []string{"Account", "Contact", "Lead"} {
			n := group(org, object, func(r row) string {
				return fmt.Sprint(strings.ContainsFunc(text(r["Name"]), func(c rune) bool { return unicode.Is(script, c) }))
			})["true"]
			if n == 0 {
				t.Errorf("no %s has a name in %s", object, name)
			}
		}
	}
	accounts := map[string]int{}
	for _, r := range org.Records("Account") {
		if r["IsDeleted"] == false {
			accounts[text(r["Name"])]++
		}
	}
	if n := over(accounts, 2); n > 0 {
		t.Errorf("%d names are of several customers", n)
	}
}

// checkTerms sees that renewals sell up and down, and that expansions end with what
// they expand.
func checkTerms(t *testing.T, org *emulator.Org) {
	t.Helper()
	type key struct{ account, day string }
	ends, amounts := map[key]int{}, map[key]string{}
	for _, r := range org.Records("Opportunity") {
		if r["IsWon"] == true && r["Service_End__c"] != nil {
			k := key{text(r["AccountId"]), text(r["Service_End__c"])}
			ends[k]++
			amounts[k] = text(r["Amount"])
		}
	}
	coTermed, up, down := 0, 0, 0
	for _, r := range org.Records("Opportunity") {
		if r["IsWon"] != true || r["Service_Start__c"] == nil || r["Amount"] == nil {
			continue
		}
		if r["Type"] == "Expansion" && ends[key{text(r["AccountId"]), text(r["Service_End__c"])}] > 1 {
			coTermed++
		}
		var was, is float64
		if _, err := fmt.Sscan(amounts[key{text(r["AccountId"]), later(text(r["Service_Start__c"]), -1)}], &was); err != nil || r["Type"] != "Renewal" {
			continue
		}
		if _, err := fmt.Sscan(text(r["Amount"]), &is); err != nil {
			continue
		}
		if is > was*1.26 {
			up++
		} else if is < was*0.97 {
			down++
		}
	}
	if coTermed < 100 || up < 100 || down < 100 {
		t.Errorf("%d expansions end with another term, %d renewals sell far more, %d less", coTermed, up, down)
	}
}

// Every lookup leads to a record, nothing is from after the end, and no record was
// changed before it was made, in orgs of all kinds.
func TestACompanyIsWhole(t *testing.T) {
	for name, tt := range map[string]struct {
		o emulator.Options
		g company.Options
	}{
		"usual":                     {g: company.Options{Customers: 300, Seed: 2}},
		"young":                     {g: company.Options{Customers: 200, Years: 1, Seed: 3}},
		"many partners":             {g: company.Options{Customers: 100, Partners: company.PartnerIDs(200)}},
		"one customer":              {g: company.Options{Customers: 1, Opportunities: 1}},
		"more customers than deals": {g: company.Options{Customers: 100, Opportunities: 30}},
		"without leads":             {o: emulator.Options{Without: []string{"Lead", "Account.MasterRecordId"}}, g: company.Options{Customers: 200}},
		"spare":                     {o: emulator.Options{Without: []string{"Contact", "Space_User__c", "Opportunity.Service_End__c"}}, g: company.Options{Customers: 200}},
		"without deals":             {o: emulator.Options{Without: []string{"Opportunity", "Account"}}, g: company.Options{Customers: 200}},
		"without Spaces":            {o: emulator.Options{Without: []string{"Space__c", "sfLma__License__c"}}, g: company.Options{Customers: 200}},
	} {
		t.Run(name, func(t *testing.T) {
			org := generate(t, tt.o, tt.g)
			for _, obj := range org.Schema.Objects {
				for _, r := range org.Records(obj.Name) {
					checkRecord(t, org, obj.Name, r)
				}
			}
		})
	}
}

func checkRecord(t *testing.T, org *emulator.Org, object string, r row) {
	t.Helper()
	const end = "2026-11-20T11:00:00.000+0000" // an hour before noon
	created, changed := text(r["CreatedDate"]), text(r["SystemModstamp"])
	if object != "Organization" && r["Username"] == nil && (created > end || changed > end || changed != "" && changed < created) {
		t.Errorf("%s %v was made at %s and changed at %s", object, r["Id"], created, changed)
	}
	obj, _ := org.Schema.Object(object)
	for _, f := range obj.Fields {
		if f.RefTo == "" || r[f.Name] == nil {
			continue
		}
		if _, ok := org.Record(f.RefTo, text(r[f.Name])); !ok {
			if _, hasObject := org.Schema.Object(f.RefTo); hasObject {
				t.Errorf("%s %v: %s leads nowhere", object, r["Id"], f.Name)
			}
		}
	}
}

// A company of some years has its first customers that long ago.
func TestTheYearsSayHowFarBackItGoes(t *testing.T) {
	for _, years := range []int{1, 3, 20} {
		org := generate(t, emulator.Options{}, company.Options{Customers: 300, Years: years})
		first, last := "9", ""
		for _, r := range org.Records("Space__c") {
			if key := text(r["Space_Key__c"]); strings.HasPrefix(key, "C-") && !strings.HasSuffix(key, "-B") {
				first, last = min(first, text(r["CreatedDate"])), max(last, text(r["CreatedDate"]))
			}
		}
		begin := noon.AddDate(-years, 0, -1).Format(time.DateOnly)
		if soon := noon.AddDate(-years, years, 0).Format(time.DateOnly); first < begin || first > soon || last < noon.AddDate(0, -6*years, 0).Format(time.DateOnly) {
			t.Errorf("%d years: Spaces from %s to %s", years, first, last)
		}
	}
}

func TestNumbersOutOfBoundsAreRefused(t *testing.T) {
	for _, g := range []company.Options{{Customers: -1}, {Opportunities: company.MaxOpportunities + 1}, {Leads: -2}, {Years: 26},
		{Partners: make([]string, company.MaxPartners+1)}} {
		if err := emulator.New(emulator.Options{}).Generate(g); err == nil {
			t.Errorf("%d customers, %d years were taken", g.Customers, g.Years)
		}
	}
}

// BenchmarkGenerate is a company of 10,000 customers.
func BenchmarkGenerate(b *testing.B) {
	n := 0
	for b.Loop() {
		org := generate(b, emulator.Options{MultiCurrency: true}, company.Options{Customers: 10_000, Seed: 7})
		n = 0
		for _, obj := range org.Schema.Objects {
			n += org.Count(obj.Name)
		}
	}
	b.ReportMetric(float64(n), "records")
}
