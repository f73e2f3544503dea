package pull

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/staging"
)

// readPlan cuts what lies behind a place into windows, keeps them and reads them. large is
// what the query said that was left.
func (o *object) readPlan(ctx context.Context, from position, until time.Time, large *tooMany) error {
	n := large.n
	windows, err := o.plan(ctx, from, until, large)
	if err != nil {
		return err
	}
	if err := o.keep(ctx, windows); err != nil {
		return err
	}
	o.Log.Info("read in windows", zap.String("object", o.reading.Object), zap.Int64("records", n), zap.Int("windows", len(windows)))
	o.total = o.received + max(n, 0)
	received, err := o.work(ctx, windows)
	if err != nil {
		return err
	}
	return o.finish(ctx, ending{at: o.began, settled: o.settled, isWhole: from.at.IsZero(),
		asked: from, until: until, received: received, expected: n})
}

// keep stores windows in place of those that there were, and the cursor before them.
func (o *object) keep(ctx context.Context, windows []*window) error {
	if o.options.DryRun || len(windows) == 0 {
		return nil
	}
	cursor := o.cursorAt(windows[0].from)
	if windows[0].IsWhole {
		cursor.At, cursor.ID = time.Time{}, ""
	}
	err := pg.InTx(ctx, o.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := o.token.Check(ctx, tx); err != nil {
			return err
		}
		if err := staging.DropWindows(ctx, tx, o.reading.Object); err != nil {
			return err
		}
		for _, w := range windows {
			if err := staging.WriteWindow(ctx, tx, w.Window); err != nil {
				return err
			}
		}
		return staging.WriteCursor(ctx, tx, cursor)
	})
	if err == nil {
		o.cursor = cursor
	}
	return err
}

// readWindows goes on with the windows that an earlier pass has left.
func (o *object) readWindows(ctx context.Context, left []staging.Window) error {
	windows := stored(left)
	o.Log.Info("go on with windows", zap.String("object", o.reading.Object), zap.Int("windows", len(windows)))
	if _, err := o.work(ctx, windows); err != nil {
		return err
	}
	last := left[len(left)-1]
	return o.finish(ctx, ending{at: last.PlannedAt, settled: last.PlannedAt, isWhole: last.IsWhole, expected: unknown})
}

// work reads windows, several at once and the earliest first, and gives how many records
// came.
func (o *object) work(ctx context.Context, windows []*window) (int64, error) {
	if o.options.Share != nil && !o.options.DryRun && len(windows) > 1 {
		return o.share(ctx, windows)
	}
	left := &remaining{object: o, windows: slices.Clone(windows)}
	group, ctx := errgroup.WithContext(ctx)
	for range min(o.Workers, max(1, len(windows))) {
		group.Go(func() error {
			for {
				w := left.take()
				if w == nil || ctx.Err() != nil {
					return ctx.Err()
				}
				if err := left.read(ctx, w); err != nil {
					return err
				}
			}
		})
	}
	err := group.Wait()
	return left.received, err
}

// remaining are the windows that are not done, in the order of time.
type remaining struct {
	*object
	windows  []*window
	received int64
	ended    int64 // records of windows that are done
}

// take gives the earliest window that nobody has, or nil.
func (l *remaining) take() *window {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.windows {
		if !w.isTaken {
			w.isTaken = true
			return w
		}
	}
	return nil
}

// read reads a window to its end. One that is too large for Salesforce is cut in two,
// and left to whoever takes it next.
func (l *remaining) read(ctx context.Context, w *window) error {
	already := w.Received
	err := l.readBy(ctx, w)
	switch {
	case salesforce.ClassOf(err) == salesforce.ClassNarrow && w.Until.Sub(w.from.at) > narrowest:
		err = l.halve(ctx, w)
	case err == nil:
		err = l.done(ctx, w)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.received += w.Received - already
	return err
}

// readBy reads a window by the API that is wanted. Some objects are none of Bulk's, and
// their jobs are refused; if that is left to us, they are read by REST.
func (l *remaining) readBy(ctx context.Context, w *window) error {
	if l.API == REST {
		return l.readPages(ctx, w, unlimited)
	}
	err := l.readJob(ctx, w)
	if l.API != Auto || errs.KindOf(err) != errs.Invalid {
		return err
	}
	l.Log.Info("Bulk refuses the object, and it is read by REST", zap.String("object", l.reading.Object), zap.Error(err))
	w.begin()
	w.isLoose = false
	return l.readPages(ctx, w, unlimited)
}

// unlimited is a limit that no query reaches.
const unlimited = 1 << 62

// halve cuts what is left of a window in two.
func (l *remaining) halve(ctx context.Context, w *window) error {
	middle := w.from.at.Add(w.Until.Sub(w.from.at) / 2).Truncate(tick)
	later := &window{Window: w.Window, isStored: true, from: position{at: middle}}
	later.Since, later.At, later.ID, later.Received = middle, time.Time{}, "", 0
	w.begin()
	earlier := w.Window
	earlier.Until = middle
	l.Log.Info("a window is cut in two", zap.String("object", l.reading.Object), zap.Duration("of", w.Until.Sub(w.from.at)))
	if !l.options.DryRun {
		if err := pg.InTx(ctx, l.DB, func(ctx context.Context, tx *sqlx.Tx) error {
			if err := l.token.Check(ctx, tx); err != nil {
				return err
			}
			if err := staging.WriteWindow(ctx, tx, earlier); err != nil {
				return err
			}
			return staging.WriteWindow(ctx, tx, later.Window)
		}); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w.Window, w.isTaken = earlier, false
	l.windows = slices.Insert(l.windows, slices.Index(l.windows, w)+1, later)
	return nil
}

// done takes a window off the list, and moves the cursor to the first that is left of all
// that there are, others' too. The last one's end is the object's, which finish notes.
func (l *remaining) done(ctx context.Context, w *window) error {
	isRight, err := l.compare(ctx, ending{asked: w.asked, until: w.Until, received: w.received, expected: w.expected})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isSuspect = l.isSuspect || !isRight
	i := slices.Index(l.windows, w)
	rest := slices.Delete(slices.Clone(l.windows), i, i+1)
	l.ended += w.Received
	isLast := l.part != nil && len(rest) == 0
	if !l.options.DryRun {
		err := pg.InTx(ctx, l.DB, func(ctx context.Context, tx *sqlx.Tx) error {
			if err := l.token.Check(ctx, tx); err != nil {
				return err
			}
			if err := staging.EndWindow(ctx, tx, w.Window); err != nil || !isLast {
				return err
			}
			return l.endPart(ctx, tx)
		})
		if err != nil {
			return err
		}
	}
	if isLast {
		l.part.Committed()
	}
	l.windows = rest
	return nil
}
