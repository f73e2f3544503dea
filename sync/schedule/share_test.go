package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/sync/stage"
)

// shared is a pull of some parts, and what each replica does with one.
type shared struct {
	db    *sqlx.DB
	parts int
	do    func(ctx context.Context, n string, h *stage.Held) (stage.Outcome, error)
}

func (shared) Name() string { return stage.Pull }

func (s shared) Run(ctx context.Context, o stage.Options) (r stage.Report, err error) {
	r.Stage = stage.Pull
	token, err := stage.Take(ctx, s.db, stage.Pull)
	if err != nil {
		return r, err
	}
	var parts []stage.Part
	for n := range s.parts {
		parts = append(parts, stage.Part{What: fmt.Sprint("part ", n), Args: json.RawMessage(fmt.Sprint(n))})
	}
	outcomes, err := o.Share(ctx, token, parts, nil)
	for _, out := range outcomes {
		r.Merge(out.Report, out.Worker)
	}
	return r, r.Conclude(err)
}

func (s shared) RunPart(ctx context.Context, h *stage.Held) (stage.Outcome, error) {
	return s.do(ctx, string(h.Args), h)
}

// received is what a part reports that got so many records.
func received(n int64) stage.Outcome {
	var r stage.Report
	r.Add("Thing received", n)
	return stage.Outcome{Report: r}
}

// sharing gives a replica by name, whose parts are done so.
func (f *fixture) sharing(t *testing.T, name string, parts int, c DaemonConfig,
	do func(ctx context.Context, n string, h *stage.Held) (stage.Outcome, error)) *Daemon {
	t.Helper()
	r := f.replica(t, f.DB)
	r.Stages = []stage.Stage{shared{db: f.DB, parts: parts, do: do}}
	c.Schedules, c.name = quiet, name
	if c.partBeat == 0 {
		c.partBeat = 50 * time.Millisecond
	}
	return f.started(t, r, c)
}

func workersOf(r Run) (out []string) {
	for _, s := range r.Report.Shared {
		out = append(out, s.Worker)
	}
	return out
}

func TestAPassIsSharedByItsReplicas(t *testing.T) {
	f := newFixture(t)
	var began atomic.Int64
	both := make(chan bool)
	// Each part waits until both replicas have one.
	do := func() func(context.Context, string, *stage.Held) (stage.Outcome, error) {
		first := atomic.Bool{}
		return func(ctx context.Context, n string, _ *stage.Held) (stage.Outcome, error) {
			if first.CompareAndSwap(false, true) && began.Add(1) == 2 {
				close(both)
			}
			select {
			case <-both:
				return received(10), nil
			case <-ctx.Done():
				return stage.Outcome{}, ctx.Err()
			}
		}
	}
	a := f.sharing(t, "a", 6, DaemonConfig{PartWorkers: 2}, do())
	f.sharing(t, "b", 6, DaemonConfig{PartWorkers: 2}, do())
	tick(t, a, stage.Pull, f.clock.Now())
	r := next(t, "the run", f.ended)
	if r.State() != "ok" || r.Report.Get("Thing received") != 60 || r.Report.In != 60 {
		t.Errorf("%s %s: %+v", r.State(), r.Error, r.Report)
	}
	if diff := cmp.Diff([]string{"a", "b"}, workersOf(r)); diff != "" {
		t.Error(diff)
	}
	if n := f.count(t, `select count(*) from job.part where state = 'done' and attempt = 1 and done = 10`); n != 6 {
		t.Errorf("%d parts are done at their first attempt", n)
	}
}

// ending ends a part in a transaction of its own, as a stage does.
func (f *fixture) ending(h *stage.Held, o stage.Outcome) error {
	err := pg.InTx(context.Background(), f.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := h.Token.Check(ctx, tx); err != nil {
			return err
		}
		return h.End(ctx, tx, o)
	})
	if err == nil {
		h.Committed()
	}
	return err
}

func (f *fixture) at(n int64) func(context.Context, string, *stage.Held) (stage.Outcome, error) {
	return func(_ context.Context, _ string, h *stage.Held) (stage.Outcome, error) {
		return stage.Outcome{}, f.ending(h, received(n))
	}
}

// TestAPartOfAFrozenWorkerIsGivenAway: and when it wakes, it can write nothing more.
func TestAPartOfAFrozenWorkerIsGivenAway(t *testing.T) {
	f := newFixture(t)
	frozen, wake, woken := make(chan bool), make(chan bool), make(chan error, 1)
	// Its beats don't come either, as if the process stood still.
	a := f.sharing(t, "a", 1, DaemonConfig{PartWorkers: 1, partBeat: time.Hour, partLease: 200 * time.Millisecond},
		func(_ context.Context, _ string, h *stage.Held) (stage.Outcome, error) {
			close(frozen)
			<-wake
			err := f.ending(h, received(1000))
			woken <- err
			return stage.Outcome{}, err
		})
	tick(t, a, stage.Pull, f.clock.Now())
	next(t, "the part", frozen)
	f.sharing(t, "b", 1, DaemonConfig{}, f.at(7))
	r := next(t, "the run", f.ended)
	if diff := cmp.Diff([]string{"b"}, workersOf(r)); diff != "" || r.State() != "ok" || r.Report.In != 7 {
		t.Errorf("%s: %s %+v", r.State(), diff, r.Report)
	}
	close(wake)
	if err := next(t, "the frozen worker", woken); !errors.Is(err, stage.ErrSuperseded) {
		t.Errorf("who woke got %v", err)
	}
	if n := f.count(t, `select count(*) from job.part where state = 'done' and attempt = 2 and worker = 'b' and done = 7`); n != 1 {
		t.Error("what the second did was changed")
	}
}

