package staging_test

import (
	"context"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/staging"
)

// stageAgain stages a version as if none of its object was there, as a pull does whose job
// is begun again while what came of it before is reconciled.
func stageAgain(t *testing.T, db *sqlx.DB, r staging.Record, at time.Time) {
	t.Helper()
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		n, isNew, err := staging.PutNew(ctx, tx, object, []staging.Record{r}, at)
		if n != 1 || !isNew {
			t.Errorf("staged %d, %t", n, isNew)
		}
		return err
	})
}

func versions(t *testing.T, db *sqlx.DB) (n int) {
	t.Helper()
	if err := db.Get(&n, `select count(*) from staging.record`); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAVersionThatIsStagedWhileItIsReconciledTakesThePlaceOfItsTwin(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	one := version(1, noon, `{"Name":"a"}`)
	put(t, db, one)
	reconcile(t, db, waiting(t, db))
	stageAgain(t, db, one, noon)
	if n := versions(t, db); n != 2 {
		t.Fatalf("%d versions", n)
	}
	// What is put meanwhile goes to the twin that waits.
	if n := put(t, db, one); n != 0 {
		t.Errorf("%d changed by the same", n)
	}
	if n := put(t, db, version(1, noon, `{"Name":"b"}`)); n != 1 {
		t.Errorf("%d changed by another payload", n)
	}
	got := waiting(t, db)
	if len(got) != 1 || string(got[0].Payload) != `{"Name":"b"}` || !got[0].PulledAt.After(noon) {
		t.Fatalf("%+v", got)
	}
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error { return staging.Again(ctx, tx, object, []string{one.ID}) })
	reconcile(t, db, got)
	if n := versions(t, db); n != 1 || len(waiting(t, db)) != 0 {
		t.Errorf("%d versions are left, %d wait", n, len(waiting(t, db)))
	}
}

func TestEveryVersionIsFoundInWhicheverIndexItIs(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	older, newer := version(1, noon, `{}`), version(1, noon.Add(time.Second), `{"Name":"a"}`)
	put(t, db, older)
	reconcile(t, db, waiting(t, db))
	put(t, db, newer)
	vanish := func(r staging.Record) (ids []string) {
		in(t, db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			ids, err = staging.MarkVanished(ctx, tx, object, []staging.Newest{{ID: r.ID, Modstamp: r.Modstamp}}, noon)
			return err
		})
		return ids
	}
	// A version that is not the newest is left alone, whether the newer one waits or not.
	if ids := vanish(older); len(ids) != 0 {
		t.Errorf("%v vanished by an older version", ids)
	}
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		return staging.Again(ctx, tx, object, []string{older.ID})
	})
	if got := waiting(t, db); len(got) != 1 || !got[0].Modstamp.Equal(newer.Modstamp) {
		t.Errorf("what waits is %+v", got)
	}
	if ids := vanish(newer); len(ids) != 1 {
		t.Errorf("%v vanished while it waits", ids)
	}
	reconcile(t, db, waiting(t, db))
	if n := versions(t, db); n != 1 {
		t.Errorf("%d versions", n)
	}
	// It comes back, is reconciled, and vanishes from there.
	if n := put(t, db, newer); n != 1 {
		t.Errorf("%d came back", n)
	}
	reconcile(t, db, waiting(t, db))
	if ids := vanish(newer); len(ids) != 1 {
		t.Errorf("%v vanished after it was reconciled", ids)
	}
	reconcile(t, db, waiting(t, db))
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		return staging.MarkDeleted(ctx, tx, object, newer.ID, noon)
	})
	if got := waiting(t, db); len(got) != 1 || !got[0].IsDeleted {
		t.Errorf("what waits is %+v", got)
	}
}

// TestABatchReadsItsVersionsAndNoOthers: however many versions there are, and though
// statistics are of a time when all of them waited, what a batch costs does not grow.
func TestABatchReadsItsVersionsAndNoOthers(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var server int
	if err := db.Get(&server, `select current_setting('server_version_num')::int`); err != nil || server < 150000 {
		t.Skipf("Postgres %d counts what it reads too late to be asked, %v", server, err)
	}
	const batches, size = 20, 200
	all := make([]staging.Record, batches*size)
	for i := range all {
		all[i] = version(i, noon.Add(time.Duration(i)*time.Second), `{"Name":"a"}`)
	}
	put(t, db, all...)
	if _, err := db.Exec(`analyze staging.record`); err != nil { // as if none would ever be reconciled
		t.Fatal(err)
	}
	for i := range batches {
		some := all[i*size : (i+1)*size]
		for r := range some {
			some[r].PulledAt = noon
		}
		before := reads(t, db)
		reconcile(t, db, some)
		put(t, db, some...)
		changed := make([]staging.Record, size)
		for j, r := range some {
			changed[j] = r
			changed[j].Payload = []byte(`{"Name":"b"}`)
		}
		put(t, db, changed...)
		if n := reads(t, db) - before; n > 30*size {
			t.Errorf("batch %d reads %d versions for %d", i, n, size)
		}
	}
}

// reads counts what was read of staging.record, by its indexes or without.
func reads(t *testing.T, db *sqlx.DB) (n int) {
	t.Helper()
	tx := db.MustBeginTx(t.Context(), nil)
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec(`select pg_stat_force_next_flush()`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := db.Get(&n, `
		select (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = 'staging' and relname = 'record')
			+ (select seq_tup_read from pg_stat_user_tables where schemaname = 'staging' and relname = 'record')`); err != nil {
		t.Fatal(err)
	}
	return n
}
