package emulator_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/company"
)

var generatedObjects = []string{"User", "Account", "Contact", "Lead", "Opportunity", "Space__c", "Space_Org__c", "Space_User__c",
	"Space_Invitation__c", "sfLma__License__c", "Space__History", "Space_User__History", "Partner_Registration__c", "Partner_Engagement__c"}

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
	for _, id := range company.DemoPartners() {
		issued[id] = true
	}
	wellFormed := regexp.MustCompile(`^[A-Z]{2}[0-9]{4}$`)
	for _, tt := range []struct {
		what, object string
		min, max     int
		is           func(row) bool
	}{
		{"customers", "Account", 400, 400, func(r row) bool { return r["IsDeleted"] == false }},
		{"merged", "Account", 1, 20, func(r row) bool { return r["IsDeleted"] == true && r["MasterRecordId"] != nil }},
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
		{"that name a registration", "Opportunity", 150, 500, func(r row) bool { return r["Partner_Registration__c"] != nil }},
		{"registrations", "Partner_Registration__c", 600, 1200, func(row) bool { return true }},
		{"approved", "Partner_Registration__c", 300, 800, func(r row) bool { return r["Status__c"] == "Approved" }},
		{"submitted", "Partner_Registration__c", 10, 150, func(r row) bool { return r["Status__c"] == "Submitted" }},
		{"in conflict", "Partner_Registration__c", 20, 120, func(r row) bool { return r["Status__c"] == "Conflict" }},
		{"rejected, with a reason", "Partner_Registration__c", 30, 150, func(r row) bool {
			return r["Status__c"] == "Rejected" && r["Decision_Reason__c"] != nil
		}},
		{"of other states", "Partner_Registration__c", 60, 250, func(r row) bool {
			return slices.Contains([]any{"Won", "Lost", "Withdrawn", "Draft", "Revoked"}, r["Status__c"])
		}},
		{"of a state that no rule knows", "Partner_Registration__c", 1, 20, func(r row) bool { return r["Status__c"] == "In Review" }},
		{"shares", "Partner_Registration__c", 100, 300, func(r row) bool { return r["Share__c"] != nil }},
		{"that name their opportunity", "Partner_Registration__c", 200, 600, func(r row) bool { return r["Opportunity__c"] != nil }},
		{"without an Account", "Partner_Registration__c", 40, 250, func(r row) bool { return r["Account__c"] == nil }},
		{"speculative", "Partner_Registration__c", 5, 60, func(r row) bool { return r["Speculative__c"] == true }},
		{"decided before they were sent in", "Partner_Registration__c", 0, 0, func(r row) bool {
			return r["Decided_At__c"] != nil && r["Submitted_At__c"] != nil && r["Decided_At__c"].(string) < r["Submitted_At__c"].(string)
		}},
		{"engagements", "Partner_Engagement__c", 500, 2000, func(row) bool { return true }},
		{"from after now", "Partner_Engagement__c", 0, 0, func(r row) bool { return r["Engaged_On__c"].(string) > "2026-11-20" }},
	} {
		if n := count(tt.object, tt.is); n < tt.min || n > tt.max {
			t.Errorf("%d %s %s, want %d to %d", n, tt.object, tt.what, tt.min, tt.max)
		}
	}
	checkShares(t, org)
	checkCreatedRows(t, org)
	stamps := map[any]int{}
	for _, r := range org.Records("Opportunity") {
		stamps[r["SystemModstamp"]]++
	}
	if len(stamps) > 7000 {
		t.Errorf("%d different instants in 8,000 opportunities: none are shared", len(stamps))
	}
}

// checkCreatedRows sees that every record of a tracked object left one row when it
// was made, and that no row is older than its record.
func checkCreatedRows(t *testing.T, org *emulator.Org) {
	t.Helper()
	for _, object := range []string{"Space__c", "Space_User__c"} {
		made := map[any]any{}
		for _, r := range org.Records(object) {
			made[r["Id"]] = r["CreatedDate"]
		}
		rows := 0
		for _, h := range org.Records(strings.TrimSuffix(object, "__c") + "__History") {
			at := made[h["ParentId"]]
			if h["CreatedDate"].(string) < at.(string) || h["Field"] == "created" && h["CreatedDate"] != at {
				t.Errorf("%s of %s was made at %v; its history has %v", h["ParentId"], object, at, h)
			}
			if h["Field"] == "created" {
				rows++
			}
		}
		if rows != len(made) || rows == 0 {
			t.Errorf("%d rows of creation for %d records of %s", rows, len(made), object)
		}
	}
}

