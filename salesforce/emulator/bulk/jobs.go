package bulk

import (
	"context"
	"sync"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Options says what the org is like to which the jobs belong.
type Options struct {
	Store *store.Store
	Clock clock.Clock

	// What follows may be nil. The context is that of the request that began the
	// job, or that closed it, without its end.

	// Spend uses up n of a limit of the limits resource, by its name there, and says
	// whether there was so much left.
	Spend func(limit string, n int) bool
	// Visible gives an object as the job may see it, nil for one that it may not.
	Visible func(context.Context, *schema.Object) *schema.Object
	// Hidden is the error of a query that names what the job may not see, or nil.
	Hidden func(ctx context.Context, query string) *soql.Error
	// Fate is what becomes of a job.
	Fate func(context.Context) Fate
	// Writer is as whom the rows of an ingest job are written, and when; it is asked
	// for each transaction.
	Writer func(ctx context.Context, userID string) store.Writer
	// Row is asked about every row of an ingest job while the store is locked, and
	// may refuse it.
	Row func(context.Context, Row) *schema.RowError
	// Pace waits until n rows more may be written.
	Pace func(ctx context.Context, n int) error
	// NoHardDelete says that the user lacks the permission for hardDelete, as users
	// of new orgs do.
	NoHardDelete bool
	// Running is how many jobs are worked on at once; by default 4.
	Running int
}

// The limits of the limits resource that jobs spend.
// https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_bulkapi.htm
const (
	limitBatches = "DailyBulkApiBatches" // of 10,000 rows
	limitQueries = "DailyBulkV2QueryJobs"
	limitStorage = "DailyBulkV2QueryFileStorageMB" // of results
)

const defaultRunning = 4

// object finds an object by name, if the job of a context may see it.
func (j *Jobs) object(ctx context.Context, name string) (*schema.Object, bool) {
	o, ok := j.opt.Store.Schema.Object(name)
	if !ok {
		return nil, false
	}
	o = j.opt.Visible(ctx, o)
	return o, o != nil
}

// Jobs is the bulk jobs of an org. It is safe for concurrent use.
type Jobs struct {
	opt   Options
	slots chan struct{} // taken by the jobs at work
	room  room

	mu     sync.Mutex
	jobs   map[string]*job // by id
	order  []*job          // by creation
	lastID uint64
}

// job is one job. What changes is guarded by Jobs.mu, except that data, query,
// result and outcomes belong to the job's goroutine while the job is at work.
type job struct {
	info   Info
	fate   Fate
	cancel context.CancelFunc // set while a goroutine works on the job
	done   chan struct{}      // closed when that goroutine ends

	data     []byte // of an ingest job, uploaded
	uploaded bool
	header   Header
	outcomes []outcome
	next     int // where the rows begin that were not worked through

	text   string // of a query job
	query  *selection
	result *spool
}

// New makes the jobs of an org: none.
func New(opt Options) *Jobs {
	if opt.Clock == nil {
		opt.Clock = clock.System{}
	}
	if opt.Pace == nil {
		opt.Pace = func(context.Context, int) error { return nil }
	}
	if opt.Running <= 0 {
		opt.Running = defaultRunning
	}
	if opt.Spend == nil {
		opt.Spend = func(string, int) bool { return true }
	}
	if opt.Visible == nil {
		opt.Visible = func(_ context.Context, o *schema.Object) *schema.Object { return o }
	}
	if opt.Hidden == nil {
		opt.Hidden = func(context.Context, string) *soql.Error { return nil }
	}
	if opt.Fate == nil {
		opt.Fate = func(context.Context) Fate { return FateNone }
	}
	if opt.Writer == nil {
		opt.Writer = func(_ context.Context, userID string) store.Writer {
			return store.Writer{UserID: userID, At: opt.Store.Now()}
		}
	}
	return &Jobs{opt: opt, slots: make(chan struct{}, opt.Running), jobs: map[string]*job{}, room: defaultRoom}
}

// Stop aborts the jobs that are at work or wait for their turn, and comes back
// when nothing works on any. The org can go on being used afterwards.
func (j *Jobs) Stop() {
	j.mu.Lock()
	for _, jb := range j.order {
		if jb.cancel != nil {
			jb.cancel()
		}
	}
	j.mu.Unlock()
	j.Wait()
}

// Wait comes back when the jobs that are at work now, or wait for their turn, are
// over.
func (j *Jobs) Wait() {
	var working []chan struct{}
	j.mu.Lock()
	for _, jb := range j.order {
		if jb.cancel != nil {
			working = append(working, jb.done)
		}
	}
	j.mu.Unlock()
	for _, done := range working {
		<-done
	}
}

// add takes a new job in and gives it its id. Callers hold the lock.
func (j *Jobs) add(jb *job) {
	j.lastID++
	now := j.now()
	jb.info.ID, jb.info.Created, jb.info.Modified = store.MakeID("750", j.lastID), now, now
	j.makeRoom(0)
	j.jobs[jb.info.ID] = jb
	j.order = append(j.order, jb)
}

// now is the present instant in whole seconds, as the platform keeps it.
func (j *Jobs) now() time.Time { return j.opt.Clock.Now().UTC().Truncate(time.Second) }

// set moves a job to a state, unless it may not go there (any more). Callers hold
// the lock.
func (j *Jobs) set(jb *job, s State) bool {
	if !jb.info.State.CanBecome(s) {
		return false
	}
	jb.info.State, jb.info.Modified = s, j.now()
	return true
}
