// Package reconcile is the second stage: it turns staged records into facts of
// the ledger, works out how Partner IDs travelled because of them, and marks the
// sources of revenue whose lines may have changed.
//
//	staging.record ──decode, save──▶ facts ──▶ marks ──replay──▶ histories ──▶ due sources
//
// Every batch is one transaction: the facts, the marks that they cause and the
// mark that the records are reconciled stand or fall together.
package reconcile

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
)

// Limits of one transaction: records turned into facts, histories worked out.
const (
	recordsInABatch   = 2000
	historiesInABatch = 1000
)

// Names of the report's counts.
const (
	CountRecords   = "records reconciled"
	CountHistories = "Partner ID histories worked out"
	CountChanged   = "Partner ID histories changed"
	CountOpened    = "discrepancies opened"
)

// Config is what the stage works with.
type Config struct {
	DB      *sqlx.DB
	Mapping *mapping.Mapping
	Clock   clock.Clock
	// Zone is the company zone, in which days are meant.
	Zone *time.Location
	// Currency is that of amounts in an org that is not multi-currency.
	Currency money.Currency
}

// Stage is the stage.
type Stage struct{ Config }

// New gives the stage.
func New(c Config) *Stage { return &Stage{Config: c} }

// Name is "reconcile".
func (*Stage) Name() string { return stage.Reconcile }

// Run reconciles every staged record that was not, then works out every history
// that is marked. It can be stopped anywhere and goes on from there.
func (s *Stage) Run(ctx context.Context, o stage.Options) (r stage.Report, err error) {
	r.Stage = stage.Reconcile
	if o.DryRun {
		return r, errs.New(errs.Invalid, "reconcile has no dry run").
			WithHint("Dry runs exist of accrue and push, which decide what is paid and written.")
	}
	token, err := stage.Take(ctx, s.DB, stage.Reconcile)
	if err != nil {
		return r, err
	}
	p := &pass{Stage: s, statistics: facts(s.DB), token: token, now: s.Clock.Now().Truncate(time.Microsecond), report: &r, tell: o.Progress,
		again: map[mapping.Kind]bool{}}
	err = r.Conclude(p.run(ctx))
	return r, err
}

// pass is one pass. All that it learns, it learns at one instant.
type pass struct {
	*Stage
	statistics *stage.Statistics
	token      stage.Token
	now        time.Time
	report     *stage.Report
	tell       stage.Progress
	// again are kinds of facts of which records that were read are to be read again,
	// because of what was learned of others.
	again map[mapping.Kind]bool
}

// facts are the tables that a first load fills from nothing.
func facts(db *sqlx.DB) *stage.Statistics {
	return stage.NewStatistics(db, "ledger.opportunity", "ledger.space", "ledger.profile_record", "ledger.profile",
		"ledger.invitation", "ledger.install", "ledger.connection", "ledger.statement_of_id", "ledger.holding",
		"ledger.replay", "ledger.due_source", "ledger.discrepancy")
}

func (p *pass) run(ctx context.Context) error {
	for _, name := range []string{CountRecords, CountHistories, CountChanged, CountOpened} {
		p.report.Add(name, 0)
	}
	backlog, err := staging.Backlogs(ctx, p.DB)
	if err != nil {
		return err
	}
	waits := map[string]int64{}
	staged := stage.NewStatistics(p.DB, "staging.record")
	for _, b := range backlog {
		waits[b.Object] = b.Waits
		if err := staged.Worked(ctx, b.Waits); err != nil {
			return err
		}
	}
	for _, kind := range mapping.Kinds() {
		object := p.Mapping.Object(kind)
		if object == "" || waits[object] == 0 {
			continue
		}
		if err := p.kind(ctx, kind, object, waits[object]); err != nil {
			return err
		}
	}
	for _, kind := range mapping.Kinds() {
		if !p.again[kind] {
			continue
		}
		if err := p.kind(ctx, kind, p.Mapping.Object(kind), 0); err != nil {
			return err
		}
	}
	if err := p.replay(ctx); err != nil {
		return err
	}
	return p.check(ctx)
}

