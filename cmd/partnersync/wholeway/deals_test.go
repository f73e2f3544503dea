package wholeway_test

import (
	"testing"

	"github.com/partnersync/partnersync/mapping"
)

// The worked examples of registered opportunities, on their whole way.

// register enters a registration in the org, approved, of which opp is the
// opportunity.
func register(w *way, partnerID, involvement, account, opp string, more ...any) string {
	f := map[string]any{
		"Registration_Key__c": "R-" + partnerID, "Partner_ID__c": partnerID, "Account__c": account, "Opportunity__c": opp,
		"Customer_Name__c": "Acme", "Involvement__c": involvement, "Status__c": "Approved",
		"Submitted_At__c": instant("2026-01-10T09:00:00Z"), "Decided_At__c": instant("2026-01-12T15:00:00Z"),
	}
	for i := 0; i < len(more); i += 2 {
		f[more[i].(string)] = more[i+1]
	}
	return w.insert("Partner_Registration__c", f)
}

func engage(w *way, registration, on string) {
	w.insert("Partner_Engagement__c", map[string]any{
		"Partner_Registration__c": registration, "Engaged_On__c": on, "Kind__c": "Workshop",
	})
}

// bySlice gives what stands in Salesforce of a regime: "payee slice" → amount.
func (w *way) bySlice(regime string) map[string]string {
	out := map[string]string{}
	for _, r := range w.org.Records("Partner_Commission__c") {
		if r["Regime__c"] == regime && r["Status__c"] != "Void" {
			key := text(r["Partner_ID__c"]) + " " + text(r["Slice__c"])
			out[key] = number(w.t, r["Amount__c"]).StringFixed(2)
			if reason := text(r["Reason__c"]); reason != "" {
				out[key] += " " + reason
			}
		}
	}
	return out
}

// acmeRenewal is the story of examples 6 and 7: Northwind, consulting, is engaged in
// a renewal of 50,000, closed on 2026-03-20, of 40,000 that end the day before it.
func acmeRenewal(t *testing.T, engagedOn string) (w *way, opportunity, registration string) {
	w = newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "AB1234")
	w.insert("Opportunity", sale(account, "40000", "2025-03-20", "Service_Start__c", "2025-04-01", "Service_End__c", "2026-03-31"))
	opportunity = w.insert("Opportunity", sale(account, "50000", "2026-03-20", "Type", "Renewal",
		"Service_Start__c", "2026-04-01", "Service_End__c", "2027-03-31"))
	registration = register(w, "FG3877", "Engaged", account, opportunity)
	engage(w, registration, engagedOn)
	w.run()
	return w, opportunity, registration
}

func TestWorkedExample6_NetNewAndRemainder(t *testing.T) {
	t.Parallel()
	w, _, _ := acmeRenewal(t, "2026-02-03") // 45 days before
	want(t, w.bySlice("Registration"), "FG3877 net_new", "2500.00", "FG3877 remainder", "4000.00")
}

func TestWorkedExample7_EngagementOf61DaysBefore(t *testing.T) {
	t.Parallel()
	w, _, _ := acmeRenewal(t, "2026-01-18")
	want(t, w.bySlice("Registration"), "FG3877 referral", "5000.00")
}

func TestWorkedExample8_RegisteredPartnerWhoWasEngaged(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	opportunity := w.insert("Opportunity", sale(account, "20000", "2026-03-20"))
	engage(w, register(w, "AB1234", "Engaged", account, opportunity), "2026-03-01")
	w.run()
	want(t, w.bySlice("Registration"), "AB1234 referral", "2000.00")
	want(t, w.bySlice("Space"), "FG3877 referral", "0.00 superseded_by_registration")
}

func TestWorkedExample11_SharesByLargestRemainder(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "")
	opportunity := w.insert("Opportunity", sale(account, "1000.10", "2026-03-20"))
	register(w, "AB1234", "Referred", account, opportunity, "Share__c", 50, "Submitted_At__c", instant("2026-01-10T09:00:00Z"))
	register(w, "LT2022", "Referred", account, opportunity, "Share__c", 50, "Submitted_At__c", instant("2026-01-11T09:00:00Z"))
	w.run()
	want(t, w.bySlice("Registration"), "AB1234 referral", "50.01", "LT2022 referral", "50.00")
}

// A registration that is revoked gives back what it earned, and the Space pays (R5.2,
// R8.1); an Amount that grows changes the net-new slice by its whole.
func TestR5_2_R8_1_RevocationReverses(t *testing.T) {
	t.Parallel()
	w, opportunity, registration := acmeRenewal(t, "2026-02-03")
	w.change("Opportunity", opportunity, "2027-02-01T07:00:00Z", map[string]any{"Amount": "60000"})
	w.clock.Set(instant("2027-02-01T08:00:00Z"))
	w.run()
	want(t, w.bySlice("Registration"), "FG3877 net_new", "5000.00", "FG3877 remainder", "4000.00")

	w.change("Partner_Registration__c", registration, "2027-02-01T09:00:00Z", map[string]any{
		"Status__c": "Revoked", "Decided_At__c": instant("2027-02-01T09:00:00Z"), "Decision_Reason__c": "never worked on it",
	})
	w.clock.Set(instant("2027-02-01T10:00:00Z"))
	w.run()
	want(t, w.bySlice("Registration"), "FG3877 referral", "0.00 registration_revoked")
	posted := fetch[int64](t, w.db, `select coalesce(sum(case credit when 'accrued' then amount_minor else -amount_minor end), 0)
		from ledger.entry where payee_id = 'FG3877'`)
	if posted != 0 {
		t.Errorf("after the revocation %d cents are posted, want none", posted)
	}
	if got := w.totals()["AB1234"]; got != "9030.14" { // 4,000.00, and 306 of 365 days of 6,000.00
		t.Errorf("the Space pays %s, want 9030.14", got)
	}
}

