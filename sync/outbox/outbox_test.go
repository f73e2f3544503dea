package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func in(t *testing.T, db *sqlx.DB, f func(ctx context.Context, tx *sqlx.Tx) error) {
	t.Helper()
	if err := pg.InTx(t.Context(), db, f); err != nil {
		t.Fatal(err)
	}
}

func mark(t *testing.T, db *sqlx.DB, keys ...string) {
	t.Helper()
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		var all []outbox.Key
		for _, k := range keys {
			payee, _, _ := strings.Cut(k, "/")
			all = append(all, outbox.Key{Key: k, Parent: payee})
		}
		return outbox.Mark(ctx, tx, outbox.Commission, all, noon)
	})
}

func peek(t *testing.T, db *sqlx.DB, now time.Time) string {
	t.Helper()
	rows, err := outbox.Next(t.Context(), db, outbox.Range{Object: outbox.Commission, Limit: 100}, now)
	if err != nil {
		t.Fatal(err)
	}
	return keys(rows)
}

func keys(rows []outbox.Row) string {
	var out []string
	for _, r := range rows {
		out = append(out, r.Key)
	}
	return strings.Join(out, " ")
}

func state(t *testing.T, db *sqlx.DB, key string) (outbox.Row, outbox.State) {
	t.Helper()
	rows, err := outbox.List(t.Context(), db, outbox.Filter{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Key == key {
			return r, r.State(noon)
		}
	}
	t.Fatalf("%s is not in the outbox", key)
	return outbox.Row{}, ""
}

func TestMarkBumpsWhatIsWanted(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "B/2", "A/1", "A/1")
	mark(t, db, "A/1")
	if r, _ := state(t, db, "A/1"); r.Wanted != 2 || r.Confirmed != 0 || r.Parent != "A" {
		t.Errorf("%+v", r)
	}
	if got := peek(t, db, noon); got != "A/1 B/2" {
		t.Errorf("unsent: %s", got)
	}
}

// fly begins a flight of what is unsent of some keys, each with its own key as hash.
func fly(t *testing.T, db *sqlx.DB, keys ...string) (id int64) {
	t.Helper()
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		rows, err := outbox.Find(ctx, tx, outbox.Commission, keys)
		if err != nil {
			return err
		}
		if id, err = outbox.Begin(ctx, tx, outbox.Commission, outbox.Bulk, noon); err != nil {
			return err
		}
		var all []outbox.Flown
		for _, k := range keys {
			all = append(all, outbox.Flown{Key: k, Wanted: rows[k].Wanted, Hash: []byte(k)})
		}
		return outbox.Launch(ctx, tx, id, outbox.Commission, all)
	})
	return id
}

// written lets keys be written in a state whose hash is the byte 1.
func written(t *testing.T, db *sqlx.DB, keys ...string) {
	t.Helper()
	id := fly(t, db, keys...)
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		var done []outbox.Confirmation
		for _, k := range keys {
			done = append(done, outbox.Confirmation{Key: k, Hash: []byte{1}})
		}
		_, err := outbox.Land(ctx, tx, id, done, false, noon)
		return err
	})
	end(t, db, id)
}

// end ends a flight and holds that it had nothing left in it.
func end(t *testing.T, db *sqlx.DB, id int64) {
	t.Helper()
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error { return outbox.End(ctx, tx, id) })
	flights, err := outbox.Flights(t.Context(), db)
	if err != nil || len(flights) > 0 {
		t.Errorf("left in flight: %+v, %v", flights, err)
	}
}

func TestAKeyIsInOneFlightAtATime(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1", "A/2", "B/1")
	id := fly(t, db, "A/1", "A/2")
	if got := peek(t, db, noon); got != "B/1" {
		t.Errorf("beside a flight, %s can be sent", got)
	}
	err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		second, err := outbox.Begin(ctx, tx, outbox.Commission, outbox.Collections, noon)
		if err != nil {
			return err
		}
		return outbox.Launch(ctx, tx, second, outbox.Commission, []outbox.Flown{{Key: "B/1"}, {Key: "A/2"}})
	})
	if errs.KindOf(err) != errs.Conflict {
		t.Errorf("a second flight of A/2: %v", err)
	}
	if _, got := state(t, db, "A/1"); got != outbox.InFlight {
		t.Errorf("A/1 is %s", got)
	}
	tallies, err := outbox.Tallies(t.Context(), db, noon)
	if err != nil || tallies[0].InFlight != 2 || tallies[0].Unsent != 3 {
		t.Errorf("%+v, %v", tallies, err)
	}
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		n, err := outbox.Release(ctx, tx, id, nil, false)
		if n != 2 {
			t.Errorf("released %d", n)
		}
		return err
	})
	end(t, db, id)
	if got := peek(t, db, noon); got != "A/1 A/2 B/1" {
		t.Errorf("after the release, %s can be sent", got)
	}
}

