package push

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

const (
	// DefaultPatience is how long a pass waits for its Bulk jobs.
	DefaultPatience = 30 * time.Minute
	// lanes is how many jobs are made up side by side, each lane of parents of its own,
	// because a write locks its parent; and jobsAtOnce how many a lane has in flight: while
	// Salesforce works on one, the next is made up.
	lanes      = 2
	jobsAtOnce = 2
	// jobAtLeast and jobRows bound the records of a job: Salesforce works through a job in
	// batches of ten thousand, and what a job has is in doubt together, and noted together.
	jobAtLeast = 10_000
	jobRows    = 60_000
	// jobBytes bounds its data; Salesforce takes a little more.
	jobBytes = salesforce.MaxIngestUpload - 5_000_000
	// chunkRows is how many records are composed and written down at once.
	chunkRows = 2_000
	// brokenJobs is after how many jobs that fail as a whole the rest goes by calls, and
	// uploadTries how often an upload is tried.
	brokenJobs  = 4
	uploadTries = 3
)

// bulkRun sends what is unsent of an object by Bulk jobs.
type bulkRun struct {
	*pass
	to     mapping.Destination
	object string
	part   int        // of the parents
	parts  int        // 1 if this lane has them all
	rows   int        // of the next job at most
	after  outbox.Key // what is taken already
	isDry  bool       // nothing is left behind after
	broken int        // jobs
	buffer []byte
}

// verdict is how a job ended.
type verdict struct {
	broke bool // it did not do all of its work
	left  bool // it goes on, and a later pass asks what became of it
	err   error
}

