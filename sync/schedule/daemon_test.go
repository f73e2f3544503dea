package schedule

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/robfig/cron/v3"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/stage"
)

// started gives a running daemon that is stopped when the test ends.
func (f *fixture) started(t *testing.T, r *Runner, c DaemonConfig) *Daemon {
	t.Helper()
	c.Runner, c.hasty = r, true
	d, err := NewDaemon(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// quiet are schedules that do not come due while a test runs.
var quiet = map[string]string{All: "0 0 1 1 *"}

func tick(t *testing.T, d *Daemon, name string, at time.Time) bool {
	t.Helper()
	started, err := d.Tick(t.Context(), name, at)
	if err != nil {
		t.Fatal(err)
	}
	return started
}

func TestTwoReplicasRunEachInstantOnce(t *testing.T) {
	const instants = 20
	f := newFixture(t)
	a := f.started(t, f.Runner, DaemonConfig{Schedules: quiet})
	b := f.started(t, f.replica(t, f.DB), DaemonConfig{Schedules: quiet})
	ended := make(chan *river.Event, 100)
	for _, d := range []*Daemon{a, b} {
		events, cancel := d.client.Subscribe(river.EventKindJobCompleted)
		defer cancel()
		go func() {
			for e := range events {
				ended <- e
			}
		}()
	}
	at := f.clock.Now()
	for range instants {
		at = at.Add(time.Minute)
		var both sync.WaitGroup
		first := make(chan bool, 2)
		for _, d := range []*Daemon{a, b} {
			both.Go(func() {
				started, err := d.Tick(t.Context(), stage.Pull, at)
				if err != nil {
					t.Error(err)
				}
				first <- started
			})
		}
		both.Wait()
		if x, y := <-first, <-first; x == y {
			t.Fatalf("%s: both replicas say started = %t", at, x)
		}
		next(t, "the end of the job", ended)
	}
	if n := f.count(t, `select count(*) from job.run where stage = 'pull' and status = 'ok' and actor = 'schedule'`); n != instants {
		t.Errorf("%d runs of %d instants", n, instants)
	}
	if n := f.count(t, `select count(*) from job.tick`); n != instants {
		t.Errorf("%d ticks of %d instants", n, instants)
	}
}

func TestATickStartsNothingWhileItsJobLives(t *testing.T) {
	running, goOn := make(chan bool, 10), make(chan bool)
	f := newFixture(t, fake{name: stage.Pull, run: func(context.Context, stage.Options) (stage.Report, error) {
		running <- true
		<-goOn
		return stage.Report{}, nil
	}})
	d := f.started(t, f.Runner, DaemonConfig{Schedules: quiet})
	if !tick(t, d, stage.Pull, f.clock.Now()) {
		t.Fatal("the first tick started nothing")
	}
	next(t, "the pass", running)
	if tick(t, d, stage.Pull, f.clock.Now().Add(time.Minute)) {
		t.Error("a second job was started beside the first")
	}
	if !tick(t, d, stage.Push, f.clock.Now()) {
		t.Error("another stage was held up")
	}
	close(goOn)
	next(t, "a run", f.ended)
	next(t, "the other run", f.ended)
}

func TestAllRunsThoseWithoutALineOfTheirOwn(t *testing.T) {
	f := newFixture(t)
	d := f.started(t, f.Runner, DaemonConfig{Schedules: map[string]string{All: "@yearly", stage.Pull: "@monthly", stage.Accrue: "off"}})
	tick(t, d, All, f.clock.Now())
	for _, want := range []string{stage.Reconcile, stage.Push} {
		if r := next(t, want, f.ended); r.Stage != want {
			t.Errorf("got a run of %s, want one of %s", r.Stage, want)
		}
	}
	due := d.Next()
	if len(due) != 2 || due[0].Name != stage.Pull || !due[0].At.Equal(instant(t, "2026-12-01T00:00:00Z")) || due[1].Name != All {
		t.Errorf("due: %v", due)
	}
}

func TestAFailedPassIsNotRepeatedButTheNextTickRuns(t *testing.T) {
	fail := true
	f := newFixture(t, fake{name: stage.Pull, run: func(context.Context, stage.Options) (stage.Report, error) {
		if fail {
			fail = false
			panic("no such luck")
		}
		return stage.Report{}, nil
	}})
	d := f.started(t, f.Runner, DaemonConfig{Schedules: quiet})
	events, cancel := d.client.Subscribe(river.EventKindJobCancelled, river.EventKindJobCompleted, river.EventKindJobFailed)
	defer cancel()
	tick(t, d, stage.Pull, f.clock.Now())
	if e := next(t, "the end of the job", events); e.Kind != river.EventKindJobCancelled {
		t.Errorf("the job is %s", e.Job.State)
	}
	if !tick(t, d, stage.Pull, f.clock.Now().Add(time.Minute)) {
		t.Error("the next tick started nothing")
	}
	if e := next(t, "the end of the next job", events); e.Kind != river.EventKindJobCompleted {
		t.Errorf("the next job is %s", e.Job.State)
	}
}

func TestATransientFailureIsRepeatedALittleLater(t *testing.T) {
	f := newFixture(t, fake{name: stage.Pull, run: func(context.Context, stage.Options) (stage.Report, error) {
		return stage.Report{}, errs.New(errs.Transient, "503")
	}})
	d := f.started(t, f.Runner, DaemonConfig{Schedules: quiet})
	// After the present, or River would make the job available at once.
	f.clock.Set(clock.System{}.Now().Add(time.Hour).Truncate(time.Second))
	events, cancel := d.client.Subscribe(river.EventKindJobFailed)
	defer cancel()
	tick(t, d, stage.Pull, f.clock.Now())
	e := next(t, "the failure", events)
	if e.Job.State != "retryable" || !e.Job.ScheduledAt.Equal(f.clock.Now().Add(30*time.Second)) || e.Job.MaxAttempts != 3 {
		t.Errorf("the job is %s for %s, attempt %d of %d", e.Job.State, e.Job.ScheduledAt, e.Job.Attempt, e.Job.MaxAttempts)
	}
	if tick(t, d, stage.Pull, f.clock.Now().Add(time.Second)) {
		t.Error("a tick started a second job beside the one that will be repeated")
	}
}

func TestVerifyRunsByItsOwnLineAndNeverWithAll(t *testing.T) {
	f := newFixture(t)
	d, err := NewDaemon(DaemonConfig{Runner: f.Runner, Schedules: map[string]string{All: "@hourly", stage.Verify: "@daily"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.stagesOf(All); !slices.Equal(got, stage.Way()) || slices.Contains(got, stage.Verify) {
		t.Errorf("all is %v", got)
	}
	if next := d.Next(); len(next) != 2 || next[1].Name != stage.Verify {
		t.Errorf("next are %v", next)
	}
	if d, err = NewDaemon(DaemonConfig{Runner: f.Runner, Schedules: map[string]string{All: "@hourly"}}); err != nil || len(d.Next()) != 1 {
		t.Errorf("without a line of its own: %v, %v", d.Next(), err)
	}
}

func TestARepeatDoesNotOutlastTheLine(t *testing.T) {
	f := newFixture(t) // it is 10:01:00
	d, err := NewDaemon(DaemonConfig{Runner: f.Runner, Schedules: map[string]string{stage.Pull: "@every 15s", stage.Push: "@hourly"}})
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{daemon: d}
	for _, c := range []struct {
		name    string
		attempt int
		kind    errs.Kind
		repeat  time.Duration
		again   time.Duration
	}{
		{stage.Pull, 1, errs.Transient, 15 * time.Second, 15 * time.Second},
		{stage.Pull, 2, errs.Transient, 15 * time.Second, 15 * time.Second},
		{stage.Pull, 1, errs.Auth, 15 * time.Second, 15 * time.Second},
		{stage.Push, 1, errs.Transient, 30 * time.Second, 30 * time.Second},
		{stage.Push, 2, errs.Transient, 5 * time.Minute, 5 * time.Minute},
		{stage.Push, 3, errs.Transient, 5 * time.Minute, 59 * time.Minute},
		{stage.Push, 1, errs.Auth, 30 * time.Second, 59 * time.Minute},
		{All, 1, errs.Auth, 30 * time.Second, 0},
	} {
		j := &river.Job[job]{JobRow: &rivertype.JobRow{Attempt: c.attempt, MaxAttempts: maxAttempts}, Args: job{Stage: c.name}}
		if got := w.NextRetry(j).Sub(f.clock.Now()); got != c.repeat {
			t.Errorf("%s, attempt %d: repeated after %s, want %s", c.name, c.attempt, got, c.repeat)
		}
		want := zap.Time("again", f.clock.Now().Add(c.again))
		if c.again == 0 {
			want = zap.String("again", "never by itself")
		}
		if got := w.again(j, errs.New(c.kind, "503")); !got.Equals(want) {
			t.Errorf("%s, attempt %d, %s: logged %+v, want %+v", c.name, c.attempt, c.kind, got, want)
		}
	}
}

func TestStopBeginsNoFurtherStage(t *testing.T) {
	running, goOn := make(chan bool), make(chan bool)
	f := newFixture(t, fake{name: stage.Accrue, run: func(context.Context, stage.Options) (stage.Report, error) {
		close(running)
		<-goOn
		return stage.Report{}, nil
	}})
	d := f.started(t, f.Runner, DaemonConfig{Schedules: quiet, Grace: patience})
	tick(t, d, All, f.clock.Now())
	next(t, "the pass", running)
	stopped := make(chan error)
	go func() { stopped <- d.Stop(context.Background()) }()
	<-d.ticking.Done()
	close(goOn)
	if err := next(t, "the stop", stopped); err != nil {
		t.Error(err)
	}
	if n := f.count(t, `select count(*) from job.run where stage = 'push'`); n != 0 {
		t.Error("push was begun after the stop was asked for")
	}
	if r := f.latest(t, stage.Accrue); r.State() != "ok" {
		t.Errorf("the run in hand is %s: %s", r.State(), r.Error)
	}
	if n := f.count(t, `select count(*) from job.river_job where state = 'available' and attempt = 0`); n != 1 {
		t.Errorf("%d jobs were handed back", n)
	}
}

func TestStopLetsAPassFinishWithinTheGrace(t *testing.T) {
	running, goOn := make(chan bool), make(chan bool)
	f := newFixture(t, fake{name: stage.Pull, run: func(ctx context.Context, _ stage.Options) (stage.Report, error) {
		close(running)
		<-goOn
		return stage.Report{}, ctx.Err()
	}})
	d := f.started(t, f.Runner, DaemonConfig{Schedules: quiet, Grace: patience})
	tick(t, d, stage.Pull, f.clock.Now())
	next(t, "the pass", running)
	stopped := make(chan error)
	go func() { stopped <- d.Stop(context.Background()) }()
	close(goOn)
	if err := next(t, "the stop", stopped); err != nil {
		t.Error(err)
	}
	if r := f.latest(t, stage.Pull); r.State() != "ok" {
		t.Errorf("the run is %s: %s", r.State(), r.Error)
	}
}

func TestStopCancelsAPassAndAnotherReplicaTakesTheJobUp(t *testing.T) {
	running := make(chan bool)
	f := newFixture(t, fake{name: stage.Pull, run: func(ctx context.Context, _ stage.Options) (stage.Report, error) {
		close(running)
		<-ctx.Done()
		return stage.Report{}, ctx.Err()
	}})
	d := f.started(t, f.Runner, DaemonConfig{Schedules: quiet, Grace: time.Millisecond})
	tick(t, d, stage.Pull, f.clock.Now())
	next(t, "the pass", running)
	if err := d.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	r := next(t, "the stopped run", f.ended)
	if r.State() != "deferred" || r.Report.Deferred != handedBackNotice || r.Error != "" {
		t.Errorf("the run is %s: %s %s", r.State(), r.Error, r.Report.Deferred)
	}
	if ended, err := Ended(t.Context(), f.DB); err != nil || len(ended) != 0 {
		t.Errorf("a stop says how the stage fares: %v, %v", names(ended), err)
	}
	if n := f.count(t, `select count(*) from job.river_job where state = 'available' and attempt = 0`); n != 1 {
		t.Errorf("%d jobs were handed back", n)
	}

	f.started(t, f.replica(t, f.DB), DaemonConfig{Schedules: quiet})
	if r := next(t, "the other replica's run", f.ended); r.State() != "ok" {
		t.Errorf("the run is %s: %s", r.State(), r.Error)
	}
	if err := d.Start(t.Context()); err != nil {
		t.Errorf("a stopped daemon does not start again: %v", err)
	}
	if err := d.Start(t.Context()); errs.KindOf(err) != errs.Conflict {
		t.Errorf("a running daemon was started: %v", err)
	}
}

func TestStopGivesUpWithItsContext(t *testing.T) {
	running, goOn := make(chan bool), make(chan bool)
	f := newFixture(t, fake{name: stage.Pull, run: func(context.Context, stage.Options) (stage.Report, error) {
		close(running)
		<-goOn // deaf to its context
		return stage.Report{}, nil
	}})
	d := f.started(t, f.Runner, DaemonConfig{Schedules: quiet})
	tick(t, d, stage.Pull, f.clock.Now())
	next(t, "the pass", running)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Stop(over); err == nil {
		t.Error("Stop says that a deaf pass has ended")
	}
	close(goOn)
}

func TestAMissedInstantIsCaughtUpWithOnce(t *testing.T) {
	f := newFixture(t)
	f.exec(t, `insert into job.tick values ('all', '2026-11-19T02:00:00Z'), ('push', '2026-11-20T10:00:00Z')`)
	lines := map[string]string{All: "0 2 * * *", stage.Pull: "@hourly", stage.Push: "@hourly"}
	f.started(t, f.Runner, DaemonConfig{Schedules: lines})
	f.started(t, f.replica(t, f.DB), DaemonConfig{Schedules: lines})
	for _, want := range []string{stage.Reconcile, stage.Accrue} {
		if r := next(t, want, f.ended); r.Stage != want {
			t.Errorf("got a run of %s, want one of %s", r.Stage, want)
		}
	}
	// pull never ticked, so it missed nothing; push ticked when it was last due.
	if n := f.count(t, `select count(*) from job.tick where at = '2026-11-20T02:00:00Z' and stage = 'all'`); n != 1 {
		t.Error("the missed instant was not recorded")
	}
	if n := f.count(t, `select count(*) from job.river_job`); n != 1 {
		t.Errorf("%d jobs were started for one missed instant", n)
	}
}

func TestCronTicksOnTheSecond(t *testing.T) {
	f := newFixture(t)
	f.started(t, f.Runner, DaemonConfig{Schedules: map[string]string{stage.Pull: "@every 1s"}})
	next(t, "a run", f.ended)
	next(t, "another run", f.ended)
	if n := f.count(t, `select count(*) from job.tick where stage <> 'pull' or date_trunc('second', at) <> at`); n != 0 {
		t.Errorf("%d ticks are not of a whole second", n)
	}
}

func TestTheJobOfADeadWorkerIsRescued(t *testing.T) {
	if testing.Short() {
		t.Skip("River's housekeeping wants some seconds")
	}
	f := newFixture(t)
	d := f.started(t, f.Runner, DaemonConfig{Schedules: quiet})
	if err := d.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	tick(t, d, stage.Pull, f.clock.Now())
	f.exec(t, `update job.river_job set state = 'running', attempt = 1, attempted_at = now() - interval '4 minutes', attempted_by = '{gone}'`)
	f.exec(t, `insert into job.run (stage, actor, started_at, report)
		values ('pull', 'schedule', '2026-11-20T09:00:00Z', json_build_object('seen_at', now() - interval '4 minutes'))`)
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := next(t, "the run", f.ended); r.State() != "ok" {
		t.Errorf("the run is %s: %s", r.State(), r.Error)
	}
	history, err := History(t.Context(), f.DB, 10)
	if err != nil || len(history) != 2 || history[1].State() != "interrupted" {
		t.Errorf("history: %v, %v", names(history), err)
	}
}

func TestATickThatPanicsDoesNotEndItsLine(t *testing.T) {
	ran := 0
	tick := cron.NewChain(wrappers(cronLog{zap.NewNop().Sugar()})...).Then(cron.FuncJob(func() {
		ran++
		panic("no such luck")
	}))
	tick.Run()
	tick.Run()
	if ran != 2 {
		t.Errorf("after a panic the tick ran %d times, want 2", ran)
	}
}

func TestNewDaemonNamesEveryLineThatIsWrong(t *testing.T) {
	f := newFixture(t)
	_, err := NewDaemon(DaemonConfig{Runner: f.Runner, Schedules: map[string]string{All: "TZ=0", stage.Pull: "0 0 30 2 *", "pul": "@hourly"}})
	if errs.KindOf(err) != errs.Invalid {
		t.Fatalf("the error is %v", err)
	}
	for _, want := range []string{"schedules.all", "schedules.pull", "schedules.pul:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
}

func TestPruneKeepsWhatIsStillNeeded(t *testing.T) {
	f := newFixture(t)
	f.exec(t, `insert into job.tick values
		('pull', '2026-01-01'), ('push', '2026-01-01'), ('push', '2026-01-02'), ('all', '2026-11-01'), ('all', '2026-11-19')`)
	f.exec(t, `insert into job.run (stage, actor, started_at, finished_at, status, report) values
		('pull', 'a', '2026-01-01', '2026-01-01', 'ok', '{}'),
		('pull', 'b', '2026-01-02', '2026-01-02', 'ok with problems', '{}'),
		('pull', 'c', '2026-01-03', '2026-01-03', 'ok', '{"deferred": "limit"}'),
		('pull', 'd', '2026-01-04', '2026-01-04', 'failed', '{}'),
		('pull', 'e', '2026-01-05', '2026-01-05', 'failed', '{}'),
		('push', 'f', '2026-11-01', '2026-11-01', 'failed', '{}'),
		('push', 'g', '2026-11-02', '2026-11-02', 'failed', '{}')`)
	f.exec(t, `insert into job.run (stage, actor, started_at, finished_at, status, report)
		select 'accrue', 'many', '2026-11-10'::timestamptz + n * interval '1 second', '2026-11-11', 'failed', '{}' from generate_series(1, 5003) n`)
	d, err := NewDaemon(DaemonConfig{Runner: f.Runner})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		`select string_agg(stage || date_part('day', at), ' ' order by stage, at) from job.tick`: "all19 pull1 push2",
		`select string_agg(actor, ' ' order by id) from job.run where actor <> 'many'`:           "b e f g",
		`select count(*)::text from job.run where actor = 'many'`:                                "5000",
	} {
		var got string
		if err := f.DB.Get(&got, query); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}
