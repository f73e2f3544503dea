package apply_test

import (
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pgtest"
)

// registered puts a registration that names its opportunity, and a customer of a
// domain whose opportunity closed won, into the ledger.
func registered(t *testing.T, db *sqlx.DB) {
	t.Helper()
	for _, statement := range []string{
		`insert into ledger.opportunity (id, currency, account_id, first_account_id, customer_id, close_date, is_closed, is_won, created_at, is_deleted, modstamp)
		 values ('006-named', 'USD', '', '', '', '2026-10-10', true, true, now(), false, now()),
			('006-found', 'USD', '001-found', '001-found', '001-found', '2026-10-10', true, true, now(), false, now())`,
		`insert into ledger.customer (account_id, name, domain, is_deleted, modstamp) values ('001-found', 'Found', 'found.example', false, now())`,
		`insert into ledger.registration (id, origin, partner_id, opportunity_id, status, submitted_at, modstamp)
		 values ('a01-named', 'salesforce', ' aa0001', '006-named', 'Approved', '2026-09-01', now())`,
		`insert into ledger.registration (id, origin, partner_id, stated_domain, email_domain, status, submitted_at, modstamp)
		 values ('a01-found', 'salesforce', 'CC0003', 'found.example', 'found.example', 'Approved', '2026-09-01', now())`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

func TestR2_9_APartnerMarksWhatItsRegistrationsReach(t *testing.T) {
	db := pgtest.New(t)
	registered(t, db)
	for _, c := range []struct{ name, text, want string }{
		{"an ID that was unknown is issued", stated("a"), "006-named"},
		{"another kind", stated("a:, kinds: [{kind: registered}, {kind: consulting, from: 2026-10-10}]"), "006-named"},
		{"a survivor", stated("b", "a:, kinds: [{kind: registered}, {kind: consulting, from: 2026-10-10}], merged_into: b, merged_on: 2026-10-01"), "006-named"},
		{"a survivor that is suspended", stated("b:, status: suspended"), "006-named"},
		{"the customer's domain becomes a partner's", stated("b:, status: suspended, domains: [found.example]"), "006-found 006-named"},
		{"and ceases to be", stated("b:, status: suspended"), "006-found 006-named"},
		{"nothing", stated("b:, status: suspended"), ""},
	} {
		apply1(t, db, c.text)
		if got := due(t, db); got != c.want {
			t.Errorf("%s: due are %q, want %q", c.name, got, c.want)
		}
	}
}
