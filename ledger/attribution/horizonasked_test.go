package attribution_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/attribution"
)

// answer tells the ledger what Salesforce answered when it was asked for the oldest
// row of the history of a kind; the zero Time is that it had none.
func (u *underTest) answer(kind string, oldest, asked time.Time) {
	u.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		return attribution.KeepHorizon(ctx, tx, kind, oldest, asked, u.now)
	})
}

// recorded gives a Space or a user record with the instant at which its record was
// made in Salesforce.
func recorded(it item, at int) item {
	switch f := it.fact.(type) {
	case attribution.Space:
		f.RecordedAt = slotTime(at)
		it.fact = f
	case attribution.UserRecord:
		f.RecordedAt = slotTime(at)
		it.fact = f
	}
	return it
}

func wantIncomplete(t *testing.T, l *underTest, when string, subjects ...string) {
	t.Helper()
	want := map[string]bool{}
	for _, s := range subjects {
		want[s] = true
	}
	if d := cmp.Diff(want, incompletes(l)); d != "" {
		t.Errorf("%s (-want +noted):\n%s", when, d)
	}
}

// TestR2_6_HistoryThatIsWhole: in an org that kept the rows of creation no record is
// older than its history, however late the first change of a Partner ID is. A Space
// or a profile can be older than its record: what counts is the record.
func TestR2_6_HistoryThatIsWhole(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	l.save(together(
		[]item{recorded(anyUser(0, ana, 1, 20), 3), recorded(anySpace(0, ana, 1), 3), recorded(anySpace(1, ana, 4), 4)},
		[]item{rowOn(onSpace, spaceID(1), "FG3877", "AB1234", 9)},
	))
	l.answer(attribution.KindSpace, slotTime(3), slotTime(12))
	l.answer(attribution.KindProfile, slotTime(3), slotTime(12))
	l.replayBy(2)
	if opened := l.endPass(); opened != 0 {
		t.Errorf("%d discrepancies opened", opened)
	}
	wantIncomplete(t, l, "a whole history")
}

// TestR2_6_PurgedHistory: rows about other fields tell how far back history goes,
// also where none is about a Partner ID; exactly the older records are noted.
func TestR2_6_PurgedHistory(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	l.save([]item{
		recorded(anySpace(0, ana, 2), 4),                                   // just before the horizon
		recorded(anySpace(1, ana, 1), 5), recorded(anySpace(2, ana, 7), 7), // at it and after it
		recorded(anyUser(0, ana, 1, 20), 3), recorded(anyUser(1, bo, 1, 20), 6),
	})
	l.answer(attribution.KindSpace, slotTime(5), slotTime(12))
	l.answer(attribution.KindProfile, slotTime(6), slotTime(12))
	l.replayBy(2)
	if opened := l.endPass(); opened != 2 {
		t.Errorf("%d discrepancies opened", opened)
	}
	wantIncomplete(t, l, "purged", spaceID(0), ana)
	all := l.discrepancies()
	l.inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		return attribution.MarkSpaces(ctx, tx, []string{spaceID(0), spaceID(1), spaceID(2)}, l.now)
	})
	l.save([]item{recorded(anyUser(0, ana, 1, 20), 3), recorded(anyUser(1, bo, 1, 20), 6)})
	l.replayBy(2)
	if d := cmp.Diff(all, l.discrepancies()); d != "" {
		t.Errorf("Replay and the end of the pass note otherwise (-end +Replay):\n%s", d)
	}
	// A later answer is about what was purged since, and does not count.
	l.answer(attribution.KindSpace, slotTime(7), slotTime(14))
	if opened := l.endPass(); opened != 0 {
		t.Errorf("%d discrepancies opened", opened)
	}
	wantIncomplete(t, l, "asked again", spaceID(0), ana)
}

// TestR2_6_HistoryWithoutAnyRow: where there was no history when it was first asked
// for, there is no horizon, whatever is tracked or imported from then on.
func TestR2_6_HistoryWithoutAnyRow(t *testing.T) {
	db := pgtest.New(t)
	l := newLedger(t, db, issueIDs(t, db))
	l.now = slotTime(10)
	// The first tracked row came between the question and this pass.
	l.save([]item{anySpace(0, ana, 2), anyUser(0, ana, 1, 2), rowOn(onSpace, spaceID(0), "FG3877", "AB1234", 9)})
	l.answer(attribution.KindSpace, time.Time{}, slotTime(8))
	l.answer(attribution.KindProfile, time.Time{}, slotTime(8))
	l.replayBy(2)
	l.endPass()
	l.save([]item{ownHistoryRow(1, onSpace, spaceID(0), "", "FG3877", 3), ownHistoryRow(2, onProfile, user0, "", "FG3877", 3)})
	l.replayBy(2)
	l.endPass()
	wantIncomplete(t, l, "no rows")
}

// TestR2_6_AnswerAfterTheFirstPass: a ledger that went by rows about Partner IDs so
// far takes back what it noted too much; what it had seen counts on.
func TestR2_6_AnswerAfterTheFirstPass(t *testing.T) {
	for _, c := range []struct {
		name   string
		oldest time.Time
		want   []string
	}{
		{"whole", slotTime(1), nil},
		{"purged", slotTime(4), []string{spaceID(0)}},
		{"purged since", slotTime(9), []string{spaceID(0), spaceID(1)}},
		{"all purged since", time.Time{}, []string{spaceID(0), spaceID(1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := pgtest.New(t)
			l := newLedger(t, db, issueIDs(t, db))
			l.save([]item{anySpace(0, "", 1), anySpace(1, "", 5), anySpace(2, "", 6), rowOn(onSpace, spaceID(2), "", "FG3877", 6)})
			l.replayBy(2)
			l.endPass()
			wantIncomplete(t, l, "by the rows", spaceID(0), spaceID(1))
			l.answer(attribution.KindSpace, c.oldest, l.now)
			l.endPass()
			wantIncomplete(t, l, "by the answer", c.want...)
		})
	}
}
