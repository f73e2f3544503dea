package verify

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/facts"
)

// CheckFacts is the name of the check of lines against facts.
const CheckFacts = "facts"

// sourcesAtOnce bounds how many sources are in memory.
const sourcesAtOnce = 1000

// factsPass works all sources out again.
type factsPass struct {
	tx      *sqlx.Tx
	engine  *commission.Engine
	asOf    clock.Date
	checked *Checked
	report  book.Report
	stage   *Stage
}

// facts works every source out again, from the facts as they are and the terms by which
// the book was posted, through the day to which it goes, and holds lines and sums
// against it (R7.7). What accrue has not worked out yet is left out.
func (s *Stage) facts(ctx context.Context, tx *sqlx.Tx, c *Checked, report book.Report) error {
	c.LeftOutUnit, c.Why = "sources", "they are due, and the next accrue works them out"
	reached, err := book.ReadReached(ctx, tx)
	if err != nil || reached.Posted.IsZero() {
		return err
	}
	c.Through = reached.Posted.String()
	p := factsPass{tx: tx, asOf: reached.Posted, checked: c, report: report, stage: s}
	pending, err := attribution.IsPending(ctx, tx)
	if err != nil {
		return err
	}
	if pending {
		c.Why = "histories of Partner IDs are still to be worked out; reconcile does that"
	} else if p.engine, err = facts.Engine(ctx, tx, facts.DaysOf(p.asOf, false, reached), s.Zone, book.GoLive{}); err != nil {
		return err
	}
	for after := ""; ; {
		ids, err := book.SourcesAfter(ctx, tx, after, sourcesAtOnce)
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		if pending {
			c.LeftOut += int64(len(ids))
			continue
		}
		if err := p.batch(ctx, ids); err != nil {
			return err
		}
	}
}

// batch compares some sources.
func (p *factsPass) batch(ctx context.Context, ids []string) error {
	due, err := book.DueAmong(ctx, p.tx, ids, p.asOf)
	if err != nil {
		return err
	}
	p.checked.LeftOut += int64(len(due))
	ids = slices.DeleteFunc(ids, func(id string) bool { _, is := slices.BinarySearch(due, id); return is })
	sources, err := facts.Sources(ctx, p.tx, ids, p.engine)
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(sources))
	expected := make([]book.Expectation, len(sources))
	for i := range sources {
		known[sources[i].ID] = true
		expected[i] = book.Expect(sources[i].ID, p.engine.Lines(&sources[i]))
	}
	if err := p.orphans(ctx, slices.DeleteFunc(ids, func(id string) bool { return known[id] })); err != nil {
		return err
	}
	lines, err := book.VerifyExpected(ctx, p.tx, expected, p.stage.Clock.Now(), p.report)
	p.checked.Looked += lines
	return err
}

// orphans reports what accrued for sources that are not there any more.
func (p *factsPass) orphans(ctx context.Context, unknown []string) error {
	keys, err := book.OrphansAmong(ctx, p.tx, unknown)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := p.report(book.Difference{
			Check: CheckFacts, Object: "line", Subject: key, Field: "source", Expected: "a source that the ledger knows", Found: "none",
			Sentence: "Something accrued for a source that is not among the facts any more. Partnersync deletes no fact, so somebody did in the database: restore it from a backup.",
		}); err != nil {
			return err
		}
	}
	return nil
}
