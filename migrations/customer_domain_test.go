package migrations_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/migrations"
)

// TestDomainsAndPayeesOfAnOlderLedger: 00012 dates the domain that each customer has
// by its version, and reads the Partner IDs of registrations as the program does
// (R1.1); and it goes down again.
func TestDomainsAndPayeesOfAnOlderLedger(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	downTo(t, db, 11)
	run(t, db, `insert into ledger.customer (account_id, name, domain, is_deleted, modstamp) values
		('C1', 'One', 'one.example', false, '2026-01-01Z'), ('C2', 'Two', '', false, '2026-01-02Z')`)
	raw := []string{"FG3877", "fg3877", " NW0001\t", "\u00a0\u2003nW0001\r\n", "FG-3877", "FG38777", "FG 3877", "", "ſg3877", "Φγ3877", "\u200bFG3877"}
	for _, id := range raw {
		if _, err := db.Exec(`insert into ledger.registration (id, origin, partner_id, modstamp) values ($1, 'salesforce', $1, now())`, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	var domains []string
	if err := db.Select(&domains, `select concat_ws(' ', account_id, to_char(at at time zone 'UTC', 'YYYY-MM-DD'), domain) from ledger.customer_domain order by 1`); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"C1 2026-01-01 one.example", "C2 2026-01-02 "}, domains); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, id := range raw {
		want, ok := ledger.ParsePartnerID(id)
		if !ok {
			want = ""
		}
		var got string
		if err := db.Get(&got, `select payee_id from ledger.registration where id = $1`, id); err != nil || got != want {
			t.Errorf("of %q the payee is %q (%v), want %q", id, got, err, want)
		}
	}
	downTo(t, db, 11)
}
