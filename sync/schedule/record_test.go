package schedule

import (
	"context"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/stage"
)

// TestTheEndOfARunIsRecordedOverABlip: the database does not answer just as a pass ends, and
// a little later it does. What the pass did is not told as interrupted.
func TestTheEndOfARunIsRecordedOverABlip(t *testing.T) {
	f := newFixture(t)
	dsn := pgtest.DSN(t)
	open := func(name string, patience time.Duration) *sqlx.DB {
		db, err := pg.Open(t.Context(), pg.Config{DSN: dsn, MaxConns: 4, Patience: patience, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	db, other := open("impatient", 300*time.Millisecond), open("in the way", time.Minute)
	var lock *sqlx.Tx
	core, seen := observer.New(zap.WarnLevel)
	r := f.replica(t, db)
	r.Log = zap.New(core)
	r.Stages = []stage.Stage{fake{name: stage.Pull, run: func(context.Context, stage.Options) (stage.Report, error) {
		lock = other.MustBegin()
		lock.MustExec(`lock table job.run in access exclusive mode`)
		return stage.Report{Notices: []string{"all is well"}}, nil
	}}}
	ended := make(chan error, 1)
	go func() {
		_, err := r.RunOnce(context.Background(), []string{stage.Pull}, stage.Options{Actor: "ann"})
		ended <- err
	}()
	for deadline := time.After(patience); seen.FilterMessage("the end of something could not be recorded yet").Len() < 3; {
		select {
		case <-deadline:
			t.Fatal("nobody tried again")
		case err := <-ended:
			t.Fatalf("nobody tried again: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := next(t, "the run", ended); err != nil {
		t.Fatal(err)
	}
	runs, err := Latest(t.Context(), db)
	if err != nil || len(runs) != 1 || runs[0].State() != "ok" || len(runs[0].Report.Notices) != 1 {
		t.Errorf("kept: %+v, %v", runs, err)
	}
}

func TestWhatIsNoBlipIsNotTriedAgain(t *testing.T) {
	tries := 0
	refused := errs.New(errs.Invalid, "no")
	err := insist(t.Context(), zap.NewNop(), func(context.Context) error { tries++; return refused })
	if err != refused || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}
