package siege_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// A company that is large for its settings: its opportunities are read in windows and its
// commissions written in parts that replicas share.
const manyOpportunities = 2400

const manyParts = `
pull: {api: bulk, window: 200}
push: {part: 800}
`

// newLarge gives such a company.
func newLarge(t testing.TB) *world {
	t.Helper()
	w := newWorldOf(t, emulator.Options{}, manyOpportunities)
	// Who freezes in a transaction keeps its locks for as long as that may be idle.
	w.configure(w.program+" idle_in_transaction_session_timeout=8s", "")
	w.settings += manyParts
	w.configure("", "")
	t.Cleanup(w.tellParts)
	return w
}

// slowly lets each window take a while, so that replicas can see each other at work.
const slowly = `when: {kind: bulk-results, object: Opportunity}, do: {delay: 400ms}`

// slowlyWritten does so for the commissions.
const slowlyWritten = `when: {kind: bulk-ingest, object: Partner_Commission__c}, do: {delay: 150ms}`

// shared gives how many parts and rows of a stage's runs each process did.
func (w *world) shared(stage string) map[string][2]int64 {
	w.t.Helper()
	var reports []string
	must(w.t, w.db.Select(&reports, `select report::text from job.run where stage = $1 and finished_at is not null order by id`, stage))
	out := map[string][2]int64{}
	for _, text := range reports {
		var r struct {
			Shared []struct {
				Worker    string
				Parts, In int64
			}
		}
		must(w.t, json.Unmarshal([]byte(text), &r))
		for _, s := range r.Shared {
			had := out[s.Worker]
			out[s.Worker] = [2]int64{had[0] + s.Parts, had[1] + s.In}
		}
	}
	return out
}

// tellParts logs how the parts are when a case has failed.
func (w *world) tellParts() {
	if !w.t.Failed() {
		return
	}
	var rows []string
	must(w.t, w.db.Select(&rows, `select concat_ws(' ', run, number, stage, state, attempt, worker, now() - seen_at, what) from job.part order by run, number`))
	w.t.Logf("the parts:\n%s", strings.Join(rows, "\n"))
	must(w.t, w.db.Select(&rows, `select concat_ws(' ', id, stage, worker, status, error, report) from job.run order by id`))
	w.t.Logf("the runs:\n%s", strings.Join(rows, "\n"))
	must(w.t, w.db.Select(&rows, `select concat_ws(' ', id, object, api, job_id, begun_at) from outbox.flight order by id`))
	w.t.Logf("in flight:\n%s", strings.Join(rows, "\n"))
}

func (w *world) ended(stage string) func() bool {
	return func() bool {
		return fetch[int](w.t, w.db, `select count(*) from job.run where stage = $1 and status in ('ok', 'ok with problems')
			and coalesce(report->>'deferred', '') = ''`, stage) > 0
	}
}

// TestReplicasShareALargeFirstRun: its windows are read by all of them, and what comes of
// it is what one process makes.
func TestReplicasShareALargeFirstRun(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 3} {
		if n > 2 && !isLong {
			continue
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			want := ofLarge.of(t, newLarge)
			w := newLarge(t)
			w.seer.play(slowly, slowlyWritten)
			daemons := w.serve(n)
			await(t, "a whole run", w.ended("push"))
			for _, stage := range []string{"pull", "push"} {
				did := w.shared(stage)
				for worker, n := range did {
					t.Logf("%s: %s did %d parts with %d rows", stage, worker, n[0], n[1])
				}
				for _, d := range daemons {
					if mine := did[w.workerOf(d)]; mine[0] == 0 || mine[1] == 0 {
						t.Errorf("%s: process %d did no part: %v", stage, d.cmd.Process.Pid, did)
					}
				}
			}
			for _, d := range daemons {
				d.stop(t)
			}
			w.checkCalm(want)
		})
	}
}

// workerOf gives the name of a daemon among the replicas.
func (w *world) workerOf(d *daemon) string {
	w.t.Helper()
	var names []string
	must(w.t, w.db.Select(&names, `select worker from job.part union select worker from job.run`))
	for _, name := range names {
		if strings.HasSuffix(name, fmt.Sprintf("/%d", d.cmd.Process.Pid)) {
			return name
		}
	}
	return fmt.Sprintf("/%d", d.cmd.Process.Pid)
}

// twoAtWork gives two daemons, both with parts of the first run of a stage in hand: the one
// that leads it, and the other.
func (w *world) twoAtWork(stage string) (leader, other *daemon) {
	w.t.Helper()
	w.seer.play(slowly, slowlyWritten)
	daemons := w.serve(2)
	await(w.t, "both at work", func() bool {
		return fetch[int](w.t, w.db, `select count(distinct worker) from job.part where state = 'running' and stage = $1`, stage) == 2
	})
	leads := fetch[string](w.t, w.db, `select worker from job.run where stage = $1 and finished_at is null`, stage)
	if w.workerOf(daemons[0]) == leads {
		return daemons[0], daemons[1]
	}
	return daemons[1], daemons[0]
}

// ageParts lets the lease pass of parts whose worker is gone or frozen.
func (w *world) ageParts(worker string) {
	w.t.Helper()
	_, err := w.db.Exec(`update job.part set seen_at = seen_at - interval '5 minutes' where worker = $1 and state = 'running'`, worker)
	must(w.t, err)
}

// sharedStages runs a case for those whose passes are shared, each on a large company of
// its own. What comes of that in the end is what one process makes of it.
func sharedStages(t *testing.T, test func(t *testing.T, w *world, stage string)) {
	t.Parallel()
	for _, stage := range []string{"pull", "push"} {
		if stage == "pull" && !isLong {
			continue // package pull has cases of its own, within one process
		}
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			want := ofLarge.of(t, newLarge)
			w := newLarge(t)
			test(t, w, stage)
			w.checkCalm(want)
		})
	}
}

