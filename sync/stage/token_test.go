package stage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/stage"
)

func check(db *sqlx.DB, token stage.Token) error {
	return pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		return token.Check(ctx, tx)
	})
}

func TestOnlyTheLastToTakeATokenMayWrite(t *testing.T) {
	db := pgtest.New(t)
	first, err := stage.Take(t.Context(), db, stage.Pull)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(db, first); err != nil {
		t.Fatal(err)
	}
	second, err := stage.Take(t.Context(), db, stage.Pull)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(db, first); !errors.Is(err, stage.ErrSuperseded) {
		t.Errorf("the first: %v, want that it was superseded", err)
	}
	if err := check(db, second); err != nil {
		t.Errorf("the second: %v", err)
	}
	if other, err := stage.Take(t.Context(), db, stage.Push); err != nil || check(db, other) != nil || check(db, second) != nil {
		t.Error("stages share a token")
	}
}

// TestATokenCannotBeTakenWhileABatchIsBeingCommitted: whoever takes it over waits
// for the batch in hand, so that it reads all that was committed before.
func TestATokenCannotBeTakenWhileABatchIsBeingCommitted(t *testing.T) {
	db := pgtest.New(t)
	first, err := stage.Take(t.Context(), db, stage.Pull)
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan error, 1)
	err = pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := first.Check(ctx, tx); err != nil {
			return err
		}
		go func() {
			_, err := stage.Take(context.Background(), db, stage.Pull)
			taken <- err
		}()
		return untilSomebodyWaits(ctx, db)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	if err := check(db, first); !errors.Is(err, stage.ErrSuperseded) {
		t.Errorf("after the batch: %v, want that it was superseded", err)
	}
}

// untilSomebodyWaits returns when a connection to the database waits for a lock.
func untilSomebodyWaits(ctx context.Context, db *sqlx.DB) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var waits bool
		if err := db.GetContext(ctx, &waits, `
			select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')`); err != nil {
			return err
		}
		if waits {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func TestStatusOfAReport(t *testing.T) {
	r := stage.Report{}
	if r.Status(nil) != stage.OK {
		t.Error("nothing wrong is not ok")
	}
	r.Problems = 1
	if r.Status(nil) != stage.WithProblems {
		t.Error("a problem is told as ok")
	}
	if r.Status(errors.New("x")) != stage.Failed {
		t.Error("an error is not told as failed")
	}
}

// TestWhoWaitsForTheFrozenOutlastsThem: the database ends the transaction of a worker
// that does not come back sooner than it gives up who waits for its locks.
func TestWhoWaitsForTheFrozenOutlastsThem(t *testing.T) {
	t.Parallel()
	db, err := pg.Open(t.Context(), pg.Config{DSN: pgtest.DSN(t), Patience: 4 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	token, err := stage.Take(t.Context(), db, stage.Push)
	if err != nil {
		t.Fatal(err)
	}
	frozen, err := db.BeginTxx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = frozen.Rollback() }()
	if err := token.Check(t.Context(), frozen); err != nil {
		t.Fatal(err)
	}
	if _, err := stage.Take(t.Context(), db, stage.Push); err != nil {
		t.Errorf("the next one fails: %v", err)
	}
}

// TestWaitingInVainPasses: it is no failure for good.
func TestWaitingInVainPasses(t *testing.T) {
	t.Parallel()
	db, err := pg.Open(t.Context(), pg.Config{DSN: pgtest.DSN(t), Patience: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	token, err := stage.Take(t.Context(), db, stage.Push)
	if err != nil {
		t.Fatal(err)
	}
	if err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `set local idle_in_transaction_session_timeout = 0`); err != nil {
			return err
		}
		if err := token.Check(ctx, tx); err != nil {
			return err
		}
		if _, err := stage.Take(context.Background(), db, stage.Push); errs.KindOf(err) != errs.Transient {
			t.Errorf("got %q, want a transient failure: %v", errs.KindOf(err), err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
