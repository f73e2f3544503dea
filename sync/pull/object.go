package pull

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
)

// object is the reading of one object in a pass.
type object struct {
	*pass
	reading mapping.Reading
	shape   *staging.Shape
	// was is the cursor that the pass found.
	was staging.Cursor
	// part is the part of a shared reading that this is, or nil.
	part *stage.Held

	// Several workers may read windows at once; what they share is below.
	mu     sync.Mutex
	cursor staging.Cursor
	// settled is the clock as of which what was read is complete but for the overlap:
	// began, or what a later answer says that is earlier.
	settled time.Time
	// isFresh says that nothing of the object is staged but by this pass.
	isFresh bool
	// isSuspect says that a window had another number of records than was counted.
	isSuspect       bool
	received, total int64
}

// object reads one object to its end.
func (p *pass) object(ctx context.Context, r mapping.Reading) (err error) {
	defer errs.Wrap(&err, "read %s", r.Object)
	cursor := p.cursors[r.Object]
	cursor.Object = r.Object
	if err := checkAbsent(r, cursor); err != nil {
		return err
	}
	o := &object{pass: p, reading: r, settled: p.began}
	if o.shape, err = shapeOf(r); err != nil {
		return err
	}
	if signature := r.Signature(); cursor.Fields != signature {
		if cursor.Fields != "" {
			p.notice("%s is read again from the start, because the list of its fields has changed.", r.Object)
		}
		cursor = staging.Cursor{Object: r.Object, Fields: signature, AskedAt: cursor.AskedAt, Oldest: cursor.Oldest}
		delete(p.windows, r.Object)
	}
	if r.Kind.IsHistory() && cursor.AskedAt.IsZero() && !p.options.DryRun {
		if cursor.AskedAt, cursor.Oldest, err = p.askOldest(ctx, r); err != nil {
			return err
		}
	}
	o.cursor, o.was = cursor, cursor
	if err := o.prepare(ctx); err != nil {
		return err
	}
	if left := p.windows[r.Object]; len(left) > 0 {
		if err := o.readWindows(ctx, left); err != nil {
			return err
		}
	}
	return o.readChanges(ctx)
}

// shapeOf gives the shape of what a reading selects.
func shapeOf(r mapping.Reading) (*staging.Shape, error) {
	columns := make([]staging.Column, len(r.Columns))
	for i, c := range r.Columns {
		columns[i] = staging.Column{Path: c.Path, Form: staging.FormOf(c.Type)}
	}
	return staging.NewShape(r.Object, r.Stamp, columns)
}

// prepare begins the object's counts.
func (o *object) prepare(ctx context.Context) (err error) {
	if o.options.DryRun {
		o.report.Add(o.reading.Object+" to receive", 0)
		return nil
	}
	o.report.Add(o.reading.Object+" received", 0)
	o.report.Add(o.reading.Object+" staged", 0)
	if o.cursor.At.IsZero() {
		o.isFresh, err = staging.IsEmpty(ctx, o.DB, o.reading.Object)
	}
	return err
}

// checkAbsent stops a mapping whose optional field was there and has gone: it
// has more likely been hidden than removed, and everything that was known of it
// would be read as blank (R9.4).
func checkAbsent(r mapping.Reading, cursor staging.Cursor) error {
	fields, _, _ := strings.Cut(cursor.Fields, " where ")
	for _, path := range r.Absent {
		if slices.Contains(strings.Split(fields, ","), path) {
			return errs.New(errs.Invalid, "%s had the field %s, which is gone or hidden from the integration user", r.Object, path).
				WithHint("Give the integration user read access to %s, or take it out of the mapping.", path)
		}
	}
	return nil
}

// start is where the next reading begins.
func (p *pass) start(c staging.Cursor) position {
	if c.At.IsZero() {
		return position{}
	}
	if settled := c.UpdatedAt.Add(-p.Overlap); settled.Before(c.At) {
		return position{at: settled}
	}
	return position{at: c.At, id: c.ID}
}

// tick is the platform's finest time; a window that ends a tick behind a clock has
// what is stamped with it.
const tick = time.Millisecond

