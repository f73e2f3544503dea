package reconcile_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/partnersync/partnersync/mapping"
)

// Whatever a record says that cannot be meant becomes a discrepancy of its own:
// the record is not lost, and nothing is guessed of it.
func TestR3_1_ValuesThatCannotBeMeantAreDiscrepancies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fields map[string]any
		want   []string
		keeps  bool // the opportunity is in the ledger
	}{
		"a CloseDate in the year 1":              {map[string]any{"CloseDate": "0001-03-15"}, []string{"unreadable_record"}, false},
		"a CloseDate that is none":               {map[string]any{"CloseDate": "2026-02-30"}, []string{"unreadable_record"}, false},
		"no CloseDate":                           {map[string]any{"CloseDate": nil}, []string{"unreadable_record"}, false},
		"a negative Amount":                      {map[string]any{"Amount": json.Number("-1000")}, []string{"negative_amount"}, true},
		"no Amount":                              {map[string]any{"Amount": nil}, []string{"no_amount"}, true},
		"an Amount of nineteen digits":           {map[string]any{"Amount": json.Number("9999999999999999999")}, []string{"amount_too_large"}, true},
		"an Amount of forty digits and more":     {map[string]any{"Amount": json.Number("99999999999999999999999999999999999999999")}, []string{"unreadable_record"}, false},
		"an Amount with an endless exponent":     {map[string]any{"Amount": json.Number("1e999999999")}, []string{"unreadable_record"}, false},
		"a currency that nobody has":             {map[string]any{"CurrencyIsoCode": "XQX"}, []string{"unreadable_record"}, false},
		"an Account id with a wrong checksum":    {map[string]any{"AccountId": "001000000000001AAB"}, []string{"unreadable_record"}, false},
		"a registration id that is none":         {map[string]any{"Partner_Registration__c": "PR-000001"}, []string{"unreadable_record"}, false},
		"a service period that ends on the eve":  {map[string]any{"Service_Start__c": "2026-04-01", "Service_End__c": "2026-03-31"}, []string{"bad_term"}, true},
		"a service period without an end":        {map[string]any{"Service_Start__c": "2026-04-01"}, []string{"bad_term"}, true},
		"an instant of creation that nobody has": {map[string]any{"CreatedDate": "0001-01-01T00:00:00.000+0000"}, []string{"unreadable_record"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			fields := won(acct1)
			maps.Copy(fields, c.fields)
			l.stage(mapping.Opportunity, opp1, fields)
			l.stage(mapping.Opportunity, opp2, won(acct2))
			l.stage(mapping.Registration, reg1, approved("Opportunity__c", opp1))
			l.stage(mapping.Registration, reg2, approved("Opportunity__c", opp2, "Partner_ID__c", "AB1234"))
			l.run()
			l.pay()
			l.wantOpen(opp1, c.want...)
			var known []string
			must(t, l.db.Select(&known, `select id from ledger.opportunity order by id`))
			if slices.Contains(known, opp1) != c.keeps || !slices.Contains(known, opp2) {
				t.Errorf("the ledger has %v", known)
			}
			var posted []string
			must(t, l.db.Select(&posted, `select distinct source_id from ledger.entry`))
			if len(posted) != 1 || posted[0] != opp2 {
				t.Errorf("posted on %v, want on %s alone", posted, opp2)
			}
			// Corrected, it is read, and nothing asks a person any more.
			l.stage(mapping.Opportunity, opp1, won(acct1))
			l.run()
			l.pay()
			l.wantOpen(opp1)
			must(t, l.db.Select(&posted, `select distinct source_id from ledger.entry order by 1`))
			if len(posted) != 2 {
				t.Errorf("corrected, posted on %v", posted)
			}
		})
	}
}

// A version that cannot be read leaves what is known of its opportunity, on hold.
func TestR3_1_AnUnreadableVersionHoldsWhatIsKnown(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.stage(mapping.Opportunity, opp1, won(acct1))
	l.stage(mapping.Registration, reg1, approved("Account__c", acct1))
	l.run()
	l.pay()
	l.stage(mapping.Opportunity, opp1, won(acct1, "CloseDate", "0001-01-01"))
	l.run()
	l.pay()
	l.wantOpen(opp1, "unreadable_record")
	var line struct {
		Status string `db:"status"`
		Posted int64  `db:"posted"`
	}
	must(t, l.db.Get(&line, `select status, (select sum(amount_minor) from ledger.entry where line_key = key) as posted
		from ledger.line where source_id = $1 and regime = 'registration'`, opp1))
	if line.Status != "on_hold" || line.Posted != 10000 {
		t.Errorf("the line is %+v, want it on hold, and 100.00 as posted", line)
	}
}

