package emulator_test

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

var generatedObjects = []string{"User", "Account", "Contact", "Lead", "Opportunity", "Space__c", "Space_Org__c", "Space_User__c",
	"Space_Invitation__c", "sfLma__License__c", "Space__History", "Space_User__History"}

func generate(t *testing.T, o emulator.Options, g emulator.GenerateOptions) *emulator.Org {
	t.Helper()
	o.Clock = clock.NewManual(noon)
	org := emulator.New(o)
	if err := org.Generate(g); err != nil {
		t.Fatal(err)
	}
	return org
}

func TestGenerateIsDecidedByItsSeed(t *testing.T) {
	g := emulator.GenerateOptions{Opportunities: 300, Seed: 7}
	a, b := generate(t, emulator.Options{}, g), generate(t, emulator.Options{}, g)
	g.Seed = 8
	other := generate(t, emulator.Options{}, g)
	for _, object := range generatedObjects {
		if d := cmp.Diff(a.Records(object), b.Records(object)); d != "" {
			t.Fatalf("%s differs: %s", object, d)
		}
	}
	if cmp.Equal(a.Records("Opportunity"), other.Records("Opportunity")) {
		t.Error("another seed gives the same opportunities")
	}
}

// What the rest of the product has to be able to handle is there.
func TestGenerateMakesAPlausibleCompany(t *testing.T) {
	org := generate(t, emulator.Options{}, emulator.GenerateOptions{Customers: 400, Opportunities: 8000, Seed: 1})
	count := func(object string, f func(row) bool) int {
		n := 0
		for _, r := range org.Records(object) {
			if f(r) {
				n++
			}
		}
		return n
	}
	issued := map[any]bool{}
	for _, id := range emulator.DemoPartners() {
		issued[id] = true
	}
	wellFormed := regexp.MustCompile(`^[A-Z]{2}[0-9]{4}$`)
	for _, tt := range []struct {
		what, object string
		min, max     int
		is           func(row) bool
	}{
		{"customers", "Account", 400, 400, func(row) bool { return true }},
		{"opportunities", "Opportunity", 8000, 8000, func(row) bool { return true }},
		{"won", "Opportunity", 4000, 7000, func(r row) bool { return r["IsWon"] == true }},
		{"lost", "Opportunity", 800, 3000, func(r row) bool { return r["IsClosed"] == true && r["IsWon"] == false }},
		{"open", "Opportunity", 500, 3000, func(r row) bool { return r["IsClosed"] == false }},
		{"with a term", "Opportunity", 3000, 7000, func(r row) bool { return r["Service_Start__c"] != nil && r["Service_End__c"] != nil }},
		{"renewals", "Opportunity", 200, 6000, func(r row) bool { return r["Type"] == "Renewal" }},
		{"bad terms", "Opportunity", 1, 100, func(r row) bool {
			s, e := r["Service_Start__c"], r["Service_End__c"]
			return (s == nil) != (e == nil) || s != nil && s.(string) > e.(string)
		}},
		{"without an Amount", "Opportunity", 1, 100, func(r row) bool { return r["Amount"] == nil }},
		{"deleted", "Opportunity", 1, 150, func(r row) bool { return r["IsDeleted"] == true }},
		{"that name a Space", "Opportunity", 3000, 7000, func(r row) bool { return r["Space__c"] != nil }},
		{"Spaces by QuickStart", "Space__c", 250, 420, func(r row) bool { return r["Created_Via__c"] == "QuickStart" }},
		{"Spaces without a creator", "Space__c", 5, 100, func(r row) bool { return r["Creator_Email__c"] == nil }},
		{"Spaces that state an issued ID", "Space__c", 100, 400, func(r row) bool { return issued[r["Partner_ID__c"]] }},
		{"Spaces that state none", "Space__c", 50, 350, func(r row) bool { return r["Partner_ID__c"] == nil }},
		{"unknown Partner IDs", "Space__c", 1, 20, func(r row) bool {
			return r["Partner_ID__c"] != nil && wellFormed.MatchString(r["Partner_ID__c"].(string)) && !issued[r["Partner_ID__c"]]
		}},
		{"malformed Partner IDs", "Space__c", 1, 20, func(r row) bool {
			return r["Partner_ID__c"] != nil && !wellFormed.MatchString(r["Partner_ID__c"].(string))
		}},
		{"takeovers", "Space__History", 5, 100, func(r row) bool { return r["Field"] == "Partner_ID__c" }},
		{"invitations", "Space_Invitation__c", 100, 250, func(r row) bool { return true }},
		{"profiles that state an ID", "Space_User__c", 20, 300, func(r row) bool { return r["Partner_ID__c"] != nil }},
		{"profiles that state none", "Space_User__c", 50, 300, func(r row) bool { return r["Partner_ID__c"] == nil }},
		{"sandboxes", "sfLma__License__c", 100, 500, func(r row) bool { return r[emulator.SandboxFlag] == true }},
		{"refreshed sandboxes", "sfLma__License__c", 50, 400, func(r row) bool {
			return r[emulator.SandboxFlag] == true && r["sfLma__License_Status__c"] == "Uninstalled"
		}},
		{"from after now", "Opportunity", 0, 0, func(r row) bool { return r["SystemModstamp"].(string) > "2026-11-20T11:00:00.000+0000" }},
		{"created after their change", "Opportunity", 0, 0, func(r row) bool { return r["CreatedDate"].(string) > r["SystemModstamp"].(string) }},
		{"partners", "Partner__c", 0, 0, func(row) bool { return true }},
	} {
		if n := count(tt.object, tt.is); n < tt.min || n > tt.max {
			t.Errorf("%d %s %s, want %d to %d", n, tt.object, tt.what, tt.min, tt.max)
		}
	}
	stamps := map[any]int{}
	for _, r := range org.Records("Opportunity") {
		stamps[r["SystemModstamp"]]++
	}
	if len(stamps) > 7000 {
		t.Errorf("%d different instants in 8,000 opportunities: none are shared", len(stamps))
	}
}

func TestGenerateFitsOtherOrgs(t *testing.T) {
	org := generate(t, emulator.Options{MultiCurrency: true, SandboxField: emulator.SandboxFlagOfSubscriber,
		Without: []string{"Lead", "Space_Invitation__c", "User", "Space__History", "Opportunity.Space__c", "Contact"}},
		emulator.GenerateOptions{Customers: 60, Partners: []string{"QQ0001"}})
	currencies := map[any]bool{}
	for _, r := range org.Records("Opportunity") {
		currencies[r["CurrencyIsoCode"]] = true
	}
	if len(currencies) < 4 || len(org.Records("Opportunity")) != 1200 {
		t.Errorf("%d opportunities in %v", len(org.Records("Opportunity")), currencies)
	}
	if err := org.Generate(emulator.GenerateOptions{Opportunities: 50, Seed: 3}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("a second company in the same org: %v", err)
	}
	for _, g := range []emulator.GenerateOptions{{Opportunities: -1}, {Customers: 2_000_000}} {
		if err := org.Generate(g); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: %v", g, err)
		}
	}
}
