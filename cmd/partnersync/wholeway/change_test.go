package wholeway_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/stage"
)

// openKinds lists the kinds of the open discrepancies of a subject.
func openKinds(w *way, subject string) []string {
	w.t.Helper()
	ds, err := ledger.Discrepancies(context.Background(), w.db, ledger.DiscrepancyFilter{Subject: subject})
	must(w.t, err)
	out := []string{}
	for _, d := range ds {
		out = append(out, d.Kind)
	}
	return out
}

// one is a company with one Space of FG3877 and one sale of 5,000 in March 2026,
// pulled and paid.
func one(t *testing.T) (w *way, account, opportunity string) {
	t.Helper()
	w = newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ = acme(w, "FG3877")
	opportunity = w.insert("Opportunity", sale(account, "5000", "2026-03-15"))
	w.run()
	want(t, w.totals(), "FG3877", "500.00")
	return w, account, opportunity
}

// booked sums the book by payee, in minor units.
func booked(w *way, payee string) int64 {
	w.t.Helper()
	return fetch[int64](w.t, w.db, `select coalesce(sum(case credit when 'accrued' then amount_minor else -amount_minor end), 0)
		from ledger.entry where payee_id = $1`, payee)
}

func TestR8_1_ChangedFactsPostTheDifference(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(w *way, id string)
		owed   int64
		status string
	}{
		{"reduced", func(w *way, id string) {
			w.change("Opportunity", id, "2027-02-01T06:00:30Z", map[string]any{"Amount": "3000"})
		}, 30000, "Accrued"},
		{"won no more", func(w *way, id string) {
			w.change("Opportunity", id, "2027-02-01T06:00:30Z", map[string]any{"StageName": "Closed Lost"})
		}, 0, "Void"},
		{"deleted", func(w *way, id string) { must(w.t, w.org.Delete("Opportunity", id)) }, 0, "Void"},
		{"its Amount is gone: held, and nothing is taken back", func(w *way, id string) {
			w.change("Opportunity", id, "2027-02-01T06:00:30Z", map[string]any{"Amount": nil})
		}, 50000, "On Hold"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, _, id := one(t)
			c.change(w, id)
			w.run()
			if got := booked(w, "FG3877"); got != c.owed {
				t.Errorf("the book says %d, want %d", got, c.owed)
			}
			if got := w.org.Records("Partner_Commission__c")[0]["Status__c"]; got != c.status {
				t.Errorf("Salesforce says %v, want %s", got, c.status)
			}
		})
	}
}

func TestR2_8_UnknownPartnerIDAccruesWhenThePartnerIsAdded(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, space := acme(w, "ZZ9999")
	w.insert("Opportunity", sale(account, "5000", "2026-03-15"))
	w.run()
	if got := w.org.Records("Partner_Commission__c"); len(got) != 1 || got[0]["Status__c"] != "On Hold" || booked(w, "ZZ9999") != 0 {
		t.Fatalf("got %v, want one line on hold and nothing in the book", got)
	}
	if !slices.Contains(openKinds(w, space), "unknown_partner_id") {
		t.Errorf("open: %v, want unknown_partner_id", openKinds(w, space))
	}
	w.apply(`partners: [{key: late, name: Late News Ltd, kind: registered, joined_on: 2019-01-01, partner_ids: [ZZ9999]}]`)
	w.run()
	want(t, w.totals(), "ZZ9999", "500.00")
	if slices.Contains(openKinds(w, space), "unknown_partner_id") {
		t.Error("unknown_partner_id is still open")
	}
}

func TestR2_11_SuspendedPartnersLinesAreHeldAndReleased(t *testing.T) {
	t.Parallel()
	w, account, _ := one(t)
	const as = `partners: [{key: northwind, name: Northwind Consulting, kind: consulting, joined_on: 2016-05-01, partner_ids: [FG3877], status: %s}]`
	w.apply(replace(as, "suspended"))
	w.insert("Opportunity", sale(account, "1000", "2026-04-15", "SystemModstamp", instant("2027-02-01T06:00:30Z")))
	w.run()
	if got := booked(w, "FG3877"); got != 50000 {
		t.Errorf("suspended: the book says %d, want what it said before", got)
	}
	want(t, w.totals())
	w.apply(replace(as, "active"))
	w.run()
	want(t, w.totals(), "FG3877", "600.00")
}

