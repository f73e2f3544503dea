package push

import (
	"context"
	"errors"
	"fmt"
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

// jobAtMost is after how long a Bulk job that never ends is aborted. Salesforce itself
// gives up on a job long before.
const jobAtMost = 24 * time.Hour

// settleFlights asks what became of what earlier passes left in flight: because they were
// killed, lost the database, or had no patience for a Bulk job.
func (p *pass) settleFlights(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "settle what was in flight")
	flights, err := outbox.Flights(ctx, p.DB)
	if err != nil {
		return err
	}
	for _, f := range flights {
		to, err := p.destination(ctx, f.Object)
		if err != nil {
			return err
		}
		p.Log.Info("a flight of an earlier run is open", zap.Int64("flight", f.ID), zap.String("api", string(f.API)),
			zap.String("job", f.JobID), zap.Int64("records", f.Records))
		if f.API == outbox.Collections {
			err = p.settleCalls(ctx, to, f)
		} else {
			err = p.settleJob(ctx, to, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// destination resolves the target of an object once.
func (p *pass) destination(ctx context.Context, object string) (mapping.Destination, error) {
	for _, t := range mapping.Targets() {
		if record.ObjectOf(t) == object {
			return p.Mapping.ResolveTarget(ctx, p.Sink, t)
		}
	}
	return mapping.Destination{}, errs.New(errs.Invalid, "nothing is called %q that is written to Salesforce", object)
}

// settleCalls reads back what calls were to write that nobody noted the outcome of. What
// Salesforce holds as the ledger has it is written; the rest is sent again, whatever
// Salesforce confirmed before.
func (p *pass) settleCalls(ctx context.Context, to mapping.Destination, f outbox.Flight) error {
	var found, left int64
	err := pg.InTx(ctx, p.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		found, left = 0, 0
		if err := p.token.Check(ctx, tx); err != nil {
			return err
		}
		if err := outbox.Hold(ctx, tx, f.ID); err != nil {
			return err
		}
		if err := endIfFrozen(ctx, tx); err != nil {
			return err
		}
		for after := ""; ; {
			launched, err := outbox.FlownAfter(ctx, tx, f.ID, after, batchSize)
			if err != nil || len(launched) == 0 {
				return errors.Join(err, outbox.End(ctx, tx, f.ID))
			}
			after = launched[len(launched)-1].Key
			n, err := p.settleSome(ctx, tx, to, f, launched)
			if err != nil {
				return err
			}
			found, left = found+n, left+int64(len(launched))-n
		}
	})
	if errs.KindOf(err) == errs.NotFound {
		return nil // somebody is at it, or has settled it
	}
	p.count(f.Object+" found written by an earlier run", found)
	p.count(f.Object+" to send again after an earlier run", left)
	return err
}

func (p *pass) settleSome(ctx context.Context, tx *sqlx.Tx, to mapping.Destination, f outbox.Flight, launched []outbox.Flown) (int64, error) {
	rows := make([]outbox.Row, len(launched))
	for i, l := range launched {
		rows[i] = outbox.Row{Object: f.Object, Key: l.Key, Wanted: l.Wanted, ConfirmedHash: []byte{}}
	}
	var now []*item
	c := p.composer(to)
	if err := c.reader.Read(ctx, tx, keysOf(rows)); err != nil {
		return 0, err
	}
	if _, err := c.sift(rows, c.items(&now)); err != nil {
		return 0, err
	}
	sent := map[string]string{}
	for _, l := range launched {
		sent[l.Key] = string(l.Hash)
	}
	var same []*item // what the ledger says is still what was sent
	for _, it := range now {
		if sent[it.row.Key] == string(it.hash) {
			same = append(same, it)
		}
	}
	if err := readBack(ctx, p.Sink, to, same); err != nil {
		return 0, err
	}
	var done []outbox.Confirmation
	written := map[string]bool{}
	for _, it := range same {
		if it.result != nil {
			written[it.row.Key] = true
			done = append(done, outbox.Confirmation{Key: it.row.Key, Hash: it.hash, SalesforceID: it.result.ID})
		}
	}
	first, err := outbox.Land(ctx, tx, f.ID, done, false, p.Clock.Now())
	if err != nil {
		return 0, err
	}
	if err := p.linked(ctx, tx, f.Object, first); err != nil {
		return 0, err
	}
	var rest []string
	for _, l := range launched {
		if !written[l.Key] {
			rest = append(rest, l.Key)
		}
	}
	if len(rest) > 0 {
		_, err = outbox.Release(ctx, tx, f.ID, rest, true)
	}
	return int64(len(done)), err
}

// settleJob asks Salesforce how a Bulk job is that an earlier pass left, and settles its
// records or leaves them in flight while it works.
func (p *pass) settleJob(ctx context.Context, to mapping.Destination, f outbox.Flight) error {
	if f.JobID == "" {
		return p.sendAgain(ctx, f, false) // nothing is uploaded before the job is noted
	}
	job, err := p.Sink.Ingest(ctx, f.JobID)
	if errs.KindOf(err) == errs.NotFound {
		return p.sendAgain(ctx, f, true)
	}
	isOld := p.Clock.Now().Sub(f.BegunAt) > jobAtMost
	if err == nil && (job.State == salesforce.IngestOpen || isOld && !job.State.IsFinal()) {
		// Open, it was never closed and never will be: aborted, it can't be by a process
		// that was frozen and wakes.
		job, err = p.Sink.AbortIngest(ctx, f.JobID)
	}
	if err != nil {
		return err
	}
	if !job.State.IsFinal() {
		wait, cancel := context.WithTimeout(ctx, p.Patience)
		defer cancel()
		if job, err = p.Sink.AwaitIngest(wait, f.JobID, f.Records); errs.KindOf(err) == errs.NotFound {
			return p.sendAgain(ctx, f, true)
		} else if err != nil {
			return p.leave(ctx, f, err)
		}
	}
	r := &bulkRun{pass: p, composer: p.composer(to), object: f.Object}
	_, err = r.settle(ctx, f, job, false)
	return err
}

// longInFlight is after how long a job that Salesforce works on is a person's business.
const longInFlight = time.Hour

// leave says that a job is left in flight; the error is what keeps the pass from going on.
func (p *pass) leave(ctx context.Context, f outbox.Flight, err error) error {
	if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	p.notice("Bulk job %s in Salesforce is still at work on %d %s records, for longer than %s: they stay in flight, and the next run asks again.",
		f.JobID, f.Records, f.Object, p.Patience)
	p.mu.Lock()
	p.report.Warn("in flight", f.Object, fmt.Sprintf("Since %s %d %s records are in flight, in Bulk job %s, which does not end.",
		f.BegunAt.UTC().Format(time.RFC3339), f.Records, f.Object, f.JobID))
	if p.Clock.Now().Sub(f.BegunAt) > longInFlight {
		p.report.Problems += f.Records
	}
	p.mu.Unlock()
	p.count(f.Object+" in flight", f.Records)
	return nil
}

// sendAgain releases a flight of an earlier pass.
func (p *pass) sendAgain(ctx context.Context, f outbox.Flight, unsure bool) error {
	n, err := p.release(ctx, f, unsure)
	p.count(f.Object+" to send again after an earlier run", n)
	return err
}

// release lets all records of a flight be sent again, and gives their number. unsure says
// that Salesforce may have got them.
func (p *pass) release(ctx context.Context, f outbox.Flight, unsure bool) (n int64, err error) {
	err = pg.InTx(ctx, p.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if err := p.token.Check(ctx, tx); err != nil {
			return err
		}
		if n, err = outbox.Release(ctx, tx, f.ID, nil, unsure); err != nil {
			return err
		}
		return outbox.End(ctx, tx, f.ID)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
