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
	reach   outbox.Range // all that is unsent, or that of some parents
	total   int          // that it is likely to have
	taken   int          // into jobs
	most    int          // of the next job, after one that broke; 0 is no bound
	after   outbox.Key   // what is taken already of the range
	isDry   bool         // nothing is left behind after
	broken  int          // jobs
	buffers [2][]byte    // one is uploaded while the other is filled
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
	gone    bool // it broke because Salesforce knows it no more
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
	ranges, err := outbox.Split(ctx, p.DB, object, parts, p.Clock.Now())
	if err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, p.Patience)
	defer cancel()
	failed := make([]error, len(ranges))
	var all sync.WaitGroup
	for i, reach := range ranges {
		all.Go(func() {
			r := &bulkRun{pass: p, composer: p.composer(to), object: object, reach: reach, after: reach.After, total: int(p.total) / len(ranges)}
			failed[i] = r.run(ctx, patience)
			p.stop(failed[i]) // the other lanes finish what they have in flight
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
	if errs.KindOf(err) == errs.NotFound {
		// Somebody deleted it, or Salesforce has forgotten it: whatever it did, its records
		// are sent again.
		r.notice("Bulk job %s is gone from Salesforce, and its %d %s records are sent again.", f.JobID, f.Records, f.Object)
		_, err := r.release(ctx, f, true)
		return verdict{records: f.Records, broke: true, gone: true, err: err}
	}
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
		if !v.gone {
			r.most = max(int(v.records)/4, 1)
		}
		r.after, r.taken, r.isDry = r.reach.After, max(0, r.taken-int(v.records)), false
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
	f = outbox.Flight{Object: r.object, API: outbox.Bulk, BegunAt: r.Clock.Now()}
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