func replace(format, status string) string {
	return format[:len(format)-len("%s}]")] + status + "}]"
}

func TestR9_2_AMergeOfCustomersChangesNoPostedAmount(t *testing.T) {
	t.Parallel()
	w, account, _ := one(t)
	// Another customer with a Space of another partner, and a sale of its own.
	other := w.insert("Account", map[string]any{"Name": "Other", "SystemModstamp": instant("2027-02-01T06:00:10Z")})
	w.insert("Space__c", map[string]any{
		"Space_Key__c": "S-OTHER", "Name": "Other", "Account__c": other, "Created_Via__c": "Manual", "Partner_ID__c": "AB1234",
		"Space_Created_At__c": instant("2020-01-01T00:00:00Z"), "SystemModstamp": instant("2027-02-01T06:00:10Z"),
	})
	w.insert("Opportunity", sale(other, "1000", "2026-03-20", "SystemModstamp", instant("2027-02-01T06:00:10Z")))
	w.run()
	want(t, w.totals(), "FG3877", "500.00", "AB1234", "100.00")
	must(t, w.org.Merge("Account", other, account))
	w.run()
	want(t, w.totals(), "FG3877", "500.00", "AB1234", "100.00")
	if n := fetch[int](t, w.db, `select count(*) from ledger.entry`); n != 2 {
		t.Errorf("%d entries, want 2: the merge posts nothing", n)
	}
}

func TestR7_7_ARunWithNothingNewWritesNothing(t *testing.T) {
	t.Parallel()
	w, _, _ := one(t)
	before := w.org.Records("Partner_Commission__c")[0]["SystemModstamp"]
	r := w.run()
	for _, c := range []struct{ stage, count string }{
		{stage.Pull, "Opportunity staged"}, {stage.Reconcile, "records reconciled"}, {stage.Accrue, "sources worked out"},
		{stage.Accrue, "entries posted"}, {stage.Push, "commission written"}, {stage.Push, "partner written"},
	} {
		report := r[c.stage]
		if n := report.Get(c.count); n != 0 {
			t.Errorf("%s: %d %s, want 0", c.stage, n, c.count)
		}
	}
	if after := w.org.Records("Partner_Commission__c")[0]["SystemModstamp"]; after != before {
		t.Errorf("the commission was written again: %v, then %v", before, after)
	}
}

func TestR7_3_AsOf(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2026-03-10T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	w.insert("Opportunity", sale(account, "36500", "2025-12-20", "Service_Start__c", "2026-01-01", "Service_End__c", "2026-12-31"))
	accrue := func(o stage.Options) error {
		o.Actor = "test"
		_, err := w.stages[2].Run(context.Background(), o)
		return err
	}
	day := func(s string) clock.Date {
		d, err := clock.ParseDate(s)
		must(t, err)
		return d
	}
	w.run() // through February: the running month is a forecast
	if got := booked(w, "FG3877"); got != 59000 {
		t.Errorf("by default %d, want 590.00 through February", got)
	}
	if err := accrue(stage.Options{AsOf: day("2026-03-05"), DryRun: true}); err != nil || booked(w, "FG3877") != 59000 {
		t.Errorf("a dry run: %v, and the book says %d", err, booked(w, "FG3877"))
	}
	must(t, accrue(stage.Options{AsOf: day("2026-03-09")}))
	if got := booked(w, "FG3877"); got != 68000 {
		t.Errorf("through an explicit 9 March %d, want 680.00", got)
	}
	w.run() // a run without one takes nothing back
	if got := booked(w, "FG3877"); got != 68000 {
		t.Errorf("after that, by default, %d, want 680.00", got)
	}
	if err := accrue(stage.Options{AsOf: day("2026-03-05")}); errs.KindOf(err) != errs.Conflict {
		t.Errorf("an earlier as-of: %v, want a conflict", err)
	}
	if err := accrue(stage.Options{AsOf: day("2026-03-10")}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a day that is not over: %v, want invalid", err)
	}
	w.clock.Set(instant("2026-04-01T06:00:00Z"))
	w.run()
	if got := booked(w, "FG3877"); got != 90000 {
		t.Errorf("through March %d, want 900.00", got)
	}
}

