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

// target sends what is unsent of one target, each worker its part of the
// parents. The org is not asked for anything if there is nothing to send.
func (p *pass) target(ctx context.Context, t mapping.Target) (err error) {
	object := record.ObjectOf(t)
	defer errs.Wrap(&err, "%s", object)
	p.start(object)
	p.done, p.total = 0, 0
	if err := p.aim(ctx, t, object); err != nil {
		return err
	}
	tallies, err := outbox.Tallies(ctx, p.DB, p.Clock.Now())
	if err != nil {
		return err
	}
	for _, tally := range tallies {
		if tally.Object == object {
			p.total = tally.Unsent - tally.Waiting
		}
	}
	if p.total == 0 {
		return nil
	}
	if !p.options.DryRun {
		if err := stage.NewStatistics(p.DB, "outbox.record").Worked(ctx, p.total); err != nil {
			return err
		}
	}
	to, err := p.Mapping.ResolveTarget(ctx, p.Sink, t)
	if err != nil {
		return err
	}
	var workers sync.WaitGroup
	for part := range p.Workers {
		workers.Go(func() {
			w := &worker{pass: p, to: to, object: object, part: part}
			p.stop(w.run(ctx))
		})
	}
	workers.Wait()
	return p.failed
}

// aim marks every record of the object if the mapping writes them to other fields
// than before.
func (p *pass) aim(ctx context.Context, t mapping.Target, object string) error {
	if p.options.DryRun {
		return nil
	}
	var marked int64
	err := pg.InTx(ctx, p.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if err := p.token.Check(ctx, tx); err != nil {
			return err
		}
		marked, err = outbox.Aim(ctx, tx, object, p.Mapping.Target(t).Signature(), p.Clock.Now())
		return err
	})
	if marked > 0 {
		p.report.Notices = append(p.report.Notices,
			fmt.Sprintf("The mapping writes %s records to other fields than before: all %d are compared with what Salesforce has.", object, marked))
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

// add notes what came of a batch.
func (p *pass) add(object string, b *batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.options.DryRun {
		p.report.Add(object+" to write", int64(len(b.sent)))
		p.report.Add(object+" unchanged", b.unchanged)
	} else {
		p.report.Add(object+" written", b.written)
		p.report.Add(object+" unchanged", b.unchanged)
		p.report.Add(object+" failed", int64(len(b.failures))-b.quarantined)
		p.report.Add(object+" quarantined", b.quarantined)
		if b.withoutLinks > 0 {
			p.report.Add(object+" written without a link", b.withoutLinks)
		}
		p.report.Problems += int64(len(b.failures))
	}
	p.done += int64(len(b.rows))
	p.options.Progress.Tell(object, p.done, max(p.total, p.done))
}
