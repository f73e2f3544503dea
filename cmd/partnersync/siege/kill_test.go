package siege_test

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
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
		// A table that is locked makes its writer wait, so what a stage writes shows
		// in the locks that it has when it is at its end; and simpler in the counts.
		before := w.counts()
		if r := w.run(stage); r.code != 0 {
			t.Fatalf("run %s: %d\n%s", stage, r.code, r.text)
		}
		await(t, "the counts of "+stage, func() bool { return fetch[int](t, w.db, `select count(*) from pg_stat_activity
			where datname = current_database() and application_name <> 'the test'`) == 0 })
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

// TestKilledBeforeEachWrite: each stage is killed before its first write to each
// table in which it writes, with all that it wrote in the same transaction before.
func TestKilledBeforeEachWrite(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	tables := writes(t)
	for at, stage := range stages {
		if len(tables[stage]) == 0 {
			t.Errorf("%s seems to write nothing", stage)
		}
		for _, table := range tables[stage] {
			t.Run(fmt.Sprintf("%s before %s", stage, table), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for _, earlier := range stages[:at] {
					w.run(earlier)
				}
				release := w.hold(table)
				came := killWhen(t, w.command("run", stage), func() bool { return isWaiting(t, w.db) })
				release()
				if !came {
					t.Errorf("%s ended without a write to %s", stage, table)
				}
				w.checkCalm(want)
			})
		}
	}
}

// TestKilledAtARequest: the program is killed while the org has not answered, has
// answered in part, or has done the work and not said so.
func TestKilledAtARequest(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	for _, c := range []struct{ name, rule string }{
		{"logging in", `when: {kind: login}, do: {hang: {}}`},
		{"asking for the clock", `when: {kind: other}, do: {hang: {}}`},
		{"describing", `when: {kind: describe}, do: {hang: {}}`},
		{"pull: nothing is fetched", `when: {kind: query, first: 1}, do: {hang: {}}`},
		{"pull: half an answer is there", `when: {kind: query, object: Opportunity}, do: {hang: {bytes: 2000}}`},
		{"pull: some cursors are saved", `when: {kind: query, object: Opportunity}, do: {hang: {}}`},
		{"push: claimed, nothing is sent", `when: {kind: [collection, upsert, bulk-ingest], first: 1}, do: {hang: {}}`},
		{"push: applied, and not acknowledged", `when: {kind: [collection, upsert, bulk-ingest], first: 1}, do: {hang: {bytes: 0}}`},
		{"push: applied, and half acknowledged", `when: {kind: [collection, upsert, bulk-ingest], object: Partner_Commission__c, first: 1}, do: {hang: {bytes: 300}}`},
		{"push: some calls are acknowledged", `when: {kind: [collection, upsert, bulk-ingest], object: Partner_Commission__c, after: 1}, do: {hang: {}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.seer.play(c.rule)
			if !killWhen(t, w.command("run", "all"), func() bool { return w.seer.played() > 0 }) {
				t.Skip("the program makes no such request")
			}
			w.checkCalm(want)
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
	// What the lease would do after three minutes.
	_, err := w.db.Exec(`update job.run set report = json_build_object('seen_at', now() - interval '4 minutes') where finished_at is null`)
	must(t, err)
	w.checkCalm(want)
	if n := fetch[int](t, w.db, `select count(*) from job.run where status = 'failed' and error like 'interrupted%'`); n != 1 {
		t.Errorf("%d runs are told as interrupted, want one", n)
	}
}