func TestR3_6_WhatInstallsAndSpacesTellOfEachOther(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	lead := w.insert("Lead", map[string]any{"LastName": "Nobody", "Company": "X", "Email": "nobody@client.example"})
	install := func(org, installed, lead string, sandbox bool) string {
		f := map[string]any{
			"sfLma__Subscriber_Org_ID__c": org, "sfLma__License_Status__c": "Active", "sfLma__Install_Date__c": installed,
			"sfLma__Is_Sandbox__c": sandbox,
		}
		if lead != "" {
			f["sfLma__Lead__c"] = lead
		}
		return w.insert("sfLma__License__c", f)
	}
	lonely := install("00D0E0000000001", "2027-01-01", lead, false)
	fresh := install("00D0E0000000002", "2027-01-28", "", false)
	sandbox := install("00D0E0000000003", "2027-01-01", "", true)
	space := w.insert("Space__c", map[string]any{
		"Space_Key__c": "S-1", "Name": "One", "Created_Via__c": "QuickStart", "QuickStart_Org_ID__c": "00D0E0000000009",
		"Space_Created_At__c": instant("2020-01-01T00:00:00Z"), "Creator_Email__c": "ana@client.example",
	})
	w.run()
	for _, c := range []struct {
		subject string
		want    []string
	}{
		{lonely, []string{"install_without_profile", "install_without_space"}},
		{fresh, []string{}},   // seven days have not passed
		{sandbox, []string{}}, // belongs to the customer of its production org
		{space, []string{"space_without_install"}},
	} {
		if got := openKinds(w, c.subject); !slices.Equal(got, c.want) {
			t.Errorf("open: %v, want %v", got, c.want)
		}
	}
}

func TestR1_1_MalformedPartnerIDIsHeldAndNeverGuessed(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, space := acme(w, "FG387")
	id := w.insert("Opportunity", sale(account, "5000", "2026-03-15"))
	w.run()
	if n := len(w.org.Records("Partner_Commission__c")); n != 0 {
		t.Errorf("%d commissions, want none", n)
	}
	for _, subject := range []string{space, id} {
		if !slices.Contains(openKinds(w, subject), "malformed_partner_id") {
			t.Errorf("open of %s: %v, want malformed_partner_id", subject, openKinds(w, subject))
		}
	}
}

