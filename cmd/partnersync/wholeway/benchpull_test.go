package wholeway_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// What a pull is held against.
const (
	slowestFirstPull = 0.6 // of the speed of draining the same answers and copying the same rows
	slowestRepull    = 0.4
	mostPullMemory   = 150 // MB
	emptyPullCPU     = 100 * time.Millisecond
)

// BenchmarkPull reads a generated org whose emulator is a process of its own: first all
// of it, then all of it again, then what is new, which is nothing; by REST and by Bulk,
// each time in a process of its own. It is held against the least that it can cost, in
// the same run: draining the same answers with net/http and copying the same rows into a
// table without keys; and, making facts and storing nothing, against go-salesforce reading
// the same into structs. BENCH_RECORDS says how many opportunities the org has; a tenth
// of them shows that memory does not grow.
func BenchmarkPull(b *testing.B) {
	n := benchRecords(b)
	for range b.N {
		var small []*pulled
		for _, api := range []string{"rest", "bulk"} {
			small = append(small, newPulled(b, api, n/10))
		}
		for _, p := range small {
			p.first = p.program.pull()
		}
		var large []*pulled
		for _, api := range []string{"rest", "bulk"} {
			large = append(large, newPulled(b, api, n))
		}
		// A process starts with its parent's peak memory for its own, so everything
		// that is measured so comes before this one grows.
		for _, p := range large {
			p.measure()
		}
		for _, p := range large {
			p.floors()
		}
		// A benchmark's own log is cut after ten lines.
		fmt.Fprint(os.Stdout, "\n", pullTable(large, small), pullVerdicts(large))
	}
}

// benchRecords is how many opportunities the org has.
func benchRecords(b *testing.B) int {
	b.Helper()
	s := os.Getenv("BENCH_RECORDS")
	if s == "" {
		return 100_000
	}
	n, err := strconv.Atoi(s)
	must(b, err)
	return n
}

// pulled is one org, read by one API, and what was measured.
type pulled struct {
	b       testing.TB
	api     string
	url     string
	db      *sqlx.DB
	program *program

	records                   int64
	first, again, empty, look used
	drained, copied, peer     time.Duration
}

func newPulled(b *testing.B, api string, opportunities int) *pulled {
	b.Helper()
	dsn := pgtest.DSN(b)
	db, err := pg.Open(context.Background(), pg.Config{DSN: dsn, MaxConns: 2, Patience: time.Hour, Name: "benchmark"})
	must(b, err)
	b.Cleanup(func() { must(b, db.Close()) })
	url, stop := emulate(b, opportunities)
	b.Cleanup(stop)
	p := &pulled{b: b, api: api, url: url, db: db, program: newProgram(b, dsn, url)}
	p.program.env = []string{"PARTNERSYNC_PULL_API=" + map[string]string{"rest": "rest", "bulk": "auto"}[api]} // small objects are no use for a job
	return p
}

// pull runs a pull and measures it.
func (p *program) pull(args ...string) used {
	p.t.Helper()
	return p.stage(context.Background(), "pull", args...)
}

// received sums what a run received, or would.
func received(u used) (n int64) {
	for name, count := range u.counts {
		if strings.HasSuffix(name, " received") || strings.HasSuffix(name, " to receive") {
			n += count
		}
	}
	return n
}

// measure runs the program.
func (p *pulled) measure() {
	p.look = p.program.pull("--dry-run")
	p.first = p.program.pull()
	p.records = received(p.first)
	tidy(p.b, p.db)
	_, err := p.db.Exec(`update staging.cursor set at = null, id = ''`)
	must(p.b, err)
	p.again = p.program.pull()
	p.empty = p.program.pull()
}

// floors takes what the program is held against.
func (p *pulled) floors() {
	drain := newDrain(p.b, p.url, p.api)
	p.drained = drain.all()
	p.copied = p.copyFloor()
	p.peer = drain.peer()
	for _, other := range []struct {
		what string
		n    int64
	}{{"the second pull", received(p.again)}, {"the dry run", received(p.look)}, {"draining", drain.records}} {
		if other.n != p.records {
			p.b.Errorf("%s: %d records by %s, and %d by the first pull", other.what, other.n, p.api, p.records)
		}
	}
	if staged := fetch[int64](p.b, p.db, `select count(*) from staging.record`); staged != p.records || p.again.counts["Opportunity staged"] != 0 {
		p.b.Errorf("%d records by %s, %d staged, %d of them again", p.records, p.api, staged, p.again.counts["Opportunity staged"])
	}
}

