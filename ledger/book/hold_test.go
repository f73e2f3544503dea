package book

import (
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/commission"
)

// sentenceOf is what a line says of itself.
func sentenceOf(t testing.TB, db *sqlx.DB, key string) (s string) {
	t.Helper()
	if err := db.Get(&s, `select explanation->>'sentence' from ledger.line where key = $1`, key); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestR8_5_AHoldOfAPersonsLasts until a person releases it, whatever is worked out
// meanwhile; nothing is posted, and nobody can approve it.
func TestR8_5_AHoldOfAPersonsLasts(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	settle(t, db, expect("006A", "FG3877", 50000))
	hold(t, db, "the customer disputes it.", key)
	wantAt(t, db, key, "on_hold, accrued 50000 USD")
	const says = "This is on hold. A person holds it: ana: the customer disputes it. Until then it stays as it was: It is 50000."
	if got := sentenceOf(t, db, key); got != says {
		t.Errorf("it says %q", got)
	}
	if again := settle(t, db, expect("006A", "FG3877", 50000)); len(again.Changed) != 0 {
		t.Errorf("worked out again, it changes to %+v", again.Changed)
	}
	wantRefused(t, approve(t, db, by, key), "on hold: held_by_hand")
	wantRefused(t, hold(t, db, "again", key), "held already, ana: the customer disputes it")

	// More is expected now; it waits.
	settle(t, db, expect("006A", "FG3877", 60000))
	wantAt(t, db, key, "on_hold, accrued 50000 USD")
	if o := release(t, db, key); len(o.Done) != 1 || o.Done[0].Status != statusOnHold || !isDue(t, db, "006A") {
		t.Errorf("released: %+v, due: %v", o, isDue(t, db, "006A"))
	}
	settle(t, db, expect("006A", "FG3877", 60000))
	wantAt(t, db, key, "accrued, accrued 60000 USD")

	// Where everything is posted, a release is at once.
	hold(t, db, "once more", key)
	if o := release(t, db, key); len(o.Done) != 1 || o.Done[0].Status != statusAccrued {
		t.Errorf("released: %+v", o)
	}
	wantAt(t, db, key, "accrued, accrued 60000 USD")
	if got := sentenceOf(t, db, key); got != "It is 60000." {
		t.Errorf("it says %q", got)
	}
	wantRefused(t, release(t, db, key), "no person holds it")
}

// TestR8_5_AHoldBesideAnotherReason outlasts it, and does not end it.
func TestR8_5_AHoldBesideAnotherReason(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	suspended := expect("006A", "FG3877", 50000)
	suspended.Lines[0].Status, suspended.Lines[0].Reason = commission.OnHold, commission.ReasonSuspended
	settle(t, db, suspended)
	hold(t, db, "look at it", key)
	settle(t, db, suspended)
	wantRefused(t, approve(t, db, by, key), "on hold: "+commission.ReasonSuspended)
	settle(t, db, expect("006A", "FG3877", 50000))
	wantRefused(t, approve(t, db, by, key), "on hold: held_by_hand")
	wantAt(t, db, key, "on_hold")

	settle(t, db, suspended)
	if o := release(t, db, key); len(o.Done) != 1 || o.Done[0].Status != statusOnHold {
		t.Errorf("released: %+v", o)
	}
	wantRefused(t, approve(t, db, by, key), "on hold: "+commission.ReasonSuspended)
}

// TestR8_5_AHeldLineOfAClosedMonth says once that it is held, however often it is
// worked out, and what is due beside it comes as an adjustment.
func TestR8_5_AHeldLineOfAClosedMonth(t *testing.T) {
	db, key := pgtest.New(t), lineIn("006A")
	settle(t, db, expect("006A", "FG3877", 50000))
	hold(t, db, "look at it", key)
	closeMonth(t, db, month)
	for range 3 {
		settle(t, db, expect("006A", "FG3877", 60000))
	}
	if got := sentenceOf(t, db, key); strings.Count(got, "This is on hold.") != 1 || !strings.HasSuffix(got, "It is 50000.") {
		t.Errorf("it says %q", got)
	}
	wantAt(t, db, key, "on_hold, accrued 50000 USD")
	release(t, db, key)
	wantAt(t, db, key, "accrued, accrued 50000 USD")
	if got := sentenceOf(t, db, key); got != "It is 50000." {
		t.Errorf("it says %q", got)
	}
}
