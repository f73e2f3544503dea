package schedule

import (
	"cmp"
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/robfig/cron/v3"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
)

const (
	// riverSchema is where River's tables are; migrations puts them there.
	riverSchema = "job"
	// pollEvery is how often a replica looks for jobs: half of it is the median
	// delay of a start, and costs a core some two per cent.
	pollEvery = 100 * time.Millisecond
	// defaultGrace is how long Stop lets a pass go on before it cancels it.
	defaultGrace = 10 * time.Second
	// off is the line of a stage that does not run by itself, nor with "all".
	off = "off"
)

// DaemonConfig is what a Daemon needs.
type DaemonConfig struct {
	Runner *Runner
	// Schedules are cron lines by name: a stage's, or "all" for every stage
	// without a line of its own. An empty line is no line; "off" keeps a stage
	// out of "all" as well.
	Schedules map[string]string
	// Zone is the company zone, in which the lines are meant; nil is UTC.
	Zone *time.Location
	// Grace is how long Stop lets a running pass go on before it cancels it, so
	// that a pass that is nearly done is not thrown away. 0 means 10 seconds.
	Grace time.Duration
	// Chores are done beside the stages, and keep none of them waiting.
	Chores []Chore
	// Version is this program's, for those who look which replicas there are.
	Version string
	// PartWorkers is how many parts of shared passes this replica works on at a time; 0
	// means 3.
	PartWorkers int

	// partLease and partBeat are those of parts, if not 0; name is instead of the process's.
	partLease, partBeat time.Duration
	name                string
	// hasty leaves out River's random delay before its housekeeping starts.
	hasty bool
}

// Chore is something that every replica does now and then while its daemon runs: looking
// whether somebody has to be told of something, say. One that still works when it is
// due again is not begun a second time. Its context ends when the daemon stops, which waits
// for it. An error is logged.
type Chore struct {
	What  string // what it does, after "could not"
	Every time.Duration
	Do    func(context.Context) error
}

// Daemon ticks by its cron lines and works on the jobs that this or another
// replica's ticks have started.
type Daemon struct {
	Timetable
	runner *Runner
	chores []Chore
	grace  time.Duration
	client *river.Client[*sql.Tx]
	pulse  *pulse
	// name is this replica's among the others, version its program's.
	name, version       string
	partLease, partBeat time.Duration

	mu sync.Mutex
	// cron is nil while the daemon is stopped.
	cron *cron.Cron
	// ticking ends when the daemon is to stop: with it the ticks that are being
	// written, and after the stage in hand each sequence. stopTicking ends it.
	ticking     context.Context
	stopTicking context.CancelFunc
}

// NewDaemon reads the schedules and makes a daemon that stands still. The error
// is errs.Invalid and names every line that is wrong.
func NewDaemon(c DaemonConfig) (*Daemon, error) {
	table, err := NewTimetable(c.Schedules, c.Zone)
	if err != nil {
		return nil, err
	}
	d := &Daemon{Timetable: table, runner: c.Runner, chores: c.Chores, grace: cmp.Or(c.Grace, defaultGrace),
		name: cmp.Or(c.name, WorkerName()), version: c.Version, partLease: cmp.Or(c.partLease, partLease), partBeat: cmp.Or(c.partBeat, partBeat)}
	d.pulse = &pulse{db: c.Runner.DB, clock: c.Runner.Clock, log: c.Runner.Log}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{daemon: d}); err != nil {
		return nil, err
	}
	if err := river.AddWorkerSafely(workers, &partWorker{daemon: d}); err != nil {
		return nil, err
	}
	client, err := river.NewClient(riverdatabasesql.New(c.Runner.DB.DB), &river.Config{
		Schema:            riverSchema,
		PollOnly:          true,
		FetchPollInterval: pollEvery,
		FetchCooldown:     pollEvery,
		// Parts have workers of their own: those who wait for them keep none of these busy.
		Queues: map[string]river.QueueConfig{
			queue: {MaxWorkers: maxWorkers}, partQueue: {MaxWorkers: cmp.Or(c.PartWorkers, defaultPartWorkers)},
		},
		Workers: workers,
		// A pass is bounded by passLimit, and its job is kept from being rescued
		// by its beats; see the package comment.
		JobTimeout:           -1,
		RescueStuckJobsAfter: lease,
		Logger:               slogOf(c.Runner.Log, d.pulse.isAway),
		TestOnly:             c.hasty,
	})
	if err != nil {
		return nil, errs.New(errs.Unknown, "set up the job queue: %w", err)
	}
	d.client = client
	return d, nil
}

// Next gives when each line will next be due, soonest first, in the company zone.
func (d *Daemon) Next() []Due { return d.After(d.runner.Clock.Now()) }

// Start begins to tick and to work. What was missed while no replica was there
// is ticked once, before Start returns. ctx bounds the start only; what was
// started goes on until Stop. The error is of the database, and then nothing
// runs; or errs.Conflict, when the daemon runs already.
func (d *Daemon) Start(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "start the schedule")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cron != nil {
		return errs.New(errs.Conflict, "it is running already")
	}
	if err := d.arrive(ctx); err != nil {
		return err
	}
	if err := d.catchUp(ctx); err != nil {
		return err
	}
	running := context.WithoutCancel(ctx)
	// Workers look at it, and the client starts them.
	d.ticking, d.stopTicking = context.WithCancel(running)
	if err := d.client.Start(running); err != nil {
		d.stopTicking()
		return err
	}
	d.cron = d.newCron(d.ticking)
	d.cron.Start()
	return nil
}

// Stop ends the daemon and returns when nothing of it is left: no tick is begun,
// no further stage of a sequence either; a running pass has the grace to finish
// and is then cancelled, which rolls back the batch that it has in hand. If ctx ends before, Stop cancels the passes and
// gives ctx's error without waiting for them. Stopping twice is no error.
func (d *Daemon) Stop(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "stop the schedule")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cron == nil {
		return nil
	}
	ticks := d.cron.Stop()
	d.stopTicking()
	<-ticks.Done()
	soft, cancel := context.WithTimeout(ctx, d.grace)
	defer cancel()
	if d.client.Stop(soft) != nil {
		if err := d.client.StopAndCancel(ctx); err != nil {
			return err
		}
	}
	d.cron = nil
	if err := d.leave(ctx); err != nil {
		d.runner.Log.Warn("others will miss this replica for a day", zap.Error(err))
	}
	return nil
}
