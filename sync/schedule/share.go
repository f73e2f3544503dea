package schedule

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/sync/stage"
)

const (
	// partLease is for how long nothing may be heard of a worker before its part is given
	// to another; and partBeat how often it says that it is at it.
	partLease = time.Minute
	partBeat  = 6 * time.Second
	// lookEvery is how often a pass looks how its parts are.
	lookEvery = 100 * time.Millisecond
	// looksInVain is after how many looks in a row that failed a pass gives up.
	looksInVain = 300
	// partAttempts is how often a part is begun before it counts as what kills its workers.
	partAttempts = 5
)

// partJob is what a River job carries that is for a part of a pass.
type partJob struct {
	stage.PartID
}

// Kind is the other kind of job.
func (partJob) Kind() string { return "part" }

// InsertOpts lets a job be tried again whose worker could not even look at the part.
func (partJob) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: river.MaxAttemptsDefault, Queue: partQueue}
}

// sharer shares the parts of one pass, as the process that leads it.
type sharer struct {
	db       *sqlx.DB
	client   *river.Client[*sql.Tx]
	log      *zap.Logger
	run      int64
	stopping <-chan struct{}
	lease    time.Duration
}

// share is a stage.Share.
func (s *sharer) share(ctx context.Context, t stage.Token, parts []stage.Part, heard func(done int64)) (_ []stage.Outcome, err error) {
	defer errs.Wrap(&err, "share %d parts", len(parts))
	var ids []stage.PartID
	if err := pg.InTx(ctx, s.db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if ids, err = stage.AddParts(ctx, tx, s.run, t, parts); err != nil {
			return err
		}
		return queueParts(ctx, s.client, tx, ids, time.Time{})
	}); err != nil {
		return nil, err
	}
	s.log.Info("a pass is shared", zap.Int64("run", s.run), zap.Int("parts", len(parts)))
	err = s.await(ctx, t, ids[0].Number, heard)
	if err != nil {
		s.drop(ctx, false)
	}
	outcomes, readErr := s.outcomes(ctx, ids[0].Number)
	return outcomes, errors.Join(err, readErr)
}

// queueParts gives parts to whichever replica is first, at once or from an instant on.
func queueParts(ctx context.Context, client *river.Client[*sql.Tx], tx *sqlx.Tx, ids []stage.PartID, from time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, len(ids))
	for i, id := range ids {
		jobs[i] = river.InsertManyParams{Args: partJob{id}, InsertOpts: &river.InsertOpts{ScheduledAt: from}}
	}
	_, err := client.InsertManyTx(ctx, tx.Tx, jobs)
	return err
}

// await returns when all parts from first on are over, or one has failed. When the process
// stops, those that nobody has begun are dropped, and those that are worked on have the
// grace.
func (s *sharer) await(ctx context.Context, t stage.Token, first int, heard func(done int64)) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	stopping, rescueEvery := s.stopping, max(1, int(s.lease/lookEvery/6))
	for looks, inVain := 1, 0; ; looks++ {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-stopping:
			stopping = nil
			s.drop(ctx, true)
		case <-ticker.C:
		}
		tally, err := s.look(ctx, t, first, looks%rescueEvery == 0)
		if errs.KindOf(err) == errs.Transient && inVain < looksInVain && ctx.Err() == nil {
			inVain++
			continue
		}
		inVain = 0
		if err == nil && heard != nil {
			heard(tally.Done)
		}
		switch {
		case err != nil:
			return err
		case !tally.IsCurrent:
			return stage.ErrSuperseded
		case tally.Failed > 0:
			return nil
		case tally.Open > 0:
		case tally.Dropped > 0:
			return errToStop
		default:
			return nil
		}
	}
}

// look counts the parts and, if it is time, gives those that were lost to others. A pass
// that another has taken over learns of it here.
func (s *sharer) look(ctx context.Context, t stage.Token, first int, isToRescue bool) (tally stage.PartsTally, err error) {
	if !isToRescue {
		return stage.TallyParts(ctx, s.db, s.run, first)
	}
	err = pg.InTx(ctx, s.db, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := t.Check(ctx, tx); err != nil {
			return err
		}
		lost, err := stage.RescueParts(ctx, tx, s.run, s.lease)
		if err != nil {
			return err
		}
		for _, id := range lost {
			if id.Attempt >= partAttempts {
				return errs.New(errs.Unknown, "part %d was begun %d times, and each time nothing more was heard of its worker", id.Number, id.Attempt).
					WithHint("Look into the logs of the replicas for what ends them.")
			}
			s.log.Warn("a part is taken from a worker of which nothing is heard", zap.Int64("run", id.Run), zap.Int("part", id.Number))
		}
		if err := queueParts(ctx, s.client, tx, lost, time.Time{}); err != nil {
			return err
		}
		tally, err = stage.TallyParts(ctx, tx, s.run, first)
		return err
	})
	return tally, err
}

// drop ends what is not over. What can't be reached now is ended by the next pass's token.
func (s *sharer) drop(ctx context.Context, onlyWaiting bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	if err := stage.DropParts(ctx, s.db, s.run, onlyWaiting); err != nil {
		s.log.Warn("the parts of a pass that ends were not dropped", zap.Int64("run", s.run), zap.Error(err))
	}
}

// outcomes gives what came of the parts that are done, and the first failure.
func (s *sharer) outcomes(ctx context.Context, first int) (out []stage.Outcome, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	rows, err := stage.PartsOf(ctx, s.db, s.run, first)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, row := range rows {
		if row.State == stage.PartDone {
			o, err := row.Outcome()
			if err != nil {
				return nil, err
			}
			out = append(out, o)
		}
		if failed == nil {
			failed = row.Failure()
		}
	}
	if failed != nil {
		s.drop(ctx, false)
	}
	return out, failed
}