// readChanges reads from the cursor to the clock at which the pass began.
func (o *object) readChanges(ctx context.Context) error {
	o.was = o.cursor
	if isDue := o.began.Sub(o.cursor.FullAt) >= o.RefreshEvery; isDue && o.reading.IsDerived() && !o.cursor.At.IsZero() {
		o.Log.Info("read as a whole, for fields that don't move a record's stamp", zap.String("object", o.reading.Object))
		o.cursor.At, o.cursor.ID = time.Time{}, ""
	}
	from, until := o.start(o.cursor), o.began.Add(tick)
	if !from.at.Before(until) {
		o.problem(fmt.Sprintf("Salesforce's clock has gone back to %s, before %s, up to which %s was read: nothing is read until it is later again.",
			o.began.Format(time.RFC3339), from.at.Format(time.RFC3339), o.reading.Object))
		return nil
	}
	w := &window{Window: staging.Window{Object: o.reading.Object, Since: from.at, Until: until}, from: from}
	var large *tooMany
	err := o.readPages(ctx, w, o.limit())
	switch {
	case errors.As(err, &large):
	case salesforce.ClassOf(err) == salesforce.ClassNarrow:
		o.Log.Info("a query is cut into windows", zap.String("object", o.reading.Object))
		large = &tooMany{n: unknown}
	case err != nil:
		return err
	default:
		return o.finish(ctx, ending{at: o.began, settled: o.settled, isWhole: from.at.IsZero(),
			asked: w.asked, until: until, received: w.received, expected: w.expected})
	}
	return o.readPlan(ctx, w.from, until, large)
}

// limit is how many records the pages of a query may have before they are left.
func (o *object) limit() int64 {
	switch o.API {
	case Bulk:
		return 0
	case REST:
		return min(int64(o.Window), 2*fewestInAWindow) // from there on it is worth several workers
	}
	return int64(o.BulkAbove)
}

// ending is how an object was read to an end.
type ending struct {
	at      time.Time // up to where it is read
	settled time.Time // as of which that is complete, but for the overlap
	isWhole bool      // it was read from the start
	// What was asked for, and how many records came and were counted.
	asked              position
	until              time.Time
	received, expected int64
}

// finish notes that the object was read to its end, even if nothing came, if what
// came is what was counted.
func (o *object) finish(ctx context.Context, e ending) (err error) {
	defer errs.Wrap(&err, "finish")
	next := o.cursor
	next.At, next.ID, next.UpdatedAt, next.IsDoubted = e.at, "", e.settled, false
	if e.settled.Before(e.at) {
		next.At = e.settled
	}
	if e.isWhole {
		next.FullAt = e.at
	}
	isRight := false
	if !o.isSuspect {
		if isRight, err = o.compare(ctx, e); err != nil {
			return err
		}
	}
	if !isRight && !o.was.IsDoubted {
		next = o.was
		next.IsDoubted = true
		if next.UpdatedAt.IsZero() {
			next.UpdatedAt = e.settled
		}
	}
	o.cursor = next
	if o.options.DryRun {
		return nil
	}
	err = pg.InTx(ctx, o.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := o.token.Check(ctx, tx); err != nil {
			return err
		}
		return staging.WriteCursor(ctx, tx, next)
	})
	level := zap.InfoLevel
	if o.received == 0 {
		level = zap.DebugLevel // of every object, in every pass
	}
	if err == nil {
		o.Log.Log(level, "read", zap.String("object", o.reading.Object), zap.Int64("received", o.received))
	}
	return err
}

// compare holds what was received against what was counted before and, if those
// differ, against what there is now: records that were written meanwhile have left the
// window, or have appeared in it late.
func (o *object) compare(ctx context.Context, e ending) (isRight bool, err error) {
	if e.received == e.expected || e.expected == unknown {
		return true, nil
	}
	now, err := o.count(ctx, e.asked, e.until)
	if err != nil {
		return false, err
	}
	if min(e.expected, now) <= e.received && e.received <= max(e.expected, now) {
		return true, nil
	}
	what := "the next pull reads the same again"
	if o.was.IsDoubted {
		what = "it was so before, and the pull goes on; compare the object in full"
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.problem(fmt.Sprintf("Of %s, %d records came, and Salesforce had counted %d (%d now): %s.", o.reading.Object, e.received, e.expected, now, what))
	return false, nil
}

// count asks how many records there are.
func (o *object) count(ctx context.Context, from position, until time.Time) (n int64, err error) {
	err = o.Source.Query(ctx, countSOQL(o.reading, from, until), salesforce.QueryOptions{All: true},
		func(_ context.Context, page salesforce.Page) error {
			n = int64(page.TotalSize)
			return nil
		})
	return n, err
}
