package siege_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
)

// stages in the order of the data's way.
var stages = []string{"pull", "reconcile", "accrue", "push"}

// killWhen starts a process and kills it when the moment has come. It says
// whether it came before the process had ended by itself.
func killWhen(t testing.TB, cmd *exec.Cmd, due func() bool) bool {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	came := false
	await(t, "the moment to kill "+strings.Join(cmd.Args[5:], " "), func() bool {
		select {
		case <-ended:
			return true
		default:
			came = due()
			return came
		}
	})
	if came {
		must(t, cmd.Process.Kill())
	}
	<-ended
	return came
}

// isWaiting says whether somebody waits for a lock in this database.
func isWaiting(t testing.TB, db *sqlx.DB) bool {
	return fetch[bool](t, db, `select exists (select from pg_locks l join pg_database d on d.oid = l.database
		where not l.granted and d.datname = current_database())`)
}

// hold locks a table against writes until the function that it gives is called.
func (w *world) hold(table string) (release func()) {
	w.t.Helper()
	tx, err := w.db.BeginTxx(context.Background(), nil)
	must(w.t, err)
	_, err = tx.Exec(`lock table ` + table + ` in share mode`)
	must(w.t, err)
	return func() { must(w.t, tx.Rollback()) }
}

// writes lists the tables in which each stage writes, found by letting it run.
func writes(t *testing.T) map[string][]string {
	t.Helper()
	w := newWorld(t)
	out := map[string][]string{}
	for _, stage := range stages {
		before := w.counts()
		if r := w.run(stage); !r.isDone() {
			t.Fatalf("run %s: %d\n%s", stage, r.code, r.text)
		}
		await(t, "the counts of "+stage, func() bool {
			return fetch[int](t, w.db, `select count(*) from pg_stat_activity
			where datname = current_database() and application_name <> 'the test'`) == 0
		})
		for table, n := range w.counts() {
			if n > before[table] {
				out[stage] = append(out[stage], table)
			}
		}
	}
	return out
}

// counts says how many rows were ever written in each table.
func (w *world) counts() map[string]int64 {
	w.t.Helper()
	var rows []struct {
		Name string
		N    int64
	}
	must(w.t, w.db.Select(&rows, `
		select format('%I.%I', schemaname, relname) as name, n_tup_ins + n_tup_upd + n_tup_del as n
		from pg_stat_user_tables where schemaname in ('staging', 'ledger', 'outbox')`))
	out := map[string]int64{}
	for _, r := range rows {
		out[r.Name] = r.N
	}
	return out
}

// steps are the named steps of the stages, each with the table before whose first
// write it lies: all that the transaction wrote before is there and uncommitted.
var steps = []struct{ stage, name, table string }{
	{"pull", "fetched and not staged", "staging.record"},
	{"pull", "staged and the cursor not saved", "staging.cursor"},
	{"reconcile", "a fact not saved", "ledger.opportunity"},
	{"reconcile", "a fact saved and not marked", "ledger.replay"},
	{"reconcile", "facts saved and their records not", "staging.record"},
	{"reconcile", "a history not saved", "ledger.holding"},
	{"reconcile", "a history saved and its sources not marked", "ledger.due_source"},
	{"reconcile", "a discrepancy not opened", "ledger.discrepancy"},
	{"accrue", "a line not saved", "ledger.line"},
	{"accrue", "an entry not posted", "ledger.entry"},
	{"accrue", "an entry posted and the chain not moved on", "ledger.chain"},
	{"accrue", "an entry posted and the balance not", "ledger.balance"},
	{"accrue", "posted and not marked to be sent", "outbox.record"},
	{"accrue", "posted and the source still due", "ledger.due_source"},
	{"push", "nothing claimed", "outbox.target"},
	{"push", "applied, acknowledged and not confirmed", "outbox.record"},
	{"push", "statements not made", "ledger.statement_mark"},
}

// TestKilledAtEachStep kills each stage at each of its steps.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	for _, s := range steps {
		t.Run(s.stage+": "+s.name, func(t *testing.T) {
			t.Parallel()
			killedBefore(t, want, s.stage, s.table)
		})
	}
}

// TestKilledBeforeEachWrite: the same before the first write to every table in which
// a stage writes, whatever they are.
func TestKilledBeforeEachWrite(t *testing.T) {
	if !isLong {
		t.Skip("make siege runs it; TestKilledAtEachStep has the steps with a name")
	}
	t.Parallel()
	want := undisturbed(t)
	tables := writes(t)
	for _, stage := range stages {
		if len(tables[stage]) == 0 {
			t.Errorf("%s seems to write nothing", stage)
		}
		for _, table := range tables[stage] {
			t.Run(fmt.Sprintf("%s before %s", stage, table), func(t *testing.T) {
				t.Parallel()
				killedBefore(t, want, stage, table)
			})
		}
	}
}