// TestOnlyOneTakesAPart, and none of a pass that was taken over.
func TestOnlyOneTakesAPart(t *testing.T) {
	f := newFixture(t)
	f.exec(t, `insert into job.run (stage, actor, started_at) values ('pull', 'test', now())`)
	token, err := stage.Take(t.Context(), f.DB, stage.Pull)
	if err != nil {
		t.Fatal(err)
	}
	inTx := func(do func(tx *sqlx.Tx) error) {
		t.Helper()
		if err := pg.InTx(t.Context(), f.DB, func(_ context.Context, tx *sqlx.Tx) error { return do(tx) }); err != nil {
			t.Fatal(err)
		}
	}
	take := func(worker string) (number int) {
		t.Helper()
		inTx(func(tx *sqlx.Tx) error {
			row, _, err := stage.TakePart(t.Context(), tx, 1, worker)
			number = row.Number
			return err
		})
		return number
	}
	inTx(func(tx *sqlx.Tx) (err error) {
		_, err = stage.AddParts(t.Context(), tx, 1, token, []stage.Part{{Args: json.RawMessage(`1`)}, {Args: json.RawMessage(`2`)}, {Args: json.RawMessage(`3`)}})
		return err
	})
	if a, b := take("a"), take("b"); a != 1 || b != 2 {
		t.Errorf("of two that take a part one got %d and the other %d", a, b)
	}
	if held, err := stage.SeenPart(t.Context(), f.DB, stage.PartID{Run: 1, Number: 1, Attempt: 1}, 5, nil); err != nil || !held {
		t.Errorf("who has it: %v, %v", held, err)
	}
	if _, err := stage.Take(t.Context(), f.DB, stage.Pull); err != nil {
		t.Fatal(err)
	}
	if n := take("a"); n != 0 {
		t.Error("a part of a pass that was taken over was begun")
	}
	if held, err := stage.SeenPart(t.Context(), f.DB, stage.PartID{Run: 1, Number: 1, Attempt: 1}, 5, nil); err != nil || held {
		t.Errorf("who has a part of a pass that was taken over: %v, %v", held, err)
	}
}

func TestTheFailureOfAPartIsThePasss(t *testing.T) {
	f := newFixture(t)
	a := f.sharing(t, "a", 5, DaemonConfig{PartWorkers: 1}, func(ctx context.Context, n string, h *stage.Held) (stage.Outcome, error) {
		if n == "2" {
			return stage.Outcome{}, errs.New(errs.Auth, "no permission \x00").WithHint("Ask an admin.")
		}
		return f.at(3)(ctx, n, h)
	})
	tick(t, a, stage.Pull, f.clock.Now())
	r := next(t, "the run", f.ended)
	if r.State() != "failed" || !strings.Contains(r.Error, "part 2, on a: no permission") || !strings.HasSuffix(r.Error, "\nAsk an admin.") {
		t.Errorf("%s: %q", r.State(), r.Error)
	}
	done := f.count(t, `select count(*) from job.part where state = 'done'`) // the failure is not seen at once, nor is a part that ends with the pass
	if got := r.Report.Get("Thing received"); got < 6 || got > int64(3*done) || got%3 != 0 {
		t.Errorf("%d records of the %d parts that were done are counted", got, done)
	}
	// A part whose row is locked when the others are dropped is let go on.
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := f.count(t, `select count(*) from job.part where state in ('waiting', 'running')`); n != 0 {
		t.Errorf("%d parts of a pass that has ended are open", n)
	}
}

func TestAPartThatFailsForAWhileIsTriedAgain(t *testing.T) {
	f := newFixture(t)
	var tries atomic.Int64
	a := f.sharing(t, "a", 1, DaemonConfig{}, func(ctx context.Context, n string, h *stage.Held) (stage.Outcome, error) {
		if tries.Add(1) < partTries {
			return stage.Outcome{}, errs.New(errs.Transient, "503")
		}
		return f.at(3)(ctx, n, h)
	})
	tick(t, a, stage.Pull, f.clock.Now())
	if r := next(t, "the run", f.ended); r.State() != "ok" || r.Report.In != 3 || tries.Load() != partTries {
		t.Errorf("%s after %d tries: %+v", r.State(), tries.Load(), r.Report)
	}
}