func TestWhatChangesInFlightStaysUnsent(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1", "A/2", "A/3", "A/4")
	id := fly(t, db, "A/1", "A/2", "A/3", "A/4")
	mark(t, db, "A/1", "A/2", "A/3") // nobody waits for the flight
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		first, err := outbox.Land(ctx, tx, id, []outbox.Confirmation{{Key: "A/1", Hash: []byte("A/1"), Lack: "no link", Again: noon.Add(time.Hour)}}, false, noon)
		if err != nil || len(first) != 0 { // of statements alone it is told
			t.Errorf("first written: %v", first)
			return err
		}
		if err := outbox.Ground(ctx, tx, id, []outbox.Failure{{Key: "A/2", Reason: "no"}}, noon); err != nil {
			return err
		}
		n, first, err := outbox.LandNext(ctx, tx, id, false, noon)
		if n != 2 || len(first) != 0 {
			t.Errorf("landed %d, %v", n, first)
		}
		return err
	})
	end(t, db, id)
	for key, want := range map[string]outbox.State{"A/1": outbox.Unsent, "A/2": outbox.Unsent, "A/3": outbox.Unsent, "A/4": outbox.Settled} {
		r, got := state(t, db, key)
		if got != want || r.Attempts != 0 || r.LastError != "" {
			t.Errorf("%s is %s: %+v", key, got, r)
		}
	}
	if r, _ := state(t, db, "A/3"); string(r.ConfirmedHash) != "A/3" || r.Confirmed != 1 {
		t.Errorf("what was written is not noted: %+v", r)
	}
}

func TestWhatSalesforceMayHaveGotIsSentWhateverItConfirmed(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1", "A/2")
	id := fly(t, db, "A/1", "A/2")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := outbox.Ground(ctx, tx, id, []outbox.Failure{{Key: "A/1", Reason: "lost", NotBefore: noon.Add(time.Hour), IsUnsure: true}}, noon); err != nil {
			return err
		}
		_, err := outbox.Release(ctx, tx, id, []string{"A/2"}, true)
		return err
	})
	end(t, db, id)
	for _, key := range []string{"A/1", "A/2"} {
		if r, _ := state(t, db, key); r.ConfirmedHash == nil || len(r.ConfirmedHash) != 0 {
			t.Errorf("%+v", r)
		}
	}
}

func TestARepairDuringAFlightIsNotLost(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1")
	id := fly(t, db, "A/1")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		return outbox.Repair(ctx, tx, outbox.Commission, []outbox.Key{{Key: "A/1", Parent: "A"}}, noon)
	})
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, _, err := outbox.LandKeys(ctx, tx, id, []string{"A/1", "A/9"}, noon)
		return err
	})
	end(t, db, id)
	if r, got := state(t, db, "A/1"); got != outbox.Unsent || len(r.ConfirmedHash) != 0 {
		t.Errorf("%s %+v", got, r)
	}
}

func TestAMappingThatChangesDuringAFlightIsComparedAfterwards(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1")
	id := fly(t, db, "A/1")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		if n, err := outbox.MarkAll(ctx, tx, outbox.Commission, noon); err != nil || n != 1 {
			t.Errorf("marked %d, %v", n, err)
		}
		_, _, err := outbox.LandNext(ctx, tx, id, false, noon)
		return err
	})
	if _, got := state(t, db, "A/1"); got != outbox.Unsent {
		t.Errorf("A/1 is %s", got)
	}
}

func TestOneHoldsAFlight(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1")
	id := fly(t, db, "A/1")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := outbox.Hold(ctx, tx, id); err != nil {
			t.Error(err)
		}
		in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
			if err := outbox.Hold(ctx, tx, id); errs.KindOf(err) != errs.NotFound {
				t.Errorf("held twice: %v", err)
			}
			return nil
		})
		return nil
	})
}

