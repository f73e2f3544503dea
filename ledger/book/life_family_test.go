package book

import (
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// closeMonth closes a month as far as lines are concerned.
func closeMonth(t testing.TB, db *sqlx.DB, m clock.Month) {
	t.Helper()
	if _, err := db.Exec(`
		insert into ledger.period_close (period, closed_by, closed_at, as_of, prev_anchor, anchor, engine, terms, sources, digest)
		values ($1, 'test', $2, $3, '', 'a', 'test', '{}', 0, 'd')`, m, now, m.Last()); err != nil {
		t.Fatal(err)
	}
}

// TestR8_4_WhatChangesAfterApprovalIsALineOfItsOwn, which is approved by itself; what
// is unapproved takes its differences back.
func TestR8_4_WhatChangesAfterApprovalIsALineOfItsOwn(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	first, second := "FG3877/space/006A/referral~adj:2026-10/2026-10", "FG3877/space/006A/referral~adj2:2026-10/2026-10"
	settle(t, db, expect("006A", "FG3877", 50000))
	approve(t, db, by, key)
	settle(t, db, expect("006A", "FG3877", 30000))
	wantAt(t, db, key, "approved, payable 50000 USD")
	wantAt(t, db, first, "accrued, accrued -20000 USD")
	approve(t, db, by, first)
	settle(t, db, expect("006A", "FG3877", 35000))
	wantAt(t, db, first, "approved, payable -20000 USD")
	wantAt(t, db, second, "accrued, accrued 5000 USD")

	// The earlier one cannot be unapproved under the later one: what the later one adjusts
	// would no longer be there.
	wantRefused(t, takeBack(t, db, key), "adjusted since by "+first)
	if o := takeBack(t, db, key, first); len(o.Done) != 2 || len(o.Refused) != 0 {
		t.Errorf("both at once: %+v", o)
	}
	settle(t, db, expect("006A", "FG3877", 35000))
	wantAt(t, db, key, "accrued, accrued 35000 USD")
	wantAt(t, db, first, "void")
	wantAt(t, db, second, "void")
}

// TestR8_4_ALineOnABillKeepsWhatItAdjusts: named together, the one that stays keeps the
// other.
func TestR8_4_ALineOnABillKeepsWhatItAdjusts(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	adjusts := "FG3877/space/006A/referral~adj:2026-10/2026-10"
	settle(t, db, expect("006A", "FG3877", 50000))
	approve(t, db, by, key)
	settle(t, db, expect("006A", "FG3877", 60000))
	approve(t, db, by, adjusts)
	advance(t, db, KindExport, false, adjusts)
	if o := takeBack(t, db, key, adjusts); len(o.Done) != 0 || len(o.Refused) != 2 {
		t.Errorf("got %+v", o)
	}
	wantAt(t, db, key, "approved, payable 50000 USD")
}

// TestR8_4_AnAdjustmentOfWhatIsOpenAgainWaits: it is about to go; approved, it would stay
// beside a line that takes the same difference.
func TestR8_4_AnAdjustmentOfWhatIsOpenAgainWaits(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	adjusts := "FG3877/space/006A/referral~adj:2026-10/2026-10"
	settle(t, db, expect("006A", "FG3877", 50000))
	approve(t, db, by, key)
	settle(t, db, expect("006A", "FG3877", 60000))
	takeBack(t, db, key)
	wantRefused(t, approve(t, db, by, adjusts), "what it adjusts is not approved any more: "+key)
	if o := approve(t, db, by, adjusts, key); len(o.Done) != 2 {
		t.Errorf("both at once: %+v", o)
	}
	settle(t, db, expect("006A", "FG3877", 61000))
	wantAt(t, db, "FG3877/space/006A/referral~adj2:2026-10/2026-10", "accrued, accrued 1000 USD")
}

// TestR8_5_AnAdjustmentConcernsItsOwnSaleOnly: two sales of one payee and month are
// approved together, though the one has an adjustment.
func TestR8_5_AnAdjustmentConcernsItsOwnSaleOnly(t *testing.T) {
	db, one, other := pgtest.New(t), lineIn("006A"), lineIn("006B")
	adjusts := "FG3877/space/006A/referral~adj:2026-10/2026-10"
	for range 8 { // in whatever order a map is gone through
		settle(t, db, expect("006A", "FG3877", 50000), expect("006B", "FG3877", 70000))
		approve(t, db, by, one)
		settle(t, db, expect("006A", "FG3877", 60000))
		takeBack(t, db, one)
		wantRefused(t, approve(t, db, by, adjusts), "what it adjusts is not approved any more: "+one)
		if o := approve(t, db, by, adjusts, other); len(o.Done) != 1 || o.Done[0].Key != other {
			t.Fatalf("got %+v", o)
		}
		takeBack(t, db, other)
		settle(t, db, Expectation{SourceID: "006A"}, Expectation{SourceID: "006B"})
	}
}