// TestAReplicaFreezesInItsParts: the other does them when nothing is heard of it for the
// lease, and when it wakes it does no harm.
func TestAReplicaFreezesInItsParts(t *testing.T) {
	sharedStages(t, func(t *testing.T, w *world, stage string) {
		leader, frozen := w.twoAtWork(stage)
		must(t, frozen.cmd.Process.Signal(syscall.SIGSTOP))
		name := w.workerOf(frozen)
		w.ageParts(name)
		if !within(3*time.Minute, w.ended(stage)) { // a transaction that it has open is ended after two
			t.Error("the other did not go on within three minutes")
		}
		if n := fetch[int](t, w.db, `select count(*) from job.part where attempt > 1 and state = 'done' and worker <> $1`, name); n == 0 {
			t.Error("no part of the frozen one was done by the other")
		}
		must(t, frozen.cmd.Process.Signal(syscall.SIGCONT))
		await(t, "a whole run", w.ended("push"))
		leader.stop(t)
		frozen.stop(t)
	})
}

// TestAReplicaIsKilledInItsParts: the other does them.
func TestAReplicaIsKilledInItsParts(t *testing.T) {
	sharedStages(t, func(t *testing.T, w *world, stage string) {
		leader, killed := w.twoAtWork(stage)
		must(t, killed.cmd.Process.Kill())
		<-killed.ended
		w.ageParts(w.workerOf(killed))
		await(t, "the run of the other", w.ended(stage))
		await(t, "a whole run", w.ended("push"))
		leader.stop(t)
	})
}

// serveApart starts a daemon whose way to the database is its own.
func (w *world) serveApart() (*daemon, *wall) {
	w.t.Helper()
	apart := newWall(w.t, w.dbWall.proxy.Upstream)
	config, settings := w.config, w.settings
	defer func() { w.config, w.settings = config, settings }()
	w.config = filepath.Join(w.t.TempDir(), "apart.yaml")
	_, port, _ := strings.Cut(w.dbWall.addr(), ":")
	_, own, _ := strings.Cut(apart.addr(), ":")
	w.settings = strings.Replace(settings, "port="+port, "port="+own, 1)
	return w.serve(1)[0], apart
}

// TestAReplicaIsCutOffFromTheDatabase in the middle of its parts, or of the pass that it
// leads: it goes on with what it has in hand and can keep nothing of it; the other does it.
func TestAReplicaIsCutOffFromTheDatabase(t *testing.T) {
	sharedStages(t, func(t *testing.T, w *world, stage string) {
		w.seer.play(slowly, slowlyWritten)
		apart, wall := w.serveApart()
		near := w.serve(1)[0]
		await(t, "both at work", func() bool {
			return fetch[int](t, w.db, `select count(distinct worker) from job.part where state = 'running' and stage = $1`, stage) == 2
		})
		wall.cut()
		name := w.workerOf(apart)
		w.ageParts(name)
		if leads := fetch[bool](t, w.db, `select exists (select from job.run where stage = $1 and finished_at is null and worker = $2)`, stage, name); leads {
			w.ageJobs()
			w.ageRuns()
		}
		if !within(4*time.Minute, w.ended("push")) {
			t.Error("the other did not go on within four minutes")
		}
		wall.heal()
		seen := w.runs(`status is not null`)
		await(t, "a run after the other is back", func() bool { return w.runs(`status is not null`) > seen+1 })
		near.stop(t)
		apart.stop(t)
		w.ageRuns()
	})
}

// TestAReplicaStopsInItsParts as systemd stops it: it hands them back, and nobody waits for
// a lease.
func TestAReplicaStopsInItsParts(t *testing.T) {
	sharedStages(t, func(t *testing.T, w *world, stage string) {
		leader, stopped := w.twoAtWork(stage)
		stopped.stop(t)
		await(t, "the run of the other", w.ended(stage))
		await(t, "a whole run", w.ended("push"))
		leader.stop(t)
	})
}

// TestTheLeaderOfASharedPassIsKilled: another takes the stage over and does what is left.
func TestTheLeaderOfASharedPassIsKilled(t *testing.T) {
	sharedStages(t, func(t *testing.T, w *world, stage string) {
		leader, other := w.twoAtWork(stage)
		must(t, leader.cmd.Process.Kill())
		<-leader.ended
		w.ageJobs()
		w.ageRuns()
		if !within(3*time.Minute, w.ended("push")) {
			t.Error("the other did not go on within three minutes")
		}
		if n := fetch[int](t, w.db, `select count(*) from job.run where stage = $1 and worker = $2 and status is not null`, stage, w.workerOf(other)); n == 0 {
			t.Error("the other has not led the stage")
		}
		other.stop(t)
	})
}

// TestTheLeaderOfASharedPassFreezes: the same, and then it wakes.
func TestTheLeaderOfASharedPassFreezes(t *testing.T) {
	sharedStages(t, func(t *testing.T, w *world, stage string) {
		leader, other := w.twoAtWork(stage)
		must(t, leader.cmd.Process.Signal(syscall.SIGSTOP))
		w.ageJobs()
		w.ageRuns()
		if !within(4*time.Minute, w.ended("push")) {
			t.Error("the other did not go on within four minutes")
		}
		must(t, leader.cmd.Process.Signal(syscall.SIGCONT))
		seen := w.runs(`status is not null`)
		await(t, "a run after the other has woken", func() bool { return w.runs(`status is not null`) > seen+1 })
		leader.stop(t)
		other.stop(t)
		w.ageRuns()
	})
}
