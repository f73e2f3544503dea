// Package accrue is the third stage: it works out the lines of every source that
// is due, posts what differs from the book, and marks what has to reach
// Salesforce.
//
//	due sources ──facts, plan──▶ commission.Engine ──▶ lines ──expected − posted──▶ entries ──▶ outbox
//
// A batch of sources is one transaction. Between batches the book is whole: every
// source has either its old lines and entries or its new ones.
package accrue

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/stage"
)

// sourcesInABatch bounds one transaction.
const sourcesInABatch = 500

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
	Log  *zap.Logger
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
	switch {
	case errors.Is(err, errPending):
		r.Deferred = "Partner ID histories are still to be worked out; reconcile does that, and the next accrue goes on"
		return r, nil
	case errors.Is(err, stage.ErrSuperseded):
		r.Deferred = "another worker took accrue over and goes on with it"
		return r, nil
	}
	return r, err
}

// pass is one pass.
type pass struct {
	*Stage
	token    stage.Token
	engine   commission.Engine
	explicit bool // a person gave the as-of
	actor    string
	now      time.Time
	report   *stage.Report
	tell     stage.Progress
	total    int64
	moved    map[string]int64
}

// begin fixes the as-of and reads what all sources share.
func (s *Stage) begin(ctx context.Context, o stage.Options, r *stage.Report) (*pass, error) {
	p := &pass{
		Stage: s, explicit: !o.AsOf.IsZero(), actor: o.Actor, now: s.Clock.Now().Truncate(time.Microsecond),
		report: r, tell: o.Progress, moved: map[string]int64{},
	}
	for _, name := range []string{CountSources, CountLines, CountEntries, CountOpened} {
		r.Add(name, 0)
	}
	reached, err := book.ReadReached(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	if p.engine, err = s.engine(ctx, o, reached, p.now); err != nil {
		return nil, err
	}
	if o.DryRun {
		return p, nil // it takes no token: it writes nothing
	}
	p.token, err = stage.Take(ctx, s.DB, stage.Accrue)
	return p, err
}

// engine reads partners and plans, and fixes through which days to work (R7.3).
func (s *Stage) engine(ctx context.Context, o stage.Options, reached book.Reached, now time.Time) (commission.Engine, error) {
	var e commission.Engine
	yesterday := clock.DateIn(now, s.Zone).AddDays(-1)
	e.AsOf = yesterday
	if !o.AsOf.IsZero() {
		e.AsOf = o.AsOf
	}
	switch {
	case e.AsOf.After(yesterday):
		return e, errs.New(errs.Invalid, "the as-of %s is not over yet in the company zone %s", e.AsOf, s.Zone).
			WithHint("An as-of is a completed day (R7.3): %s at the latest.", yesterday)
	case e.AsOf.Before(reached.Posted) && !o.DryRun:
		return e, errs.New(errs.Conflict, "the book is posted through %s, so nothing can be posted as of %s", reached.Posted, e.AsOf).
			WithHint("Add --dry-run to see what the lines were then (R7.3).")
	}
	e.TermThrough = lastCompletedMonth(e.AsOf)
	if !o.AsOf.IsZero() {
		e.TermThrough = e.AsOf
	}
	if !e.AsOf.Before(reached.Explicit) {
		e.TermThrough = clock.MaxDate(e.TermThrough, reached.Explicit)
	}
	return e, s.readTerms(ctx, &e)
}

func (s *Stage) readTerms(ctx context.Context, e *commission.Engine) (err error) {
	if e.Plans, err = book.Plans(ctx, s.DB, book.DefaultPlan); err != nil {
		return err
	}
	partners, err := ledger.PartnersByID(ctx, s.DB, nil)
	if err != nil {
		return err
	}
	e.Partners = make(map[string]commission.Partner, len(partners))
	for _, p := range partners {
		e.Partners[p.ID] = commission.Partner{
			Name: p.Name, JoinedOn: p.JoinedOn, Suspended: p.Status == ledger.StatusSuspended,
		}
	}
	return nil
}

// lastCompletedMonth is the last day of the last month that is over on asOf.
func lastCompletedMonth(asOf clock.Date) clock.Date {
	if asOf == asOf.Month().Last() {
		return asOf
	}
	return asOf.Month().First().AddDays(-1)
}

// run makes the pass, batch by batch.
func (p *pass) run(ctx context.Context) error {
	if err := p.inTx(ctx, p.prepare); err != nil {
		return err
	}
	statistics := stage.NewStatistics(p.DB, "ledger.line", "ledger.entry", "ledger.due_source", "ledger.source_schedule",
		"ledger.opportunity", "ledger.space", "ledger.holding", "outbox.record")
	for {
		n := 0
		err := p.inTx(ctx, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			n, err = p.batch(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
		if n == 0 {
			p.summarise()
			return nil
		}
		if err := statistics.Worked(ctx, int64(n)); err != nil {
			return err
		}
	}
}

// errPending ends a pass while histories are half worked out: lines that rest on
// them would be posted and taken back.
var errPending = errors.New("histories of Partner IDs are still to be worked out")

// errRehearsed ends the transaction of a rehearsal, which is never committed.
var errRehearsed = errors.New("rehearsed")

// rehearse makes the whole pass in one transaction and rolls it back.
func (p *pass) rehearse(ctx context.Context) error {
	err := pg.InTx(ctx, p.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := p.prepare(ctx, tx); err != nil {
			return err
		}
		for {
			n, err := p.batch(ctx, tx)
			if err != nil {
				return err
			}
			if n == 0 {
				return errRehearsed
			}
		}
	})
	if !errors.Is(err, errRehearsed) {
		return err
	}
	p.report.Notices = append(p.report.Notices, "This was a dry run: nothing was written.")
	p.summarise()
	return nil
}

// prepare keeps the as-of before the first line of it is posted, and marks what
// is due because days have passed.
func (p *pass) prepare(ctx context.Context, tx *sqlx.Tx) error {
	if err := book.KeepReached(ctx, tx, p.engine.AsOf, p.explicit, p.actor, p.now); err != nil {
		return err
	}
	if p.explicit {
		if err := book.MarkTerms(ctx, tx, p.now); err != nil {
			return err
		}
	}
	if _, err := book.MarkScheduled(ctx, tx, p.engine.AsOf, p.now); err != nil {
		return err
	}
	if err := p.markPartners(ctx, tx); err != nil {
		return err
	}
	var err error
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