func TestR5_1_RegistrationsThatCannotBeMeantAreDiscrepancies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fields map[string]any
		want   []string
		pays   int // lines of the registration regime that are accrued
	}{
		"a share of 250 %":              {map[string]any{"Share__c": json.Number("250")}, []string{"shares_not_whole"}, 0},
		"a negative share":              {map[string]any{"Share__c": json.Number("-50")}, []string{"shares_not_whole"}, 0},
		"a share of sixty, and no rest": {map[string]any{"Share__c": json.Number("60")}, []string{"shares_not_whole"}, 0},
		"a share in words":              {map[string]any{"Share__c": "half"}, []string{"unreadable_record"}, 0},
		"a status that no rule knows":   {map[string]any{"Status__c": "In Review"}, []string{"unknown_registration_status"}, 0},
		"no status":                     {map[string]any{"Status__c": nil}, []string{"unknown_registration_status"}, 0},
		"no day of submission":          {map[string]any{"Submitted_At__c": nil}, []string{"registration_without_date"}, 0},
		"no day of approval":            {map[string]any{"Decided_At__c": nil}, []string{"registration_without_date"}, 0},
		"a submission in the year 1":    {map[string]any{"Submitted_At__c": "0001-01-01T00:00:00.000+0000"}, []string{"unreadable_record"}, 0},
		"a malformed Partner ID":        {map[string]any{"Partner_ID__c": "FG-3877"}, []string{"malformed_partner_id"}, 0},
		"no Partner ID":                 {map[string]any{"Partner_ID__c": nil}, []string{"malformed_partner_id"}, 0},
		"a Partner ID of nobody":        {map[string]any{"Partner_ID__c": "ZZ9999"}, []string{"unknown_partner_id"}, 0},
		"an involvement of its own":     {map[string]any{"Involvement__c": "Sponsored"}, []string{"unknown_involvement"}, 1},
		"a public mail domain":          {map[string]any{"Email_Domain__c": "gmail.com"}, nil, 1},
		"an opportunity id that is none": {map[string]any{"Opportunity__c": "Deal 7"},
			[]string{"unreadable_record"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			r := approved("Opportunity__c", opp1)
			maps.Copy(r, c.fields)
			l.stage(mapping.Opportunity, opp1, won(acct1))
			l.stage(mapping.Registration, reg1, r)
			l.run()
			l.pay()
			l.wantOpen(reg1, append([]string{}, c.want...)...)
			accrued := func() (n int) {
				must(t, l.db.Get(&n, `select count(*) from ledger.line where regime = 'registration' and status = 'accrued'`))
				return n
			}
			if n := accrued(); n != c.pays {
				t.Errorf("%d lines pay, want %d", n, c.pays)
			}
			l.stage(mapping.Registration, reg1, approved("Opportunity__c", opp1))
			l.run()
			l.pay()
			l.wantOpen(reg1)
			if n := accrued(); n != 1 {
				t.Errorf("corrected, %d lines pay, want 1", n)
			}
		})
	}
}

// A version that cannot be read leaves what is known of its registration.
func TestR5_1_AnUnreadableVersionLeavesWhatIsKnown(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.stage(mapping.Registration, reg1, approved("Opportunity__c", opp1))
	l.stage(mapping.Opportunity, opp1, won(acct1))
	l.run()
	l.due()
	l.stage(mapping.Registration, reg1, approved("Opportunity__c", opp1, "Status__c", "Revoked", "Decided_At__c", "0001-01-01T00:00:00.000+0000"))
	l.wantDue("the unreadable version", opp1)
	l.wantOpen(reg1, "unreadable_record")
	var is struct {
		Unreadable bool   `db:"is_unreadable"`
		Status     string `db:"status"`
	}
	must(t, l.db.Get(&is, `select is_unreadable, status from ledger.registration where id = $1`, reg1))
	if !is.Unreadable || is.Status != "Approved" {
		t.Errorf("it is %+v", is)
	}
	l.stage(mapping.Registration, reg1, approved("Opportunity__c", opp1, "Status__c", "Revoked", "Decision_Reason__c", "asked for it"))
	l.run()
	l.wantOpen(reg1)
}

func TestR5_7_EngagementsThatCannotBeMeantAreDiscrepancies(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	for n, fields := range []map[string]any{
		{"Partner_Registration__c": reg1, "Engaged_On__c": nil}, {"Partner_Registration__c": reg1, "Engaged_On__c": "0001-01-01"},
		{"Partner_Registration__c": nil, "Engaged_On__c": "2026-03-01"},
	} {
		l.stage(mapping.Engagement, engagementID(n), fields)
		l.run()
		l.wantOpen(engagementID(n), "unreadable_record")
		l.stage(mapping.Engagement, engagementID(n), map[string]any{"Partner_Registration__c": reg1, "Engaged_On__c": "2026-03-01"})
		l.run()
		l.wantOpen(engagementID(n))
	}
}
