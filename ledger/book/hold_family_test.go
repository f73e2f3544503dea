package book

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/commission"
)

// TestR8_5_AHoldOutlastsTheCloseOfItsMonth: of a line on which nothing was posted, the
// whole amount comes as an adjustment once its month is closed, and that is what the
// person holds.
func TestR8_5_AHoldOutlastsTheCloseOfItsMonth(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	adjusts := "FG3877/space/006A/referral~adj:2026-10/2026-11"
	suspended := expect("006A", "FG3877", 50000)
	suspended.Lines[0].Status, suspended.Lines[0].Reason = commission.OnHold, commission.ReasonSuspended
	settle(t, db, suspended)
	hold(t, db, "look at it", key)
	settle(t, db, suspended)
	closeMonth(t, db, month)

	// The partner is active again; the person has not released the line.
	for range 2 {
		settle(t, db, expect("006A", "FG3877", 50000))
		wantAt(t, db, adjusts, "on_hold")
	}
	wantRefused(t, approve(t, db, by, adjusts), "on hold: held_by_hand")
	wantRefused(t, release(t, db, adjusts), "holds another line")
	if got, says := sentenceOf(t, db, adjusts), "A person holds "+key+": ana: look at it."; !strings.Contains(got, says) {
		t.Errorf("it says %q", got)
	}
	if o := release(t, db, key); len(o.Done) != 1 || !isDue(t, db, "006A") {
		t.Errorf("released: %+v", o)
	}
	settle(t, db, expect("006A", "FG3877", 50000))
	wantAt(t, db, adjusts, "accrued, accrued 50000 USD")
}

// TestR8_5_AHoldStopsWhatAClosedMonthIsAdjustedBy: nothing more is posted for a line
// that a person holds, on whatever line it would come.
func TestR8_5_AHoldStopsWhatAClosedMonthIsAdjustedBy(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	adjusts := "FG3877/space/006A/referral~adj:2026-10/2026-11"
	settle(t, db, expect("006A", "FG3877", 50000))
	hold(t, db, "look at it", key)
	closeMonth(t, db, month)
	settle(t, db, expect("006A", "FG3877", 90000))
	wantAt(t, db, key, "on_hold, accrued 50000 USD")
	wantAt(t, db, adjusts, "on_hold")
	release(t, db, key)
	settle(t, db, expect("006A", "FG3877", 90000))
	wantAt(t, db, key, "accrued, accrued 50000 USD")
	wantAt(t, db, adjusts, "accrued, accrued 40000 USD")
}

// TestR8_5_AnUnapprovalEndsNoHold: the difference that a person holds goes back to the
// line that was unapproved, and waits there.
func TestR8_5_AnUnapprovalEndsNoHold(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	adjusts := "FG3877/space/006A/referral~adj:2026-10/2026-10"
	settle(t, db, expect("006A", "FG3877", 50000))
	approve(t, db, by, key)
	settle(t, db, expect("006A", "FG3877", 90000))
	hold(t, db, "why so much?", adjusts)
	takeBack(t, db, key)
	for range 2 {
		settle(t, db, expect("006A", "FG3877", 90000))
		wantAt(t, db, key, "on_hold, accrued 50000 USD")
	}
	wantRefused(t, approve(t, db, by, key), "on hold: held_by_hand")
	release(t, db, adjusts)
	settle(t, db, expect("006A", "FG3877", 90000))
	wantAt(t, db, key, "accrued, accrued 90000 USD")
	wantAt(t, db, adjusts, "void")
}

// TestR8_4_AStepIntoAClosedMonthIsRefused: a clock that goes back, or a company zone
// farther west, would date it so.
func TestR8_4_AStepIntoAClosedMonthIsRefused(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	settle(t, db, expect("006A", "FG3877", 50000))
	closeMonth(t, db, month)
	early := by
	early.AsOf = month.Last()
	_, err := within(t, db, func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) {
		return Approve(ctx, tx, Selection{Keys: []string{key}}, nil, early)
	})
	if errs.KindOf(err) != errs.Conflict || errs.HintOf(err) == "" {
		t.Errorf("%v (%s)", err, errs.KindOf(err))
	}
	wantAt(t, db, key, "accrued, accrued 50000 USD")
}

// TestR8_1_AHeldLineGivesNothingBack while the hold lasts: neither a line that is no
// longer expected, nor an adjustment whose reason is gone.
func TestR8_1_AHeldLineGivesNothingBack(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	settle(t, db, expect("006A", "FG3877", 50000))
	hold(t, db, "look at it", key)
	nothing := Expectation{SourceID: "006A"}
	for range 2 {
		settle(t, db, nothing)
		wantAt(t, db, key, "on_hold, accrued 50000 USD")
	}
	if got := sentenceOf(t, db, key); strings.Count(got, "This is on hold.") != 1 {
		t.Errorf("it says %q", got)
	}
	release(t, db, key)
	settle(t, db, nothing)
	wantAt(t, db, key, "void")

	other := lineIn("006B")
	adjusts := "FG3877/space/006B/referral~adj:2026-10/2026-11"
	settle(t, db, expect("006B", "FG3877", 50000))
	closeMonth(t, db, month)
	settle(t, db, expect("006B", "FG3877", 30000))
	hold(t, db, "why less?", adjusts)
	settle(t, db, expect("006B", "FG3877", 50000))
	wantAt(t, db, adjusts, "on_hold, accrued -20000 USD")
	wantAt(t, db, other, "accrued, accrued 50000 USD")
	release(t, db, adjusts)
	settle(t, db, expect("006B", "FG3877", 50000))
	wantAt(t, db, adjusts, "void")
}

// TestR8_3_AChangeThatPostsNothingIsNoTampering, also where it comes in the same instant
// as the entry before it, or by a clock that went back.
func TestR8_3_AChangeThatPostsNothingIsNoTampering(t *testing.T) {
	for name, later := range map[string]time.Duration{"at once": 0, "by a clock that went back": -time.Hour} {
		db, key := pgtest.New(t), lineIn("006A")
		tamper(t, db, `insert into ledger.as_of values (true, '2026-11-19', null, 'test', now())`)
		settle(t, db, expect("006A", "FG3877", 50000))
		e := expect("006A", "FG3877", 50000)
		e.Lines[0].AccountID = "001B"
		if _, err := within(t, db, func(ctx context.Context, tx *sqlx.Tx) (Settled, error) {
			return Settle(ctx, tx, []Expectation{e}, Context{AsOf: asOf, Actor: "test", Now: now.Add(later)})
		}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if fs := found(t, db); len(fs) > 0 {
				t.Errorf("%s: %+v", name, fs)
			}
			early := by
			early.Now = now.Add(later)
			step(t, db, func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) {
				return Hold(ctx, tx, []string{key}, "why", early)
			})
		}
	}
}
