package migrations_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/migrations"
)

// TestAccountsThatAnOlderLedgerKnows: 00011 takes over which Account a record named
// first and which it names now, so that a merge moves nothing that a person had
// corrected before (R9.2), and goes down again.
func TestAccountsThatAnOlderLedgerKnows(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.Empty(t))
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	downTo(t, db, 10)
	run(t, db, `
		insert into ledger.customer (account_id, name, master_account_id, merged_at, is_deleted, modstamp) values
			('A', 'A', 'B', '2026-03-01Z', true, '2026-03-01Z'), ('B', 'B', '', null, false, '2026-03-01Z');
		insert into ledger.opportunity (id, currency, account_id, first_account_id, customer_id, close_date, is_closed, is_won, created_at, is_deleted, modstamp)
		select id, 'USD', account, first, first, '2026-01-01', true, true, '2026-01-01Z', false, stamp::timestamptz from (values
			('stayed', 'A', 'A', '2026-01-01Z'), ('blanked', '', 'A', '2026-01-01Z'),
			('corrected', 'B', 'A', '2026-02-01Z'), ('merged', 'B', 'A', '2026-03-01Z')) as v (id, account, first, stamp);
		insert into ledger.space (id, account_id, first_account_id, created_at, is_deleted, modstamp)
		values ('space', 'B', 'A', '2026-01-01Z', false, '2026-03-01Z')`)
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := db.SelectContext(t.Context(), &got, `
		select concat_ws(' ', record_id, to_char(at at time zone 'UTC', 'MM-DD'), account_id, 'own', ledger.own_account(record_id, 'A'))
		from ledger.account_change order by 1`); err != nil {
		t.Fatal(err)
	}
	want := []string{"corrected 02-01 B own B", "merged 03-01 B own A", "space 03-01 B own A"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	downTo(t, db, 10)
}