// An engagement that is entered late, and a term that is, change what was paid by
// the difference (R8.1).
func TestR8_1_R5_7_LateEngagement(t *testing.T) {
	t.Parallel()
	w, _, registration := acmeRenewal(t, "2026-01-18")
	want(t, w.bySlice("Registration"), "FG3877 referral", "5000.00")
	engage(w, registration, "2026-03-10")
	w.run()
	want(t, w.bySlice("Registration"), "FG3877 net_new", "2500.00", "FG3877 remainder", "4000.00")
	posted := fetch[int64](t, w.db, `select sum(case credit when 'accrued' then amount_minor else -amount_minor end)
		from ledger.entry where payee_id = 'FG3877'`)
	if posted != 650_000 {
		t.Errorf("%d cents are posted in all, want 650000", posted)
	}
}

// A second renewal that closes later shares what the first renews, so the first is
// corrected although nothing about it has changed (R3.5, R8.1).
func TestR3_5_R8_1_ALaterRenewalOfTheSameTerm(t *testing.T) {
	t.Parallel()
	w, opportunity, _ := acmeRenewal(t, "2026-02-03")
	account := fetch[string](t, w.db, `select account_id from ledger.opportunity where id = $1`, opportunity)
	w.insert("Opportunity", sale(account, "25000", "2026-03-21", "Type", "Renewal",
		"Service_Start__c", "2026-04-01", "Service_End__c", "2027-03-31", "SystemModstamp", instant("2027-02-01T06:00:30Z")))
	w.run()
	// 40,000.00 are shared 2:1; 50,000.00 − 26,666.67 = 23,333.33.
	want(t, w.bySlice("Registration"), "FG3877 net_new", "5833.33", "FG3877 remainder", "2666.67")
}

// While nobody can tell what the registration that an opportunity names claims,
// nobody is paid for the opportunity (R4.1); when it can be read, whoever is owed is.
func TestR4_1_ARegistrationThatNobodyCanReadHolds(t *testing.T) {
	t.Parallel()
	held := func(w *way) string {
		return fetch[string](t, w.db, `select coalesce(string_agg(kind, ' ' order by kind), '') from ledger.discrepancy
			where is_hold and resolved_at is null and object = 'Opportunity'`)
	}
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	opportunity := w.insert("Opportunity", sale(account, "20000", "2026-03-20"))
	registration := register(w, "AB1234", "Referred", account, "", "Status__c", "Perhaps")
	w.change("Opportunity", opportunity, "2027-02-01T05:00:00Z", map[string]any{"Partner_Registration__c": registration})
	off := mapped(t, "version: 1\nfacts: {registration: {off: true}}")
	w.stages = stagesOf(t, w.db, w.url, w.clock, off)
	w.run()
	if got := held(w); got != "registration_unclear" {
		t.Errorf("a registration that was never seen holds by %q", got)
	}
	want(t, w.bySlice("Space"), "FG3877 referral", "0.00 superseded_by_registration")

	w.stages = stagesOf(t, w.db, w.url, w.clock, mapping.Default())
	w.run()
	if got := held(w); got != "registration_unclear" {
		t.Errorf("a registration of an unknown status holds by %q", got)
	}
	want(t, w.bySlice("Registration"), "AB1234 referral", "2000.00 registration_unclear")

	w.change("Partner_Registration__c", registration, "2027-02-01T06:30:00Z", map[string]any{"Status__c": "Approved"})
	w.clock.Set(instant("2027-02-01T07:00:00Z"))
	w.run()
	if got := held(w); got != "" {
		t.Errorf("once it was decided %q still holds", got)
	}
	want(t, w.bySlice("Registration"), "AB1234 referral", "2000.00")
}

// A registration whose status becomes one that nobody knows keeps what it was paid, on
// hold, until it is mended (R5.2).
func TestR5_2_AStatusThatNobodyKnowsTakesNothingBack(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	w.insert("Opportunity", sale(account, "20000", "2026-03-20"))
	registration := register(w, "AB1234", "Referred", account, "")
	w.run()
	want(t, w.bySlice("Registration"), "AB1234 referral", "2000.00")
	w.change("Partner_Registration__c", registration, "2027-02-01T06:30:00Z", map[string]any{"Status__c": "Approved (legal)"})
	w.clock.Set(instant("2027-02-01T07:00:00Z"))
	w.run()
	want(t, w.bySlice("Registration"), "AB1234 referral", "2000.00 registration_unclear")
	want(t, w.bySlice("Space"), "FG3877 referral", "0.00 superseded_by_registration")
	if got := booked(w, "AB1234"); got != 200_000 {
		t.Errorf("the book says %d, want the 2,000.00 that were posted", got)
	}
	w.change("Partner_Registration__c", registration, "2027-02-01T07:30:00Z", map[string]any{"Status__c": "Approved"})
	w.clock.Set(instant("2027-02-01T08:00:00Z"))
	w.run()
	want(t, w.bySlice("Registration"), "AB1234 referral", "2000.00")
}
