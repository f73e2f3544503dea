package book

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/commission"
)

// later is when every month that a history closes is over.
var later = Context{AsOf: clock.NewDate(2027, 3, 20), Actor: "ana", Now: now}

// closeOne closes a month as far as lines are concerned.
func closeOne(t *rapid.T, db *sqlx.DB, m clock.Month) {
	if _, err := db.Exec(`
		insert into ledger.period_close (period, closed_by, closed_at, as_of, prev_anchor, anchor, engine, terms, sources, digest)
		values ($1, 'test', $2, $3, '', 'a', 'test', '{}', 0, 'd')`, m, now, m.Last()); err != nil {
		t.Fatal(err)
	}
}

// perFamily sums what is posted for a source by payee, slice, month and currency.
func (v *lives) perFamily(t *rapid.T, source string) map[string]int64 {
	posted, err := postedOfSources(context.Background(), v.db, []string{source})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, l := range v.lines(t) {
		f := l.family()
		for c, minor := range posted[l.Key].minor {
			if minor != 0 && l.SourceID == source {
				out[fmt.Sprintf("%s/%s/%s/%s %s", f.payee, f.regime, f.slice, f.period, c)] += minor
			}
		}
	}
	for k, minor := range out {
		if minor == 0 {
			delete(out, k)
		}
	}
	return out
}

func wantedOf(t *rapid.T, e Expectation) map[string]int64 {
	out := map[string]int64{}
	for _, l := range e.Lines {
		minor, err := l.Currency.Minor(l.Amount)
		if err != nil {
			t.Fatal(err)
		}
		if l.Status == commission.Accrued && minor != 0 {
			out[fmt.Sprintf("%s/%s/%s/%s %s", l.PayeeID, l.Regime, l.Slice, l.Period, l.Currency)] = minor
		}
	}
	return out
}

// wantHolds wants nothing approved since that a person holds.
func (v *lives) wantHolds(t *rapid.T) {
	var broken []string
	if err := v.db.Select(&broken, `
		select h.line_key from ledger.line_hold h join ledger.line l on l.key = h.line_key
		where h.released_at is null and h.source_id like $1 and l.status in ('accrued', 'approved', 'exported', 'paid')`, v.prefix+"%"); err != nil {
		t.Fatal(err)
	}
	if len(broken) > 0 {
		t.Fatalf("held and yet not on hold: %v", broken)
	}
}

// verifies wants the book to agree with itself.
func (v *lives) verifies(t *rapid.T) {
	if err := pg.InSnapshot(context.Background(), v.db, func(ctx context.Context, tx *sqlx.Tx) error {
		for _, c := range Checks() {
			if c.Name == "closed months" { // which here are closed without their heads
				continue
			}
			if _, err := c.Run(ctx, tx, func(d Difference) error {
				t.Fatalf("verify: %+v", d)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestR8_4_WhateverIsClosedEveryMonthComesToWhatIsExpected: over any history of facts
// that change, months that close, lives of lines, holds, currencies and payees, each
// slice and month ends with exactly what is expected of it, once, and can be approved.
func TestR8_4_WhateverIsClosedEveryMonthComesToWhatIsExpected(t *testing.T) {
	db := pgtest.New(t)
	// Each history closes its months at its own time; a real book never opens one again.
	if _, err := db.Exec(`drop trigger period_close_append_only on ledger.period_close`); err != nil {
		t.Fatal(err)
	}
	tamper(t, db, `insert into ledger.as_of values (true, '2026-11-19', null, 'test', now())`)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		if _, err := db.Exec(`delete from ledger.period_close`); err != nil {
			t.Fatal(err)
		}
		v := &lives{db: db, prefix: fmt.Sprintf("006-%d-", n), expected: map[string]int64{}}
		source, closes := v.prefix+"A", month
		for range rapid.IntRange(3, 16).Draw(t, "happenings") {
			switch rapid.IntRange(0, 5).Draw(t, "happens") {
			case 0, 1:
				settleIn(t, db, []Expectation{drawExpectation(t, source)})
			case 2:
				if closes.Before(clock.NewDate(2027, 2, 1).Month()) {
					closeOne(t, db, closes)
					closes = closes.Next()
				}
			default:
				v.step(t, later)
			}
			v.check(t)
			v.wantHolds(t)
		}
		v.concludes(t, source)
	})
	checkChained(t, db, "FG3877")
}

// concludes ends all holds, settles what is expected in the end, and approves it.
func (v *lives) concludes(t *rapid.T, source string) {
	keys := func() (out []string) {
		for _, l := range v.lines(t) {
			out = append(out, l.Key)
		}
		return out
	}
	v.do(t, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := Release(ctx, tx, keys(), later)
		return err
	})
	e := drawExpectation(t, source)
	e.Frozen = false
	for i := range e.Lines {
		if e.Lines[i].Status == commission.OnHold {
			e.Lines[i].Status, e.Lines[i].Reason = commission.Accrued, ""
		}
	}
	says := func() string {
		var out []string
		for _, l := range v.lines(t) {
			out = append(out, fmt.Sprintf("%s %s %d %s", l.Key, l.Status, l.AmountMinor, l.Currency))
		}
		return strings.Join(out, "\n")
	}
	for range 2 {
		settleIn(t, v.db, []Expectation{e})
		if d := cmp.Diff(wantedOf(t, e), v.perFamily(t, source)); d != "" {
			t.Fatalf("expected and posted, -want +got:\n%s\n%s", d, says())
		}
	}
	before := rowsOf(t, v.db, v.prefix)
	settleIn(t, v.db, []Expectation{e})
	if d := cmp.Diff(before, rowsOf(t, v.db, v.prefix)); d != "" {
		t.Fatalf("the same again changes something:\n%s", d)
	}
	v.check(t)
	v.do(t, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := Approve(ctx, tx, Selection{Keys: keys()}, nil, later)
		return err
	})
	var left int64
	if err := v.db.Get(&left, `
		select count(*) from ledger.line where source_id = $1 and (status = 'on_hold' or status = 'accrued' and amount_minor <> 0)`, source); err != nil {
		t.Fatal(err)
	}
	if left > 0 {
		t.Fatalf("%d lines cannot be approved:\n%s", left, says())
	}
	v.verifies(t)
}
