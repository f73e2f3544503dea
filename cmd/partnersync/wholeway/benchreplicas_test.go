package wholeway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// slowOrg lets each result of a Bulk query take so long to begin, as a busy org does.
const slowOrg = 2 * time.Second

// BenchmarkReplicas lets one `serve`, and then two over one database, make the first run over
// a generated org of BENCH_RECORDS opportunities, whose emulator is a process of its own, and
// says who did how much of it, and in what time; once as fast as the org goes, and once with
// an org whose Bulk results are slow to begin.
func BenchmarkReplicas(b *testing.B) {
	n := benchRecords(b)
	for range b.N {
		var all []*replicated
		for _, delay := range []time.Duration{0, slowOrg} {
			for _, replicas := range []int{1, 2} {
				r := newReplicated(b, n, replicas, delay)
				r.run()
				all = append(all, r)
			}
		}
		fmt.Fprint(os.Stdout, "\n", replicaTable(all))
	}
}

// replicated is a first run by some replicas, and what was measured.
type replicated struct {
	b        *testing.B
	replicas int
	delay    time.Duration
	db       *sqlx.DB
	program  *program

	runs []sharedRun
	cpu  []time.Duration // of each replica, by its number
	pids []int
}

// sharedRun is a run of a stage as the history keeps it.
type sharedRun struct {
	Stage   string
	Seconds float64
	Report  []byte

	In     int64
	Shared []struct {
		Worker    string
		Parts, In int64
	}
}

func newReplicated(b *testing.B, opportunities, replicas int, delay time.Duration) *replicated {
	b.Helper()
	dsn := pgtest.DSN(b)
	db, err := pg.Open(context.Background(), pg.Config{DSN: dsn, MaxConns: 2, Patience: time.Hour, Name: "benchmark"})
	must(b, err)
	b.Cleanup(func() { must(b, db.Close()) })
	(&way{t: b, db: db, clock: clock.NewManual(clock.System{}.Now())}).apply(generatedPartners)
	var flags []string
	if delay > 0 {
		plan := filepath.Join(b.TempDir(), "faults.yaml")
		must(b, os.WriteFile(plan, fmt.Appendf(nil, "rules:\n- {name: slow, when: {kind: bulk-results}, do: {delay: %s}}\n", delay), 0o600))
		flags = append(flags, "--faults", plan)
	}
	url, stop := emulate(b, opportunities, flags...)
	b.Cleanup(stop)
	r := &replicated{b: b, replicas: replicas, delay: delay, db: db, program: newProgram(b, dsn, url)}
	r.program.env = []string{"PARTNERSYNC_HTTP_LISTEN=127.0.0.1:0", "PARTNERSYNC_SCHEDULES_ALL=@every 1s", "PARTNERSYNC_LOG_LEVEL=warn",
		"PARTNERSYNC_PULL_WINDOW=" + strconv.Itoa(max(opportunities/12, 200)), "PARTNERSYNC_PUSH_PART=" + strconv.Itoa(max(opportunities/4, 200))}
	return r
}

// run serves until the first run of all stages is over.
func (r *replicated) run() {
	r.b.Helper()
	var out bytes.Buffer
	var all []*exec.Cmd
	for range r.replicas {
		cmd := r.program.command(context.Background(), "serve")
		cmd.Stdout, cmd.Stderr = &out, &out
		must(r.b, cmd.Start())
		all = append(all, cmd)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Minute); fetch[int](r.b, r.db, `select count(*) from job.run where stage = 'push' and finished_at is not null`) == 0; {
		select {
		case <-end:
			r.b.Fatalf("the run did not end\n%s", out.String())
		case <-tick.C:
		}
	}
	for _, cmd := range all {
		must(r.b, cmd.Process.Signal(syscall.SIGTERM))
	}
	for _, cmd := range all {
		_ = cmd.Wait()
		r.cpu = append(r.cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		r.pids = append(r.pids, cmd.Process.Pid)
	}
	must(r.b, r.db.Select(&r.runs, `
		select distinct on (stage) stage, extract(epoch from finished_at - started_at)::float8 as seconds, report
		from job.run where finished_at is not null and stage in ('pull', 'reconcile', 'accrue', 'push') order by stage, id`))
	for i := range r.runs {
		must(r.b, json.Unmarshal(r.runs[i].Report, &r.runs[i]))
	}
	slices.SortFunc(r.runs, func(a, b sharedRun) int { return place(a.Stage) - place(b.Stage) })
}

// place is a stage's on the data's way.
func place(name string) int {
	return slices.Index([]string{"pull", "reconcile", "accrue", "push"}, name)
}

// did says which parts and rows of a run each replica had.
func (r *replicated) did(run sharedRun) string {
	if len(run.Shared) == 0 {
		return "not shared"
	}
	var out []string
	for _, pid := range r.pids {
		for _, s := range run.Shared {
			if strings.HasSuffix(s.Worker, fmt.Sprintf("/%d", pid)) {
				out = append(out, fmt.Sprintf("%d parts, %d rows", s.Parts, s.In))
			}
		}
	}
	return strings.Join(out, " + ")
}

func replicaTable(all []*replicated) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "Bulk results begin after\treplicas\tstage\trows in\ttook\trows/s\tby replica\t\n")
	for _, r := range all {
		for _, run := range r.runs {
			fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%.2fs\t%.0f\t%s\t\n", r.delay, r.replicas, run.Stage, run.In, run.Seconds, float64(run.In)/run.Seconds, r.did(run))
		}
		cpu := make([]string, len(r.cpu))
		for i, d := range r.cpu {
			cpu[i] = d.Round(10 * time.Millisecond).String()
		}
		fmt.Fprintf(w, "\t\t\t\t\t\tprocessor time %s\t\n", strings.Join(cpu, " + "))
	}
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return out.String()
}
