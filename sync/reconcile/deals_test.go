package reconcile_test

import (
	"context"
	"encoding/json"
	"maps"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/mapping"
)

var (
	acct1, acct2, acct3 = accountID(1), accountID(2), accountID(3)
	opp1, opp2, opp3    = opportunityID(1), opportunityID(2), opportunityID(3)
	reg1, reg2          = registrationID(1), registrationID(2)
)

func account(name, website string, pairs ...any) map[string]any {
	return with(map[string]any{"Name": name, "Website": website}, pairs...)
}

// What a registration says reaches the ledger whole, as it was said.
func TestR5_1_ARegistrationIsKeptAsItIsStated(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.stage(mapping.Registration, reg1, approved("Registration_Key__c", "PRM-7", "Partner_ID__c", " fg3877 ", "Email_Domain__c", "https://www.acme.example/x",
		"Account__c", acct1, "Opportunity__c", opp1, "Space__c", "a01000000000001AAA", "Involvement__c", "ENGAGED", "Status__c", "aPProved",
		"Decision_Reason__c", "they know each other", "Share__c", json.Number("33.333333"), "Project__c", "P", "Key_People__c", "Ana (decides)",
		"Use_Case__c", "U", "Business_Outcome__c", "B", "Timeframe__c", "T", "Priority__c", "High", "Speculative__c", true))
	l.run()
	var got struct {
		Text  string `db:"text"`
		Share string `db:"share"`
	}
	must(t, l.db.Get(&got, `select concat_ws('|', origin, registration_key, partner_id, customer_name, stated_domain, email_domain, account_id,
			opportunity_id, space_id, involvement, status, to_char(submitted_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
			to_char(decided_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), decision_reason, project, key_people, use_case, business_outcome,
			timeframe, priority, speculative, is_deleted) as text, share::text from ledger.registration where id = $1`, reg1))
	const want = "salesforce|PRM-7| fg3877 |Acme|https://www.acme.example/x|acme.example|001000000000001AAA|006000000000001AAA|a01000000000001AAA|" +
		"ENGAGED|aPProved|2026-01-10 09:00|2026-01-12 15:00|they know each other|P|Ana (decides)|U|B|T|High|t|f"
	if got.Text != want || got.Share != "0.33333333" {
		t.Errorf("kept\n%s, share %s, want\n%s", got.Text, got.Share, want)
	}
	l.wantOpen(reg1, "shares_not_whole") // it has a third, and nobody has the rest
}

func TestR5_5_WhatIsLinkedIsDueWhicheverComesFirst(t *testing.T) {
	t.Parallel()
	t.Run("the opportunity names a registration that nobody has seen yet", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.stage(mapping.Opportunity, opp1, won(acct1, "Partner_Registration__c", reg1))
		l.wantDue("the opportunity", opp1)
		l.stage(mapping.Registration, reg1, approved())
		l.wantDue("its registration, later", opp1)
	})
	t.Run("the registration names an opportunity that nobody has seen yet", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.stage(mapping.Registration, reg1, approved("Opportunity__c", opp1))
		l.wantDue("the registration")
		l.stage(mapping.Opportunity, opp1, won(acct1))
		l.wantDue("its opportunity, later", opp1)
	})
	t.Run("by their Account", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.stage(mapping.Opportunity, opp1, won(acct1))
		l.stage(mapping.Opportunity, opp2, won(acct2))
		l.run()
		l.due()
		l.stage(mapping.Registration, reg1, approved("Account__c", acct1))
		l.wantDue("the registration", opp1)
	})
	t.Run("by the domain of a customer that comes last", func(t *testing.T) {
		t.Parallel()
		l := newLedger(t)
		l.stage(mapping.Registration, reg1, approved("Email_Domain__c", "acme.example"))
		l.stage(mapping.Opportunity, opp1, won(acct1))
		l.run()
		l.due()
		l.stage(mapping.Customer, acct1, account("Acme", "https://acme.example"))
		l.wantDue("the customer", opp1)
	})
}