// TestR2_6_EveryObservationIsAFact: three pulls see three values before reconcile
// runs once; each counts from the instant at which it was seen to have changed.
func TestR2_6_EveryObservationIsAFact(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	w.stages = stagesOf(t, w.db, w.url, w.clock, mapped(t, "version: 1\nfacts: {space_history: {off: true}}"))
	_, space := acme(w, "FG3877")
	pull := func() {
		w.clock.Advance(time.Hour)
		_, err := w.stages[0].Run(context.Background(), stage.Options{Actor: "test"})
		must(t, err)
	}
	pull()
	w.change("Space__c", space, "2027-02-01T06:50:00Z", map[string]any{"Partner_ID__c": "AB1234"})
	pull()
	w.change("Space__c", space, "2027-02-01T07:50:00Z", map[string]any{"Partner_ID__c": nil})
	pull()
	w.run()
	got := fetch[string](t, w.db, `select string_agg(to_char(at at time zone 'UTC', 'MM-DD HH24:MI') || '=' || partner_id, ', ' order by at)
		from ledger.holding where subject = $1 and superseded_at is null`, space)
	if want := "01-01 00:00=FG3877, 02-01 06:50=AB1234, 02-01 07:50="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestR3_3_ASaleThatLosesItsSpaceIsHeldAndNothingIsTakenBack(t *testing.T) {
	t.Parallel()
	w, _, id := one(t)
	elsewhere := w.insert("Account", map[string]any{"Name": "No Space here"})
	w.change("Opportunity", id, "2027-02-01T06:00:30Z", map[string]any{"AccountId": elsewhere})
	w.run()
	if got := booked(w, "FG3877"); got != 50000 || !slices.Contains(openKinds(w, id), "opportunity_without_space") {
		t.Errorf("the book says %d, open are %v", got, openKinds(w, id))
	}
}

func TestR7_7_AnInstallThatMovesToAnotherCustomerMovesItsSpace(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	a, b := w.insert("Account", map[string]any{"Name": "A"}), w.insert("Account", map[string]any{"Name": "B"})
	install := w.insert("sfLma__License__c", map[string]any{
		"sfLma__Subscriber_Org_ID__c": "00D0E0000000001", "sfLma__License_Status__c": "Active", "sfLma__Account__c": a,
		"sfLma__Install_Date__c": "2020-01-01",
	})
	w.insert("Space__c", map[string]any{
		"Space_Key__c": "S-1", "Name": "One", "Created_Via__c": "QuickStart", "QuickStart_Org_ID__c": "00D0E0000000001",
		"Space_Created_At__c": instant("2020-01-02T00:00:00Z"), "Partner_ID__c": "FG3877",
	})
	w.insert("Opportunity", sale(a, "5000", "2026-03-15"))
	w.insert("Opportunity", sale(b, "1000", "2026-03-16"))
	w.run()
	want(t, w.totals(), "FG3877", "500.00")
	w.change("sfLma__License__c", install, "2027-02-01T06:00:30Z", map[string]any{"sfLma__Account__c": b})
	w.run()
	// A's sale has lost its Space and is held as it was posted; B's has found it.
	want(t, w.totals(), "FG3877", "100.00")
	if got := booked(w, "FG3877"); got != 60000 {
		t.Errorf("the book says %d, want 500.00 on hold and 100.00", got)
	}
}

// TestR4_4_WhatIsAppliedDuringAPassCounts: terms are read with the sources that
// they govern, so what an apply marks is never worked off by the terms before.
func TestR4_4_WhatIsAppliedDuringAPassCounts(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(`
partners: [{key: northwind, name: Northwind, kind: consulting, joined_on: 2016-05-01, partner_ids: [FG3877]}]
plans: [{effective_from: 2010-01-01, space: {referral_rate: 10%}}]`)
	account, _ := acme(w, "FG3877")
	for range 3100 { // three batches, which may be in hand when the first one tells of itself
		w.insert("Opportunity", sale(account, "10", "2025-03-15"))
	}
	late := w.insert("Opportunity", sale(account, "5000", "2026-03-15"))
	for _, s := range w.stages[:2] {
		_, err := s.Run(context.Background(), stage.Options{Actor: "test"})
		must(t, err)
	}
	var once bool
	_, err := w.stages[2].Run(context.Background(), stage.Options{Actor: "test", Progress: func(string, int64, int64) {
		if !once {
			once = true
			w.apply(`plans: [{effective_from: 2026-03-01, space: {referral_rate: 20%}}]`)
		}
	}})
	must(t, err)
	w.run()
	if got := fetch[int64](t, w.db, `select sum(amount_minor) from ledger.entry where source_id = $1`, late); got != 100000 {
		t.Errorf("the sale that the new version governs earns %d, want 1000.00", got)
	}
}

// TestAChangedTargetMappingIsComparedAnew: a field that the mapping writes from now
// on reaches the records that were written before.
func TestAChangedTargetMappingIsComparedAnew(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(`
partners: [{key: northwind, name: Northwind, kind: consulting, tier: gold, joined_on: 2016-05-01, partner_ids: [FG3877]}]
plans: [{effective_from: 2010-01-01, space: {referral_rate: 10%}}]`)
	w.stages = stagesOf(t, w.db, w.url, w.clock, mapped(t, "version: 1\ntargets: {partner: {object: Partner__c, key: Partner_ID__c, fields: {name: Name}}}"))
	w.run()
	if got := w.org.Records("Partner__c"); len(got) != 1 || got[0]["Tier__c"] != nil {
		t.Fatalf("got %v, want one partner without a tier", got)
	}
	w.stages = stagesOf(t, w.db, w.url, w.clock, mapping.Default())
	w.run()
	if got := w.org.Records("Partner__c"); len(got) != 1 || got[0]["Tier__c"] != "gold" {
		t.Errorf("got %v, want the tier written", got)
	}
}