func TestRangesAreDisjointCompleteAndEven(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var all []string
	for i := range 100 {
		all = append(all, fmt.Sprintf("P%02d/%d", i%20, i))
	}
	mark(t, db, all...)
	ranges, err := outbox.Split(t.Context(), db, outbox.Commission, 3, noon)
	if err != nil || len(ranges) != 3 {
		t.Fatalf("%+v, %v", ranges, err)
	}
	mark(t, db, "A/first", "P07/between", "Q/last") // what comes later is in one of them too
	all = append(all, "A/first", "P07/between", "Q/last")
	seen := map[string]int{}
	for part, reach := range ranges {
		n := 0
		for reach.Limit = 7; ; {
			rows, err := outbox.Next(t.Context(), db, reach, noon)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) == 0 {
				break
			}
			for _, r := range rows {
				if p, twice := seen[r.Parent]; twice && p != part {
					t.Errorf("%s is in ranges %d and %d", r.Parent, p, part)
				}
				seen[r.Parent] = part
				seen[r.Key]++
				n++
			}
			reach.After = outbox.Key{Key: rows[len(rows)-1].Key, Parent: rows[len(rows)-1].Parent}
		}
		if n < 30 || n > 40 {
			t.Errorf("range %d has %d of %d", part, n, len(all))
		}
	}
	for _, k := range all {
		if seen[k] != 1 {
			t.Errorf("%s was seen %d times", k, seen[k])
		}
	}
}

// TestARangeOfOneParentIsNotSplit: a write of a record locks its parent in Salesforce.
func TestARangeOfOneParentIsNotSplit(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, keys := range [][]string{nil, {"A/1", "A/2", "A/3"}} {
		mark(t, db, keys...)
		if ranges, err := outbox.Split(t.Context(), db, outbox.Commission, 4, noon); err != nil || len(ranges) != 1 {
			t.Errorf("%+v, %v", ranges, err)
		}
	}
}

func TestLifeOfARow(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1", "A/2", "A/3")
	id := fly(t, db, "A/1", "A/2", "A/3")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := outbox.Land(ctx, tx, id, []outbox.Confirmation{
			{Key: "A/1", Hash: []byte{1}, SalesforceID: "a08000000000001AAA"}}, false, noon); err != nil {
			return err
		}
		return outbox.Ground(ctx, tx, id, []outbox.Failure{
			{Key: "A/2", Reason: "busy\x00", NotBefore: noon.Add(time.Minute)},
			{Key: "A/3", Reason: strings.Repeat("é", 1000)}}, noon)
	})
	for key, want := range map[string]outbox.State{"A/1": outbox.Settled, "A/2": outbox.Waiting, "A/3": outbox.Quarantined} {
		if _, got := state(t, db, key); got != want {
			t.Errorf("%s is %s, not %s", key, got, want)
		}
		rows, err := outbox.List(t.Context(), db, outbox.Filter{Object: outbox.Commission, State: want}, noon)
		if err != nil || keys(rows) != key {
			t.Errorf("the list of %s is %s, %v", want, keys(rows), err)
		}
	}
	if a, b := peek(t, db, noon), peek(t, db, noon.Add(time.Minute)); a != "" || b != "A/2" {
		t.Errorf("unsent now: %q, a minute later: %q", a, b)
	}
	tallies, err := outbox.Tallies(t.Context(), db, noon)
	if err != nil || len(tallies) != 1 || tallies[0].Unsent != 1 || tallies[0].Waiting != 1 || tallies[0].Quarantined != 1 || tallies[0].InFlight != 0 {
		t.Errorf("tallies %v, %v", tallies, err)
	}
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		n, err := outbox.Drop(ctx, tx, "", []string{"A/1", "A/2"}, "ana")
		if n != 1 {
			t.Errorf("dropped %d", n)
		}
		return err
	})
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		n, err := outbox.Retry(ctx, tx, "", nil)
		if n != 1 {
			t.Errorf("retried %d", n)
		}
		return err
	})
	if r, got := state(t, db, "A/2"); got != outbox.Settled || r.LastError != "dropped by ana; it said: busy" {
		t.Errorf("dropped: %s, %q", got, r.LastError)
	}
	if got := peek(t, db, noon); got != "A/3" {
		t.Errorf("unsent after the retry: %s", got)
	}
}

