package reconcile_test

import (
	"slices"
	"testing"
	"time"

	"github.com/partnersync/partnersync/mapping"
)

// paid gives what is posted on an opportunity by registrations, in minor units.
func (l *ledgerOf) paid(opportunity string) (minor int64) {
	l.t.Helper()
	must(l.t, l.db.Get(&minor, `
		select coalesce(sum(amount_minor), 0) from ledger.line where source_id = $1 and regime = 'registration' and status = 'accrued'`, opportunity))
	return minor
}

// A customer's new website takes nothing back: what was won while it had the old one
// keeps its registration, and what closes afterwards goes by the new one (R5.5, R7.7).
// The same facts in any order come to the same.
func TestR5_5_R7_7_ANewWebsiteTakesNothingBack(t *testing.T) {
	t.Parallel()
	before := won(acct1)
	after := won(acct1, "CreatedDate", "2026-02-20T08:00:00.000+0000", "CloseDate", "2026-04-10")
	byOld := approved("Email_Domain__c", "acme.example")
	byNew := approved("Email_Domain__c", "ana@mail.acme-group.example", "Submitted_At__c", "2026-01-11T09:00:00.000+0000")
	old, renamed := account("Acme", "https://acme.example"), account("Acme Group", "https://www.acme-group.example")
	march, april := at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z")
	type fact struct {
		kind   mapping.Kind
		id     string
		fields map[string]any
		at     time.Time
	}
	facts := []fact{
		{mapping.Customer, acct1, old, march},
		{mapping.Opportunity, opp1, before, march},
		{mapping.Registration, reg1, byOld, march},
		{mapping.Customer, acct1, renamed, april},
		{mapping.Opportunity, opp2, after, april},
		{mapping.Registration, reg2, byNew, april},
	}
	for name, order := range map[string][]int{
		"as it happened": {0, 1, 2, 3, 4, 5}, "registrations last": {0, 3, 1, 4, 5, 2}, "customers last": {5, 4, 2, 1, 0, 3},
		"the old website last": {3, 4, 5, 1, 2, 0}, "the old website late": {3, 1, 0, 2, 5, 4}, "backwards": {5, 4, 3, 2, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t)
			for _, i := range order {
				f := facts[i]
				l.stamp = f.at
				l.stage(f.kind, f.id, f.fields)
				l.run()
				l.pay()
				if done := slices.Index(order, i) + 1; name == "as it happened" && done >= 3 && l.paid(opp1) != 10000 {
					t.Errorf("after %d facts %d cents are paid on what was won before, want 10000", done, l.paid(opp1))
				}
			}
			if l.paid(opp1) != 10000 || l.paid(opp2) != 10000 {
				t.Errorf("paid are %d and %d cents, want 10000 each", l.paid(opp1), l.paid(opp2))
			}
			var entries, names []string
			must(t, l.db.Select(&entries, `select source_id from ledger.entry where source_id = $1`, opp1))
			if name == "as it happened" && len(entries) != 1 {
				t.Errorf("%d entries on what was won before, want one that nothing corrects", len(entries))
			}
			must(t, l.db.Select(&names, `select domain from ledger.customer_domain where account_id = $1 order by at`, acct1))
			if !slices.Equal(names, []string{"acme.example", "acme-group.example"}) {
				t.Errorf("it was known by %v", names)
			}
		})
	}
}
