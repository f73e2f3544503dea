// Package accrue is the third stage: it works out the lines of every source that
// is due, posts what differs from the book, and marks what has to reach
// Salesforce.
//
//	due sources ──facts, plan──▶ commission.Engine ──▶ lines ──expected − posted──▶ entries ──▶ outbox
//
// A batch of sources is one transaction. Between batches the book is whole: every
// source has either its old lines and entries or its new ones. While one batch is
// written the next is worked out (turns.go).
package accrue

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/facts"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/stage"
)

// sourcesInABatch bounds one transaction.
const sourcesInABatch = 1000

// Names of the report's counts.
const (
	CountSources = "sources worked out"
	CountLines   = "lines new or changed"
	CountEntries = "entries posted"
	CountOpened  = "discrepancies opened"
)

// Config is what the stage works with.
type Config struct {
	DB    *sqlx.DB
	Clock clock.Clock
	// Zone is the company zone, in which days, months and CloseDates are meant.
	Zone *time.Location
	// GoLive is what the settings say of the go-live; not decided if they say nothing.
	GoLive book.GoLive
}

// Stage is the stage.
type Stage struct{ Config }

// New gives the stage.
func New(c Config) *Stage { return &Stage{Config: c} }

// Name is "accrue".
func (*Stage) Name() string { return stage.Accrue }

// Run works out every source that is due, through the as-of day. Without an as-of
// that is yesterday in the company zone, and term revenue goes through the last
// completed month (R7.3).
func (s *Stage) Run(ctx context.Context, o stage.Options) (r stage.Report, err error) {
	r.Stage = stage.Accrue
	p, err := s.begin(ctx, o, &r)
	if err != nil {
		return r, err
	}
	if o.DryRun {
		err = p.rehearse(ctx)
	} else {
		err = p.run(ctx)
	}
	if errors.Is(err, errPending) {
		r.Deferred = "Partner ID histories are still to be worked out; reconcile does that, and the next accrue goes on"
		return r, nil
	}
	err = r.Conclude(err)
	return r, err
}

// pass is one pass.
type pass struct {
	*Stage
	token    stage.Token
	days     facts.Days
	explicit bool // a person gave the as-of
	actor    string
	now      time.Time
	report   *stage.Report
	tell     stage.Progress
	total    int64
	moved    map[string]int64
	asks     bool       // nobody has decided on a go-live (R4.5)
	telling  sync.Mutex // of the report, which batches take turns to fill
}

// begin takes the token, then fixes the as-of.
func (s *Stage) begin(ctx context.Context, o stage.Options, r *stage.Report) (*pass, error) {
	p := &pass{
		Stage: s, explicit: !o.AsOf.IsZero(), actor: o.Actor, now: s.Clock.Now().Truncate(time.Microsecond),
		report: r, tell: o.Progress, moved: map[string]int64{},
	}
	for _, name := range []string{CountSources, CountLines, CountEntries, CountOpened} {
		r.Add(name, 0)
	}
	if !o.DryRun { // a dry run writes nothing, and needs no right to
		var err error
		if p.token, err = stage.Take(ctx, s.DB, stage.Accrue); err != nil {
			return nil, err
		}
	}
	reached, err := book.ReadReached(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	return p, p.fixDays(o, reached)
}

// fixDays decides through which days to work (R7.3).
func (p *pass) fixDays(o stage.Options, reached book.Reached) error {
	yesterday := clock.DateIn(p.now, p.Zone).AddDays(-1)
	asOf := yesterday
	if p.explicit {
		asOf = o.AsOf
	}
	switch {
	case asOf.After(yesterday):
		return errs.New(errs.Invalid, "the as-of %s is not over yet in the company zone %s", asOf, p.Zone).
			WithHint("An as-of is a completed day (R7.3): %s at the latest.", yesterday)
	case asOf.Before(reached.Posted) && !o.DryRun:
		return errs.New(errs.Conflict, "the book is posted through %s, so nothing can be posted as of %s", reached.Posted, asOf).
			WithHint("Add --dry-run to see by how much the lines of that day differ from the book (R7.3).")
	}
	p.report.AsOf = asOf.String()
	p.days = facts.DaysOf(asOf, p.explicit, reached)
	return nil
}

// engine reads the terms as they are in the batch's transaction, so that what is
// applied during a pass counts for the sources that it marks.
func (p *pass) engine(ctx context.Context, q sqlx.QueryerContext) (*commission.Engine, error) {
	return facts.Engine(ctx, q, p.days, p.Zone, p.GoLive)
}

// run makes the pass, batch by batch.
func (p *pass) run(ctx context.Context) error {
	if err := p.inTx(ctx, p.prepare); err != nil {
		return err
	}
	statistics := stage.NewStatistics(p.DB, "ledger.line", "ledger.entry", "ledger.due_source", "ledger.source_schedule",
		"ledger.opportunity", "ledger.space", "ledger.holding", "outbox.record")
	if err := p.rounds(ctx, statistics); err != nil {
		return err
	}
	p.summarise()
	return nil
}

// rehearse works out what is due, and what days have made due, and writes nothing.
// With a day that a person gave, it is every source that is won or was: the day may
// lie before what is posted, and then all of them may differ.
func (p *pass) rehearse(ctx context.Context) error {
	err := pg.InSnapshot(ctx, p.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		after := ""
		for {
			due, err := p.rehearsed(ctx, tx, after)
			if err != nil || len(due) == 0 {
				return err
			}
			after = due[len(due)-1]
			w, err := p.work(ctx, tx, due)
			if err != nil {
				return err
			}
			compared, err := book.Compare(ctx, tx, w.expected, p.context())
			if err != nil {
				return err
			}
			p.count(outcome{sources: len(due), settled: compared})
		}
	})
	if err != nil {
		return err
	}
	p.report.Notices = append(p.report.Notices, "This was a dry run: nothing was written.")
	p.summarise()
	return nil
}

