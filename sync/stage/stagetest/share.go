// Package stagetest shares passes among workers of one process, for tests of stages
// whose parts any replica does: by the same rows as the schedule, without its jobs.
package stagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/sync/stage"
)

// Share has the parts of a pass done by workers side by side, each of which takes the
// next that waits. One that fails with ErrDied leaves its part as a process does that is
// killed, and another begins it again; any other error is the pass's.
func Share(t testing.TB, db *sqlx.DB, workers ...stage.Parted) stage.Share {
	return func(ctx context.Context, token stage.Token, parts []stage.Part, heard func(int64)) ([]stage.Outcome, error) {
		t.Helper()
		s := &share{db: db, failed: make(chan error, len(workers))}
		if err := db.GetContext(ctx, &s.run, `
			insert into job.run (stage, actor, started_at) values ('test', 'test', now()) returning id`); err != nil {
			return nil, err
		}
		if err := s.inTx(ctx, func(tx *sqlx.Tx) (err error) {
			_, err = stage.AddParts(ctx, tx, s.run, token, parts)
			return err
		}); err != nil {
			return nil, err
		}
		waiting := make(chan bool, 2*len(parts)+len(workers))
		s.open.Add(len(parts))
		for range parts {
			waiting <- true
		}
		var all sync.WaitGroup
		for n, w := range workers {
			all.Go(func() { s.work(ctx, fmt.Sprint("worker ", n), w, waiting) })
		}
		s.open.Wait()
		close(waiting)
		all.Wait()
		return s.outcomes(ctx, heard)
	}
}

// ErrDied is what a part gives that leaves its part without a word.
var ErrDied = errors.New("the worker died")

type share struct {
	db     *sqlx.DB
	run    int64
	open   sync.WaitGroup // parts
	failed chan error
}

func (s *share) inTx(ctx context.Context, f func(tx *sqlx.Tx) error) error {
	return pg.InTx(ctx, s.db, func(_ context.Context, tx *sqlx.Tx) error { return f(tx) })
}

func (s *share) work(ctx context.Context, name string, w stage.Parted, waiting chan bool) {
	for range waiting {
		again, err := s.part(ctx, name, w)
		switch {
		case err != nil:
			select {
			case s.failed <- err:
			default:
			}
		case again:
			waiting <- true
			continue
		}
		s.open.Done()
	}
}

// part does one part; again is to be done again.
func (s *share) part(ctx context.Context, name string, w stage.Parted) (again bool, err error) {
	var row stage.PartRow
	var ok bool
	if err := s.inTx(ctx, func(tx *sqlx.Tx) (err error) {
		row, ok, err = stage.TakePart(ctx, tx, s.run, name)
		return err
	}); err != nil || !ok {
		return false, errors.Join(err, ctx.Err())
	}
	before, err := row.Outcome()
	if err != nil {
		return false, err
	}
	h := &stage.Held{Token: stage.PartToken(row.Stage, row.Token, row.Run, row.Number, row.Attempt), Args: row.Args, Report: before.Report}
	o, err := w.RunPart(ctx, h)
	if errors.Is(err, ErrDied) {
		var ids []stage.PartID
		err := s.inTx(ctx, func(tx *sqlx.Tx) error {
			if _, err := tx.ExecContext(ctx, `update job.part set seen_at = now() - interval '1 hour' where run = $1 and number = $2`, row.Run, row.Number); err != nil {
				return err
			}
			ids, err = stage.RescueParts(ctx, tx, s.run, time.Minute)
			return err
		})
		if err != nil || len(ids) != 1 {
			return false, fmt.Errorf("%d parts were rescued: %w", len(ids), err)
		}
		return true, nil
	}
	if err != nil || h.IsOver() {
		return false, err
	}
	return false, s.inTx(ctx, func(tx *sqlx.Tx) error {
		if err := h.Token.Check(ctx, tx); err != nil {
			return err
		}
		return h.End(ctx, tx, o)
	})
}

func (s *share) outcomes(ctx context.Context, heard func(int64)) (out []stage.Outcome, err error) {
	tally, err := stage.TallyParts(ctx, s.db, s.run, 1)
	if err != nil {
		return nil, err
	}
	if heard != nil {
		heard(tally.Done)
	}
	rows, err := stage.PartsOf(ctx, s.db, s.run, 1)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.State != stage.PartDone {
			continue
		}
		o, err := row.Outcome()
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	select {
	case err = <-s.failed:
	default:
	}
	return out, err
}
