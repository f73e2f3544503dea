package verify

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/bill"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/brought"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/record"
	"github.com/partnersync/partnersync/sync/stage"
)

// Source is the org that is compared; *salesforce.Client is one.
type Source interface {
	mapping.Describer
	// Query gives all pages of a query, in order.
	Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(ctx context.Context, p salesforce.Page) error) error
}

// Config is what a verification works with.
type Config struct {
	DB    *sqlx.DB
	Clock clock.Clock
	// Zone is the company zone, in which days, months and CloseDates are meant.
	Zone *time.Location
	// Source is nil where Salesforce is not to be compared; else Mapping says where its
	// records are.
	Source  Source
	Mapping *mapping.Mapping
	// Shape is how much of the book Salesforce is to hold.
	Shape record.Shape
	Log   *zap.Logger
}

// Stage is the stage.
type Stage struct{ Config }

// New gives the stage.
func New(c Config) *Stage {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	return &Stage{Config: c}
}

// Name is "verify".
func (*Stage) Name() string { return stage.Verify }

// CountDifferences is the name of the report's count of everything that differs.
const CountDifferences = "differences found"

// Run compares everything and makes the open discrepancies of its kinds those that it
// found. Those that it opens are problems of the report: what is open since an earlier run
// has been told of. A dry run compares and keeps nothing, and counts every difference. An org whose daily quota is used up defers what there is to compare there.
func (s *Stage) Run(ctx context.Context, o stage.Options) (report stage.Report, err error) {
	defer errs.Wrap(&err, "verify")
	report.Stage = stage.Verify
	var token stage.Token
	if !o.DryRun {
		if token, err = stage.Take(ctx, s.DB, stage.Verify); err != nil {
			return report, err
		}
	}
	result, err := s.Verify(ctx, o.Progress)
	result.tell(&report)
	if salesforce.IsQuotaUsedUp(err) {
		s.Log.Warn("verify is put off", zap.Error(err))
		report.Deferred = "Salesforce's request quota is used up: " + err.Error()
		return report, nil
	}
	if err != nil || o.DryRun {
		return report, err
	}
	opened, err := s.keep(ctx, token, &result)
	if report.Problems = opened; err == nil && opened == 0 && result.Differences() > 0 {
		report.Notices = append(report.Notices, "All of these differences have been open since an earlier run.")
	}
	return report, report.Conclude(err)
}

// Verify compares everything, and writes nothing but marks in the outbox, for statements
// that push would mark next.
func (s *Stage) Verify(ctx context.Context, progress stage.Progress) (out Result, err error) {
	began := s.Clock.Now()
	defer func() { out.Took = s.Clock.Now().Sub(began) }()
	if err := s.within(ctx, &out, progress); err != nil {
		return out, err
	}
	if s.Source == nil {
		return out, nil
	}
	return out, s.withSalesforce(ctx, &out, progress)
}

// check is a comparison within the database, as this stage runs it.
type check struct {
	book.Check
	// run, if it is not nil, is instead of Check.Run, and says what it left out.
	run func(ctx context.Context, tx *sqlx.Tx, c *Checked, report book.Report) error
}

// checks are the comparisons within the database, in the order in which a person
// should hear of what they find.
func (s *Stage) checks() []check {
	var out []check
	for _, c := range slices.Concat(book.Checks(), bill.Checks(), brought.Checks()) {
		out = append(out, check{Check: c})
	}
	return append(out,
		check{run: s.anchors, Check: book.Check{
			Name: CheckAnchors, Unit: "months",
			Compares: "the anchor of every closed month, and the month as its facts come to it, with what was kept",
		}},
		check{run: s.statements, Check: book.Check{
			Name: CheckStatements, Unit: "statements",
			Compares: "every statement of the present month with the accounts of its partner",
		}},
		check{run: s.facts, Check: book.Check{
			Name: CheckFacts, Unit: "lines",
			Compares: "every line, and what is posted for it, with what the facts come to now",
		}},
	)
}
