package siege_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lib/pq"
)

// daemon is a `partnersync serve`.
type daemon struct {
	cmd   *exec.Cmd
	out   bytes.Buffer
	ended chan struct{}
}

// serve starts daemons that run everything each second.
func (w *world) serve(n int) []*daemon {
	w.t.Helper()
	w.configure("", `schedules: {all: "@every 1s"}`)
	var out []*daemon
	for range n {
		d := &daemon{cmd: w.command("serve"), ended: make(chan struct{})}
		d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.out
		must(w.t, d.cmd.Start())
		go func() { _ = d.cmd.Wait(); close(d.ended) }()
		w.t.Cleanup(func() { _ = d.cmd.Process.Kill(); <-d.ended })
		out = append(out, d)
	}
	return out
}

// stop ends a daemon as systemd would.
func (d *daemon) stop(t testing.TB) {
	t.Helper()
	must(t, d.cmd.Process.Signal(syscall.SIGTERM))
	<-d.ended
	if code := d.cmd.ProcessState.ExitCode(); code != 0 && code != 130 {
		t.Errorf("serve exits with %d\n%s", code, d.out.String())
	}
}

func (w *world) runs(condition string) int {
	w.t.Helper()
	return fetch[int](w.t, w.db, `select count(*) from job.run where stage = 'push' and `+condition)
}

// TestSeveralDaemonsAtOnce: two and three daemons share a ledger while people work in
// the org; one is killed, and the others go on.
func TestSeveralDaemonsAtOnce(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprint(n, " daemons"), func(t *testing.T) {
			t.Parallel()
			severalAtOnce(t, n)
		})
	}
}

func severalAtOnce(t *testing.T, n int) {
	w := newWorld(t)
	daemons := w.serve(n)
	await(t, "a first run", func() bool { return w.runs(`status is not null`) > 0 })
	for n := range 3 {
		w.live(n + 1)
		seen := w.runs(`status is not null`)
		await(t, "another run", func() bool { return w.runs(`status is not null`) > seen })
		if n == 1 {
			// Between two jobs: what a job that is killed waits for is the lease.
			must(t, daemons[0].cmd.Process.Kill())
			<-daemons[0].ended
			w.ageJobs()
		}
	}
	for _, d := range daemons[1:] {
		d.stop(t)
	}
	if n := fetch[int](t, w.db, `select count(*) from job.run where status = 'failed' and error not like 'interrupted%'`); n > 0 {
		t.Errorf("%d runs have failed", n)
	}
	if n := fetch[int](t, w.db, `select count(*) from (select date_trunc('second', started_at), stage from job.run
		group by 1, 2 having count(*) > 2) as crowded`); n > 0 {
		t.Errorf("in %d seconds a stage ran more than twice", n)
	}
	w.check()
}

// ageJobs lets the lease pass of jobs whose worker is gone.
func (w *world) ageJobs() {
	w.t.Helper()
	_, err := w.db.Exec(`update job.river_job set attempted_at = now() - interval '4 minutes' where state = 'running'`)
	must(w.t, err)
}