// rehearsed gives the next sources of a dry run.
func (p *pass) rehearsed(ctx context.Context, tx *sqlx.Tx, after string) ([]string, error) {
	if p.explicit {
		return book.SourcesAfter(ctx, tx, after, sourcesInABatch)
	}
	return book.DueAfter(ctx, tx, after, p.days.AsOf, sourcesInABatch)
}

// errPending ends a pass while histories are half worked out: lines that rest on
// them would be posted and taken back.
var errPending = errors.New("histories of Partner IDs are still to be worked out")

// prepare keeps the as-of before the first line of it is posted, and marks what
// is due because days have passed.
func (p *pass) prepare(ctx context.Context, tx *sqlx.Tx) error {
	if err := p.decideGoLive(ctx, tx); err != nil {
		return err
	}
	if err := book.KeepReached(ctx, tx, p.days.AsOf, p.explicit, p.actor, p.now); err != nil {
		return err
	}
	if p.explicit {
		if err := book.MarkTerms(ctx, tx, p.now); err != nil {
			return err
		}
	}
	if _, err := book.MarkScheduled(ctx, tx, p.days.AsOf, p.now); err != nil {
		return err
	}
	// A kind of partner may have begun since.
	if _, err := ledger.TurnKinds(ctx, tx, clock.DateIn(p.now, p.Zone)); err != nil {
		return err
	}
	if err := p.markPartners(ctx, tx); err != nil {
		return err
	}
	relinked, err := book.TakeRelinked(ctx, tx)
	if err != nil {
		return err
	}
	if err := p.markLines(ctx, tx, relinked); err != nil {
		return err
	}
	p.total, err = book.CountDue(ctx, tx)
	return err
}

// markPartners marks the partners that were applied since the last pass.
func (p *pass) markPartners(ctx context.Context, tx *sqlx.Tx) error {
	ids, err := ledger.TakeChanged(ctx, tx)
	if err != nil {
		return err
	}
	keys := make([]outbox.Key, len(ids))
	for i, id := range ids {
		keys[i] = outbox.Key{Key: id}
	}
	return outbox.Mark(ctx, tx, outbox.Partner, keys, p.now)
}

// inTx runs one transaction, which only the holder of the token may commit.
func (p *pass) inTx(ctx context.Context, f func(ctx context.Context, tx *sqlx.Tx) error) error {
	return pg.InTx(ctx, p.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := p.token.Check(ctx, tx); err != nil {
			return err
		}
		return f(ctx, tx)
	})
}

// summarise says in the report what the entries add up to.
func (p *pass) summarise() {
	var sums []string
	for _, currency := range slices.Sorted(maps.Keys(p.moved)) {
		sums = append(sums, money.Currency(currency).FormatMinor(p.moved[currency]))
	}
	if len(sums) > 0 {
		p.report.Notices = append(p.report.Notices, "The entries add up to "+strings.Join(sums, ", ")+".")
	}
}
