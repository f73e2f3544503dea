package pull

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
)

// take stages a chunk of a window, or in a dry run looks at it.
func (o *object) take(ctx context.Context, w *window, c chunk) (err error) {
	w.expected = c.total
	if !w.isStored {
		o.expect(w)
	}
	staged := int64(0)
	switch {
	case len(c.records) == 0:
		return nil
	case o.options.DryRun:
		o.look(c.records)
		w.from = w.after(c.records)
	default:
		if staged, err = o.write(ctx, w, c.records); err != nil {
			return err
		}
	}
	n := int64(len(c.records))
	w.received += n
	w.Received += n
	o.mu.Lock()
	defer o.mu.Unlock()
	o.received += n
	if o.options.DryRun {
		o.report.Add(o.reading.Object+" to receive", n)
	} else {
		o.tally(o.report, n, staged)
	}
	o.options.Progress.Tell(o.reading.Object, o.received, max(o.total, o.received))
	return nil
}

// tally counts in a report what came and was staged.
func (o *object) tally(r *stage.Report, received, staged int64) {
	r.Add(o.reading.Object+" received", received)
	r.Add(o.reading.Object+" staged", staged)
}

// expect says how many records there will be, for those who watch.
func (o *object) expect(w *window) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w.received == 0 {
		o.total = o.received + w.expected
	}
}

// look makes facts of records, and counts those of which a value cannot be read.
func (o *object) look(records []staging.Record) {
	bad := int64(0)
	for _, r := range records {
		if _, problems := o.Mapping.Decode(o.reading.Kind, r.Payload); len(problems) > 0 {
			bad++
		}
	}
	if bad > 0 {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.report.Add(o.reading.Object+" to receive with values that can't be read", bad)
	}
}

// write stages records and moves what keeps the window's place, in one transaction.
func (o *object) write(ctx context.Context, w *window, records []staging.Record) (staged int64, err error) {
	next := w.after(records)
	o.mu.Lock()
	isFresh, cursor := o.isFresh, o.cursorAt(next)
	o.mu.Unlock()
	err = pg.InTx(ctx, o.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if err := o.token.Check(ctx, tx); err != nil {
			return err
		}
		if staged, isFresh, err = put(ctx, tx, o, records, isFresh); err != nil {
			return err
		}
		if o.part != nil {
			if err := o.note(ctx, tx, int64(len(records)), staged); err != nil {
				return err
			}
		}
		if w.isLoose {
			return nil
		}
		if !w.isStored {
			return staging.WriteCursor(ctx, tx, cursor)
		}
		row := w.Window
		row.At, row.ID, row.Received = next.at, next.id, row.Received+int64(len(records))
		return staging.WriteWindow(ctx, tx, row)
	})
	if err != nil {
		return 0, err
	}
	w.from = next
	o.mu.Lock()
	defer o.mu.Unlock()
	o.isFresh = o.isFresh && isFresh
	if !w.isLoose && !w.isStored {
		o.cursor = cursor
	}
	return staged, nil
}

// put stages records of an object, by the fastest way while it has none.
func put(ctx context.Context, tx *sqlx.Tx, o *object, records []staging.Record, isFresh bool) (staged int64, stillFresh bool, err error) {
	if isFresh {
		staged, isFresh, err = staging.PutNew(ctx, tx, o.reading.Object, records, o.Clock.Now())
	}
	if err == nil && !isFresh {
		staged, err = staging.Put(ctx, tx, o.reading.Object, records, o.Clock.Now())
	}
	return staged, isFresh, err
}

// after is the place behind records that came, if they come in order; if not, the place
// does not move, now or later.
func (w *window) after(records []staging.Record) position {
	if w.isLoose = w.isLoose || !inOrder(w.from, records); w.isLoose {
		return w.from
	}
	last := records[len(records)-1]
	return position{at: last.Modstamp, id: last.ID}
}

// inOrder says whether records come in the order of (stamp, id), all behind a place.
func inOrder(from position, records []staging.Record) bool {
	for _, r := range records {
		next := position{at: r.Modstamp, id: r.ID}
		if next.before(from) {
			return false
		}
		from = next
	}
	return true
}

// cursorAt is the cursor for what was read up to a place: never beyond the clock
// at which this pass began, because what is stamped later is not complete.
func (o *object) cursorAt(at position) staging.Cursor {
	if at.at.After(o.settled) {
		at = position{at: o.settled}
	}
	next := o.cursor
	next.At, next.ID, next.UpdatedAt = at.at, at.id, o.settled
	return next
}
