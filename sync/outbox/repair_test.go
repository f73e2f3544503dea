package outbox_test

import (
	"context"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/outbox"
)

func TestRepairForgetsWhatWasConfirmed(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mark(t, db, "A/1", "A/2", "B/1")
	settleAs := func(keys ...string) { written(t, db, keys...) }
	settleAs("A/1", "A/2", "B/1")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		return outbox.Repair(ctx, tx, outbox.Commission, []outbox.Key{{Key: "A/1", Parent: "A"}, {Key: "C/1", Parent: "C"}}, noon)
	})
	if got := peek(t, db, noon); got != "A/1 C/1" {
		t.Errorf("unsent: %s", got)
	}
	if r, _ := state(t, db, "A/1"); r.ConfirmedHash == nil || len(r.ConfirmedHash) > 0 || !r.IsOnItsWay() || r.IsDropped() {
		t.Errorf("%+v", r)
	}
	if r, _ := state(t, db, "A/2"); string(r.ConfirmedHash) != "\x01" || r.IsOnItsWay() {
		t.Errorf("%+v", r)
	}
	settleAs("A/1", "C/1")
	in(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		n, err := outbox.RepairAll(ctx, tx, outbox.Commission, noon)
		if n != 4 {
			t.Errorf("%d repaired, want 4", n)
		}
		return err
	})
	if got := peek(t, db, noon); got != "A/1 A/2 B/1 C/1" {
		t.Errorf("unsent after all: %s", got)
	}
}
