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
	"github.com/partnersync/partnersync/ledger/revenue"
	"github.com/partnersync/partnersync/sync/outbox"
)

// batch works out some due sources and gives how many they were; 0 ends the pass.
func (p *pass) batch(ctx context.Context, tx *sqlx.Tx) (int, error) {
	if pending, err := attribution.IsPending(ctx, tx); err != nil || pending {
		return 0, cmp.Or(err, errPending)
	}
	due, err := book.TakeDue(ctx, tx, sourcesInABatch)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	sources, err := revenue.Sources(ctx, tx, due, p.Zone)
	if err != nil {
		return 0, err
	}
	expected := make([]book.Expectation, len(sources))
	nextOn := make([]clock.Date, len(sources))
	ids := make([]string, len(sources))
	var found []ledger.Discrepancy
	for i := range sources {
		r := p.engine.Lines(&sources[i])
		ids[i], nextOn[i] = sources[i].ID, r.NextOn
		expected[i] = book.Expectation{SourceID: sources[i].ID, Lines: r.Lines, Frozen: r.Frozen}
		if r.Frozen {
			expected[i].Reason = r.Findings[0].Kind
		}
		found = append(found, discrepancies(sources[i].ID, r.Findings)...)
	}
	settled, err := book.Settle(ctx, tx, expected, book.Context{AsOf: p.engine.AsOf, Actor: p.actor, Now: p.now})
	if err != nil {
		return 0, err
	}
	if err := book.Schedule(ctx, tx, ids, nextOn); err != nil {
		return 0, err
	}
	opened, err := ledger.SettleDiscrepancies(ctx, tx, commission.FindingKinds(), ids, found, p.now)
	if err != nil {
		return 0, err
	}
	if err := markLines(ctx, tx, settled.Changed, p); err != nil {
		return 0, err
	}
	p.count(len(due), settled, opened)
	return len(due), nil
}

func (p *pass) count(sources int, s book.Settled, opened int64) {
	p.report.Add(CountSources, int64(sources))
	p.report.Add(CountLines, int64(len(s.Changed)))
	p.report.Add(CountEntries, int64(s.Entries))
	p.report.Add(CountOpened, opened)
	p.report.Problems += opened
	for currency, minor := range s.Moved {
		p.moved[currency] += minor
	}
	done := p.report.Get(CountSources)
	p.tell.Tell("sources", done, max(p.total, done))
}

func markLines(ctx context.Context, tx *sqlx.Tx, lines []book.Line, p *pass) error {
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
