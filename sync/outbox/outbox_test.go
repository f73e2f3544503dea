package outbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

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
	rows, err := outbox.Peek(t.Context(), db, outbox.Range{Object: outbox.Commission, Limit: 100}, now)
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

func TestClaimPassesOverWhatAnotherHolds(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1", "A/2", "B/1")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		first, err := outbox.Claim(ctx, tx, outbox.Range{Object: outbox.Commission, Limit: 2}, noon)
		if err != nil {
			return err
		}
		in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
			second, err := outbox.Claim(ctx, tx, outbox.Range{Object: outbox.Commission, Limit: 2}, noon)
			if keys(first) != "A/1 A/2" || keys(second) != "B/1" {
				t.Errorf("claimed %s, then %s", keys(first), keys(second))
			}
			return err
		})
		return nil
	})
}

func TestPartsAreDisjointAndComplete(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var all []string
	for i := range 100 {
		all = append(all, fmt.Sprintf("P%02d/%d", i%20, i))
	}
	mark(t, db, all...)
	seen := map[string]int{}
	for part := range 3 {
		var last outbox.Key
		for {
			rows, err := outbox.Peek(t.Context(), db,
				outbox.Range{Object: outbox.Commission, Part: part, Parts: 3, After: last, Limit: 7}, noon)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) == 0 {
				break
			}
			for _, r := range rows {
				if p, twice := seen[r.Parent]; twice && p != part {
					t.Errorf("%s is in parts %d and %d", r.Parent, p, part)
				}
				seen[r.Parent] = part
				seen[r.Key]++
			}
			last = outbox.Key{Key: rows[len(rows)-1].Key, Parent: rows[len(rows)-1].Parent}
		}
	}
	for _, k := range all {
		if seen[k] != 1 {
			t.Errorf("%s was seen %d times", k, seen[k])
		}
	}
}

func TestLifeOfARow(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1", "A/2", "A/3")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := outbox.Confirm(ctx, tx, outbox.Commission, []outbox.Confirmation{
			{Key: "A/1", Hash: []byte{1}, SalesforceID: "a08000000000001AAA"}}, noon); err != nil {
			return err
		}
		return outbox.Fail(ctx, tx, outbox.Commission, []outbox.Failure{
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
	if err != nil || len(tallies) != 1 || tallies[0] != (outbox.Tally{Object: outbox.Commission, Unsent: 1, Waiting: 1, Quarantined: 1}) {
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
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		return outbox.Confirm(ctx, tx, outbox.Commission, []outbox.Confirmation{
			{Key: "A/1", Hash: []byte{1}, Again: tomorrow, Lack: "no link\x00"}, {Key: "A/2", Hash: []byte{2}}}, noon)
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

func TestTalliesReadOnlyWhatIsNotSettled(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if _, err := db.Exec(`insert into outbox.record (object, key, wanted, confirmed, marked_at)
		select 'commission', n, 1, case when n > 10 then 1 else 0 end, now() from generate_series(1, 20000) n`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`vacuum analyze outbox.record`); err != nil {
		t.Fatal(err)
	}
	seen := &planned{QueryerContext: db}
	if tallies, err := outbox.Tallies(t.Context(), seen, noon); err != nil || tallies[0].Unsent != 10 {
		t.Errorf("%v, %v", tallies, err)
	}
	if _, err := outbox.List(t.Context(), seen, outbox.Filter{State: outbox.Quarantined}, noon); err != nil {
		t.Error(err)
	}
	for _, plan := range seen.plans {
		if strings.Contains(plan, "Seq Scan") {
			t.Errorf("the whole outbox is read: %s", plan)
		}
	}
}

// planned keeps how Postgres means to answer each question.
type planned struct {
	sqlx.QueryerContext
	plans []string
}

func (p *planned) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	var lines []string
	if err := sqlx.SelectContext(ctx, p.QueryerContext, &lines, `explain `+query, args...); err != nil {
		return nil, err
	}
	p.plans = append(p.plans, strings.Join(lines, "\n"))
	return p.QueryerContext.QueryxContext(ctx, query, args...)
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
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		return outbox.Confirm(ctx, tx, outbox.Commission, []outbox.Confirmation{{Key: "A/1", Hash: []byte{1}}}, noon)
	})
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
