package revenue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// naming is a version of opportunity 0, that many hours after the first day: the
// number of the Account that it names, or -1.
type naming struct {
	hour, account int
}

// lost is the merge of an Account into another.
type lost struct {
	hour, into int
}

func hour(n int) time.Time { return jan.Add(time.Duration(n) * time.Hour) }

// own is what R3.3 and R9.2 make of versions in their order: the Account named last
// that no merge had led to.
func own(versions []naming, merges map[int]lost) int {
	own, named := -1, -1
	for _, v := range versions {
		if v.account < 0 || v.account == named {
			continue
		}
		followed := false
		for at, n := named, 0; at >= 0 && n < 9; n++ {
			m, merged := merges[at]
			if !merged || m.hour > v.hour {
				break
			}
			at = m.into
			followed = followed || at == v.account
		}
		if !followed {
			own = v.account
		}
		named = v.account
	}
	if len(versions) > 0 && versions[len(versions)-1].account < 0 {
		return -1
	}
	return own
}

// keepNaming saves versions, each in a transaction of its own, as reconcile does.
func keepNaming(t *testing.T, db *sqlx.DB, versions ...naming) {
	t.Helper()
	for _, v := range versions {
		o := oppOf(0, 0, clock.NewDate(2020, 3, 10), hour(v.hour))
		if o.AccountID = ""; v.account >= 0 {
			o.AccountID = accountID(v.account)
		}
		if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
			changed, err := revenue.SaveOpportunities(ctx, tx, []revenue.Opportunity{o})
			if err != nil {
				return err
			}
			return revenue.FindCustomers(ctx, tx, changed)
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func keepMerge(t *testing.T, db *sqlx.DB, account int, m lost) {
	t.Helper()
	if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		merged, err := ledger.SaveCustomers(ctx, tx, []ledger.Customer{{
			AccountID: accountID(account), MasterAccountID: accountID(m.into), IsDeleted: true, Modstamp: hour(m.hour),
		}})
		if err != nil {
			return err
		}
		ids, err := revenue.OfAccounts(ctx, tx, merged)
		if err != nil {
			return err
		}
		return revenue.FindCustomers(ctx, tx, ids)
	}); err != nil {
		t.Fatal(err)
	}
}

func wantCustomer(t *testing.T, db *sqlx.DB, what string, account int) {
	t.Helper()
	want, got := "", ""
	if account >= 0 {
		want = accountID(account)
	}
	if err := db.GetContext(t.Context(), &got, `select customer_id from ledger.opportunity`); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%s: its customer is %s, want %s", what, got, want)
	}
}

func TestR9_2_WhoseAnOpportunityIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		versions []naming
		merges   map[int]lost
		want     int
	}{
		{"named once", []naming{{1, 0}}, nil, 0},
		{"corrected", []naming{{1, 0}, {2, 1}}, nil, 1},
		{"corrected, then merged", []naming{{1, 0}, {2, 1}}, map[int]lost{0: {3, 1}}, 1},
		{"moved by a merge", []naming{{1, 0}, {3, 1}}, map[int]lost{0: {3, 1}}, 0},
		{"moved by a merge, seen late", []naming{{1, 0}, {9, 1}}, map[int]lost{0: {3, 1}}, 0},
		{"moved by two merges at a time", []naming{{1, 0}, {9, 2}}, map[int]lost{0: {3, 1}, 1: {5, 2}}, 0},
		{"moved by two merges, one after the other", []naming{{1, 0}, {3, 1}, {5, 2}}, map[int]lost{0: {3, 1}, 1: {5, 2}}, 0},
		{"corrected, then moved by a merge", []naming{{1, 0}, {2, 1}, {5, 2}}, map[int]lost{1: {5, 2}}, 1},
		{"moved by a merge, then corrected", []naming{{1, 0}, {3, 1}, {5, 2}}, map[int]lost{0: {3, 1}}, 2},
		{"corrected, and moved back by a merge", []naming{{1, 0}, {2, 1}, {5, 0}}, map[int]lost{1: {5, 0}}, 1},
		{"corrected twice", []naming{{1, 0}, {2, 1}, {5, 0}}, nil, 0},
		{"blanked", []naming{{1, 0}, {2, -1}}, nil, -1},
		{"blanked, and named again", []naming{{1, 0}, {2, -1}, {3, 1}}, nil, 1},
		{"blank at first", []naming{{1, -1}, {2, 0}, {5, 1}}, map[int]lost{0: {5, 1}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			keepNaming(t, db, c.versions...)
			for _, account := range []int{1, 0} {
				if m, merged := c.merges[account]; merged {
					keepMerge(t, db, account, m)
				}
			}
			wantCustomer(t, db, c.name, c.want)
			if got := own(c.versions, c.merges); got != c.want {
				t.Errorf("the model says %d", got)
			}
		})
	}
}

// TestR7_7_NamedAccountsComeInAnyOrder: whose an opportunity is does not depend on
// the order in which its versions and the merges come.
func TestR7_7_NamedAccountsComeInAnyOrder(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		var versions []naming
		for i, last := 0, -1; i < 2+r.IntN(4); i++ {
			v := naming{hour: 1 + 2*i, account: r.IntN(5) - 1}
			if v.account >= 0 && v.account == last {
				v.account = (v.account + 1) % 4
			}
			if v.account >= 0 {
				last = v.account
			}
			versions = append(versions, v)
		}
		merges := map[int]lost{}
		for account := range 3 {
			if r.IntN(2) == 0 {
				merges[account] = lost{hour: 1 + r.IntN(10), into: account + 1 + r.IntN(3-account)}
			}
		}
		want := own(versions, merges)
		story := fmt.Sprintf("seed %d: %v, merges %v", seed, versions, merges)
		for range 3 {
			if _, err := db.ExecContext(t.Context(), `delete from ledger.opportunity; delete from ledger.customer; delete from ledger.account_change`); err != nil {
				t.Fatal(err)
			}
			order := r.Perm(len(versions) + 3)
			for _, n := range order {
				if n < len(versions) {
					keepNaming(t, db, versions[n])
				} else if m, merged := merges[n-len(versions)]; merged {
					keepMerge(t, db, n-len(versions), m)
				}
			}
			wantCustomer(t, db, fmt.Sprintf("%s in the order %v", story, order), want)
			if t.Failed() {
				return
			}
		}
	}
}

// What comes late and says nothing new changes nothing.
func TestR7_7_AVersionThatComesTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	all := []naming{{1, 0}, {2, 1}, {5, 2}}
	keepNaming(t, db, all...)
	keepNaming(t, db, all...)
	keepMerge(t, db, 1, lost{5, 2})
	wantCustomer(t, db, "told twice", 1)
	var rows []string
	if err := db.SelectContext(t.Context(), &rows, `select account_id from ledger.account_change order by at`); err != nil {
		t.Fatal(err)
	}
	if want := []string{accountID(1), accountID(2)}; !slices.Equal(rows, want) {
		t.Errorf("kept are %v, want %v", rows, want)
	}
}
