package attribution_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/attribution"
)

// endPass does what reconcile does when all is worked out.
func (u *underTest) endPass() (opened int64) {
	u.inTx(func(ctx context.Context, tx *sqlx.Tx) (err error) {
		opened, err = attribution.Check(ctx, tx, clock.NewDate(2021, 5, 1), true, u.now)
		return err
	})
	return opened
}

// incompletes are the subjects noted history_incomplete.
func incompletes(l *underTest) map[string]bool {
	out := map[string]bool{}
	for name := range l.discrepancies() {
		if subject, ok := strings.CutPrefix(name, "history_incomplete "); ok {
			out[subject] = true
		}
	}
	return out
}

// ownHistoryRow is rowOn with an id of its own for each place in the test.
func ownHistoryRow(tail int, kind, record, old, is string, at int) item {
	it := rowOn(kind, record, old, is, at)
	r := it.fact.(attribution.HistoryRow)
	r.ID = id("0170"+record[2:3], idTails[tail])
	it.fact = r
	return it
}

// TestR2_6_HistoryIncomplete: records older than the oldest history that the org
// still had are noted, in whatever order and batches, once that is known for sure;
// importing a record's history ends its note and gives its initial value.
func TestR2_6_HistoryIncomplete(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	first := together(
		[]item{anyUser(0, ana, 1, 20), seenOn(onProfile, user0, "FG3877", 20), anyUser(1, bo, 6, 20), seenOn(onProfile, user1, "FG3877", 20)},
		[]item{anySpace(0, ana, 2), seenOn(onSpace, spaceID(0), "FG3877", 20)}, // old, no row left
		[]item{anySpace(1, ana, 3), seenOn(onSpace, spaceID(1), "AB1234", 20)}, // old, its row is the oldest left
		[]item{anySpace(2, ana, 5), seenOn(onSpace, spaceID(2), "FG3877", 20)}, // created at the horizon
		[]item{
			ownHistoryRow(0, onSpace, spaceID(1), "FG3877", "AB1234", 5), ownHistoryRow(1, onSpace, spaceID(2), "", "FG3877", 7),
			ownHistoryRow(2, onProfile, user1, "", "FG3877", 7), // of users, 7h is the horizon
		},
	)
	l.save(first)
	l.replayBy(3)
	if got := incompletes(l); len(got) > 0 {
		t.Errorf("noted before the pass was over: %v", got)
	}
	if opened := l.endPass(); opened != 4 {
		t.Errorf("%d discrepancies opened", opened)
	}
	want := map[string]bool{spaceID(0): true, spaceID(1): true, ana: true, bo: true}
	if d := cmp.Diff(want, incompletes(l)); d != "" {
		t.Fatalf("after the first pass (-want +noted):\n%s", d)
	}
	all := l.discrepancies()

	// Working everything out again changes nothing, and nor does another pass.
	l.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		return attribution.MarkSpaces(ctx, tx, []string{spaceID(0), spaceID(1), spaceID(2)}, l.now)
	})
	l.save([]item{anyUser(0, ana, 1, 20), anyUser(1, bo, 6, 20)})
	l.replayBy(2)
	if opened := l.endPass(); opened != 0 {
		t.Errorf("another pass opened %d discrepancies", opened)
	}
	if d := cmp.Diff(all, l.discrepancies()); d != "" {
		t.Errorf("Replay and the end of the pass note otherwise (-end +Replay):\n%s", d)
	}

	// The import: older rows of Space 0 and of ana. The horizon stays where it was.
	l.save([]item{
		ownHistoryRow(3, onSpace, spaceID(0), "AB1234", "FG3877", 4), ownHistoryRow(4, onProfile, user0, "AB1234", "FG3877", 2),
	})
	l.replayBy(3)
	l.endPass()
	l.check()
	if d := cmp.Diff(map[string]bool{spaceID(1): true, bo: true}, incompletes(l)); d != "" {
		t.Errorf("after the import (-want +noted):\n%s", d)
	}
	if got := shownHistory(l, spaceID(0)); got != "2h=AB1234, 4h=FG3877" {
		t.Errorf("the imported row's old value is the initial one; believed is %s", got)
	}
	if got := shownHistory(l, ana); got != "1h=AB1234, 2h=FG3877" {
		t.Errorf("of the profile: %s", got)
	}
}

// TestR2_6_AnOrgThatTrackedNothing: without history there is no horizon; and if the
// org begins to track after its records were first seen, everything was seen from
// the beginning of what it tracks, so that nothing is noted either.
func TestR2_6_AnOrgThatTrackedNothing(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	l.now = slotTime(8)
	l.save([]item{anySpace(0, "", 0), seenOn(onSpace, spaceID(0), "FG3877", 1), anyUser(0, ana, 0, 1)})
	l.replayBy(2)
	l.endPass()
	if got := incompletes(l); len(got) > 0 {
		t.Errorf("noted without any history: %v", got)
	}
	l.save([]item{rowOn(onSpace, spaceID(0), "FG3877", "AB1234", 9)}) // of after the first sight, at 8h
	l.replayBy(2)
	l.endPass()
	if got := incompletes(l); len(got) > 0 {
		t.Errorf("noted though all was seen: %v", got)
	}
	// What is imported after that makes no horizon.
	l.save([]item{ownHistoryRow(5, onSpace, spaceID(0), "", "FG3877", 1)})
	l.replayBy(2)
	l.save([]item{anySpace(1, "", 0)})
	l.replayBy(2)
	l.endPass()
	if got := incompletes(l); len(got) > 0 {
		t.Errorf("noted because of an import: %v", got)
	}
}

// TestR2_6_HistoryThatBecomesReadableLater: rows older than the first sight are what
// the org still had, also if a pull can read them only later.
func TestR2_6_HistoryThatBecomesReadableLater(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	l.save(together(byHand(0, 0, "FG3877"), byHand(1, 3, "FG3877")))
	l.replayBy(2)
	l.endPass()
	l.save([]item{rowOn(onSpace, spaceID(1), "", "FG3877", 4)})
	l.replayBy(2)
	l.endPass()
	if d := cmp.Diff(map[string]bool{spaceID(0): true, spaceID(1): true}, incompletes(l)); d != "" {
		t.Errorf("(-want +noted):\n%s", d)
	}
}

// TestCheckCostsNothingWhenNothingHappened: an empty pass on the same day writes
// nothing and looks at no table of facts.
func TestCheckCostsNothingWhenNothingHappened(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	l.save(byHand(0, 0, "FG3877"))
	l.replayBy(2)
	l.endPass()
	l.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		scans := func() (n int64) {
			if err := tx.Get(&n, `
				select coalesce(sum(seq_scan + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd), 0)
				from pg_stat_xact_user_tables where schemaname = 'ledger' and relname not in ('history_horizon', 'install_check')`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := scans()
		opened, err := attribution.Check(ctx, tx, clock.NewDate(2021, 5, 1), false, l.now)
		if n := scans() - before; opened != 0 || n != 0 {
			t.Errorf("%d opened, %d scans and writes of other tables", opened, n)
		}
		return err
	})
}