// TestFrozenAndTakenOver: a process freezes in the middle of a stage, another one
// does the work, and the first wakes: it must change nothing. Where its transaction is
// open, Postgres has ended that for its idleness.
func TestFrozenAndTakenOver(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, rule string }{
		{"in a pull", `when: {kind: [query, bulk-results], object: Space__c, first: 1}, do: {hang: {for: 300ms, bytes: 900}}`},
		{"in a push, before it is applied", `when: {kind: [collection, bulk-ingest], first: 1}, do: {delay: 300ms}`},
		{"in a push, after it is applied", `when: {kind: [collection, bulk-ingest], object: Partner_Commission__c, first: 1}, do: {hang: {for: 300ms, bytes: 200}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			frozenAndTakenOver(t, c.rule, true)
		})
	}
}

// TestFrozenInRealTime: the same while Postgres waits for its own limit. A worker that
// freezes in a transaction keeps the stage's token for that long, and others wait longer
// for it than that.
func TestFrozenInRealTime(t *testing.T) {
	if !isLong {
		t.Skip("make siege runs it: Postgres ends what is frozen after a minute and a half")
	}
	t.Parallel()
	frozenAndTakenOver(t, `when: {kind: [collection, bulk-ingest], object: Partner_Commission__c, first: 1}, do: {hang: {for: 300ms, bytes: 200}}`, false)
}

func frozenAndTakenOver(t *testing.T, rule string, isIdle bool) {
	want := undisturbed(t)
	w := newWorld(t)
	w.seer.play(rule)
	frozen := w.command("run", "all")
	must(t, frozen.Start())
	await(t, "the fault", func() bool { return w.seer.played() > 0 })
	must(t, frozen.Process.Signal(syscall.SIGSTOP))
	w.seer.behave()
	if isIdle {
		w.endIdle(w.backends())
	}
	before := w.lastRun()
	if code, text := w.exec("run", "all"); !isDone(code) {
		t.Errorf("the second exits with %d\n%s", code, text)
	}
	for _, r := range w.runsSince(before) {
		if r.Status == nil || *r.Status == "failed" {
			t.Errorf("the second: %v", r)
		}
	}
	must(t, frozen.Process.Signal(syscall.SIGCONT))
	_ = frozen.Wait()
	w.checkCalm(want)
}

// backends lists the program's connections to the database.
func (w *world) backends() (pids []int64) {
	w.t.Helper()
	must(w.t, w.db.Select(&pids, `select pid from pg_stat_activity where datname = current_database() and application_name <> 'the test'`))
	return pids
}

// endIdle does what Postgres does after a while with a transaction that is idle.
func (w *world) endIdle(pids []int64) {
	w.t.Helper()
	_, err := w.db.Exec(`select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and pid = any($1)`, pq.Array(pids))
	must(w.t, err)
}

// TestManyAtOnce: people start the same thing from several terminals.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	w := newWorld(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if code, text := w.exec("run", "all"); !isDone(code) {
				t.Errorf("exit %d: %s", code, text)
			}
		})
	}
	all.Wait()
	w.checkCalm(want)
}

// TestFrozenForLongerThanEveryLease: a daemon freezes with a call in hand; its leases run
// out, others take its job over, and it wakes. What the lease of a job (three minutes)
// and Postgres' patience with an idle transaction (two) would do is done at once.
func TestFrozenForLongerThanEveryLease(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, rule string
		others     int
	}{
		{"in a pull, another one", `when: {kind: [query, bulk-results], object: Opportunity, first: 1}, do: {hang: {for: 2s, bytes: 900}}`, 1},
		{"in a push, another one", `when: {kind: [collection, bulk-ingest], object: Partner_Commission__c, first: 1}, do: {hang: {for: 2s, bytes: 100}}`, 1},
		{"in a push, two others", `when: {kind: [collection, bulk-ingest], object: Partner_Commission__c, first: 1}, do: {hang: {for: 2s, bytes: 0}}`, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.seer.play(c.rule)
			frozen := w.serve(1)[0]
			await(t, "the call", func() bool { return w.seer.played() > 0 })
			frozen.signal(t, syscall.SIGSTOP)
			theirs := w.backends()
			others := w.serve(c.others)
			w.ageJobs()
			w.ageRuns()
			w.endIdle(theirs)
			if !within(3*time.Minute, func() bool { return w.runs(`status in ('ok', 'ok with problems')`) > 0 }) {
				t.Errorf("nobody has taken the job over within three minutes: %v", w.runsSince(0))
			}
			w.wake(frozen, others)
		})
	}
}

// wake lets a frozen daemon go on beside others, and then ends all.
func (w *world) wake(frozen *daemon, others []*daemon) {
	w.t.Helper()
	w.live(1)
	frozen.signal(w.t, syscall.SIGCONT)
	seen := w.runs(`status is not null`)
	await(w.t, "runs after it has woken", func() bool { return w.runs(`status is not null`) > seen+2 })
	for _, d := range append(others, frozen) {
		d.stop(w.t)
	}
	w.check()
}

// TestFrozenThroughRealLeases is the same in real time.
func TestFrozenThroughRealLeases(t *testing.T) {
	if !isLong {
		t.Skip("make siege runs it: the lease is three minutes")
	}
	t.Parallel()
	w := newWorld(t)
	w.seer.play(`when: {kind: [collection, bulk-ingest], object: Partner_Commission__c, first: 1}, do: {hang: {for: 2s, bytes: 100}}`)
	frozen := w.serve(1)[0]
	await(t, "a call of the push", func() bool { return w.seer.played() > 0 })
	frozen.signal(t, syscall.SIGSTOP)
	others := w.serve(1)
	if !within(6*time.Minute, func() bool { return w.runs(`status in ('ok', 'ok with problems')`) > 0 }) {
		t.Errorf("nobody has taken the job over within six minutes")
	}
	w.wake(frozen, others)
}

func (d *daemon) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	must(t, d.cmd.Process.Signal(s))
}
