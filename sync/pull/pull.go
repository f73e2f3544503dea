package pull

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

// Source is the org that is read; *salesforce.Client is one.
type Source interface {
	// DescribeSince describes an object, unless it is as it was.
	DescribeSince(ctx context.Context, object, modified string) (salesforce.Described, error)
	// Query hands over the pages of a query's result in order.
	Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(context.Context, salesforce.Page) error) error
	// BulkQuery hands over the records of a query in any order.
	BulkQuery(ctx context.Context, soql string, o salesforce.BulkOptions, sink salesforce.BulkSink) error
	// ServerTime is Salesforce's clock.
	ServerTime(ctx context.Context) (time.Time, error)
}

// API says how records are read.
type API string

// The ways to read.
const (
	// Auto reads much by Bulk and little by REST.
	Auto API = "auto"
	REST API = "rest"
	Bulk API = "bulk"
)

// Defaults of what a Config leaves at zero.
const (
	// DefaultOverlap is how far a pull reads back: a Salesforce transaction lasts at
	// most ten minutes, and clocks of servers differ.
	// https://developer.salesforce.com/docs/atlas.en-us.apexcode.meta/apexcode/apex_gov_limits.htm
	DefaultOverlap = 15 * time.Minute
	// DefaultPageSize is the most that the platform gives.
	DefaultPageSize = 2000
	// DefaultBulkAbove is from how many records on a job is cheaper than pages.
	DefaultBulkAbove = 10_000
	// DefaultWindow is how many records a window is cut to.
	DefaultWindow        = 100_000
	DefaultWorkers       = 3
	DefaultRefreshEvery  = 24 * time.Hour
	DefaultDescribeEvery = time.Hour
)

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
	// PageSize is how many records a page of the REST API is asked to hold: 200 to
	// 2000. 0 means DefaultPageSize.
	PageSize int
	// API is how records are read; "" means Auto.
	API API
	// BulkAbove is up to how many records Auto reads by REST. 0 means
	// DefaultBulkAbove.
	BulkAbove int
	// Window is how many records a window of a large reading should have; 0 means
	// DefaultWindow. Workers is how many windows are read at once; 0 means
	// DefaultWorkers.
	Window, Workers int
	// RefreshEvery is how often objects are read as a whole of which fields are mapped
	// that don't move a record's stamp. 0 means DefaultRefreshEvery.
	RefreshEvery time.Duration
	// DescribeEvery is how long a description of an object is believed. 0 means
	// DefaultDescribeEvery.
	DescribeEvery time.Duration
}

// Stage is the pull stage.
type Stage struct{ Config }

// New gives the stage.
func New(c Config) *Stage {
	c.Overlap, c.PageSize = cmp.Or(c.Overlap, DefaultOverlap), cmp.Or(c.PageSize, DefaultPageSize)
	c.API, c.BulkAbove = cmp.Or(c.API, Auto), cmp.Or(c.BulkAbove, DefaultBulkAbove)
	c.Window, c.Workers = cmp.Or(c.Window, DefaultWindow), cmp.Or(c.Workers, DefaultWorkers)
	c.RefreshEvery, c.DescribeEvery = cmp.Or(c.RefreshEvery, DefaultRefreshEvery), cmp.Or(c.DescribeEvery, DefaultDescribeEvery)
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
//
// A dry run reads everything that a pass would, makes facts of it and counts those
// that cannot be read; it writes nothing.
func (s *Stage) Run(ctx context.Context, o stage.Options) (report stage.Report, err error) {
	defer errs.Wrap(&err, "pull")
	report.Stage = stage.Pull
	p := &pass{Stage: s, options: o, report: &report}
	err = p.run(ctx)
	if salesforce.IsQuotaUsedUp(err) {
		s.Log.Warn("pull is put off", zap.Error(err))
		if report.Deferred == "" {
			report.Deferred = "Salesforce's request quota is used up: " + err.Error()
		}
		return report, nil
	}
	err = report.Conclude(err)
	return report, err
}
