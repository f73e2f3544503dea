package push

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/outbox"
)

// landAtOnce is how many records one transaction settles by their keys.
const landAtOnce = 10_000

// refused is a row of a job that was refused.
type refused struct {
	key    string
	result salesforce.UpsertResult
}

// settle notes what became of the records of a job that is over. Each of its steps takes
// records out of the flight, so it can break off anywhere and be repeated. isOurs says that
// this pass has made the job, and knows how many records it uploaded. It says whether the
// job broke: whether it did not do all of its work.
func (r *bulkRun) settle(ctx context.Context, f outbox.Flight, job salesforce.IngestJob, isOurs bool) (broke bool, err error) {
	defer errs.Wrap(&err, "settle Bulk job %s", f.JobID)
	failed, err := r.refusedRows(ctx, job)
	if err != nil {
		return false, err
	}
	if err := r.groundRefused(ctx, f, failed); err != nil {
		return false, err
	}
	if job.State == salesforce.IngestComplete && (!isOurs || job.Processed == f.Records) {
		return false, r.landRest(ctx, f, isOurs)
	}
	if err := r.landWritten(ctx, f, isOurs); err != nil {
		return true, err
	}
	return true, r.conclude(job, isOurs)
}

// refusedRows reads the rows that were refused, all that the job counts.
func (r *bulkRun) refusedRows(ctx context.Context, job salesforce.IngestJob) (failed []refused, err error) {
	if job.Failed == 0 {
		return nil, nil
	}
	err = r.Sink.IngestResults(ctx, job.ID, salesforce.IngestRefused, func() func(salesforce.IngestRow) error {
		failed = nil
		return func(row salesforce.IngestRow) error {
			failed = append(failed, refused{strings.Clone(row.Cell(r.to.Key)), cloned(row.Result())})
			return nil
		}
	})
	if err == nil && int64(len(failed)) != job.Failed {
		err = errs.New(errs.Transient, "Salesforce counts %d refused rows and lists %d", job.Failed, len(failed)).
			WithHint("Nothing is lost: the next run asks again.")
	}
	return failed, err
}

// cloned lets go of the buffer that a row was read into.
func cloned(u salesforce.UpsertResult) salesforce.UpsertResult {
	for i, e := range u.Errors {
		for j, f := range e.Fields {
			e.Fields[j] = strings.Clone(f)
		}
		u.Errors[i] = salesforce.RowError{StatusCode: strings.Clone(e.StatusCode), Message: strings.Clone(e.Message), Fields: e.Fields}
	}
	u.ID = strings.Clone(u.ID)
	return u
}

// groundRefused notes why rows were refused. Those that were because of a link are sent
// again by calls, which can leave the link out.
func (r *bulkRun) groundRefused(ctx context.Context, f outbox.Flight, failed []refused) error {
	for some := range slices.Chunk(failed, flightSize) {
		o := &outcome{}
		err := pg.InTx(ctx, r.DB, func(ctx context.Context, tx *sqlx.Tx) error {
			o = &outcome{}
			if err := r.token.Check(ctx, tx); err != nil {
				return err
			}
			keys := make([]string, len(some))
			for i, s := range some {
				keys[i] = s.key
			}
			rows, err := outbox.Find(ctx, tx, r.object, keys)
			if err != nil {
				return err
			}
			for _, s := range some {
				row := rows[s.key]
				if row.Flight == nil || *row.Flight != f.ID {
					continue // noted before
				}
				if _, is := isAboutLink(s.result); is {
					o.again = append(o.again, s.key)
					continue
				}
				o.refuse(row, s.result, r.Clock.Now())
			}
			return r.land(ctx, tx, r.object, f.ID, o)
		})
		if err != nil {
			return err
		}
		r.add(r.object, o.tally)
	}
	return nil
}

// landers is how many land manifests of a flight side by side: after the last job nothing
// else is to be done.
const landers = 2

// landRest takes what is left in the flight as written as it was sent.
func (r *bulkRun) landRest(ctx context.Context, f outbox.Flight, isOurs bool) error {
	failed := make([]error, landers)
	var all sync.WaitGroup
	for i := range failed {
		all.Go(func() { failed[i] = r.landManifests(ctx, f, isOurs) })
	}
	all.Wait()
	return errors.Join(failed...)
}

// landManifests lands manifests of a flight while there are any, each in a transaction of
// its own. Whoever finds the last one landed ends the flight.
func (r *bulkRun) landManifests(ctx context.Context, f outbox.Flight, isOurs bool) error {
	for {
		var n int64
		err := pg.InTx(ctx, r.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			if err := r.token.Check(ctx, tx); err != nil {
				return err
			}
			if err := pg.ByIndex(ctx, tx); err != nil {
				return err
			}
			var first []string
			if n, first, err = outbox.LandNext(ctx, tx, f.ID, r.isDense && isOurs, r.Clock.Now()); err != nil {
				return err
			}
			if n == 0 {
				return outbox.End(ctx, tx, f.ID)
			}
			return r.linked(ctx, tx, r.object, first)
		})
		if err != nil || n == 0 {
			return err
		}
		r.landed(n, isOurs)
	}
}

// landed counts what was written: by this pass, or by an earlier one that could not count
// it any more.
func (r *bulkRun) landed(n int64, isOurs bool) {
	if isOurs {
		r.add(r.object, tally{written: n})
	} else {
		r.count(r.object+" found written by an earlier run", n)
	}
}

// landWritten takes those as written that the job lists as such, and releases the others:
// it did not come to them.
func (r *bulkRun) landWritten(ctx context.Context, f outbox.Flight, isOurs bool) error {
	var keys []string
	err := r.Sink.IngestResults(ctx, f.JobID, salesforce.IngestSuccessful, func() func(salesforce.IngestRow) error {
		keys = nil
		return func(row salesforce.IngestRow) error {
			keys = append(keys, strings.Clone(row.Cell(r.to.Key)))
			return nil
		}
	})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(keys, landAtOnce) {
		var n int64
		err := pg.InTx(ctx, r.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			if err := r.token.Check(ctx, tx); err != nil {
				return err
			}
			var first []string
			if n, first, err = outbox.LandKeys(ctx, tx, f.ID, some, r.Clock.Now()); err != nil {
				return err
			}
			return r.linked(ctx, tx, r.object, first)
		})
		if err != nil {
			return err
		}
		r.landed(n, isOurs)
	}
	return pg.InTx(ctx, r.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := r.token.Check(ctx, tx); err != nil {
			return err
		}
		// The job's lists may be cut short, so what they don't name may have been written.
		if _, err := outbox.Release(ctx, tx, f.ID, nil, true); err != nil {
			return err
		}
		return outbox.End(ctx, tx, f.ID)
	})
}

// conclude says what is to be said of a job that did not do all of its work; the error
// stops the pass.
func (r *bulkRun) conclude(job salesforce.IngestJob, isOurs bool) error {
	err := job.Err()
	switch {
	case job.State == salesforce.IngestAborted && isOurs:
		return errs.New(errs.Conflict, "somebody aborted it in Salesforce; what it did not come to is sent again at the next run")
	case err != nil && salesforce.ClassOf(err) != salesforce.ClassRetry:
		return err
	}
	r.count("Bulk jobs that failed", 1)
	if err == nil {
		err = fmt.Errorf("it looked at %d records of more", job.Processed)
	}
	r.notice("Bulk job %s failed in Salesforce, and what it did not come to is sent otherwise: %v", job.ID, err)
	return nil
}
