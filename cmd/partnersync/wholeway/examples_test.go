package wholeway_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/mapping"
)

// The worked examples of the rulebook, on their whole way: entered in the org,
// read back from the org's Partner_Commission__c. USD, UTC, the default plan;
// partners joined before 2021 unless said.

const partnersAndPlan = `
partners:
  - {key: northwind, name: Northwind Consulting, kind: consulting, joined_on: 2016-05-01, partner_ids: [FG3877]}
  - {key: contoso, name: Contoso Partners, kind: registered, joined_on: 2018-01-15, partner_ids: [AB1234], domains: [partner.example]}
  - {key: fabrikam, name: Fabrikam Late, kind: registered, joined_on: 2022-02-01, partner_ids: [LT2022]}
plans:
  - {plan: default, effective_from: 2010-01-01, space: {referral_rate: 10%, joined_before: 2021-01-01}}
`

// acme is a customer with one Space that holds a Partner ID since 2020.
func acme(w *way, partnerID string) (account, space string) {
	account = w.insert("Account", map[string]any{"Name": "Acme"})
	space = w.insert("Space__c", map[string]any{
		"Space_Key__c": "S-ACME", "Name": "Acme", "Account__c": account, "Created_Via__c": "Manual",
		"Space_Created_At__c": instant("2020-01-01T00:00:00Z"), "Partner_ID__c": partnerID,
	})
	return account, space
}

func sale(account, amount, closes string, more ...any) map[string]any {
	f := map[string]any{
		"Name": "Acme subscription", "AccountId": account, "Amount": amount, "CloseDate": closes,
		"StageName": "Closed Won", "Type": "New Business",
	}
	for i := 0; i < len(more); i += 2 {
		f[more[i].(string)] = more[i+1]
	}
	return f
}

func want(t *testing.T, got map[string]string, pairs ...string) {
	t.Helper()
	w := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		w[pairs[i]] = pairs[i+1]
	}
	if d := cmp.Diff(w, got); d != "" {
		t.Error(d)
	}
}

func TestWorkedExample1_TermRevenueByMonth(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "FG3877")
	w.insert("Opportunity", sale(account, "12000", "2025-12-20", "Service_Start__c", "2026-01-01", "Service_End__c", "2026-12-31"))
	w.run()
	got := w.commissions()
	if got["FG3877 2026-01"] != "101.92" || got["FG3877 2026-02"] != "92.05" || len(got) != 12 {
		t.Errorf("January %s, February %s, %d lines; want 101.92, 92.05, 12", got["FG3877 2026-01"], got["FG3877 2026-02"], len(got))
	}
	want(t, w.totals(), "FG3877", "1200.00")
}

func TestWorkedExample2_TakeoverWithinATerm(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, space := acme(w, "FG3877")
	w.change("Space__c", space, "2026-07-01T09:00:00Z", map[string]any{"Partner_ID__c": "AB1234"})
	w.insert("Opportunity", sale(account, "12000", "2025-12-20", "Service_Start__c", "2026-01-01", "Service_End__c", "2026-12-31"))
	w.run()
	want(t, w.totals(), "FG3877", "595.07", "AB1234", "604.93")
}

func TestWorkedExample3_PointRevenueOnTheTakeoverDay(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, space := acme(w, "FG3877")
	w.change("Space__c", space, "2026-03-15T18:00:00Z", map[string]any{"Partner_ID__c": "AB1234"})
	w.insert("Opportunity", sale(account, "5000", "2026-03-15"))
	w.run()
	want(t, w.commissions(), "AB1234 2026-03", "500.00")
}

// quickStart is the story of examples 4 and 5: Ana, who was invited to S1, runs
// QuickStart; Salesforce states no Partner ID on her profile or her new Space.
func quickStart(w *way) (s1, hers string) {
	_, s1 = acme(w, "FG3877")
	w.insert("Space_Invitation__c", map[string]any{
		"Space__c": s1, "Email__c": "ana@client.example", "Invited_At__c": instant("2020-05-01T00:00:00Z"),
	})
	client := w.insert("Account", map[string]any{"Name": "Client"})
	hers = w.insert("Space__c", map[string]any{
		"Space_Key__c": "S-CLIENT", "Name": "Client", "Account__c": client, "Created_Via__c": "QuickStart",
		"Creator_Email__c": "ana@client.example", "Space_Created_At__c": instant("2020-05-04T10:00:00Z"),
	})
	w.insert("Opportunity", sale(client, "5000", "2020-06-15", "Name", "Client subscription"))
	return s1, hers
}

func TestWorkedExample4_QuickStartAfterAnInvitation(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2021-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	_, hers := quickStart(w)
	w.run()
	want(t, w.commissions(), "FG3877 2020-06", "500.00")
	holder := func(kind, subject string) string {
		return fetch[string](t, w.db, `select to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' ' || partner_id
			from ledger.holding where subject_kind = $1 and subject = $2 and superseded_at is null`, kind, subject)
	}
	if got := holder("profile", "ana@client.example"); got != "2020-05-04 10:00 FG3877" {
		t.Errorf("her profile: %s", got)
	}
	if got := holder("space", hers); got != "2020-05-04 10:00 FG3877" {
		t.Errorf("her Space: %s", got)
	}
}

