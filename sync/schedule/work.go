package schedule

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/stage"
)

// job is what a River job carries: the name of a stage, or "all".
type job struct {
	Stage string `json:"stage" river:"unique"`
}

// Kind is that of jobs that run stages; parts of a pass have another.
func (job) Kind() string { return "stage" }

// InsertOpts makes a job the only one of its name while it lives. One that has
// ended must not stand in the way of the next, so the ended states are left out;
// River's default would count "completed" in.
func (job) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		MaxAttempts: maxAttempts,
		Queue:       queue,
		UniqueOpts: river.UniqueOpts{
			ByArgs: true,
			ByState: []rivertype.JobState{
				rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
				rivertype.JobStateRetryable, rivertype.JobStateScheduled,
			},
		},
	}
}

const (
	queue = "stages"
	// maxAttempts allows two repeats, after a death or a transient failure.
	maxAttempts = 3
	// maxWorkers is how many jobs a replica works on at a time: one for each
	// stage of the data's way.
	maxWorkers = 4
)

// worker takes jobs from River and runs their stages.
type worker struct {
	river.WorkerDefaults[job]
	daemon *Daemon
}

// Work runs the job's stages. What it gives River says only what is to become of
// the job; how the passes ended is in job.run.
func (w *worker) Work(ctx context.Context, j *river.Job[job]) error {
	r := w.daemon.runner
	runs, err := r.sequence(ctx, w.daemon.stagesOf(j.Args.Stage), stage.Options{Actor: ActorSchedule},
		&hold{db: r.DB, jobID: j.ID, attempt: j.Attempt, stopping: w.daemon.ticking.Done(), share: w.daemon.share, name: w.daemon.name})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, errToStop):
		r.Log.Info("a scheduled run is handed back", zap.String("name", j.Args.Stage), zap.Error(err))
		// The process stops. The job goes back as it was, for another replica or
		// the next start; an attempt that was not its fault is not counted.
		return river.JobSnooze(0)
	}
	r.Log.Error("a scheduled run failed", zap.String("name", j.Args.Stage), zap.String("stage", lastStage(runs)), zap.Int("attempt", j.Attempt),
		zap.String("kind", string(errs.KindOf(err))), zap.String("hint", errs.HintOf(err)), w.again(j, err), zap.Error(err))
	if errs.KindOf(err) == errs.Transient {
		return err
	}
	return river.JobCancel(err)
}

// NextRetry waits half a minute before the first repeat and five before the
// second: the stage itself has retried for as long as that was likely to help.
// It never waits longer than to the next instant of the job's own line, whose
// tick starts nothing while the job lives.
func (w *worker) NextRetry(j *river.Job[job]) time.Time {
	now := w.daemon.runner.Clock.Now()
	at := now.Add(5 * time.Minute)
	if j.Attempt <= 1 {
		at = now.Add(30 * time.Second)
	}
	if due := w.daemon.nextOf(j.Args.Stage, now); !due.IsZero() && due.Before(at) {
		return due
	}
	return at
}

// again says when what failed will be tried again, if it will be by itself.
func (w *worker) again(j *river.Job[job], err error) zap.Field {
	at := w.daemon.nextOf(j.Args.Stage, w.daemon.runner.Clock.Now())
	if errs.KindOf(err) == errs.Transient && j.Attempt < j.MaxAttempts {
		at = w.NextRetry(j)
	}
	if at.IsZero() {
		return zap.String("again", "never by itself")
	}
	return zap.Time("again", at.UTC().Truncate(time.Second))
}

// lastStage is the one at which a sequence ended.
func lastStage(runs []Run) string {
	if len(runs) == 0 {
		return ""
	}
	return runs[len(runs)-1].Stage
}

// share gives what shares the parts of a run.
func (d *Daemon) share(run int64) stage.Share {
	s := &sharer{db: d.runner.DB, client: d.client, log: d.runner.Log, run: run, stopping: d.ticking.Done(), lease: d.partLease}
	return s.share
}