// bulk makes jobs until nothing is left to take, or so many have failed that the rest had
// better go by calls.
func (p *pass) bulk(ctx context.Context, to mapping.Destination, object string) error {
	parts := lanes
	if p.total <= lanes*jobAtLeast {
		parts = 1
	}
	patience, cancel := context.WithTimeout(ctx, p.Patience)
	defer cancel()
	failed := make([]error, parts)
	var all sync.WaitGroup
	for part := range parts {
		all.Go(func() {
			r := &bulkRun{pass: p, to: to, object: object, part: part, parts: parts, rows: min(max(int(p.total)*5/(4*parts), jobAtLeast), jobRows)} // lanes are never quite even
			failed[part] = r.run(ctx, patience)
			p.stop(failed[part]) // the other lanes finish what they have in flight
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

// run makes the jobs of a lane. While Salesforce works on one, and its outcome is noted,
// the next one is made up.
func (r *bulkRun) run(ctx, patience context.Context) (err error) {
	ended := make(chan verdict)
	for inFlight := 0; ; {
		if err == nil && inFlight < jobsAtOnce && !r.isDry && r.broken < brokenJobs && !r.isStopped() {
			var f outbox.Flight
			if f, err = r.launch(ctx); err == nil && f.Records > 0 {
				inFlight++
				go func() { ended <- r.see(ctx, patience, f) }()
			}
			select { // what is over meanwhile, without waiting
			case v := <-ended:
				inFlight--
				err = errors.Join(err, r.heed(v))
			default:
			}
			continue
		}
		if inFlight == 0 {
			return err
		}
		inFlight--
		err = errors.Join(err, r.heed(<-ended))
	}
}

// see waits until a job is over, and notes its outcome.
func (r *bulkRun) see(ctx, patience context.Context, f outbox.Flight) (v verdict) {
	job, err := r.Sink.AwaitIngest(patience, f.JobID, f.Records)
	if err != nil {
		return verdict{left: true, err: r.leave(ctx, f, err)}
	}
	v.broke, v.err = r.settle(ctx, f, job, true)
	return v
}

// heed goes on as a job's verdict asks: after one that broke, the next are smaller, since
// something in it may be what Salesforce breaks down over, until calls find it.
func (r *bulkRun) heed(v verdict) error {
	switch {
	case v.err != nil:
	case v.left:
		r.isDry = true // what works on this one would not get to another
	case v.broke:
		r.broken++
		r.rows = max(r.rows/4, 1)
		r.after, r.isDry = outbox.Key{}, false
	}
	return v.err
}

// launch makes one job of the next rows; there is none, with no records, if nothing has to
// be sent. If the upload breaks off, the job is aborted, so that nothing of it is ever done,
// and made again.
func (r *bulkRun) launch(ctx context.Context) (outbox.Flight, error) {
	for try := 1; ; try++ {
		before := r.after
		f, err := r.fill(ctx)
		if err == nil {
			return f, nil
		}
		var own *ownError
		if errors.As(err, &own) || ctx.Err() != nil || f.JobID == "" {
			return f, err // ours, or before there was a job: the flight is settled by the next pass
		}
		if _, abortErr := r.Sink.AbortIngest(ctx, f.JobID); abortErr != nil {
			return f, errors.Join(err, abortErr)
		}
		if _, err := r.release(ctx, f, false); err != nil {
			return f, err
		}
		if class := salesforce.ClassOf(err); try == uploadTries || class != salesforce.ClassRetry && class != salesforce.ClassSession {
			return f, err
		}
		r.Log.Warn("an upload to a Bulk job broke off and is made again", zap.String("job", f.JobID), zap.Error(err))
		r.after, r.isDry = before, false
	}
}

// ownError is a failure on our side of an upload: of the database, or because another
// worker has taken over.
type ownError struct{ error }

func (e *ownError) Unwrap() error { return e.error }

// fill makes a job, uploads the next rows to it and closes it. There is none, with no
// records, if none of the rows has to be sent.
func (r *bulkRun) fill(ctx context.Context) (f outbox.Flight, err error) {
	f = outbox.Flight{Object: r.object, API: outbox.Bulk}
	first, err := r.chunk(ctx, &f, 0)
	if err != nil || len(first) == 0 {
		return f, err
	}
	job, err := r.Sink.CreateIngest(ctx, r.to.Object, r.to.Key)
	if err != nil {
		_, releaseErr := r.release(ctx, f, false)
		return f, errors.Join(err, releaseErr)
	}
	f.JobID = job.ID
	if err := r.noteJob(ctx, f); err != nil {
		return f, &ownError{err}
	}
	n, err := r.Sink.UploadIngest(ctx, f.JobID, func(w io.Writer) error { return r.write(ctx, w, &f, first) })
	if err != nil {
		return f, err
	}
	// From here on Salesforce may do it: if the answer is lost, the flight stays, and is
	// asked about.
	if _, err := r.Sink.CloseIngest(ctx, f.JobID); err != nil {
		return f, &ownError{err}
	}
	r.Log.Info("a Bulk job is closed", zap.String("job", f.JobID), zap.Int64("records", f.Records), zap.Int64("bytes", n))
	r.count("Bulk jobs", 1)
	return f, nil
}

// noteJob writes down which job a flight is, before anything is uploaded to it.
func (r *bulkRun) noteJob(ctx context.Context, f outbox.Flight) error {
	return pg.InTx(ctx, r.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := r.token.Check(ctx, tx); err != nil {
			return err
		}
		return outbox.SetJob(ctx, tx, f.ID, f.JobID)
	})
}

// write writes a job's data: the header, the first chunk, and further ones while they last
// and fit.
func (r *bulkRun) write(ctx context.Context, w io.Writer, f *outbox.Flight, chunk []byte) error {
	header := record.AppendCSVHeader(nil, r.to)
	if _, err := w.Write(header); err != nil {
		return err
	}
	for size := len(header); ; {
		if _, err := w.Write(chunk); err != nil {
			return err
		}
		size += len(chunk)
		if r.isDry || f.Records >= int64(r.rows) || size > jobBytes*9/10 {
			return nil
		}
		var err error
		if chunk, err = r.chunk(ctx, f, size); err != nil {
			return &ownError{err}
		}
		if len(chunk) == 0 {
			return nil
		}
	}
}

// chunk composes rows until there is something to send, writes down what is sent as part
// of the flight, which it begins if there is none yet, and gives it as lines of data; none
// if nothing is left to take. size is how large the job's data are already.
func (r *bulkRun) chunk(ctx context.Context, f *outbox.Flight, size int) (data []byte, err error) {
	for {
		if r.isStopped() || r.isDry {
			return nil, nil
		}
		var b *batch
		var begun int64
		err = pg.InTx(ctx, r.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			data, begun = r.buffer[:0], f.ID
			reach := outbox.Range{Object: r.object, After: r.after, Part: r.part, Parts: r.parts, Limit: min(chunkRows, r.rows)}
			if b, err = r.take(ctx, tx, r.to, reach); err != nil || b == nil || len(b.sent) == 0 {
				return err
			}
			if data, err = r.encode(data, b, size); err != nil {
				return err
			}
			if begun == 0 {
				if begun, err = outbox.Begin(ctx, tx, r.object, outbox.Bulk, r.Clock.Now()); err != nil {
					return err
				}
			}
			return outbox.Launch(ctx, tx, begun, r.object, flown(b.sent))
		})
		if err != nil {
			return nil, err
		}
		if b == nil {
			r.isDry = true
			return nil, nil
		}
		f.ID, r.buffer = begun, data
		f.Records += int64(len(b.sent))
		last := b.rows[len(b.rows)-1]
		r.after = outbox.Key{Key: last.Key, Parent: last.Parent}
		r.settled(r.object, b)
		if len(data) > 0 {
			return data, nil
		}
	}
}

// encode writes the items of a batch as lines, as many as fit; the rows behind them are
// taken out of the batch, and come with the next job.
func (r *bulkRun) encode(data []byte, b *batch, size int) (_ []byte, err error) {
	for i, it := range b.sent {
		before := len(data)
		if data, err = it.record.AppendCSV(data, r.to); err != nil {
			return nil, errs.New(errs.Invalid, "encode %s: %w", it.row.Key, err)
		}
		if size+len(data) > jobBytes && i > 0 {
			for n, row := range b.rows {
				if row.Key == it.row.Key {
					b.rows = b.rows[:n]
					break
				}
			}
			b.sent = b.sent[:i]
			return data[:before], nil
		}
	}
	return data, nil
}
