package migrations_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/statement"
	"github.com/partnersync/partnersync/migrations"
)

// TestR8_2_TheBookOfAnOlderLedger: what had accrued before there were accounts, closed
// months and statements has its balances and statements, agrees with itself, and is
// worked out once more, because its lines do not say yet of which contract they are.
func TestR8_2_TheBookOfAnOlderLedger(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	october := clock.NewDate(2026, 10, 1).Month()
	settle := func(source, payee string, c string, cents int64) {
		if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
			l := commission.Line{
				Key:     commission.Key(payee, commission.RegimeSpace, source, commission.SliceReferral, october),
				PayeeID: payee, Regime: commission.RegimeSpace, SourceID: source, Slice: commission.SliceReferral, Period: october,
				Currency: "USD", Rate: decimal.New(1, -1), Amount: decimal.New(cents, -2), Status: commission.Accrued,
				Explanation: commission.Explanation{Sentence: c},
			}
			asOf := clock.NewDate(2026, 11, 19)
			if err := book.KeepReached(ctx, tx, asOf, false, "test", now); err != nil {
				return err
			}
			_, err := book.Settle(ctx, tx, []book.Expectation{{SourceID: source, Lines: []commission.Line{l}}},
				book.Context{AsOf: asOf, Actor: "test", Now: now})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	settle("006A", "FG3877", "first", 50000)
	settle("006A", "FG3877", "then", 30000)
	settle("006B", "AB1234", "first", 700)
	downTo(t, db, 12)
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	var due []string
	if err := db.Select(&due, `select source_id from ledger.due_source order by 1`); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"006A", "006B"}, due); d != "" {
		t.Errorf("due, -want +got:\n%s", d)
	}
	if err := pg.InSnapshot(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := book.Verify(ctx, tx, func(d book.Difference) error {
			t.Errorf("verify: %+v", d)
			return nil
		})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		touched, err := statement.TakeTouched(ctx, tx, clock.NewDate(2026, 11, 20).Month())
		if len(touched.Statements) != 4 { // of each payee October's, and November's which opens with it
			t.Errorf("%+v", touched)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
