package book

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// lives is a book on which anything may happen, in any order.
type lives struct {
	db       *sqlx.DB
	prefix   string
	expected map[string]int64 // by source, in cents
}

func (v *lives) do(t *rapid.T, f func(ctx context.Context, tx *sqlx.Tx) error) {
	if err := pg.InTx(context.Background(), v.db, f); err != nil {
		t.Fatal(err)
	}
}

func (v *lives) lines(t *rapid.T) (out []Line) {
	if err := v.db.Select(&out, `select `+lineColumns+` from ledger.line where source_id like $1 order by key`, v.prefix+"%"); err != nil {
		t.Fatal(err)
	}
	return out
}

func (v *lives) settle(t *rapid.T, source string, cents int64) {
	v.expected[source] = cents
	settleIn(t, v.db, []Expectation{expect(source, "FG3877", cents)})
}

// step lets some lines take a step that may be refused.
func (v *lives) step(t *rapid.T, by Context) {
	var keys []string
	for _, l := range v.lines(t) {
		if rapid.Bool().Draw(t, "meant") {
			keys = append(keys, l.Key)
		}
	}
	if len(keys) == 0 {
		return
	}
	kind := rapid.SampledFrom([]string{"approve", "approve", "unapprove", "hold", "release", "export", "failed", "paid", "returned"}).Draw(t, "step")
	v.do(t, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		switch kind {
		case "approve":
			_, err = Approve(ctx, tx, Selection{Keys: keys}, nil, by)
		case "unapprove":
			_, err = Unapprove(ctx, tx, keys, "why", by)
		case "hold":
			_, err = Hold(ctx, tx, keys, "why", by)
		case "release":
			_, err = Release(ctx, tx, keys, by)
		case "export":
			err = v.advance(ctx, tx, KindExport, false, StatusApproved, keys, by)
		case "failed":
			err = v.advance(ctx, tx, KindExport, true, StatusExported, keys, by)
		case "paid":
			err = v.advance(ctx, tx, KindPay, false, StatusExported, keys, by)
		case "returned":
			err = v.advance(ctx, tx, KindPay, true, StatusPaid, keys, by)
		}
		return err
	})
}

// advance moves all of the lines that are at a status.
func (v *lives) advance(ctx context.Context, tx *sqlx.Tx, kind string, back bool, status string, keys []string, by Context) error {
	lines, err := LinesByKey(ctx, tx, keys)
	if err != nil {
		return err
	}
	lines = slices.DeleteFunc(lines, func(l Line) bool { return l.Status != status })
	standing, err := Standing(ctx, tx, pointers(lines))
	if err != nil {
		return err
	}
	from := moves[kind].debit
	if back {
		from = moves[kind].credit
	}
	var parts []Part
	for _, l := range lines {
		for _, a := range standing[l.Key].amounts(from) {
			parts = append(parts, Part{LineKey: l.Key, PayeeID: l.PayeeID, Currency: a.Currency, Minor: a.Minor})
		}
	}
	_, err = Advance(ctx, tx, kind, back, parts, by)
	return err
}

// check holds the lines against the accounts: what stands on a line is where its status
// says, and nowhere else.
func (v *lives) check(t *rapid.T) {
	lines := v.lines(t)
	standing, err := Standing(context.Background(), v.db, pointers(lines))
	if err != nil {
		t.Fatal(err)
	}
	where := map[string]string{StatusApproved: AccountPayable, StatusExported: AccountInPayment, StatusPaid: AccountSettled}
	for _, l := range lines {
		may := where[l.Status]
		if may == "" {
			may = AccountAccrued
		}
		for account, held := range standing[l.Key].Minor {
			if account != may && account != AccountExpense && len(held) > 0 {
				t.Fatalf("%s is %s, and %s holds %v", l.Key, l.Status, account, held)
			}
		}
	}
}

// wantPosted wants what is posted for each source to be what is expected, unless some of
// it is held.
func (v *lives) wantPosted(t *rapid.T) {
	posted := map[string]int64{}
	held := map[string]bool{}
	lines := v.lines(t)
	standing, err := Standing(context.Background(), v.db, pointers(lines))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, l := range lines {
		posted[l.SourceID] -= standing[l.Key].In(AccountExpense, "USD")
		held[l.SourceID] = held[l.SourceID] || l.Status == statusOnHold
		all = append(all, fmt.Sprintf("%s %s %d", l.Key, l.Status, l.AmountMinor))
	}
	for source, want := range v.expected {
		if !held[source] && posted[source] != want {
			t.Fatalf("%s: %d are posted and %d expected\n%s", source, posted[source], want, strings.Join(all, "\n"))
		}
	}
}

func closeOctober(t *rapid.T, db *sqlx.DB) {
	if _, err := db.Exec(`
		insert into ledger.period_close (period, closed_by, closed_at, as_of, prev_anchor, anchor, engine, terms, sources, digest)
		values ($1, 'test', $2, $3, '', 'a', 'test', '{}', 0, 'd')`, month, now, month.Last()); err != nil {
		t.Fatal(err)
	}
}

// TestR8_5_WhateverHappensToLinesTheBookIsRight: over any history of changes, approvals,
// holds, payments, and of all of them taken back, every line's money is where its status
// says, and once the holds are over the book comes to what is expected.
func TestR8_5_WhateverHappensToLinesTheBookIsRight(t *testing.T) {
	db := pgtest.New(t)
	// Each history closes its month at its own time; a real book never opens it again.
	if _, err := db.Exec(`drop trigger period_close_append_only on ledger.period_close`); err != nil {
		t.Fatal(err)
	}
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		if _, err := db.Exec(`delete from ledger.period_close`); err != nil {
			t.Fatal(err)
		}
		closes := rapid.IntRange(0, 20).Draw(t, "closes after")
		v := &lives{db: db, prefix: fmt.Sprintf("006-%d-", n), expected: map[string]int64{}}
		sources := []string{v.prefix + "A", v.prefix + "B"}
		for i := range rapid.IntRange(3, 14).Draw(t, "happenings") {
			if i == closes {
				closeOctober(t, db)
			}
			if rapid.Bool().Draw(t, "a fact changes") {
				v.settle(t, rapid.SampledFrom(sources).Draw(t, "source"), rapid.Int64Range(-300, 300).Draw(t, "cents"))
				v.wantPosted(t)
			} else {
				v.step(t, by)
			}
			v.check(t)
		}
		var keys []string
		for _, l := range v.lines(t) {
			keys = append(keys, l.Key)
		}
		v.do(t, func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := Release(ctx, tx, keys, by)
			return err
		})
		for source, cents := range v.expected {
			v.settle(t, source, cents)
		}
		v.wantPosted(t)
		v.check(t)
	})
	checkChained(t, db, "FG3877")
}
