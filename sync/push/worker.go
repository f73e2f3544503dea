package push

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/sync/outbox"
)

// worker sends the rows of its part of the parents by Collections calls, in the order of
// (parent, key).
type worker struct {
	*pass
	*composer
	object string
	reach  outbox.Range // whose After is what was taken already
	blamed int          // records in a row on which whole requests failed, with none written in between
}

// run sweeps once over the part, so that it ends however much is marked while it
// goes on: what is marked behind it is for the next run.
func (w *worker) run(ctx context.Context) error {
	for !w.isStopped() {
		n, err := w.batch(ctx)
		if err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// batch sends one batch and gives its number of rows; 0 means that there is none left. A
// failed call is an error, and what came before it is settled all the same.
func (w *worker) batch(ctx context.Context) (int, error) {
	b, items, flight, err := w.prepare(ctx, w.reach)
	if err != nil || b == nil {
		return 0, err
	}
	last := b.rows[len(b.rows)-1]
	w.reach.After = outbox.Key{Key: last.Key, Parent: last.Parent}
	if w.options.DryRun || flight == 0 {
		return len(b.rows), nil
	}
	return len(b.rows), w.fly(ctx, flight, items)
}

// prepare takes the next rows of a range, settles those of which nothing has to be sent,
// and writes down the others as a flight of Collections calls; nil means that there are no
// rows, and flight 0 that nothing has to be sent.
func (w *worker) prepare(ctx context.Context, reach outbox.Range) (b *batch, items []*item, flight int64, err error) {
	err = pg.InTx(ctx, w.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		items, flight = nil, 0
		b, err = w.take(ctx, tx, w.composer, reach, w.items(&items))
		if err != nil || len(items) == 0 || w.options.DryRun {
			return err
		}
		if flight, err = outbox.Begin(ctx, tx, reach.Object, outbox.Collections, w.Clock.Now()); err != nil {
			return err
		}
		return outbox.Launch(ctx, tx, flight, reach.Object, flown(items))
	})
	switch {
	case err != nil:
		return nil, nil, 0, err
	case b == nil:
	case w.options.DryRun:
		w.wouldSend(reach.Object, b)
	default:
		w.settled(reach.Object, b)
	}
	return b, items, flight, nil
}

// take composes the next rows of a range, and settles those of which nothing is sent; a dry
// run doesn't. It gives nil if there are none.
func (p *pass) take(ctx context.Context, tx *sqlx.Tx, c *composer, reach outbox.Range, send func(row *outbox.Row, hash []byte) error) (*batch, error) {
	if !p.options.DryRun {
		if err := p.token.Check(ctx, tx); err != nil {
			return nil, err
		}
	}
	if err := pg.ByIndex(ctx, tx); err != nil {
		return nil, err
	}
	now := p.Clock.Now()
	rows, err := c.reader.Next(ctx, tx, reach, now)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	b, err := c.sift(rows, send)
	if err != nil || p.options.DryRun {
		return b, err
	}
	if err := outbox.Confirm(ctx, tx, reach.Object, b.same, now); err != nil {
		return nil, err
	}
	return b, outbox.Fail(ctx, tx, reach.Object, b.unfit, now)
}

// fly sends what is in a flight, in a transaction that holds it: whoever finds it held
// knows that somebody is at it, and finds it free as soon as its holder is dead.
func (w *worker) fly(ctx context.Context, flight int64, items []*item) error {
	var callErr error
	var o *outcome
	err := pg.InTx(ctx, w.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := w.token.Check(ctx, tx); err != nil {
			return err // whoever has the token settles the flight, or has
		}
		if err := outbox.Hold(ctx, tx, flight); err != nil {
			return err
		}
		if err := endIfFrozen(ctx, tx); err != nil {
			return err
		}
		alive := func() error { return w.token.Check(ctx, tx) }
		if callErr = w.send(ctx, items, alive); ctx.Err() != nil {
			return ctx.Err()
		}
		o = judge(items, w.Clock.Now())
		return w.land(ctx, tx, w.object, flight, o)
	})
	if err != nil {
		return err
	}
	w.add(w.object, o.tally)
	return callErr
}

// endIfFrozen lets the database end the transaction, and with it the hold, if this process
// does not come back from a call.
func endIfFrozen(ctx context.Context, tx *sqlx.Tx) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf(
		`set local idle_in_transaction_session_timeout = %d`, (sendTimeout+sendTimeout/5).Milliseconds()))
	return err
}

// land notes what came of the records of a flight, and ends it if none is left.
func (p *pass) land(ctx context.Context, tx *sqlx.Tx, object string, flight int64, o *outcome) error {
	now := p.Clock.Now()
	first, err := outbox.Land(ctx, tx, flight, o.done, p.isDense, now)
	if err != nil {
		return err
	}
	if err := outbox.Ground(ctx, tx, flight, o.failures, now); err != nil {
		return err
	}
	if len(o.again) > 0 {
		if _, err := outbox.Release(ctx, tx, flight, o.again, false); err != nil {
			return err
		}
	}
	for _, f := range o.failures {
		p.Log.Debug("a record did not get through",
			zap.String("object", object), zap.String("key", f.Key), zap.String("reason", f.Reason))
	}
	if err := p.linked(ctx, tx, object, first); err != nil {
		return err
	}
	return outbox.End(ctx, tx, flight)
}

// linked marks the lines of statements that Salesforce has come to know.
func (p *pass) linked(ctx context.Context, tx *sqlx.Tx, object string, first []string) error {
	if object != outbox.Statement {
		return nil
	}
	return outbox.MarkLinesOf(ctx, tx, first, p.Clock.Now())
}