// copyFloor times a COPY of what was staged, as far as memory holds it, again and again
// up to its number, into a table without keys.
func (p *pulled) copyFloor() (took time.Duration) {
	l := &benchLedger{b: p.b, db: p.db}
	columns, sample, rows := l.sample(context.Background(), "staging.record")
	_, err := p.db.Exec(`create table public.bare as table staging.record with no data`)
	must(p.b, err)
	took = timed(func() {
		must(p.b, pg.InTx(context.Background(), p.db, func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := pg.CopyIn(ctx, tx, "public.bare", columns, again(sample, rows))
			return err
		}))
	})
	_, err = p.db.Exec(`drop table public.bare`)
	must(p.b, err)
	return took
}

// floor is what a pull cannot do without.
func (p *pulled) floor() time.Duration { return p.drained + p.copied }

func pullTable(large, small []*pulled) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "by\twhat\trecords\ttook\tof it CPU\trecords/s\tpeak memory\tof a tenth\t\n")
	for i, p := range large {
		row := func(what string, took time.Duration, u used, memory string) {
			cpu := ""
			if u.cpuTime > 0 {
				cpu = u.cpuTime.Round(10 * time.Millisecond).String()
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%.0f\t%s\t\n", p.api, what, p.records, took.Round(10*time.Millisecond), cpu,
				float64(p.records)/took.Seconds(), memory)
		}
		mb := func(u used) string { return fmt.Sprintf("%d MB\t", u.maxRSS>>20) }
		row("floor: drain the answers", p.drained, used{}, "\t")
		row("floor: copy the rows", p.copied, used{}, "\t")
		row("first pull", p.first.took, p.first, fmt.Sprintf("%d MB\t%d MB", p.first.maxRSS>>20, small[i].first.maxRSS>>20))
		row("the same again", p.again.took, p.again, mb(p.again))
		row("dry run: facts, not stored", p.look.took, p.look, mb(p.look))
		row("go-salesforce, into structs", p.peer, used{}, "\t")
		row("nothing new", p.empty.took, p.empty, mb(p.empty))
	}
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return out.String()
}

func pullVerdicts(large []*pulled) string {
	var out strings.Builder
	say := func(ok bool, format string, args ...any) {
		verdict := "PASS"
		if !ok {
			verdict = "FAIL"
		}
		fmt.Fprintf(&out, "%s  %s\n", verdict, fmt.Sprintf(format, args...))
	}
	for _, p := range large {
		part := func(u used) float64 { return p.floor().Seconds() / u.took.Seconds() }
		say(part(p.first) >= slowestFirstPull, "first pull by %s: %.2f of the floor's speed, at least %.2f", p.api, part(p.first), slowestFirstPull)
		say(part(p.again) >= slowestRepull, "the same again by %s: %.2f of the floor's speed, at least %.2f", p.api, part(p.again), slowestRepull)
		say(p.look.took < p.peer, "dry run by %s: %.2f times as fast as go-salesforce, more than 1", p.api, p.peer.Seconds()/p.look.took.Seconds())
		if p.api == "rest" {
			say(p.first.took < p.peer, "first pull by %s: %.2f times as fast as go-salesforce, more than 1", p.api, p.peer.Seconds()/p.first.took.Seconds())
		}
		say(p.empty.cpuTime < emptyPullCPU, "nothing new by %s: %s of processor time, less than %s", p.api, p.empty.cpuTime.Round(time.Millisecond), emptyPullCPU)
		memory := max(p.first.maxRSS, p.again.maxRSS, p.look.maxRSS) >> 20
		say(memory < mostPullMemory, "peak memory by %s: %d MB, less than %d MB", p.api, memory, mostPullMemory)
	}
	return out.String()
}
