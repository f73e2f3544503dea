package accrue_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/revenue"
	"github.com/partnersync/partnersync/sync/stage"
)

// What the go-live leaves out needs no import, and one would be taken back (R4.5).
func TestR4_5_WhatTheGoLiveLeavesOutIsRefused(t *testing.T) {
	t.Parallel()
	c := worked(t)
	c.opportunity(revenue.Opportunity{ID: oppPoint, Name: "Point", SpaceID: spaceNorth, Amount: amount("5000"), CloseDate: day("2026-05-04")})
	live := book.GoLive{Decided: true, On: day("2026-05-11")}
	const says = "line 2, period: the go-live on 2026-05-11 leaves it out already: what was before it was paid by another system. Leave the row out"
	c.refuses(live, errs.Invalid, says, paid(oppTerm, "2026-04", "98.63"))
	c.refuses(live, errs.Invalid, says, paid(oppTerm, "2026-04", "98.63", "space", "referral"))
	c.refuses(live, errs.Invalid, says, paid(oppTerm, "2025-11", "98.63", "space", "referral"))
	c.refuses(live, errs.Invalid, says, paid(oppPoint, "2026-05", "500.00")) // closed in May, before the day
	// Of May's term, 21 days are paid here: 69.04. Half of it was paid already.
	r, err := c.bring(live, paid(oppTerm, "2026-05", "34.52"))
	if err != nil || len(r.Lines) != 1 || r.Lines[0].Expected() != 6904 || r.Lines[0].Posts != 3452 {
		t.Errorf("%v %+v", err, r.Lines)
	}
	// As it was decided before, where the settings say nothing now.
	c.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := book.KeepGoLive(ctx, tx, live.On, "test", c.clock.Now())
		return err
	})
	c.refuses(book.GoLive{}, errs.Invalid, says, paid(oppTerm, "2026-04", "98.63"))
}

// A line that was only shown, on hold, becomes what was paid; the hold keeps the rest.
func TestR8_9_ALineThatOnlyWaitedIsBroughtIn(t *testing.T) {
	t.Parallel()
	c := worked(t)
	suspend := func(status string) {
		c.in(func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := apply.Apply(ctx, tx, c.file(`partners: [{key: north, name: Northwind, kind: registered, joined_on: 2016-05-01, partner_ids: [FG3877], status: `+status+`}]`),
				apply.Options{Actor: "test", Zone: time.UTC, Now: c.clock.Now(), Alone: true})
			if err != nil {
				return err
			}
			_, err = attribution.Replay(ctx, tx, 1000, c.clock.Now())
			return err
		})
		c.accrue()
	}
	suspend("suspended")
	r := c.mustBring(paid(oppTerm, "2026-01", "100.00"))
	if len(r.Lines) != 1 || r.Lines[0].Posts != 0 || r.Lines[0].Held != 192 {
		t.Errorf("it says %+v", r.Lines)
	}
	c.accrue()
	if d := cmp.Diff([]string{"space/referral/2026-01 paid 10000", "space/referral~adj:2026-01/2026-01 on_hold 192", "space/referral/2026-02 on_hold 9205"}, c.linesOf(oppTerm)[:3]); d != "" {
		t.Error(d)
	}
	if n := c.sumOf("accrue"); n != 0 {
		t.Errorf("%d accrued while it was on hold", n)
	}
	suspend("active")
	if accrued := c.sumOf("accrue"); accrued != 110000 {
		t.Errorf("%d accrued", accrued)
	}
}

// A month that is closed takes nothing (R8.4), and what is half worked out says nothing.
func TestR8_4_WhatWasPaidForAClosedMonthIsRefused(t *testing.T) {
	t.Parallel()
	c := worked(t)
	if _, err := c.db.Exec(`
		insert into ledger.period_close (period, closed_by, closed_at, as_of, prev_anchor, anchor, engine, terms, sources, digest)
		values ('2026-02', 'test', now(), '2026-02-28', '', '\x01', 'test', '{}', 0, '')`); err != nil {
		t.Fatal(err)
	}
	c.refuses(book.GoLive{Decided: true}, errs.Conflict, "line 3, period: 2026-02 is closed: the book is closed through 2026-02. A closed month takes nothing any more (R8.4). What was paid before has to come in before the first close",
		paid(oppTerm, "2026-03", "101.92"), paid(oppTerm, "2026-02", "92.05"))
	if _, err := c.db.Exec(`insert into ledger.replay (subject_kind, subject, origin, marked_at) values ('space', $1, now(), now())`, spaceNorth); err != nil {
		t.Fatal(err)
	}
	if _, err := c.bring(book.GoLive{Decided: true}, paid(oppTerm, "2026-03", "101.92")); errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), "still to be worked out") {
		t.Errorf("got %v", err)
	}
	if _, err := c.bring(book.GoLive{Decided: true}, "opening,FG3877,USD,1.00,2026-03,INV-1"); err != nil {
		t.Errorf("a balance rests on no history: %v", err)
	}
}

// What other terms would have paid is compared with all that was paid, here or before.
func TestR8_9_WhatIfCountsWhatWasBroughtIn(t *testing.T) {
	t.Parallel()
	c := worked(t)
	c.mustBring(paid(oppTerm, "2026-01", "101.92"), "opening,FG3877,USD,70.00,2026-01,INV-1")
	c.accrue()
	w := c.whatIf(stage.Options{}, `plans: [{effective_from: 2010-01-01, space: {referral_rate: 12%, joined_before: 2021-01-01}}]`)
	if d := cmp.Diff([]string{"FG3877 space/referral default from 2010-01-01: 1200.00 → 1440.00 USD"}, sums(w)); d != "" {
		t.Error(d)
	}
}