// What a change cuts off is due as well as what it connects.
func TestR5_5_WhatAChangeCutsOffIsDue(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.stage(mapping.Customer, acct1, account("One", "https://one.example"))
	l.stage(mapping.Customer, acct2, account("Two", "https://two.example"))
	l.stage(mapping.Opportunity, opp1, won(acct1))
	l.stage(mapping.Opportunity, opp2, won(acct2))
	l.stage(mapping.Registration, reg1, approved("Account__c", acct1))
	l.run()
	l.due()
	l.stage(mapping.Registration, reg1, approved("Account__c", acct2))
	l.wantDue("the registration goes to another Account", opp1, opp2)
	l.stage(mapping.Registration, reg1, approved("Email_Domain__c", "one.example"))
	l.wantDue("it goes by its domain", opp1, opp2)
	l.stage(mapping.Customer, acct1, account("One", "https://other.example"))
	l.wantDue("its customer has another website", opp1)
	l.stage(mapping.Customer, acct2, account("Two", "https://one.example"))
	l.wantDue("another customer has it now, as that one had", opp1, opp2)
	l.stage(mapping.Registration, reg1, approved("Email_Domain__c", "one.example", "Status__c", "Revoked", "Decision_Reason__c", "asked for it"))
	l.wantDue("it is revoked", opp1, opp2)
	l.stage(mapping.Registration, reg1, approved("Email_Domain__c", "one.example", "IsDeleted", true))
	l.wantDue("it is deleted", opp1, opp2)
}

// An opportunity that is taken away frees its registration for the next one.
func TestR5_5_AnOpportunityThatGoesFreesItsRegistration(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.stage(mapping.Opportunity, opp1, won(acct1))
	l.stage(mapping.Opportunity, opp2, won(acct1, "CreatedDate", "2026-02-02T08:00:00.000+0000"))
	l.stage(mapping.Registration, reg1, approved("Account__c", acct1))
	l.run()
	l.pay()
	lines := func() (keys []string) {
		must(t, l.db.Select(&keys, `select source_id from ledger.line where regime = 'registration' and status = 'accrued' order by 1`))
		return keys
	}
	if got := lines(); len(got) != 1 || got[0] != opp1 {
		t.Fatalf("it pays on %v", got)
	}
	l.stage(mapping.Opportunity, opp1, won(acct1, "IsDeleted", true))
	l.run()
	l.pay()
	if got := lines(); len(got) != 1 || got[0] != opp2 {
		t.Errorf("it pays on %v, want %s", got, opp2)
	}
}

func TestR9_2_AMergeOfCustomersReachesTheirRegistrations(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	for _, id := range []string{acct1, acct2} {
		l.stage(mapping.Customer, id, account("A", ""))
	}
	l.stage(mapping.Opportunity, opp1, won(acct1, "CloseDate", "2027-01-15", "CreatedDate", "2027-01-10T00:00:00.000+0000"))
	l.stage(mapping.Registration, reg1, approved("Account__c", acct2, "Submitted_At__c", "2027-01-02T09:00:00.000+0000",
		"Decided_At__c", "2027-01-03T09:00:00.000+0000"))
	l.run()
	l.due()
	l.stage(mapping.Customer, acct2, account("A", "", "MasterRecordId", acct1, "IsDeleted", true))
	l.stage(mapping.Registration, reg1, approved("Account__c", acct1, "Submitted_At__c", "2027-01-02T09:00:00.000+0000",
		"Decided_At__c", "2027-01-03T09:00:00.000+0000"))
	l.wantDue("the merge", opp1)
	var customer string
	must(t, l.db.Get(&customer, `select customer_id from ledger.registration where id = $1`, reg1))
	if customer != acct2 {
		t.Errorf("it is found by %s, want the Account that it named when first seen", customer)
	}
}

