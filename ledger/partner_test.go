package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
)

func TestR5_6_AKindTurnsOnItsDay(t *testing.T) {
	db := pgtest.New(t)
	now := time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)
	turning := clock.NewDate(2026, 12, 1)
	inTx := func(f func(ctx context.Context, tx *sqlx.Tx) error) {
		t.Helper()
		if err := pg.InTx(context.Background(), db, f); err != nil {
			t.Fatal(err)
		}
	}
	inTx(func(ctx context.Context, tx *sqlx.Tx) error {
		for _, p := range []ledger.Partner{
			{Key: "a", IDs: []string{"AA0001"}, Kinds: []ledger.KindSince{{Kind: "registered", From: clock.NewDate(2026, 11, 30)}, {Kind: "consulting", From: turning}}},
			{Key: "b", IDs: []string{"BB0002"}, Kind: "registered"},
		} {
			p.Name, p.Status, p.JoinedOn = p.Key, ledger.StatusActive, clock.NewDate(2016, 1, 1)
			if err := ledger.SavePartner(ctx, tx, p, "ada", now); err != nil {
				return err
			}
		}
		_, err := ledger.TakeChanged(ctx, tx)
		return err
	})
	for _, c := range []struct {
		on     clock.Date
		turned int64
		kind   string
	}{
		{clock.NewDate(2026, 11, 20), 0, "registered"}, // before the day of its first kind, which holds before it
		{turning.AddDays(-1), 0, "registered"},
		{turning, 1, "consulting"},
		{turning.AddDays(1), 0, "consulting"},
	} {
		inTx(func(ctx context.Context, tx *sqlx.Tx) error {
			n, err := ledger.TurnKinds(ctx, tx, c.on)
			if err != nil {
				return err
			}
			changed, err := ledger.TakeChanged(ctx, tx)
			if err != nil {
				return err
			}
			partners, err := ledger.PartnersByID(ctx, tx, nil)
			if err != nil {
				return err
			}
			if n != c.turned || len(changed) != int(n) || partners[0].Kind != c.kind || partners[1].Kind != "registered" {
				t.Errorf("on %s %d turn (%v changed), to %s and %s; want %d, to %s and registered",
					c.on, n, changed, partners[0].Kind, partners[1].Kind, c.turned, c.kind)
			}
			if got := ledger.KindOn(partners[0].Kinds, c.on); got != c.kind {
				t.Errorf("KindOn(%s) is %s, want %s", c.on, got, c.kind)
			}
			return nil
		})
	}
}