// kind reconciles the staged records of one kind of fact.
func (p *pass) kind(ctx context.Context, kind mapping.Kind, object string, total int64) error {
	var done int64
	for {
		n := 0
		var opened int64
		err := p.inTx(ctx, func(tx *sqlx.Tx) error {
			records, err := staging.Unreconciled(ctx, tx, object, recordsInABatch)
			if err != nil {
				return err
			}
			records = untilRepeated(records)
			n = len(records)
			if n == 0 {
				return nil
			}
			b := &batch{pass: p, tx: tx, kind: kind, object: object, records: records}
			if opened, err = b.reconcile(ctx); err != nil {
				return err
			}
			return staging.MarkReconciled(ctx, tx, object, records, p.now)
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		p.report.Add(CountRecords, int64(n))
		p.problems(opened)
		if err := p.statistics.Worked(ctx, int64(n)); err != nil {
			return err
		}
		done += int64(n)
		p.tell.Tell(object, done, max(total, done))
	}
}

// replay works out histories until none is marked.
func (p *pass) replay(ctx context.Context) error {
	var done int64
	for {
		var r attribution.Replayed
		err := p.inTx(ctx, func(tx *sqlx.Tx) (err error) {
			if r, err = attribution.Replay(ctx, tx, historiesInABatch, p.now); err != nil {
				return err
			}
			return p.markSources(ctx, tx, r.Spaces)
		})
		if err != nil {
			return err
		}
		if r.Subjects == 0 {
			return nil
		}
		if err := p.statistics.Worked(ctx, int64(r.Subjects)); err != nil {
			return err
		}
		p.report.Add(CountHistories, int64(r.Subjects))
		p.report.Add(CountChanged, int64(r.Changed))
		p.problems(r.Problems)
		done += int64(r.Subjects)
		pending, err := attribution.Pending(ctx, p.DB)
		if err != nil {
			return err
		}
		p.tell.Tell("Partner ID histories", done, done+pending)
	}
}

// check settles what no record tells by itself, if anything of this pass can have
// changed it, or a new day can.
func (p *pass) check(ctx context.Context) error {
	worked := p.report.Get(CountRecords) > 0 || p.report.Get(CountHistories) > 0
	var opened int64
	err := p.inTx(ctx, func(tx *sqlx.Tx) (err error) {
		if err := p.keepHorizons(ctx, tx); err != nil {
			return err
		}
		opened, err = attribution.Check(ctx, tx, clock.DateIn(p.now, p.Zone), worked, p.now)
		return err
	})
	p.problems(opened)
	return err
}

// keepHorizons hands on how far back the org's history went when pulls first asked
// for it (R2.6).
func (p *pass) keepHorizons(ctx context.Context, tx *sqlx.Tx) error {
	for _, of := range []struct {
		history mapping.Kind
		subject string
	}{{mapping.SpaceHistory, attribution.KindSpace}, {mapping.ProfileHistory, attribution.KindProfile}} {
		object := p.Mapping.Object(of.history)
		if object == "" {
			continue
		}
		c, err := staging.ReadCursor(ctx, tx, object)
		if err != nil {
			return err
		}
		if c.AskedAt.IsZero() {
			continue
		}
		if err := attribution.KeepHorizon(ctx, tx, of.subject, c.Oldest, c.AskedAt, p.now); err != nil {
			return err
		}
	}
	return nil
}

// markSources marks what may earn by the Spaces and, where there are registrations,
// what may renew something that does: a renewal is of the Space of what it renews
// (R3.5).
func (p *pass) markSources(ctx context.Context, tx *sqlx.Tx, spaces []string) error {
	if len(spaces) == 0 {
		return nil
	}
	sources, err := revenue.OfSpaces(ctx, tx, spaces)
	if err != nil {
		return err
	}
	registered, err := deal.Any(ctx, tx)
	if err != nil {
		return err
	}
	if registered {
		renewing, err := revenue.OfSameCustomers(ctx, tx, sources)
		if err != nil {
			return err
		}
		sources = union(sources, renewing)
	}
	return book.MarkDue(ctx, tx, sources, p.now)
}

func (p *pass) problems(opened int64) {
	p.report.Add(CountOpened, opened)
	p.report.Problems += opened
}

// inTx runs one batch's transaction, which only the holder of the token may write.
func (p *pass) inTx(ctx context.Context, f func(tx *sqlx.Tx) error) error {
	return pg.InTx(ctx, p.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := p.token.Check(ctx, tx); err != nil {
			return err
		}
		return f(tx)
	})
}

// untilRepeated gives the records up to where one comes again in a later version:
// each version is a fact of its own and is kept before the next.
func untilRepeated(records []staging.Record) []staging.Record {
	seen := make(map[string]bool, len(records))
	for i, r := range records {
		if seen[r.ID] {
			return records[:i]
		}
		seen[r.ID] = true
	}
	return records
}