func TestWhatIsConfirmedInPartWaitsForTheRest(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1", "A/2")
	tomorrow := noon.Add(24 * time.Hour)
	id := fly(t, db, "A/1", "A/2")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := outbox.Land(ctx, tx, id, []outbox.Confirmation{
			{Key: "A/1", Hash: []byte{1}, Again: tomorrow, Lack: "no link\x00"}, {Key: "A/2", Hash: []byte{2}}}, false, noon)
		return err
	})
	if r, got := state(t, db, "A/1"); got != outbox.Waiting || r.Wanted != 2 || r.Confirmed != 1 || r.LastError != "no link" || string(r.ConfirmedHash) != "\x01" {
		t.Errorf("%s, %+v", got, r)
	}
	if _, got := state(t, db, "A/2"); got != outbox.Settled {
		t.Errorf("what was confirmed whole is %s", got)
	}
	if today, then := peek(t, db, noon), peek(t, db, tomorrow); today != "" || then != "A/1" {
		t.Errorf("unsent today: %q, tomorrow: %q", today, then)
	}
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		n, err := outbox.MarkAll(ctx, tx, outbox.Commission, noon)
		if n != 2 {
			t.Errorf("marked %d of 2", n)
		}
		return err
	})
	if got := peek(t, db, noon); got != "A/1 A/2" {
		t.Errorf("unsent after all were marked: %q", got)
	}
}

// settled gives an outbox of 20,000 commissions, of which the first ten wait to be sent and
// the next five are quarantined.
func settled(t *testing.T) *sqlx.DB {
	t.Helper()
	db := pgtest.New(t)
	if _, err := db.Exec(`insert into outbox.record (object, key, wanted, confirmed, marked_at, quarantined_at)
		select 'commission', n, 1, case when n > 15 then 1 else 0 end, $1::timestamptz - n * interval '1 hour',
			case when n between 11 and 15 then $1::timestamptz - n * interval '1 day' end
		from generate_series(1, 20000) n`, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`vacuum analyze outbox.record`); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestTheOldestThatWaitIsToldOfEveryState(t *testing.T) {
	t.Parallel()
	tallies, err := outbox.Tallies(t.Context(), settled(t), noon)
	if err != nil || len(tallies) != 1 || tallies[0].Unsent != 10 || tallies[0].Quarantined != 5 {
		t.Fatalf("%+v, %v", tallies, err)
	}
	ages := outbox.Ages(append(tallies, outbox.Tally{Object: outbox.Partner, InFlight: 1}))
	if len(ages) != 1 || !ages[0].UnsentSince.Equal(noon.Add(-10*time.Hour)) || !ages[0].QuarantinedSince.Equal(noon.Add(-15*24*time.Hour)) {
		t.Errorf("%+v", ages)
	}
}

func TestWhatIsAskedOftenReadsOnlyWhatIsNotSettled(t *testing.T) {
	t.Parallel()
	db := settled(t)
	seen := &pgtest.Planned{QueryerContext: db}
	if _, err := outbox.Tallies(t.Context(), seen, noon); err != nil {
		t.Error(err)
	}
	for _, state := range []outbox.State{outbox.Quarantined, outbox.InFlight, outbox.Waiting, outbox.Unsent} {
		if _, err := outbox.List(t.Context(), seen, outbox.Filter{State: state}, noon); err != nil {
			t.Error(err)
		}
	}
	for _, plan := range seen.Plans {
		if strings.Contains(plan, "Seq Scan on record") {
			t.Errorf("the whole outbox is read: %s", plan)
		}
	}
}

func TestWhatIsTriedAgainIsFoundAmongWhatIsNotSettled(t *testing.T) {
	t.Parallel()
	db := settled(t)
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		n, err := outbox.Retry(ctx, tx, "", nil)
		if err != nil {
			return err
		}
		dropped, err := outbox.Drop(ctx, tx, "", []string{"20000"}, "ana")
		if n != 5 || dropped != 0 || err != nil {
			t.Errorf("%d tried again, %d dropped, %v", n, dropped, err)
		}
		var scans int
		err = tx.GetContext(ctx, &scans, `select seq_scan from pg_stat_xact_user_tables where schemaname = 'outbox' and relname = 'record'`)
		if scans != 0 {
			t.Errorf("the whole outbox was read %d times", scans)
		}
		return err
	})
}

func TestMarkGivesAQuarantinedRowAnotherChance(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		return outbox.Fail(ctx, tx, outbox.Commission, []outbox.Failure{{Key: "A/1", Reason: "no"}}, noon)
	})
	mark(t, db, "A/1")
	if r, got := state(t, db, "A/1"); got != outbox.Unsent || r.Attempts != 0 || r.LastError != "" {
		t.Errorf("%s, %+v", got, r)
	}
}

func TestMarkAllSendsEverythingAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1")
	written(t, db, "A/1")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		n, err := outbox.MarkAll(ctx, tx, outbox.Commission, noon)
		if n != 1 {
			t.Errorf("marked %d", n)
		}
		return err
	})
	if r, got := state(t, db, "A/1"); got != outbox.Unsent || string(r.ConfirmedHash) != "\x01" {
		t.Errorf("%s, %+v", got, r)
	}
}
