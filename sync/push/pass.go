package push

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
	"github.com/partnersync/partnersync/sync/stage"
)

// pass is one run of the stage.
type pass struct {
	*Stage
	options stage.Options
	token   stage.Token
	isDense bool // the object in hand: most of what the outbox has of it is unsent

	mu     sync.Mutex // guards what follows, and calls of Progress
	report *stage.Report
	done   int64 // rows of the object in hand
	total  int64
	failed error // what stops the pass
	unfit  error // what keeps statements from an org
}

func (p *pass) run(ctx context.Context) (err error) {
	if !p.options.DryRun {
		if p.token, err = stage.Take(ctx, p.DB, stage.Push); err != nil {
			return err
		}
	}
	if !p.options.DryRun {
		if err := p.settleFlights(ctx); err != nil {
			return err
		}
	}
	if p.options.Repair {
		if err := p.repair(ctx); err != nil {
			return err
		}
	}
	if err := p.markStatements(ctx); err != nil {
		return err
	}
	for _, t := range mapping.Targets() {
		err := p.target(ctx, t)
		// An org that cannot take statements takes the commissions all the same (R9.4).
		if kind := errs.KindOf(err); t == mapping.StatementTarget && (kind == errs.Invalid || kind == errs.NotFound) {
			p.unfit = err
			continue
		}
		if err != nil {
			return errors.Join(p.unfit, err)
		}
	}
	return p.unfit
}

// markStatements marks the statements that say something else since the last pass.
func (p *pass) markStatements(ctx context.Context) error {
	if p.options.DryRun {
		return nil
	}
	return pg.InTx(ctx, p.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := p.token.Check(ctx, tx); err != nil {
			return err
		}
		now := p.Clock.Now()
		_, err := outbox.MarkStatements(ctx, tx, clock.DateIn(now, p.Zone).Month(), now)
		return err
	})
}

// target sends what is unsent of one target. The org is not asked for anything if there is
// nothing to send.
func (p *pass) target(ctx context.Context, t mapping.Target) (err error) {
	object := record.ObjectOf(t)
	defer errs.Wrap(&err, "%s", object)
	p.start(object)
	p.done, p.total = 0, 0
	if err := p.aim(ctx, t, object); err != nil {
		return err
	}
	if err := p.gather(ctx, t); err != nil {
		return err
	}
	if p.total, err = outbox.Due(ctx, p.DB, object, p.Clock.Now()); err != nil || p.total == 0 {
		return err
	}
	if p.isDense, err = outbox.IsDense(ctx, p.DB, object, p.total); err != nil {
		return err
	}
	to, err := p.Mapping.ResolveTarget(ctx, p.Sink, t)
	if err != nil {
		return err
	}
	left := p.total
	if p.byBulk(left) {
		if err := p.bulk(ctx, to, object); err != nil {
			return err
		}
		// What a job refused because of a link, or did not come to, goes once more by calls.
		if left, err = outbox.Due(ctx, p.DB, object, p.Clock.Now()); err != nil || left == 0 {
			return err
		}
	}
	return p.byCalls(ctx, to, object, left)
}

// byCalls sends what is unsent by Collections calls, each worker that of its own parents.
func (p *pass) byCalls(ctx context.Context, to mapping.Destination, object string, left int64) error {
	if parts := p.parts(left); parts > 1 {
		return p.share(ctx, object, parts, left, false)
	}
	ranges, err := outbox.Split(ctx, p.DB, object, p.Workers, p.Clock.Now())
	if err != nil {
		return err
	}
	var workers sync.WaitGroup
	for _, reach := range ranges {
		reach.Limit = flightSize
		workers.Go(func() {
			w := &worker{pass: p, composer: p.composer(to), object: object, reach: reach}
			p.stop(w.run(ctx))
		})
	}
	workers.Wait()
	return p.failed
}

// byBulk says whether so many records go by Bulk jobs. A job costs some six requests
// however much is in it, and a Collections call takes 200 records; but a job takes longer to
// begin, and says of a row only that it failed.
func (p *pass) byBulk(unsent int64) bool {
	switch {
	case p.options.DryRun || p.API == APICollections:
		return false
	case p.API == APIBulk:
		return true
	}
	return unsent > int64(p.BulkAbove)
}

// aim marks every record of the object if the mapping writes them to other fields than
// before, or the settings hold others in Salesforce.
func (p *pass) aim(ctx context.Context, t mapping.Target, object string) error {
	if p.options.DryRun {
		return nil
	}
	var marked int64
	err := pg.InTx(pg.Unhurried(ctx), p.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if err := p.token.Check(ctx, tx); err != nil {
			return err
		}
		marked, err = outbox.Aim(ctx, tx, object, p.Mapping.Target(t).Signature()+p.Shape.Signature(t), p.Clock.Now())
		return err
	})
	if marked > 0 {
		p.report.Notices = append(p.report.Notices,
			fmt.Sprintf("The mapping or the settings say otherwise than before what is written of %s records, or which: all %d are compared with what Salesforce has.", object, marked))
	}
	return err
}

// start lists the counts of an object in the order in which a person reads them.
func (p *pass) start(object string) {
	names := []string{" written", " unchanged", " failed", " quarantined"}
	if p.options.DryRun {
		names = []string{" to write", " unchanged"}
	}
	for _, name := range names {
		p.report.Add(object+name, 0)
	}
}

// stop keeps the first error; the other workers finish the batch in hand.
func (p *pass) stop(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = err
	}
}

func (p *pass) isStopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed != nil
}

// settled notes what came of rows of which nothing was sent.
func (p *pass) settled(object string, b *batch) {
	p.add(object, tally{unchanged: int64(len(b.same)), quarantined: int64(len(b.unfit))})
}

// wouldSend notes what a dry run found.
func (p *pass) wouldSend(object string, b *batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report.Add(object+" to write", int64(b.sent))
	p.report.Add(object+" unchanged", int64(len(b.same)))
	p.done += int64(len(b.rows))
	p.options.Progress.Tell(object, p.done, max(p.total, p.done))
}

// add notes what came of rows.
func (p *pass) add(object string, t tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report.Add(object+" written", t.written)
	p.report.Add(object+" unchanged", t.unchanged)
	p.report.Add(object+" failed", t.failed)
	p.report.Add(object+" quarantined", t.quarantined)
	if t.withoutLinks > 0 {
		p.report.Add(object+" written without a link", t.withoutLinks)
	}
	p.report.Problems += t.failed + t.quarantined
	p.done += t.written + t.unchanged + t.failed + t.quarantined
	p.options.Progress.Tell(object, p.done, max(p.total, p.done))
}

// count adds to a count that is only told if there is something to tell.
func (p *pass) count(name string, n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n > 0 {
		p.report.Add(name, n)
	}
}

// notice tells a person something.
func (p *pass) notice(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report.Notices = append(p.report.Notices, fmt.Sprintf(format, args...))
}