// checkShares holds shares of one opportunity against each other: two partners, and
// nearly always 100 %.
func checkShares(t *testing.T, org *emulator.Org) {
	t.Helper()
	sums, partners := map[any]decimal.Decimal{}, map[any][]any{}
	for _, r := range org.Records("Partner_Registration__c") {
		if r["Share__c"] == nil {
			continue
		}
		share, err := decimal.NewFromString(fmt.Sprint(r["Share__c"]))
		if err != nil || r["Opportunity__c"] == nil {
			t.Fatalf("a share of %v, %v", r["Share__c"], err)
		}
		sums[r["Opportunity__c"]] = sums[r["Opportunity__c"]].Add(share)
		partners[r["Opportunity__c"]] = append(partners[r["Opportunity__c"]], r["Partner_ID__c"])
	}
	wrong := 0
	for id, sum := range sums {
		if len(partners[id]) != 2 || partners[id][0] == partners[id][1] {
			t.Errorf("%v is shared by %v", id, partners[id])
		}
		if !sum.Equal(decimal.NewFromInt(100)) {
			wrong++
		}
	}
	if wrong == 0 || 4*wrong > len(sums) {
		t.Errorf("%d of %d share groups do not add up", wrong, len(sums))
	}
}

// A renewal is of the same Space as what it renews (R3.5).
func TestGenerateRenewsTermsOfTheSameSpace(t *testing.T) {
	org := generate(t, emulator.Options{}, emulator.GenerateOptions{Customers: 100, Opportunities: 2000, Seed: 1})
	ends := map[any]bool{} // customer, Space and day on which a won term ended
	key := func(r row, day any) any { return fmt.Sprint(r["AccountId"], r["Space__c"], day) }
	for _, r := range org.Records("Opportunity") {
		if r["IsWon"] == true {
			ends[key(r, r["Service_End__c"])] = true
		}
	}
	renewals, lonely := 0, 0
	for _, r := range org.Records("Opportunity") {
		if r["Type"] != "Renewal" || r["Service_Start__c"] == nil {
			continue
		}
		start, err := time.Parse(time.DateOnly, r["Service_Start__c"].(string))
		if err != nil {
			t.Fatal(err)
		}
		renewals++
		if !ends[key(r, start.AddDate(0, 0, -1).Format(time.DateOnly))] {
			lonely++
		}
	}
	if renewals < 100 || lonely*50 > renewals {
		t.Errorf("%d of %d renewals follow no term", lonely, renewals)
	}
}

func TestGenerateFitsOtherOrgs(t *testing.T) {
	org := generate(t, emulator.Options{MultiCurrency: true, SandboxField: emulator.SandboxFlagOfSubscriber,
		Without: []string{"Lead", "Space_Invitation__c", "User", "Space__History", "Opportunity.Space__c", "Contact",
			"Opportunity.Partner_Registration__c", "Partner_Engagement__c", "Partner_Registration__c.Share__c"}},
		emulator.GenerateOptions{Customers: 60, Partners: []string{"QQ0001"}})
	currencies := map[any]bool{}
	for _, r := range org.Records("Opportunity") {
		currencies[r["CurrencyIsoCode"]] = true
	}
	if len(currencies) < 4 || len(org.Records("Opportunity")) != 1200 {
		t.Errorf("%d opportunities in %v", len(org.Records("Opportunity")), currencies)
	}
	if n := len(org.Records("Partner_Registration__c")); n < 50 {
		t.Errorf("%d registrations", n)
	}
	generate(t, emulator.Options{Without: []string{"Partner_Registration__c"}}, emulator.GenerateOptions{Customers: 60})
	if err := org.Generate(emulator.GenerateOptions{Opportunities: 50, Seed: 3}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("a second company in the same org: %v", err)
	}
	for _, g := range []emulator.GenerateOptions{{Opportunities: -1}, {Customers: 2_000_000}} {
		if err := org.Generate(g); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%+v: %v", g, err)
		}
	}
}
