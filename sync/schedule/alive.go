package schedule

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/stage"
)

// alive says, for as long as a pass runs, that it does.
type alive struct {
	// ctx is the pass's; it ends, with errJobLost as its cause, when the job
	// that carries the pass has become another worker's.
	ctx    context.Context
	cancel context.CancelCauseFunc
	runner *Runner
	runID  int64
	hold   *hold
	outer  stage.Progress

	mu   sync.Mutex
	last Progress

	quit, done chan struct{}
}

// keepAlive starts to say that run runID lives. Its stop must be called.
func (r *Runner) keepAlive(ctx context.Context, runID int64, hold *hold, outer stage.Progress) *alive {
	a := &alive{runner: r, runID: runID, hold: hold, outer: outer, quit: make(chan struct{}), done: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	go a.loop()
	return a
}

// tell hears the pass's progress, keeps it for the next beat and passes it on.
func (a *alive) tell(what string, done, total int64) {
	a.mu.Lock()
	a.last = Progress{What: what, Done: done, Total: total}
	a.mu.Unlock()
	a.outer.Tell(what, done, total)
}

func (a *alive) loop() {
	defer close(a.done)
	beats := a.runner.beat
	if beats == nil {
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		beats = ticker.C
	}
	for {
		select {
		case <-a.quit:
			return
		case <-beats:
			a.beat()
		}
	}
}

// beat says once that the pass lives. A database that can't be reached is none
// of its business: the pass itself will find out, and the lease is nine beats.
func (a *alive) beat() {
	a.mu.Lock()
	last := a.last
	a.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), beatEvery)
	defer cancel()
	if err := seen(ctx, a.runner.DB, a.runID, last); err != nil {
		a.runner.Log.Warn("could not say that a pass is running", zap.Int64("run", a.runID), zap.Error(err))
	}
	a.renew(ctx)
}

func (a *alive) renew(ctx context.Context) {
	if a.hold == nil {
		return
	}
	held, err := a.hold.renew(ctx)
	if err != nil {
		a.runner.Log.Warn("could not renew the hold on a job", zap.Int64("job", a.hold.jobID), zap.Error(err))
	} else if !held {
		a.cancel(errJobLost)
	}
}

// stop ends the beats and waits for the last, then looks once more whether the
// job is still ours, and says whether it is lost.
func (a *alive) stop() (lost bool) {
	close(a.quit)
	<-a.done
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), recordWithin)
	defer cancel()
	a.renew(ctx)
	lost = errors.Is(context.Cause(a.ctx), errJobLost)
	a.cancel(nil)
	return lost
}

// hold is a worker's right to a job: its attempt is the job's latest.
type hold struct {
	db      *sqlx.DB
	jobID   int64
	attempt int
	// stopping is closed when the process that works on the job is to stop.
	stopping <-chan struct{}
	// share gives what shares the parts of a run among the replicas.
	share func(run int64) stage.Share
	// name is the worker's.
	name string
}

// worker names the process that works.
func (h *hold) worker() string {
	if h == nil {
		return WorkerName()
	}
	return h.name
}

// isToStop says whether no further stage of the job may be started.
func (h *hold) isToStop() bool {
	if h == nil {
		return false
	}
	select {
	case <-h.stopping:
		return true
	default:
		return false
	}
}

// renew keeps River from rescuing the job for another lease, and says whether
// it is still this attempt's. River compares attempted_at with its horizon
// (Config.RescueStuckJobsAfter) and has no other sign of life.
func (h *hold) renew(ctx context.Context) (held bool, err error) {
	defer errs.Wrap(&err, "renew the hold on job %d", h.jobID)
	res, err := h.db.ExecContext(ctx, `
		update job.river_job
		set attempted_at = case when state = 'running' then now() else attempted_at end
		where id = $1 and attempt = $2`, h.jobID, h.attempt)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}
