package revenue_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// learn is something that is learned of sale and Space n: its version that many hours
// after the first day.
type learn struct {
	hour int
	// space: it is of the Space, which is deleted by it; else of the sale, which names the
	// Space or none.
	space, names bool
}

func (l learn) save(ctx context.Context, tx *sqlx.Tx, n int) error {
	s := spaceOf(n, 0, jan, hour(l.hour))
	changed := []string{sfID("006A", n)}
	if l.space {
		s.IsDeleted = true
		if err := attribution.SaveSpaces(ctx, tx, []attribution.Space{s}, hour(l.hour)); err != nil {
			return err
		}
	} else {
		o := oppOf(n, 0, clock.NewDate(2020, 3, 10), hour(l.hour))
		if l.names {
			o.SpaceID = s.ID
		}
		var err error
		if changed, err = revenue.SaveOpportunities(ctx, tx, []revenue.Opportunity{o}); err != nil {
			return err
		}
	}
	_, err := revenue.FindSpaces(ctx, tx, changed)
	return err
}

// The Space of a sale whose lookup was cleared is the same in whatever order that was
// learned (R2.9, R7.7).
func TestR7_7_TheSpaceThatWasClearedInAnyOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		learns []learn
		keeps  bool
		inTurn bool // the versions of the sale come one after the other
	}{
		{"deleted, and cleared by that", []learn{{hour: 1, names: true}, {hour: 9}, {hour: 9, space: true}}, true, false},
		{"deleted, and changed later", []learn{{hour: 1, names: true}, {hour: 30}, {hour: 9, space: true}}, true, false},
		{"cleared, and deleted later", []learn{{hour: 1, names: true}, {hour: 9}, {hour: 30, space: true}}, false, false},
		{"cleared twice, and deleted in between", []learn{{hour: 1, names: true}, {hour: 9}, {hour: 30}, {hour: 20, space: true}}, false, true},
		{"cleared, named again, deleted", []learn{{hour: 1}, {hour: 9, names: true}, {hour: 30, space: true}, {hour: 30}}, true, false},
		{"named, and never cleared", []learn{{hour: 1}, {hour: 9, names: true}, {hour: 30, space: true}}, true, false},
		{"never named", []learn{{hour: 1}, {hour: 9, space: true}, {hour: 9}}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db, n := pgtest.New(t), 0
			for order := range orders(len(c.learns)) {
				if n++; c.inTurn && !(isBefore(order, 0, 1) && isBefore(order, 1, 2)) {
					continue // the later one alone does not tell that there was an earlier
				}
				for _, i := range order {
					if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error { return c.learns[i].save(ctx, tx, n) }); err != nil {
						t.Fatal(err)
					}
				}
				want, got := "", ""
				if c.keeps {
					want = sfID("a0S", n)
				}
				if err := db.GetContext(t.Context(), &got, `select space_id from ledger.opportunity where id = $1`, sfID("006A", n)); err != nil {
					t.Fatal(err)
				}
				if got != want {
					t.Errorf("learned in the order %s: its Space is %q, want %q", fmt.Sprint(order), got, want)
				}
			}
		})
	}
}

// orders gives every order of n things.
func orders(n int) func(func([]int) bool) {
	return func(yield func([]int) bool) {
		var walk func(done []int) bool
		walk = func(done []int) bool {
			if len(done) == n {
				return yield(done)
			}
			for i := range n {
				if !slices.Contains(done, i) && !walk(append(done[:len(done):len(done)], i)) {
					return false
				}
			}
			return true
		}
		walk(nil)
	}
}

func isBefore(order []int, a, b int) bool { return slices.Index(order, a) < slices.Index(order, b) }
