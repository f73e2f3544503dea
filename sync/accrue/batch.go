package accrue

import (
	"cmp"
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/facts"
	"github.com/partnersync/partnersync/sync/outbox"
)

// outcome is what one batch did.
type outcome struct {
	sources int
	settled book.Settled
	opened  int64 // discrepancies
}

// batch is some due sources, and what the engine says of them.
type batch struct {
	due []string // ids in order; some may be no source
	work
}

// take takes due sources and works them out. There may be none.
func (p *pass) take(ctx context.Context, tx *sqlx.Tx, t *turn) (b batch, err error) {
	if err := book.ShareTerms(ctx, tx); err != nil {
		return b, err
	}
	b.due, err = book.TakeDue(ctx, tx, t.after, t.through, sourcesInABatch)
	if err != nil || len(b.due) == 0 {
		return b, err
	}
	// Asked after the marks were taken: taking them may have waited for reconcile.
	if pending, err := attribution.IsPending(ctx, tx); err != nil || pending {
		return b, cmp.Or(err, errPending)
	}
	if b.work, err = p.work(ctx, tx, b.due); err != nil || !p.asks {
		return b, err
	}
	return b, p.askGoLive(ctx, tx, b.work)
}

// keep keeps what came of a batch.
func (p *pass) keep(ctx context.Context, tx *sqlx.Tx, b batch) (out outcome, err error) {
	if len(b.due) == 0 {
		return outcome{}, nil
	}
	out.sources = len(b.due)
	if out.settled, err = book.Settle(ctx, tx, b.expected, p.context()); err != nil {
		return outcome{}, err
	}
	if err := book.Schedule(ctx, tx, b.ids, b.nextOn); err != nil {
		return outcome{}, err
	}
	if out.opened, err = ledger.SettleDiscrepancies(ctx, tx, commission.FindingKinds(), b.ids, b.found, p.now); err != nil {
		return outcome{}, err
	}
	return out, p.markLines(ctx, tx, out.settled.Changed)
}

// work is what the engine says of a batch of sources.
type work struct {
	ids      []string
	expected []book.Expectation
	nextOn   []clock.Date
	found    []ledger.Discrepancy
}

func (p *pass) work(ctx context.Context, tx *sqlx.Tx, due []string) (work, error) {
	engine, err := p.engine(ctx, tx)
	if err != nil {
		return work{}, err
	}
	sources, err := facts.Sources(ctx, tx, due, engine)
	if err != nil {
		return work{}, err
	}
	n := len(sources)
	w := work{ids: make([]string, n), expected: make([]book.Expectation, n), nextOn: make([]clock.Date, n)}
	for i := range sources {
		id, r := sources[i].ID, engine.Lines(&sources[i])
		w.ids[i], w.nextOn[i] = id, r.NextOn
		w.expected[i] = book.Expect(id, r)
		w.found = append(w.found, discrepancies(id, r.Findings)...)
	}
	return w, nil
}

func (p *pass) context() book.Context {
	return book.Context{AsOf: p.days.AsOf, Actor: p.actor, Now: p.now}
}

// count adds a batch that was committed to the report.
func (p *pass) count(o outcome) {
	p.report.Add(CountSources, int64(o.sources))
	p.report.Add(CountLines, int64(len(o.settled.Changed)))
	p.report.Add(CountEntries, int64(o.settled.Entries))
	p.report.Add(CountOpened, o.opened)
	p.report.Problems += o.opened
	for currency, minor := range o.settled.Moved {
		p.moved[currency] += minor
	}
	done := p.report.Get(CountSources)
	p.tell.Tell("sources", done, max(p.total, done))
}

func (p *pass) markLines(ctx context.Context, tx *sqlx.Tx, lines []book.Line) error {
	keys := make([]outbox.Key, len(lines))
	for i, l := range lines {
		keys[i] = outbox.Key{Key: l.Key, Parent: l.PayeeID}
	}
	return outbox.Mark(ctx, tx, outbox.Commission, keys, p.now)
}

func discrepancies(sourceID string, found []commission.Finding) []ledger.Discrepancy {
	out := make([]ledger.Discrepancy, len(found))
	for i, f := range found {
		out[i] = ledger.Discrepancy{
			Kind: f.Kind, Subject: sourceID, Object: "Opportunity", Rule: f.Rule, IsHold: f.IsHold, Detail: f.Detail,
		}
	}
	return out
}
