package recount

import (
	"cmp"
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/stage"
)

// Source is the org that is counted; *salesforce.Client is one.
type Source interface {
	mapping.Describer
	// Query hands over the pages of a query's result in order.
	Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(context.Context, salesforce.Page) error) error
	// BulkQuery hands over the records of a query, in its order.
	BulkQuery(ctx context.Context, soql string, o salesforce.BulkOptions, sink salesforce.BulkSink) error
}

// Names of the report's counts; before each stands the object's name.
const (
	CountInSalesforce = " in Salesforce"
	CountStaged       = " known here" // records that are staged and not deleted
	CountMissed       = " missed"     // staged now
	CountChanged      = " changed"    // read again
	CountReturned     = " back"       // that had vanished
	CountVanished     = " vanished"   // held from now on
	CountPending      = " left to the next pull"
)

const (
	// DefaultLate is by how much what was committed may be seen later than it is
	// stamped: what pulls read again anyway.
	DefaultLate = 15 * time.Minute
	// DefaultPlausible is how many records of an object may vanish between two recounts
	// before anybody asks, whatever their share.
	DefaultPlausible = 20
	// DefaultPlausibleShare is which share of an object's records may.
	DefaultPlausibleShare = 0.05
	// DefaultBulkAbove is from how many records on a Bulk job is cheaper than pages.
	DefaultBulkAbove = 10_000
)

// Config is what a recount works with. The first four must be set.
type Config struct {
	DB      *sqlx.DB
	Source  Source
	Mapping *mapping.Mapping
	Clock   clock.Clock
	// Log gets a line for each object, and nothing of its records.
	Log *zap.Logger
	// Late is the Overlap of pulls. 0 means DefaultLate.
	Late time.Duration
	// BulkAbove is up to how many records of an object are read by REST. 0 means
	// DefaultBulkAbove; below that all are.
	BulkAbove int
}

// Stage is the stage.
type Stage struct{ Config }

// New gives the stage.
func New(c Config) *Stage {
	c.Late, c.BulkAbove = cmp.Or(c.Late, DefaultLate), cmp.Or(c.BulkAbove, DefaultBulkAbove)
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	return &Stage{Config: c}
}

// Name is "recount".
func (*Stage) Name() string { return stage.Recount }

// Run compares every object that is mapped. Its report counts, for each, the records
// there and here and what was found of them. What has vanished is a problem, and so is
// a mapping that is stopped. The error is for what stops all of them, and for an
// object of which more would have vanished than is plausible: the others were
// recounted. A dry run compares and writes nothing. An org whose daily quota is used up
// defers what is left.
func (s *Stage) Run(ctx context.Context, o stage.Options) (report stage.Report, err error) {
	defer errs.Wrap(&err, "recount")
	report.Stage = stage.Recount
	p := &pass{Stage: s, options: o, report: &report}
	err = p.run(ctx)
	if salesforce.IsQuotaUsedUp(err) {
		s.Log.Warn("recount is put off", zap.Error(err))
		report.Deferred = "Salesforce's request quota is used up: " + err.Error()
		return report, nil
	}
	err = report.Conclude(err)
	return report, err
}
