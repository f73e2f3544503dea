package pull

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/staging"
)

// window is a part of an object's reading, and how far it has come.
type window struct {
	staging.Window
	// from is the place up to which it is staged.
	from position
	// isLoose says that its records do not come in order, so that from does not move.
	isLoose bool
	// isStored says that it has a row in staging.window, which keeps from; without one
	// it is the object's cursor that does.
	isStored bool
	isTaken  bool // by a worker

	// Of the last query: where it began, how many records it announced and how many came.
	asked              position
	received, expected int64
}

// unknown is a count that was not made, or that Salesforce could not make.
const unknown = -1

// maxRestarts bounds how often in a row a lost query may be begun again without a
// record in between.
const maxRestarts = 5

// fewestPages is how many pages of the REST API cost no more than a Bulk job: making,
// looking, fetching, deleting.
const fewestPages = 5

// tooMany says that a query was left because another way is better for it. first is the
// stamp of its first record, zero if it is not known.
type tooMany struct {
	n     int64
	first time.Time
}

func (e *tooMany) Error() string { return fmt.Sprintf("%d records are too many for pages", e.n) }

// chunk is some of a query's records, and the number of all of them.
type chunk struct {
	records []staging.Record
	total   int64
}

// readPages reads a window by REST. A query whose locator was lost begins again behind
// the last page. With more than limit records, *tooMany leaves the window as it is.
func (o *object) readPages(ctx context.Context, w *window, limit int64) error {
	return o.restarting(w, func() error {
		receiver := o.shape.NewReceiver()
		query := soql(o.reading, w.from, w.Until)
		return o.pipe(ctx, w, func(ctx context.Context, emit func(chunk) error) error {
			pages := 0
			return o.Source.Query(ctx, query, salesforce.QueryOptions{All: true, BatchSize: o.PageSize}, func(_ context.Context, page salesforce.Page) error {
				if pages++; pages == 1 && o.isTooMany(page, limit) {
					return &tooMany{int64(page.TotalSize), stampOfFirst(receiver, page)}
				}
				o.heard(page)
				out := chunk{make([]staging.Record, len(page.Records)), int64(page.TotalSize)}
				for i, raw := range page.Records {
					var err error
					if out.records[i], err = receiver.JSON(raw); err != nil {
						return err
					}
				}
				return emit(out)
			})
		})
	})
}

// isTooMany says whether a query is left after its first page.
func (o *object) isTooMany(page salesforce.Page, limit int64) bool {
	if int64(page.TotalSize) <= limit || page.Last && o.API != Bulk {
		return false
	}
	return o.API != Auto || page.TotalSize > fewestPages*len(page.Records)
}

// stampOfFirst gives the stamp of a page's first record, zero if there is none to be read.
func stampOfFirst(receiver *staging.Receiver, page salesforce.Page) time.Time {
	if len(page.Records) == 0 {
		return time.Time{}
	}
	r, err := receiver.JSON(page.Records[0])
	if err != nil {
		return time.Time{} // whoever reads it in earnest says so
	}
	return r.Modstamp
}

// heard takes note of the clock of an answer. One that is dated before the pass began
// proves that the clock was ahead then.
func (o *object) heard(page salesforce.Page) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !page.ServerTime.IsZero() && page.ServerTime.Before(o.settled) {
		o.Log.Warn("Salesforce's clocks differ", zap.Duration("by", o.settled.Sub(page.ServerTime)))
		o.settled = page.ServerTime
	}
}

// lines is how many records of a Bulk result are staged at once.
const lines = 4000

// readJob reads a window by Bulk.
func (o *object) readJob(ctx context.Context, w *window) error {
	return o.restarting(w, func() error {
		w.isLoose = true
		query := bulkSOQL(o.reading, w.from, w.Until)
		return o.pipe(ctx, w, func(ctx context.Context, emit func(chunk) error) error {
			s := &bulkSink{receiver: o.shape.NewReceiver(), emit: emit}
			if err := o.Source.BulkQuery(ctx, query, salesforce.BulkOptions{All: true}, s); err != nil {
				return err
			}
			return s.flush()
		})
	})
}

// bulkSink gathers the lines of a Bulk result.
type bulkSink struct {
	receiver *staging.Receiver
	emit     func(chunk) error
	chunk
}

// Begin takes the number of records and the names of the columns.
func (s *bulkSink) Begin(total int64, names [][]byte) error {
	s.total = total
	if total == 0 {
		return nil
	}
	return s.receiver.Header(names)
}

// Line takes a record.
func (s *bulkSink) Line(cells [][]byte) error {
	r, err := s.receiver.Line(cells)
	if err != nil {
		return err
	}
	if s.records = append(s.records, r); len(s.records) == lines {
		return s.flush()
	}
	return nil
}

func (s *bulkSink) flush() error {
	err := s.emit(s.chunk)
	s.records = make([]staging.Record, 0, lines)
	return err
}

// begin forgets the last query. What came of a window without order comes again.
func (w *window) begin() {
	if w.isLoose {
		w.Received -= w.received
	}
	w.asked, w.received, w.expected = w.from, 0, unknown
}

// restarting runs a query, and begins it again if its result was lost.
func (o *object) restarting(w *window, query func() error) error {
	for restarts := 0; ; restarts++ {
		w.begin()
		err := query()
		if w.received > 0 && !w.isLoose {
			restarts = 0
		}
		if salesforce.ClassOf(err) != salesforce.ClassRestart || restarts == maxRestarts {
			return err
		}
		o.Log.Info("a query is begun again", zap.String("object", o.reading.Object))
	}
}

// pipe stages what a query produces. While a chunk is written the next is fetched, so
// at most two are in memory. What was fetched before a failure is still written.
func (o *object) pipe(ctx context.Context, w *window, produce func(ctx context.Context, emit func(chunk) error) error) error {
	fetching, stop := context.WithCancel(ctx)
	defer stop()
	chunks := make(chan chunk)
	var fetchErr error
	go func() {
		defer close(chunks)
		fetchErr = produce(fetching, func(c chunk) error {
			select {
			case chunks <- c:
				return nil
			case <-fetching.Done():
				return fetching.Err()
			}
		})
	}()
	var writeErr error
	for c := range chunks {
		if writeErr != nil {
			continue // drain, until the fetching has noticed that it is stopped
		}
		if writeErr = o.take(ctx, w, c); writeErr != nil {
			stop()
		}
	}
	if writeErr != nil {
		return writeErr
	}
	return fetchErr
}
