package outbox_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/outbox"
)

// TestAFlightLandsAsAWhole: with its ids, however its rows are found, and whatever was marked
// while it was on its way.
func TestAFlightLandsAsAWhole(t *testing.T) {
	t.Parallel()
	for _, dense := range []bool{false, true} {
		t.Run(fmt.Sprintf("dense %t", dense), func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			mark(t, db, "A/1", "A/15", "A/2", "A/3", "B/1")
			id := fly(t, db, "A/1", "A/2", "A/3")
			mark(t, db, "A/2")
			in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
				if err := pg.ByIndex(ctx, tx); err != nil {
					return err
				}
				_, err := outbox.Land(ctx, tx, id, []outbox.Confirmation{ // in the order of their answers
					{Key: "A/3", IsAsLaunched: true, SalesforceID: "3"}, {Key: "A/1", IsAsLaunched: true, SalesforceID: "1"}, {Key: "A/2", IsAsLaunched: true},
				}, dense, noon)
				return err
			})
			for key, want := range map[string]outbox.State{"A/1": outbox.Settled, "A/15": outbox.Unsent, "A/2": outbox.Unsent, "A/3": outbox.Settled, "B/1": outbox.Unsent} {
				r, got := state(t, db, key)
				if got != want {
					t.Errorf("%s is %s", key, got)
				}
				if want == outbox.Settled && (string(r.ConfirmedHash) != key || r.SalesforceID != key[2:]) {
					t.Errorf("%s: %+v", key, r)
				}
			}
			if r, _ := state(t, db, "A/2"); r.Wanted != 2 || r.Confirmed != 1 || string(r.ConfirmedHash) != "A/2" {
				t.Errorf("what was marked meanwhile: %+v", r)
			}
			end(t, db, id)
		})
	}
}

// TestWhatLandsOfAFlightOnlyInPartLandsByItsKeys: the others stay in flight.
func TestWhatLandsOfAFlightOnlyInPartLandsByItsKeys(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1", "A/2")
	id := fly(t, db, "A/1", "A/2")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := outbox.Land(ctx, tx, id, []outbox.Confirmation{{Key: "A/1", Hash: []byte("A/1"), IsAsLaunched: true, SalesforceID: "1"}}, true, noon)
		return err
	})
	for key, want := range map[string]outbox.State{"A/1": outbox.Settled, "A/2": outbox.InFlight} {
		if _, got := state(t, db, key); got != want {
			t.Errorf("%s is %s", key, got)
		}
	}
}

// TestMostOfAnObjectIsDense: half of its rows, from thousands on, and statements never.
func TestMostOfAnObjectIsDense(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	_, err := db.Exec(`insert into outbox.record (object, key, marked_at)
		select object, n::text, now() from generate_series(1, 12000) n, unnest(array['commission', 'statement']) as object`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		object string
		rows   int64
		want   bool
	}{{outbox.Commission, 6000, true}, {outbox.Commission, 5999, false}, {outbox.Statement, 12000, false}, {outbox.Partner, 1, false}} {
		if got, err := outbox.IsDense(t.Context(), db, c.object, c.rows); err != nil || got != c.want {
			t.Errorf("%d of %s: %t, %v", c.rows, c.object, got, err)
		}
	}
	if n, err := outbox.Due(t.Context(), db, outbox.Commission, noon); err != nil || n != 12000 {
		t.Errorf("%d are due, %v", n, err)
	}
}

// TestALandingWaitsForAMarkAndSeesIt: however the rows are found, the one that is marked at
// the same time stays unsent.
func TestALandingWaitsForAMarkAndSeesIt(t *testing.T) {
	t.Parallel()
	for _, dense := range []bool{false, true} {
		t.Run(fmt.Sprintf("dense %t", dense), func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			mark(t, db, "A/1", "A/2", "A/3")
			id := fly(t, db, "A/1", "A/2", "A/3")
			landed := make(chan error, 1)
			in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
				err := outbox.Mark(ctx, tx, outbox.Commission, []outbox.Key{{Key: "A/2", Parent: "A"}}, noon)
				go func() {
					landed <- pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
						_, _, err := outbox.LandNext(ctx, tx, id, dense, noon)
						return err
					})
				}()
				waitsForARow(t, db)
				return err
			})
			if err := <-landed; err != nil {
				t.Fatal(err)
			}
			for key, want := range map[string]outbox.State{"A/1": outbox.Settled, "A/2": outbox.Unsent, "A/3": outbox.Settled} {
				if r, got := state(t, db, key); got != want || r.Confirmed != 1 || string(r.ConfirmedHash) != key {
					t.Errorf("%s is %s: %+v", key, got, r)
				}
			}
		})
	}
}

// waitsForARow comes back when somebody waits for a row of the database.
func waitsForARow(t *testing.T, db *sqlx.DB) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 0; n == 0; <-tick.C {
		if err := db.Get(&n, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`); err != nil {
			t.Fatal(err)
		}
	}
}
