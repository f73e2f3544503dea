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

// partJob is what a River job carries that asks a worker to take parts of a run: which one,
// say their rows, so that a job which is lost with its worker leaves none behind.
type partJob struct {
	Run int64 `json:"run"`
}

// Kind is the other kind of job.
func (partJob) Kind() string { return "parts" }

// InsertOpts lets a job be tried again whose worker could not even look at the parts.
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
	var first int
	if err := pg.InTx(ctx, s.db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if first, err = stage.AddParts(ctx, tx, s.run, t, parts); err != nil {
			return err
		}
		return callForParts(ctx, s.client, tx, s.run, len(parts), 0)
	}); err != nil {
		return nil, err
	}
	s.log.Info("a pass is shared", zap.Int64("run", s.run), zap.Int("parts", len(parts)))
	err = s.await(ctx, t, first, heard)
	if err != nil {
		s.drop(ctx, false)
	}
	outcomes, readErr := s.outcomes(ctx, first)
	return outcomes, errors.Join(err, readErr)
}

// callForParts calls so many workers to take parts of a run, after a pause.
func callForParts(ctx context.Context, client *river.Client[*sql.Tx], tx *sqlx.Tx, run int64, n int, pause time.Duration) error {
	if n == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, n)
	for i := range jobs {
		jobs[i] = river.InsertManyParams{Args: partJob{run}}
	}
	if pause > 0 {
		// By the database's clock, as everything that replicas have to agree on.
		var from time.Time
		if err := tx.GetContext(ctx, &from, `select now() + $1 * interval '1 millisecond'`, pause.Milliseconds()); err != nil {
			return err
		}
		for i := range jobs {
			jobs[i].InsertOpts = &river.InsertOpts{ScheduledAt: from}
		}
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

// look counts the parts and, if it is time, lets those that were lost with their workers wait
// again, and calls for workers; also if parts wait and nobody has one, as the calls may have
// been lost too.
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
		if tally, err = stage.TallyParts(ctx, tx, s.run, first); err != nil {
			return err
		}
		calls := len(lost)
		if tally.Running == 0 {
			calls = tally.Open
		}
		return callForParts(ctx, s.client, tx, s.run, calls, 0)
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