func TestR5_7_AnEngagementMayComeBeforeItsRegistration(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	engagement := map[string]any{"Partner_Registration__c": reg1, "Engaged_On__c": "2026-03-01", "Kind__c": "Demo"}
	l.stage(mapping.Engagement, engagementID(1), engagement)
	l.stage(mapping.Opportunity, opp1, won(acct1))
	l.run()
	l.due()
	l.stage(mapping.Registration, reg1, approved("Account__c", acct1, "Involvement__c", "Engaged"))
	l.wantDue("the registration", opp1)
	slices := func() (out []string) {
		must(t, l.db.Select(&out, `select slice || ' ' || amount_minor from ledger.line where regime = 'registration' and status = 'accrued'`))
		return out
	}
	l.stage(mapping.Opportunity, opp1, won(acct1))
	l.run()
	l.pay()
	if got := slices(); len(got) != 1 || got[0] != "net_new 25000" {
		t.Errorf("with the engagement it pays %v", got)
	}
	// Moved to another registration, it takes its evidence along.
	l.stage(mapping.Engagement, engagementID(1), with(engagement, "Partner_Registration__c", reg2))
	l.wantDue("the engagement moves", opp1)
	l.stage(mapping.Engagement, engagementID(1), with(engagement, "Engaged_On__c", "2025-03-01"))
	l.wantDue("it comes back, with another day", opp1)
	l.pay()
	l.stage(mapping.Engagement, engagementID(1), with(engagement, "IsDeleted", true))
	l.wantDue("it is deleted", opp1)
}

// A renewal's net-new follows what it renews, also where only the opportunity and
// its registration name each other.
func TestR3_5_WhatIsRenewedMakesTheRenewalDue(t *testing.T) {
	t.Parallel()
	for name, naming := range map[string][2]map[string]any{
		"the opportunity names its registration": {{"Partner_Registration__c": reg1}, {}},
		"the registration names its opportunity": {{}, {"Opportunity__c": opp2}},
		"by the Account":                         {{}, {"Account__c": acct1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			term := won(acct1, "CloseDate", "2025-03-01", "CreatedDate", "2025-01-01T00:00:00.000+0000",
				"Service_Start__c", "2025-03-16", "Service_End__c", "2026-03-15")
			renewal := won(acct1, "Type", "Renewal", "Service_Start__c", "2026-03-16", "Service_End__c", "2027-03-15")
			r := approved()
			maps.Copy(renewal, naming[0])
			maps.Copy(r, naming[1])
			l.stage(mapping.Opportunity, opp1, term)
			l.stage(mapping.Opportunity, opp2, renewal)
			l.stage(mapping.Opportunity, opp3, won(acct3))
			l.stage(mapping.Registration, reg1, r)
			l.run()
			l.due()
			l.stage(mapping.Opportunity, opp1, with(term, "Amount", json.Number("700")))
			l.wantDue("the term is changed", opp1, opp2)
		})
	}
}

// What we wrote of a registration of ours comes back as no fact.
func TestR9_3_TheEchoOfOurOwnRegistrationIsNoFact(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	var id string
	l.in(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		by := deal.By{Actor: "ana", Now: l.clock.Now(), Terms: deal.Terms{Zone: l.reconcile.Zone}}
		id, err = deal.Create(ctx, tx, deal.Registration{PartnerID: "FG3877", CustomerName: "Acme", EmailDomain: "acme.example", Involvement: "referred"}, by)
		return err
	})
	l.stage(mapping.Registration, reg1, approved("Registration_Key__c", id, "Status__c", "Rejected"))
	l.stage(mapping.Registration, reg2, approved("Registration_Key__c", "REG-999999"))
	l.run()
	var kept []string
	must(t, l.db.Select(&kept, `select id || ' ' || origin || ' ' || status from ledger.registration order by id`))
	if len(kept) != 2 || kept[0] != id+" portal draft" || kept[1] != reg2+" salesforce Approved" {
		t.Errorf("kept %v", kept)
	}
}

// Where no registration is, facts mark what they did before there were any.
func TestWithoutRegistrationsNothingElseIsDue(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.stage(mapping.Customer, acct1, account("One", "https://one.example"))
	l.stage(mapping.Opportunity, opp1, won(acct1))
	l.stage(mapping.Opportunity, opp2, won(acct1, "Type", "Renewal"))
	l.run()
	l.due()
	l.stage(mapping.Opportunity, opp1, won(acct1, "Amount", json.Number("2")))
	l.wantDue("one opportunity", opp1)
	l.stage(mapping.Customer, acct1, account("One", "https://two.example"))
	l.wantDue("the customer's website")
}
