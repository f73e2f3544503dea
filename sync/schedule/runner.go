package schedule

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/stage"
)

// passLimit is the longest that a pass may take: a first load of some millions
// of records takes an hour or two; what takes longer than this hangs.
const passLimit = 6 * time.Hour

// handedBackNotice is why a pass did not end whose process was told to stop: an upgrade, say,
// which is nobody's fault and no reason to wake somebody.
const handedBackNotice = "its process was told to stop; what was committed stays, and the next replica to look, or the next start, goes on from there"

const supersededNotice = "another worker has taken this stage over, and does its work"

// errJobLost ends a pass whose job another worker has taken up.
var errJobLost = errors.New("the job is another worker's by now")

// errToStop ends a sequence between two stages, because the process stops.
var errToStop = errors.New("the process stops")

// Runner runs stages and keeps the history of their runs. The command line, the
// demo and the Daemon all run stages through it.
type Runner struct {
	DB *sqlx.DB
	// Stages are those that can be run, found by their names.
	Stages []stage.Stage
	Clock  clock.Clock
	Log    *zap.Logger
	// Observe, if not nil, hears of every run that has ended, dry ones
	// excepted; it may be called from several goroutines at a time.
	Observe func(Run)
	// ObservePart, if not nil, hears of every part of a pass that this process has had: how
	// many rows it took in, and whether it is "done", "failed", or "left" to another.
	ObservePart func(stage, state string, rows int64)

	// beat, if not nil, replaces the ticker by which passes say that they live.
	beat <-chan time.Time
}

// RunOnce runs the named stages one after the other, "all" meaning those of the
// data's way, and stops at the first that fails. It gives the runs that were
// begun, the failed one included, and that one's error with its kind and hint.
// A stage that another worker has taken over is not a failure: its run is
// deferred, and the next stage goes on. Once ctx has ended no stage is begun.
//
// A dry run writes nothing, so it leaves no trace in the history either.
func (r *Runner) RunOnce(ctx context.Context, names []string, o stage.Options) ([]Run, error) {
	return r.sequence(ctx, names, o, nil)
}

func (r *Runner) sequence(ctx context.Context, names []string, o stage.Options, hold *hold) ([]Run, error) {
	stages, err := r.pick(names)
	if err != nil {
		return nil, err
	}
	runs := make([]Run, 0, len(stages))
	for _, s := range stages {
		if err := mayBegin(ctx, hold); err != nil {
			return runs, fmt.Errorf("stopped before %s: %w", s.Name(), err)
		}
		run, err := r.pass(ctx, s, o, hold)
		runs = append(runs, run)
		if errors.Is(err, errJobLost) {
			return runs, nil
		}
		if err != nil {
			return runs, err
		}
	}
	return runs, nil
}

// mayBegin says why no further stage is to be begun; nil if one may.
func mayBegin(ctx context.Context, hold *hold) error {
	if ctx.Err() == nil && hold.isToStop() {
		return errToStop
	}
	return context.Cause(ctx)
}

// pick finds stages by name.
func (r *Runner) pick(names []string) ([]stage.Stage, error) {
	var expanded []string
	for _, name := range names {
		if name == All {
			expanded = append(expanded, stage.Way()...)
		} else {
			expanded = append(expanded, name)
		}
	}
	byName := make(map[string]stage.Stage, len(r.Stages))
	known := []string{All}
	for _, s := range r.Stages {
		byName[s.Name()] = s
		known = append(known, s.Name())
	}
	out := make([]stage.Stage, 0, len(expanded))
	for _, name := range expanded {
		s, ok := byName[name]
		if !ok {
			return nil, errs.New(errs.NotFound, "there is no stage %q here", name).
				WithHint("Stages are: %s.", strings.Join(known, ", "))
		}
		out = append(out, s)
	}
	return out, nil
}

// pass runs one stage once and records it. errJobLost says that nothing more of
// its sequence must be run.
func (r *Runner) pass(ctx context.Context, s stage.Stage, o stage.Options, hold *hold) (Run, error) {
	run := Run{Stage: s.Name(), Actor: o.Actor, Worker: hold.worker(), StartedAt: r.Clock.Now()}
	if o.DryRun {
		err := r.work(ctx, s, o, &run)
		return run, err
	}
	id, err := begin(ctx, r.DB, run.Stage, run.Actor, run.Worker, run.StartedAt)
	if err != nil {
		run.FinishedAt, run.Status, run.Error = r.Clock.Now(), stage.Failed, errorText(err)
		return run, err
	}
	run.ID = id

	bounded, cancel := context.WithTimeoutCause(ctx, passLimit,
		errs.New(errs.Limit, "it took longer than %s", passLimit))
	defer cancel()
	alive := r.keepAlive(bounded, run.ID, hold, o.Progress)
	o.Progress = alive.tell
	if hold != nil && hold.share != nil {
		o.Share = hold.share(run.ID)
	}
	err = r.work(alive.ctx, s, o, &run)
	lost := alive.stop()
	if err != nil && ctx.Err() != nil && hold.isToStop() {
		run.Report.Deferred, run.Error = handedBackNotice, ""
		run.Status = run.Report.Status(nil)
	}

	if recordErr := finish(ctx, r.DB, r.Log, run); recordErr != nil {
		err = errors.Join(err, recordErr)
	}
	r.told(run)
	if lost {
		return run, errJobLost
	}
	return run, err
}

// work runs the stage and writes into run how it ended.
func (r *Runner) work(ctx context.Context, s stage.Stage, o stage.Options, run *Run) error {
	report, err := r.guarded(ctx, s, o)
	if report.Stage == "" {
		report.Stage = run.Stage
	}
	report.Settle()
	cause := context.Cause(ctx)
	switch {
	case err == nil:
	case errors.Is(err, stage.ErrSuperseded), errors.Is(cause, errJobLost):
		err = nil
		report.Deferred = supersededNotice
	case cause != nil && !errors.Is(err, cause):
		err = fmt.Errorf("stopped before the end (what was committed stays), because %w: %w", cause, err)
	case cause != nil:
		err = fmt.Errorf("stopped before the end (what was committed stays): %w", err)
	}
	run.FinishedAt, run.Report = r.Clock.Now(), report.Clean()
	run.Status, run.Error = report.Status(err), errorText(err)
	return err
}

// guarded runs the stage and turns a panic into an error, so that it is recorded
// and does not take the other stages of the process with it.
func (r *Runner) guarded(ctx context.Context, s stage.Stage, o stage.Options) (report stage.Report, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.Log.Error("a stage panicked", zap.String("stage", s.Name()), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			report, err = stage.Report{}, errs.New(errs.Unknown, "%s panicked: %v", s.Name(), p).
				WithHint("This is a fault of the program; the log has the stack.")
		}
	}()
	return s.Run(ctx, o)
}

func (r *Runner) told(run Run) {
	fields := []zap.Field{
		zap.String("stage", run.Stage), zap.Int64("run", run.ID), zap.String("actor", run.Actor),
		zap.String("state", run.State()), zap.Duration("took", run.Duration()), zap.Int64("problems", run.Report.Problems),
	}
	for _, c := range run.Report.Counts {
		if c.N != 0 {
			fields = append(fields, zap.Int64(c.Name, c.N))
		}
	}
	r.Log.Info("stage ended", fields...)
	if r.Observe != nil {
		r.Observe(run)
	}
}
