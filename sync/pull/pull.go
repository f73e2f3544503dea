package pull

import (
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

// Source is the org that is read; *salesforce.Client is one.
type Source interface {
	mapping.Describer
	// Query hands over the pages of a query's result in order.
	Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(context.Context, salesforce.Page) error) error
	// ServerTime is Salesforce's clock.
	ServerTime(ctx context.Context) (time.Time, error)
}

// DefaultOverlap is how far a pull reads back: a Salesforce transaction lasts at
// most ten minutes.
// https://developer.salesforce.com/docs/atlas.en-us.apexcode.meta/apexcode/apex_gov_limits.htm
const DefaultOverlap = 10 * time.Minute

// DefaultPageSize is the most that the platform gives.
const DefaultPageSize = 2000

// Config is what a pull works with. The first four must be set.
type Config struct {
	DB      *sqlx.DB
	Source  Source
	Mapping *mapping.Mapping
	Clock   clock.Clock
	// Log gets a line for each object, and nothing of its records.
	Log *zap.Logger
	// Overlap is how long a record may be in appearing after its stamp. 0 means
	// DefaultOverlap.
	Overlap time.Duration
	// PageSize is how many records a page, and so a transaction, is asked to
	// hold: 200 to 2000. 0 means DefaultPageSize.
	PageSize int
}

// Stage is the pull stage.
type Stage struct{ Config }

// New gives the stage.
func New(c Config) *Stage {
	if c.Overlap <= 0 {
		c.Overlap = DefaultOverlap
	}
	if c.PageSize <= 0 {
		c.PageSize = DefaultPageSize
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	return &Stage{Config: c}
}

// Name is stage.Pull.
func (s *Stage) Name() string { return stage.Pull }

// Run makes one pass over all mappings. Its report counts, for each object, the
// records received and those staged (new or changed). A mapping that is stopped,
// or whose object cannot be read, is a notice and a problem. The error is for
// what stops all of them: no connection, no permission, no database. An org
// whose daily quota is used up defers the pass, without an error.
func (s *Stage) Run(ctx context.Context, o stage.Options) (report stage.Report, err error) {
	defer errs.Wrap(&err, "pull")
	report.Stage = stage.Pull
	p := &pass{Stage: s, options: o, report: &report}
	err = p.run(ctx)
	if salesforce.IsQuotaUsedUp(err) {
		s.Log.Warn("pull is put off", zap.Error(err))
		report.Deferred = "Salesforce's request quota is used up: " + err.Error()
		return report, nil
	}
	err = report.Conclude(err)
	return report, err
}
