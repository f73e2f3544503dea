package migrations_test

import (
	"testing"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/migrations"
)

// TestWhatIsStagedStaysStaged: versions that wait and versions that are reconciled are
// there after the schema changed; and the other way round, where one that is there twice is
// there once again, as it waits.
func TestWhatIsStagedStaysStaged(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	downTo(t, db, 34)
	run(t, db, `insert into staging.record (object, id, modstamp, payload, pulled_at, reconciled_at)
		select 'Space__c', 'a01' || lpad(n::text, 15, '0'), now(), '{}', now(), case when n <= 200 then now() end from generate_series(1, 300) n`)
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	counts := func() (all, waiting int) {
		if err := db.QueryRow(`select count(*), count(*) filter (where reconciled_at is null) from staging.record`).Scan(&all, &waiting); err != nil {
			t.Fatal(err)
		}
		return all, waiting
	}
	if all, waiting := counts(); all != 300 || waiting != 100 {
		t.Errorf("%d are there, %d of them wait", all, waiting)
	}
	run(t, db, `insert into staging.record (object, id, modstamp, payload, pulled_at)
		select object, id, modstamp, payload, pulled_at from staging.record where id like '%001'`)
	downTo(t, db, 34)
	if all, waiting := counts(); all != 300 || waiting != 101 {
		t.Errorf("%d are back, %d of them wait", all, waiting)
	}
}
