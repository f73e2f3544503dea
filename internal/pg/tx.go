package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// attempts bounds how often InTx runs its function: a conflict between
// transactions that five tries don't resolve is not bad luck.
const attempts = 5

// openTx marks a context whose transaction is open.
type openTx struct{}

// InTx runs f in a transaction at the database's default isolation (read
// committed), and commits if f gives nil. It rolls back when f fails or panics
// or ctx ends. A serialization failure or a deadlock (SQLSTATE 40001, 40P01)
// runs f again, up to five times in all with growing, jittered pauses, so f must
// do nothing that a rollback does not undo, and must reset what it gathered.
//
// f is handed a context of its own and must use it; InTx under that context is
// refused, because an inner transaction would neither see nor share the fate of
// the outer one. The error has a kind where the database's error has one. After
// a connection was lost during commit nobody knows whether it took place: that
// is Transient, and never repeated here.
func InTx(ctx context.Context, db *sqlx.DB, f func(ctx context.Context, tx *sqlx.Tx) error) error {
	return inTx(ctx, db, nil, f)
}

// InSnapshot runs f in a read-only transaction that sees one state of the whole
// database, for whoever compares tables with each other. Otherwise as InTx.
func InSnapshot(ctx context.Context, db *sqlx.DB, f func(ctx context.Context, tx *sqlx.Tx) error) error {
	return inTx(ctx, db, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, f)
}

func inTx(ctx context.Context, db *sqlx.DB, o *sql.TxOptions, f func(ctx context.Context, tx *sqlx.Tx) error) error {
	if ctx.Value(openTx{}) != nil {
		return errs.New(errs.Unknown, "a transaction was begun inside a transaction")
	}
	var err error
	for n := range attempts {
		if n > 0 {
			if waitErr := pause(ctx, n); waitErr != nil {
				return fmt.Errorf("%w (%w)", waitErr, err)
			}
		}
		if err = once(ctx, db, o, f); pq.As(err, "40001", "40P01") == nil {
			break
		}
	}
	// lib/pq reports a context's end as what the server said about it.
	if err != nil && ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return Classify(err)
}

func once(ctx context.Context, db *sqlx.DB, o *sql.TxOptions, f func(ctx context.Context, tx *sqlx.Tx) error) (err error) {
	tx, end, err := begin(ctx, db, o)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if endErr := end(); err == nil {
			err = endErr
		}
	}()
	done := false
	defer func() {
		if done {
			return
		}
		// f failed, panicked or called runtime.Goexit, as t.FailNow does.
		if rollbackErr := tx.Rollback(); rollbackErr != nil && err != nil && !errors.Is(rollbackErr, sql.ErrTxDone) {
			err = fmt.Errorf("%w (and the rollback: %w)", err, rollbackErr)
		}
	}()
	if err := f(context.WithValue(ctx, openTx{}, true), tx); err != nil {
		return err
	}
	done = true
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// pause waits before attempt n: some milliseconds, doubling, half of it chance,
// so that two transactions that collided do not collide again.
func pause(ctx context.Context, n int) error {
	longest := 5 * time.Millisecond << n
	t := time.NewTimer(longest/2 + rand.N(longest/2))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