// killedBefore kills a stage before its first write to a table.
func killedBefore(t *testing.T, want outcome, stage, table string) {
	w := newWorld(t)
	for _, earlier := range stages[:slices.Index(stages, stage)] {
		w.run(earlier)
	}
	release := w.hold(table)
	came := killWhen(t, w.command("run", stage), func() bool { return isWaiting(t, w.db) })
	release()
	if !came {
		t.Errorf("%s ended without a write to %s", stage, table)
	}
	w.checkCalm(want)
	if n := w.interrupted(); came && n != 1 {
		t.Errorf("%d runs are told as interrupted, and one was", n)
	}
}

// TestKilledAtARequest: the program is killed while the org has not answered, has
// answered in part, or has done the work and not said so.
func TestKilledAtARequest(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	const bulk = byBulk
	for _, c := range []struct{ name, settings, rule string }{
		{"logging in", "", `when: {kind: login}, do: {hang: {}}`},
		{"describing", "", `when: {kind: describe}, do: {hang: {}}`},
		{"pull: nothing is fetched", "", `when: {kind: query, first: 1}, do: {hang: {}}`},
		{"pull: half an answer is there", "", `when: {kind: query, object: Opportunity}, do: {hang: {bytes: 2000}}`},
		{"pull: some cursors are saved", "", `when: {kind: query, object: Opportunity}, do: {hang: {}}`},
		{"pull: a job is made", bulk, `when: {kind: bulk-query, method: POST, first: 1}, do: {hang: {bytes: 0}}`},
		{"pull: a job is at work", bulk, `when: {kind: bulk-query, method: GET, first: 1}, do: {hang: {}}`},
		{"pull: half of a job's result is there", bulk, `when: {kind: bulk-results, method: GET, after: 2}, do: {hang: {bytes: 1500}}`},
		{"push: claimed, nothing is sent", "", `when: {kind: [collection, upsert], first: 1}, do: {hang: {}}`},
		{"push: applied, and not acknowledged", "", `when: {kind: [collection, upsert], first: 1}, do: {hang: {bytes: 0}}`},
		{"push: applied, and half acknowledged", "", `when: {kind: [collection, upsert], object: Partner_Commission__c, first: 1}, do: {hang: {bytes: 300}}`},
		{"push: some calls are acknowledged", "", `when: {kind: [collection, upsert], object: Partner_Commission__c, after: 1}, do: {hang: {}}`},
		{"push: claimed, and no job is made", bulk, `when: {kind: bulk-ingest, method: POST, first: 1}, do: {hang: {}}`},
		{"push: a job is made, and not noted", bulk, `when: {kind: bulk-ingest, method: POST, after: 1}, do: {hang: {bytes: 0}}`},
		{"push: a job is noted, and has no data", bulk, `when: {kind: bulk-ingest, method: PUT}, do: {hang: {}}`},
		{"push: a job has its data, and is open", bulk, `when: {kind: bulk-ingest, method: PATCH}, do: {hang: {}}`},
		{"push: a job is closed, and nobody knows", bulk, `when: {kind: bulk-ingest, method: PATCH}, do: {hang: {bytes: 0}}`},
		{"push: a job is at work, or over", bulk, `when: {kind: bulk-ingest, method: GET, after: 1}, do: {hang: {}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.configure("", c.settings)
			w.seer.play(c.rule)
			if !killWhen(t, w.command("run", "all"), func() bool { return w.seer.played() > 0 }) {
				t.Fatal("the program makes no such request")
			}
			w.checkCalm(want)
			if n := w.interrupted(); n != 1 {
				t.Errorf("%d runs are told as interrupted, and one was", n)
			}
		})
	}
}

// TestKilledBeforeTheHistoryIsWritten: the stage is done and its row in the history
// says so to nobody; it is told as interrupted later, and the work is not lost.
func TestKilledBeforeTheHistoryIsWritten(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	w := newWorld(t)
	w.seer.play(`when: {kind: query, object: Account}, do: {hang: {for: 500ms, bytes: 100}}`)
	var release func()
	killWhen(t, w.command("run", "pull"), func() bool {
		if release == nil && w.lastRun() > 0 {
			release = w.hold("job.run")
		}
		return release != nil && isWaiting(t, w.db)
	})
	release()
	w.seer.behave()
	w.checkCalm(want)
	if n := w.interrupted(); n != 1 {
		t.Errorf("%d runs are told as interrupted, want one", n)
	}
}