func TestAPartThatEndsItsWorkersIsGivenUp(t *testing.T) {
	f := newFixture(t)
	var tries atomic.Int64
	wake := make(chan bool)
	a := f.sharing(t, "a", 1, DaemonConfig{PartWorkers: partAttempts + 1, partBeat: time.Hour, partLease: 100 * time.Millisecond},
		func(context.Context, string, *stage.Held) (stage.Outcome, error) {
			tries.Add(1)
			<-wake
			return stage.Outcome{}, nil
		})
	tick(t, a, stage.Pull, f.clock.Now())
	r := next(t, "the run", f.ended)
	close(wake)
	if r.State() != "failed" || !strings.Contains(r.Error, "was begun 5 times") || tries.Load() != partAttempts {
		t.Errorf("%s after %d: %s", r.State(), tries.Load(), r.Error)
	}
}

// TestAReplicaThatStopsHandsItsPartsBack: at once, and the pass ends without a failure.
func TestAReplicaThatStopsHandsItsPartsBack(t *testing.T) {
	f := newFixture(t)
	running := make(chan bool)
	a := f.sharing(t, "a", 1, DaemonConfig{PartWorkers: 1, Grace: time.Millisecond}, func(ctx context.Context, _ string, _ *stage.Held) (stage.Outcome, error) {
		running <- true
		<-ctx.Done()
		return stage.Outcome{}, ctx.Err()
	})
	// The leader has no stage whose parts it could do.
	leader := f.replica(t, f.DB)
	leader.Stages = []stage.Stage{shared{db: f.DB, parts: 1}}
	d, err := NewDaemon(DaemonConfig{Runner: leader, Schedules: quiet})
	if err != nil {
		t.Fatal(err)
	}
	f.exec(t, `insert into job.run (stage, actor, started_at) values ('pull', 'test', now())`)
	s := &sharer{db: f.DB, client: d.client, log: leader.Log, run: 1, lease: time.Hour}
	token, err := stage.Take(t.Context(), f.DB, stage.Pull)
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		out []stage.Outcome
		err error
	}
	ended := make(chan answer, 1)
	go func() {
		out, err := s.share(context.Background(), token, []stage.Part{{What: "it", Args: json.RawMessage(`0`)}}, nil)
		ended <- answer{out, err}
	}()
	next(t, "the part", running)
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	f.sharing(t, "b", 1, DaemonConfig{}, f.at(4))
	if got := next(t, "the pass", ended); got.err != nil || len(got.out) != 1 || got.out[0].Worker != "b" {
		t.Errorf("%+v", got)
	}
}

// TestAPassThatIsTakenOverEndsItsParts: those that run and those that wait.
func TestAPassThatIsTakenOverEndsItsParts(t *testing.T) {
	f := newFixture(t)
	running, cut := make(chan bool), make(chan error, 1)
	a := f.sharing(t, "a", 2, DaemonConfig{PartWorkers: 1}, func(ctx context.Context, _ string, _ *stage.Held) (stage.Outcome, error) {
		running <- true
		<-ctx.Done()
		cut <- context.Cause(ctx)
		return stage.Outcome{}, ctx.Err()
	})
	tick(t, a, stage.Pull, f.clock.Now())
	next(t, "the part", running)
	if _, err := stage.Take(t.Context(), f.DB, stage.Pull); err != nil {
		t.Fatal(err)
	}
	if r := next(t, "the run", f.ended); r.State() != "deferred" {
		t.Errorf("the run is %s: %s", r.State(), r.Error)
	}
	if err := next(t, "the part's end", cut); !errors.Is(err, stage.ErrSuperseded) {
		t.Errorf("the part ended for %v", err)
	}
}

func TestALeaderThatStopsLetsItsPartsFinishAndHandsThePassBack(t *testing.T) {
	f := newFixture(t)
	running, goOn := make(chan bool, 2), make(chan bool)
	a := f.sharing(t, "a", 3, DaemonConfig{PartWorkers: 1, Grace: patience}, func(ctx context.Context, n string, h *stage.Held) (stage.Outcome, error) {
		running <- true
		<-goOn
		return f.at(5)(ctx, n, h)
	})
	tick(t, a, stage.Pull, f.clock.Now())
	next(t, "the part", running)
	stopped := make(chan error)
	go func() { stopped <- a.Stop(context.Background()) }()
	<-a.ticking.Done()
	close(goOn)
	if err := next(t, "the stop", stopped); err != nil {
		t.Error(err)
	}
	if r := next(t, "the run", f.ended); r.Report.Get("Thing received") != 5 || !strings.Contains(r.Error, errToStop.Error()) {
		t.Errorf("%s: %s: %+v", r.State(), r.Error, r.Report)
	}
	if n := f.count(t, `select count(*) from job.river_job where kind = 'stage' and state = 'available' and attempt = 0`); n != 1 {
		t.Errorf("%d jobs were handed back", n)
	}
}
