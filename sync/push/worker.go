package push

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/outbox"
)

// worker sends the rows of its part of the parents, in the order of (parent, key).
type worker struct {
	*pass
	to     mapping.Destination
	object string
	part   int
	after  outbox.Key
}

// run sweeps once over the part, so that it ends however much is marked while it
// goes on: what is marked behind it is for the next run.
func (w *worker) run(ctx context.Context) error {
	for !w.isStopped() {
		b, err := w.batch(ctx)
		if b != nil {
			w.add(w.object, b)
		}
		if err != nil || b == nil {
			return err
		}
		last := b.rows[len(b.rows)-1]
		w.after = outbox.Key{Key: last.Key, Parent: last.Parent}
	}
	return nil
}

func (w *worker) reach() outbox.Range {
	return outbox.Range{Object: w.object, After: w.after, Part: w.part, Parts: w.Workers, Limit: batchSize}
}

// batch sends one batch; nil means that there is none left. A failed call is an
// error beside the batch: what came before it is settled all the same.
func (w *worker) batch(ctx context.Context) (b *batch, err error) {
	if w.options.DryRun {
		rows, err := outbox.Peek(ctx, w.DB, w.reach(), w.Clock.Now())
		if err != nil || len(rows) == 0 {
			return nil, err
		}
		return compose(ctx, w.DB, w.to, rows)
	}
	var callErr error
	err = pg.InTx(ctx, w.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		b, callErr = nil, nil
		if err := w.token.Check(ctx, tx); err != nil {
			return err
		}
		rows, err := outbox.Claim(ctx, tx, w.reach(), w.Clock.Now())
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := endIfFrozen(ctx, tx); err != nil {
			return err
		}
		composed, err := compose(ctx, tx, w.to, rows)
		if err != nil {
			return err
		}
		if callErr = w.send(ctx, composed); ctx.Err() != nil {
			return ctx.Err()
		}
		b = composed
		return w.settle(ctx, tx, b)
	})
	if err != nil {
		return nil, err
	}
	return b, callErr
}

// endIfFrozen lets the database end the transaction, and with it the locks, if
// this process does not come back from its call.
func endIfFrozen(ctx context.Context, tx *sqlx.Tx) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf(
		`set local idle_in_transaction_session_timeout = %d`, (sendTimeout+sendTimeout/5).Milliseconds()))
	return err
}

// settle notes what came of the rows, in the transaction that claimed them.
func (w *worker) settle(ctx context.Context, tx *sqlx.Tx, b *batch) error {
	now := w.Clock.Now()
	b.judge(now)
	if err := outbox.Confirm(ctx, tx, w.object, b.confirmations, now); err != nil {
		return err
	}
	if err := outbox.Fail(ctx, tx, w.object, b.failures, now); err != nil {
		return err
	}
	if w.object == outbox.Statement {
		if err := outbox.MarkLinesOf(ctx, tx, b.firstWritten(), now); err != nil {
			return err
		}
	}
	for _, f := range b.failures {
		w.Log.Debug("a record did not get through",
			zap.String("object", w.object), zap.String("key", f.Key), zap.String("reason", f.Reason))
	}
	return nil
}
