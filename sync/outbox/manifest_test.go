package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/outbox"
)

// TestWhoLaunchesTheSameKeyAtTheSameTimeIsRefused: neither sees the other's manifest, which
// is not committed yet, so the second waits.
func TestWhoLaunchesTheSameKeyAtTheSameTimeIsRefused(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1", "A/2", "A/3")
	launch := func(ctx context.Context, tx *sqlx.Tx, keys ...string) error {
		id, err := outbox.Begin(ctx, tx, outbox.Commission, outbox.Bulk, noon)
		if err != nil {
			return err
		}
		var all []outbox.Flown
		for _, k := range keys {
			all = append(all, outbox.Flown{Key: k, Wanted: 1, Hash: []byte(k)})
		}
		return outbox.Launch(ctx, tx, id, outbox.Commission, all)
	}
	second := make(chan error, 1)
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		err := launch(ctx, tx, "A/3", "A/1") // in whatever order they come
		go func() {
			second <- pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error { return launch(ctx, tx, "A/2", "A/1") })
		}()
		waits(t, db)
		return err
	})
	if err := <-second; errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), "commission A/1 is in flight already") {
		t.Errorf("the second gave %v", err)
	}
	// Between the first key and the last of a manifest others may be launched.
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error { return launch(ctx, tx, "A/2") })
	if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error { return launch(ctx, tx, "A/4", "A/4") }); errs.KindOf(err) != errs.Conflict {
		t.Errorf("a key twice in one manifest: %v", err)
	}
}

// waits comes back when somebody waits for an advisory lock in the database.
func waits(t *testing.T, db *sqlx.DB) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 0; n == 0; <-tick.C {
		if err := db.Get(&n, `select count(*) from pg_locks where locktype = 'advisory' and not granted
			and database = (select oid from pg_database where datname = current_database())`); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAFlightIsTakenApartManifestByManifest: some keys of each, in whatever order, and the
// rest as a whole, by two at a time.
func TestAFlightIsTakenApartManifestByManifest(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var all []string
	for i := range 30 {
		all = append(all, fmt.Sprintf("A/%02d", i))
	}
	mark(t, db, all...)
	id := fly(t, db, all[:10]...)
	for _, some := range [][]string{all[10:20], all[20:]} {
		in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
			var flown []outbox.Flown
			for _, k := range some {
				flown = append(flown, outbox.Flown{Key: k, Wanted: 1, Hash: []byte(k)})
			}
			return outbox.Launch(ctx, tx, id, outbox.Commission, flown)
		})
	}
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		if n, _, err := outbox.LandKeys(ctx, tx, id, []string{all[3], all[12], "A/none"}, noon); n != 2 || err != nil {
			t.Errorf("landed %d, %v", n, err)
		}
		if err := outbox.Ground(ctx, tx, id, []outbox.Failure{{Key: all[12], Reason: "landed before"}, {Key: all[13], Reason: "no"}}, noon); err != nil {
			return err
		}
		n, err := outbox.Release(ctx, tx, id, all[20:], false) // the last manifest as a whole
		if n != 10 {
			t.Errorf("released %d", n)
		}
		return err
	})
	flights, err := outbox.Flights(t.Context(), db)
	if err != nil || len(flights) != 1 || flights[0].Records != 17 {
		t.Errorf("%+v, %v", flights, err)
	}
	var left []string
	for after := ""; ; {
		some, err := outbox.FlownAfter(t.Context(), db, id, after, 5)
		if err != nil || len(some) == 0 {
			break
		}
		for _, f := range some {
			left = append(left, f.Key+string(f.Hash))
			after = f.Key
		}
	}
	if len(left) != 17 || left[0] != "A/00A/00" || left[16] != "A/19A/19" {
		t.Errorf("left in flight: %v", left)
	}
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		one, _, err := outbox.LandNext(ctx, tx, id, false, noon)
		if err != nil {
			return err
		}
		in(t, db, func(ctx context.Context, tx *sqlx.Tx) error { // without waiting for the first
			other, _, err := outbox.LandNext(ctx, tx, id, false, noon)
			if one+other != 17 || err != nil {
				t.Errorf("landed %d and %d, %v", one, other, err)
			}
			return err
		})
		return nil
	})
	end(t, db, id)
	settled, err := outbox.List(t.Context(), db, outbox.Filter{State: outbox.Settled}, noon)
	if err != nil || len(settled) != 19 {
		t.Errorf("%d settled, %v", len(settled), err)
	}
}

// TestWhatIsInFlightIsPassedOverHoweverMuchItIs: the next that is not is found behind it.
func TestWhatIsInFlightIsPassedOverHoweverMuchItIs(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var all []string
	for i := range 30 {
		all = append(all, fmt.Sprintf("A/%02d", i))
	}
	mark(t, db, all...)
	fly(t, db, append(all[:11:11], all[12:28]...)...)
	reach := outbox.Range{Object: outbox.Commission, Limit: 4}
	var got []string
	for {
		rows, err := outbox.Next(t.Context(), db, reach, noon)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
		got = append(got, keys(rows))
		reach.After = outbox.Key{Key: rows[len(rows)-1].Key, Parent: rows[len(rows)-1].Parent}
	}
	if fmt.Sprint(got) != "[A/11 A/28 A/29]" {
		t.Errorf("%q", got)
	}
	for state, want := range map[outbox.State]int{outbox.InFlight: 27, outbox.Unsent: 3, outbox.Settled: 0} {
		if rows, err := outbox.List(t.Context(), db, outbox.Filter{State: state}, noon); err != nil || len(rows) != want {
			t.Errorf("%d %s, %v", len(rows), state, err)
		}
	}
}
