package pull

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/staging"
)

// reader reads one object.
type reader struct {
	*pass
	reading mapping.Reading
	cursor  staging.Cursor
	// from is the place up to which this pass has read.
	from position
	// isFresh says that nothing of the object is staged but by this reader.
	isFresh bool

	received, staged, total int64
}

// The platform's first records are of 1999; a reading that has to be narrowed
// and has no place to begin begins there.
var firstStamp = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	// narrowest is the window below which a query that is too large stays so.
	narrowest = time.Minute
	// maxRestarts bounds how often in a row a lost query may be begun again
	// without a page in between.
	maxRestarts = 5
)

// run reads to the end. A query that Salesforce finds too large is asked again
// in windows of time, halved until they pass and doubled when they did; one whose
// locator was lost begins again behind the last page.
func (r *reader) run(ctx context.Context) error {
	r.report.Add(r.reading.Object+" received", 0)
	r.report.Add(r.reading.Object+" staged", 0)
	var width time.Duration // of the window; 0 for all that there is
	for restarts := 0; ; {
		until, before := r.until(width), r.received
		err := r.stream(ctx, soql(r.reading, r.from, until))
		if r.received > before {
			restarts = 0
		}
		switch class := salesforce.ClassOf(err); {
		case err == nil && until.IsZero():
			return r.finish(ctx)
		case err == nil:
			r.from, width = position{at: until}, width*2
		case class == salesforce.ClassRestart && restarts < maxRestarts:
			restarts++
		case class == salesforce.ClassNarrow && (width == 0 || width > narrowest):
			width = r.narrower(width)
			r.Log.Info("a query is narrowed", zap.String("object", r.reading.Object), zap.Duration("window", width))
		default:
			return err
		}
	}
}

// until is the end of a window of the given width, or zero when the window would
// reach the present.
func (r *reader) until(width time.Duration) time.Time {
	if width == 0 {
		return time.Time{}
	}
	if end := r.begin().Add(width); end.Before(r.began) {
		return end.UTC().Truncate(time.Second)
	}
	return time.Time{}
}

func (r *reader) begin() time.Time {
	if r.from.at.IsZero() {
		return firstStamp
	}
	return r.from.at
}

func (r *reader) narrower(width time.Duration) time.Duration {
	if width == 0 {
		width = r.began.Sub(r.begin())
	}
	return max(width/2, narrowest)
}

// stream runs one query. While a page is written the next is fetched, so at most
// two are in memory. What was fetched before a failure is still written.
func (r *reader) stream(ctx context.Context, query string) error {
	fetching, stop := context.WithCancel(ctx)
	defer stop()
	pages := make(chan received)
	var fetchErr error
	go func() {
		defer close(pages)
		fetchErr = r.fetch(fetching, query, pages)
	}()
	var writeErr error
	already := r.received
	for page := range pages {
		if writeErr != nil {
			continue // drain, until the fetching has noticed that it is stopped
		}
		r.total = already + page.total
		if writeErr = r.write(ctx, page.records); writeErr != nil {
			stop()
		}
	}
	if writeErr != nil {
		return writeErr
	}
	return fetchErr
}

// received is a page whose records were copied out of the client's memory.
type received struct {
	records []staging.Record
	total   int64
}

func (r *reader) fetch(ctx context.Context, query string, pages chan<- received) error {
	o := salesforce.QueryOptions{All: true, BatchSize: r.PageSize}
	return r.Source.Query(ctx, query, o, func(ctx context.Context, page salesforce.Page) error {
		out := received{records: make([]staging.Record, len(page.Records)), total: int64(page.TotalSize)}
		for i, raw := range page.Records {
			var err error
			if out.records[i], err = staging.Receive(r.reading.Object, r.reading.Stamp, raw); err != nil {
				return err
			}
		}
		if len(out.records) == 0 {
			return nil
		}
		select {
		case pages <- out:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// write stages a page and moves the cursor, in one transaction.
func (r *reader) write(ctx context.Context, records []staging.Record) (err error) {
	last := records[len(records)-1]
	next := r.cursorAt(position{at: last.Modstamp, id: last.ID})
	isFresh, staged := r.isFresh, int64(0)
	err = pg.InTx(ctx, r.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if err := r.token.Check(ctx, tx); err != nil {
			return err
		}
		if isFresh {
			staged, isFresh, err = staging.PutNew(ctx, tx, r.reading.Object, records, r.Clock.Now())
		}
		if err == nil && !isFresh {
			staged, err = staging.Put(ctx, tx, r.reading.Object, records, r.Clock.Now())
		}
		if err != nil {
			return err
		}
		return staging.WriteCursor(ctx, tx, next)
	})
	if err != nil {
		return err
	}
	r.isFresh, r.cursor, r.from = isFresh, next, position{at: last.Modstamp, id: last.ID}
	n := int64(len(records))
	r.received, r.staged = r.received+n, r.staged+staged
	r.report.Add(r.reading.Object+" received", n)
	r.report.Add(r.reading.Object+" staged", staged)
	r.options.Progress.Tell(r.reading.Object, r.received, max(r.total, r.received))
	return nil
}

// cursorAt is the cursor for what was read up to a place: never beyond the clock
// at which this pass began, because what is stamped later is not complete.
func (r *reader) cursorAt(at position) staging.Cursor {
	if at.at.After(r.began) {
		at = position{at: r.began}
	}
	next := r.cursor
	next.At, next.ID, next.UpdatedAt = at.at, at.id, r.began
	return next
}

// finish notes that the object was read to its end, even if nothing came.
func (r *reader) finish(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "finish")
	r.cursor.UpdatedAt = r.began
	err = pg.InTx(ctx, r.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := r.token.Check(ctx, tx); err != nil {
			return err
		}
		return staging.WriteCursor(ctx, tx, r.cursor)
	})
	if err != nil {
		return err
	}
	r.Log.Info("read", zap.String("object", r.reading.Object),
		zap.Int64("received", r.received), zap.Int64("staged", r.staged))
	return nil
}
