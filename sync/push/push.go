package push

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/record"
	"github.com/partnersync/partnersync/sync/stage"
)

// Sink is the org that is written to; *salesforce.Client is one.
type Sink interface {
	mapping.Describer
	// Upsert writes up to 200 records; result i belongs to record i.
	Upsert(ctx context.Context, object, externalIDField string, records []any) ([]salesforce.UpsertResult, error)
	// Query reads records back, page by page.
	Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(ctx context.Context, p salesforce.Page) error) error
	Jobs
}

// Jobs are the org's Bulk jobs.
type Jobs interface {
	CreateIngest(ctx context.Context, object, externalIDField string) (salesforce.IngestJob, error)
	UploadIngest(ctx context.Context, id string, write func(io.Writer) error) (int64, error)
	CloseIngest(ctx context.Context, id string) (salesforce.IngestJob, error)
	AbortIngest(ctx context.Context, id string) (salesforce.IngestJob, error)
	Ingest(ctx context.Context, id string) (salesforce.IngestJob, error)
	AwaitIngest(ctx context.Context, id string, rows int64) (salesforce.IngestJob, error)
	IngestResults(ctx context.Context, id string, which salesforce.IngestResult, begin func() func(salesforce.IngestRow) error) error
}

// API says by which of Salesforce's interfaces records go.
type API string

// The ways.
const (
	APIAuto        API = "auto" // the zero API is it too
	APICollections API = "collections"
	APIBulk        API = "bulk"
)

const (
	// DefaultWorkers is how many calls are in flight. Each worker has parents of
	// its own, because a write locks its parent in Salesforce.
	DefaultWorkers = 4
	// DefaultBulkAbove is above how many unsent records Bulk jobs are made, where the way
	// is chosen by itself: what Salesforce advises.
	DefaultBulkAbove = 2_000
	// DefaultPart is how many records make a part: as many as the largest Bulk job has.
	DefaultPart = jobRows
	// batchSize is how many records one Collections call takes, and flightSize how many are
	// written down at once.
	batchSize  = salesforce.MaxUpsert
	flightSize = 10 * batchSize
	// sendTimeout bounds one call, and with it how long a transaction is idle.
	sendTimeout = 75 * time.Second
	// blamedAtMost is after how many records in a row that fail alone a worker gives up.
	blamedAtMost = 5
	// maxAttempts is after how many failures a row waits for a person.
	maxAttempts = 10
	// firstDelay and lastDelay bound the pause after a failure; it doubles.
	firstDelay = time.Minute
	lastDelay  = 6 * time.Hour
	// relinkAfter is when a record that was written without a link is tried with
	// it again.
	relinkAfter = 24 * time.Hour
)

// Config is what a push works with. All but Zone, Log and Workers must be set.
type Config struct {
	// DB needs a connection for each worker.
	DB      *sqlx.DB
	Sink    Sink
	Mapping *mapping.Mapping
	Clock   clock.Clock
	// Zone is the company zone: statements are of its months. nil means UTC.
	Zone *time.Location
	Log  *zap.Logger
	// Workers is how many calls are in flight; 0 means DefaultWorkers.
	Workers int
	// API is the way by which records go, APIAuto if it is "". BulkAbove is above how many
	// unsent records APIAuto makes Bulk jobs; 0 means DefaultBulkAbove.
	API       API
	BulkAbove int
	// Shape is how much of the book Salesforce is to hold.
	Shape record.Shape
	// Part is how many records of an object a part has that a replica sends by itself, where
	// a push is shared: of those that have more than two parts' records. 0 means DefaultPart.
	Part int
	// Patience bounds how long a pass waits for its Bulk jobs before it leaves them to a
	// later one; 0 means DefaultPatience.
	Patience time.Duration
}

// Stage is the push stage.
type Stage struct{ Config }

// New gives the stage.
func New(c Config) *Stage {
	c.Workers, c.BulkAbove = cmp.Or(c.Workers, DefaultWorkers), cmp.Or(c.BulkAbove, DefaultBulkAbove)
	c.Part, c.Patience = cmp.Or(c.Part, DefaultPart), cmp.Or(c.Patience, DefaultPatience)
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	return &Stage{Config: c}
}

// Name is stage.Push.
func (s *Stage) Name() string { return stage.Push }

// Run makes one pass over what is unsent. Its report counts, for each object,
// what was written, unchanged, failed (and waits to be tried again) and
// quarantined; the last two are problems. The error is for what stops the pass:
// no connection, no permission, a missing object or field. An org whose daily
// quota is used up defers the pass, without an error.
func (s *Stage) Run(ctx context.Context, o stage.Options) (report stage.Report, err error) {
	defer errs.Wrap(&err, "push")
	report.Stage = stage.Push
	p := &pass{Stage: s, options: o, report: &report}
	err = p.run(ctx)
	if salesforce.IsQuotaUsedUp(err) {
		s.Log.Warn("push is put off", zap.Error(err))
		if report.Deferred == "" {
			report.Deferred = "Salesforce's request quota is used up: " + err.Error()
		}
		return report, nil
	}
	err = report.Conclude(err)
	return report, err
}
