package schedule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/sync/stage"
)

const (
	partQueue = "parts"
	// defaultPartWorkers is how many parts a replica works on at a time.
	defaultPartWorkers = 3
	// partTries is how often a part is tried that fails for what another replica, or the
	// next minute, may not suffer from; and partPause what lies between.
	partTries = 3
	partPause = 2 * time.Second
)

// errPartLost ends a part that is not this worker's any more.
var errPartLost = fmt.Errorf("the part is not this worker's any more: %w", stage.ErrSuperseded)

// partWorker takes parts of passes from River, those that this process leads and
// others'. River says only that a part may wait; whose it is says its row.
type partWorker struct {
	river.WorkerDefaults[partJob]
	daemon *Daemon
}

// WorkerName names this process among the replicas: its machine and its number there.
func WorkerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// Work does parts of a run as long as there are some that wait, and the process does not
// stop.
func (w *partWorker) Work(ctx context.Context, j *river.Job[partJob]) error {
	for {
		select {
		case <-w.daemon.ticking.Done():
			return river.JobSnooze(0)
		default:
		}
		found, err := w.next(ctx, j.Args.Run)
		if err != nil || !found {
			return err // River tries again when no part could be taken
		}
	}
}

// next does the next part of a run; found is false if none waits.
func (w *partWorker) next(ctx context.Context, run int64) (found bool, err error) {
	r := w.daemon.runner
	var row stage.PartRow
	err = pg.InTx(ctx, r.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		row, found, err = stage.TakePart(ctx, tx, run, w.daemon.name)
		return err
	})
	if err != nil || !found {
		return false, err
	}
	log := r.Log.With(zap.String("stage", row.Stage), zap.Int64("run", row.Run), zap.Int("part", row.Number), zap.String("what", row.What))
	h := &stage.Held{Token: stage.PartToken(row.Stage, row.Token, row.Run, row.Number, row.Attempt), Args: row.Args}
	life := w.keepHeld(ctx, row.PartID, h)
	err = w.do(ctx, life, row, h)
	state := "done"
	switch {
	case err == nil:
		log.Debug("a part is done")
	case errors.Is(err, stage.ErrSuperseded):
		log.Info("a part was left to another worker", zap.Error(err))
		state = "left"
	default:
		state = w.giveUp(ctx, row.PartID, err, log)
	}
	if r.ObservePart != nil {
		r.ObservePart(row.Stage, state, life.done.Load())
	}
	return true, nil
}

// do runs the part and ends it, unless its stage has.
func (w *partWorker) do(ctx context.Context, life *heldLife, row stage.PartRow, h *stage.Held) error {
	before, err := row.Outcome()
	h.Report = before.Report
	var o stage.Outcome
	if err == nil {
		o, err = w.guarded(life.ctx, row.Stage, h)
	}
	life.stop()
	if h.IsOver() {
		return nil
	}
	if cause := context.Cause(life.ctx); errors.Is(cause, errPartLost) {
		return cause
	}
	if err != nil {
		return err
	}
	return pg.InTx(ctx, w.daemon.runner.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := h.Token.Check(ctx, tx); err != nil {
			return err
		}
		return h.End(ctx, tx, o)
	})
}

// guarded runs the part and turns a panic into an error.
func (w *partWorker) guarded(ctx context.Context, name string, h *stage.Held) (o stage.Outcome, err error) {
	r := w.daemon.runner
	defer func() {
		if p := recover(); p != nil {
			r.Log.Error("a part of a stage panicked", zap.String("stage", name), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			err = errs.New(errs.Unknown, "%s panicked: %v", name, p).WithHint("This is a fault of the program; the log has the stack.")
		}
	}()
	for _, s := range r.Stages {
		if parted, ok := s.(stage.Parted); ok && s.Name() == name {
			return parted.RunPart(ctx, h)
		}
	}
	return o, fmt.Errorf("this replica has no stage %s whose parts it could do: %w", name, stage.ErrElsewhere)
}

// giveUp notes why the part is not done: it failed, or this process stops, or can't reach
// somebody whom another may reach, and then another may go on with it. It gives which.
func (w *partWorker) giveUp(ctx context.Context, id stage.PartID, failure error, log *zap.Logger) (state string) {
	stops := ctx.Err() != nil
	again, pause := stops, time.Duration(0)
	isPassing := errs.KindOf(failure) == errs.Transient && id.Attempt < partTries
	if !stops && (isPassing || errors.Is(failure, stage.ErrElsewhere)) {
		again, pause = true, partPause
	}
	err := insist(ctx, log, func(ctx context.Context) error {
		return pg.InTx(ctx, w.daemon.runner.DB, func(ctx context.Context, tx *sqlx.Tx) error {
			if !again {
				_, err := stage.FailPart(ctx, tx, id, failure, shorten(stage.Clean(failure.Error()), maxError))
				return err
			}
			if held, err := stage.ReturnPart(ctx, tx, id, pause); err != nil || !held {
				return err
			}
			return callForParts(ctx, w.daemon.client, tx, id.Run, 1, pause)
		})
	})
	if err != nil {
		// Whoever leads the pass gives the part to another when nothing is heard of this worker.
		log.Warn("it was not noted what became of a part", zap.Error(err))
	}
	switch {
	case stops:
		log.Info("a part is handed back", zap.Error(failure))
	case again:
		log.Warn("a part failed and is tried again, here or elsewhere", zap.Error(failure))
	default:
		log.Error("a part failed", zap.Error(failure))
		return "failed"
	}
	return "left"
}

// heldLife says, for as long as a part is worked on, that it is.
type heldLife struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	done   atomic.Int64 // rows

	quit, ended chan struct{}
}

// keepHeld begins to say that a part is worked on. Its ctx ends with errPartLost when it is not
// this worker's any more. Its stop must be called.
func (w *partWorker) keepHeld(ctx context.Context, id stage.PartID, h *stage.Held) *heldLife {
	l := &heldLife{quit: make(chan struct{}), ended: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	h.Progress = func(_ string, done, _ int64) { l.done.Store(done) }
	beat := time.NewTicker(w.daemon.partBeat)
	go func() {
		defer close(l.ended)
		defer beat.Stop()
		for {
			select {
			case <-l.quit:
				return
			case <-beat.C:
				w.beat(l, id, h)
			}
		}
	}()
	return l
}

func (w *partWorker) beat(l *heldLife, id stage.PartID, h *stage.Held) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), w.daemon.partBeat)
	defer cancel()
	held, err := stage.SeenPart(ctx, w.daemon.runner.DB, id, l.done.Load(), h.Kept())
	if err != nil {
		w.daemon.runner.Log.Warn("could not say that a part is worked on", zap.Int64("run", id.Run), zap.Int("part", id.Number), zap.Error(err))
	} else if !held {
		l.cancel(errPartLost)
	}
}

// stop ends the beats.
func (l *heldLife) stop() {
	close(l.quit)
	<-l.ended
	l.cancel(nil)
}