func TestWorkedExample5_LateNewsOfATakeover(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2021-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	s1, hers := quickStart(w)
	// At first nobody may read the Spaces' history.
	w.stages = stagesOf(t, w.db, w.url, w.clock, mapped(t, "version: 1\nfacts: {space_history: {off: true}}"))
	w.run()
	want(t, w.totals(), "FG3877", "500.00")

	// The news: S1 had been taken over on 2020-05-03, before she registered.
	w.clock.Set(instant("2021-03-01T06:00:00Z"))
	w.stages = stagesOf(t, w.db, w.url, w.clock, mapping.Default())
	_, err := w.org.Insert("Space__History", map[string]any{
		"ParentId": s1, "Field": "Partner_ID__c", "OldValue": "FG3877", "NewValue": "AB1234",
		"CreatedDate": instant("2020-05-03T00:00:00Z"),
	})
	must(t, err)
	w.run()
	want(t, w.totals(), "AB1234", "500.00")
	for _, l := range w.org.Records("Partner_Commission__c") {
		if l["Partner_ID__c"] == "FG3877" && (l["Status__c"] != "Void" || !number(t, l["Amount__c"]).IsZero()) {
			t.Errorf("FG3877's commission in Salesforce is %v %v, want 0 and Void", l["Amount__c"], l["Status__c"])
		}
	}
	if n := fetch[int](t, w.db, `select count(*) from ledger.entry where payee_id = 'FG3877' and debit = 'accrued'
		and credit = 'commission_expense' and amount_minor = 50000 and corrects <> ''`); n != 1 {
		t.Errorf("%d negative differences of 500.00 that name what they correct, want 1 (R8.1)", n)
	}
	was := fetch[int](t, w.db, `select count(*) from ledger.holding where subject = $1 and partner_id = 'FG3877' and superseded_at is not null`, hers)
	if was != 1 {
		t.Errorf("what was believed of her Space before is gone (R2.9)")
	}
}

func TestWorkedExample9_PartnerWhoJoinedAfterTheCutoff(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	account, _ := acme(w, "LT2022")
	w.insert("Opportunity", sale(account, "5000", "2026-03-15"))
	w.run()
	lines := w.org.Records("Partner_Commission__c")
	if len(lines) != 1 {
		t.Fatalf("%d lines, want one zero line", len(lines))
	}
	if l := lines[0]; l["Status__c"] != "Zero" || l["Reason__c"] != "joined_after_cutoff" || !number(t, l["Amount__c"]).IsZero() {
		t.Errorf("got %v", l)
	}
	if n := fetch[int](t, w.db, `select count(*) from ledger.entry`); n != 0 {
		t.Errorf("%d entries, want none", n)
	}
}

func TestWorkedExample13_OneUserOfThePartnerForAllItsClients(t *testing.T) {
	t.Parallel()
	w := newWay(t, "2027-02-01T06:00:00Z")
	w.apply(partnersAndPlan)
	w.insert("Space_User__c", map[string]any{
		"Email__c": "Bot@Partner.example", "Registered_At__c": instant("2020-01-01T00:00:00Z"), "Partner_ID__c": "AB1234",
	})
	c1 := w.insert("Account", map[string]any{"Name": "C1"})
	c2 := w.insert("Account", map[string]any{"Name": "C2"})
	// The Space of C1 names its Account; that of C2 has it from its org's install.
	w.insert("Space__c", map[string]any{
		"Space_Key__c": "S-C1", "Name": "C1", "Account__c": c1, "Created_Via__c": "QuickStart",
		"Creator_Email__c": "bot@partner.example", "Space_Created_At__c": instant("2020-05-04T10:00:00Z"),
	})
	w.insert("sfLma__License__c", map[string]any{
		"sfLma__Subscriber_Org_ID__c": "00D0E000000Abcd", "sfLma__License_Status__c": "Active", "sfLma__Account__c": c2,
		"sfLma__Install_Date__c": "2020-05-05",
	})
	w.insert("Space__c", map[string]any{
		"Space_Key__c": "S-C2", "Name": "C2", "Created_Via__c": "QuickStart", "QuickStart_Org_ID__c": "00D0E000000AbcdUAC",
		"Creator_Email__c": "bot@partner.example", "Space_Created_At__c": instant("2020-05-05T10:00:00Z"),
	})
	w.insert("Opportunity", sale(c1, "1000", "2026-03-15"))
	w.insert("Opportunity", sale(c2, "2000", "2026-04-15"))
	w.run()
	want(t, w.commissions(), "AB1234 2026-03", "100.00", "AB1234 2026-04", "200.00")
}
