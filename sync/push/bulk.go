package push

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

const (
	// DefaultPatience is how long a pass waits for its Bulk jobs.
	DefaultPatience = 30 * time.Minute
	// lanes is how many jobs are made up side by side where there is much, each lane of
	// parents of its own, because a write locks its parent; and jobsAtOnce how many a lane
	// has in flight: while Salesforce works on one, the next is made up, and the outcome of
	// the one before is noted. A lane makes up records faster than Salesforce takes them.
	lanes      = 2
	laneRows   = 120_000
	jobsAtOnce = 3
	// jobAtLeast and jobRows bound the records of a job: Salesforce works through a job in
	// batches of ten thousand, and what a job has is in doubt together.
	jobAtLeast = 10_000
	jobRows    = 60_000
	// jobBytes bounds its data; Salesforce takes a little more.
	jobBytes = salesforce.MaxIngestUpload - 5_000_000
	// chunkRows is how many records are composed and written down at once.
	chunkRows = 5_000
	// brokenJobs is after how many jobs that fail as a whole the rest goes by calls, and
	// uploadTries how often an upload is tried.
	brokenJobs  = 4
	uploadTries = 3
)

// bulkRun sends what is unsent of an object by Bulk jobs: all of it, or a part of the
// parents. Runs of different parts know nothing of each other.
type bulkRun struct {
	*pass
	*composer
	object  string
	part    int        // of the parents
	parts   int        // 1 if this lane has them all
	total   int        // that the lane is likely to have
	taken   int        // into jobs
	most    int        // of the next job, after one that broke; 0 is no bound
	after   outbox.Key // what is taken already
	isDry   bool       // nothing is left behind after
	broken  int        // jobs
	buffers [2][]byte  // one is uploaded while the other is filled
	filling int
}

// jobSize is how many records the next job has at most. The first job of a lane is small,
// so that Salesforce begins soon, and what is left is shared so that the last is not the
// largest: while it is worked on nothing else is to be done.
func (r *bulkRun) jobSize() int {
	left := r.total - r.taken
	size := jobRows
	switch {
	case r.total <= 2*jobAtLeast:
		size = 2 * jobAtLeast
	case r.taken == 0:
		size = max(r.total*15/100, jobAtLeast)
	case left <= 2*jobRows && left > 4*jobAtLeast:
		size = left * 60 / 100
	}
	if r.most > 0 {
		size = min(size, r.most)
	}
	return min(size, jobRows)
}

// verdict is how a job ended.
type verdict struct {
	records int64
	broke   bool // it did not do all of its work
	left    bool // it goes on, and a later pass asks what became of it
	err     error
}

// bulk makes jobs until nothing is left to take, or so many have failed that the rest had
// better go by calls.
func (p *pass) bulk(ctx context.Context, to mapping.Destination, object string) error {
	parts := lanes
	if p.total <= laneRows {
		parts = 1
	}
	patience, cancel := context.WithTimeout(ctx, p.Patience)
	defer cancel()
	failed := make([]error, parts)
	var all sync.WaitGroup
	for part := range parts {
		all.Go(func() {
			r := &bulkRun{pass: p, composer: p.composer(to), object: object, part: part, parts: parts, total: int(p.total) / parts}
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
	v.records = f.Records
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
		r.most = max(int(v.records)/4, 1)
		r.after, r.taken, r.isDry = outbox.Key{}, max(0, r.taken-int(v.records)), false
	}
	return v.err
}

// launch makes one job of the next rows; there is none, with no records, if nothing has to
// be sent. If the upload breaks off, the job is aborted, so that nothing of it is ever done,
// and made again.
func (r *bulkRun) launch(ctx context.Context) (outbox.Flight, error) {
	for try := 1; ; try++ {
		before, taken := r.after, r.taken
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
		r.after, r.taken, r.isDry = before, taken, false
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
	first, err := r.chunk(ctx, &f, 0, r.jobSize())
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
// and fit. While one is sent, the next is made up.
func (r *bulkRun) write(ctx context.Context, w io.Writer, f *outbox.Flight, chunk []byte) error {
	header := record.AppendCSVHeader(nil, r.to)
	if _, err := w.Write(header); err != nil {
		return err
	}
	type made struct {
		data []byte
		err  error
	}
	rows := r.jobSize()
	for size := len(header); ; {
		size += len(chunk)
		next := make(chan made, 1)
		if r.isDry || f.Records >= int64(rows) || size > jobBytes*9/10 {
			next <- made{}
		} else {
			go func() {
				data, err := r.chunk(ctx, f, size, rows)
				next <- made{data, err}
			}()
		}
		_, err := w.Write(chunk)
		m := <-next
		switch {
		case err != nil:
			return err
		case m.err != nil:
			return &ownError{m.err}
		case len(m.data) == 0:
			r.taken += int(f.Records)
			return nil
		}
		chunk = m.data
	}
}

// chunk composes rows until there is something to send, writes down what is sent as part
// of the flight, which it begins if there is none yet, and gives it as lines of data, which
// last until the next but one; none if nothing is left to take. size is how large the job's
// data are already, and rows how many records it has at most.
func (r *bulkRun) chunk(ctx context.Context, f *outbox.Flight, size, rows int) (data []byte, err error) {
	for {
		if r.isStopped() || r.isDry {
			return nil, nil
		}
		var b *batch
		var begun int64
		limit := min(chunkRows, rows-int(f.Records))
		err = pg.InTx(ctx, r.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			data, begun = r.buffers[r.filling][:0], f.ID
			sent := make([]outbox.Flown, 0, limit)
			reach := outbox.Range{Object: r.object, After: r.after, Part: r.part, Parts: r.parts, Limit: limit}
			b, err = r.take(ctx, tx, r.composer, reach, func(row *outbox.Row, hash []byte) error {
				before := len(data)
				var err error
				if data, err = r.sheet.AppendCSV(data); err != nil {
					return err
				}
				if size+len(data) > jobBytes && before > 0 {
					data = data[:before]
					return errFull // it comes with the next job
				}
				sent = append(sent, outbox.Flown{Key: row.Key, Wanted: row.Wanted, Hash: hash})
				return nil
			})
			if err != nil || len(sent) == 0 {
				return err
			}
			if begun == 0 {
				if begun, err = outbox.Begin(ctx, tx, r.object, outbox.Bulk, r.Clock.Now()); err != nil {
					return err
				}
			}
			return outbox.Launch(ctx, tx, begun, r.object, sent)
		})
		if err != nil {
			return nil, err
		}
		if b == nil {
			r.isDry = true
			return nil, nil
		}
		r.buffers[r.filling] = data
		f.ID = begun
		f.Records += int64(b.sent)
		last := b.rows[len(b.rows)-1]
		r.after = outbox.Key{Key: last.Key, Parent: last.Parent}
		r.settled(r.object, b)
		if len(data) > 0 {
			r.filling = 1 - r.filling
			return data, nil
		}
	}
}
