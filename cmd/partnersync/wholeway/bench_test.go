package wholeway_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/stage"
)

// BenchmarkStages runs every stage as a process of its own over a generated org,
// whose emulator is another process, and prints records a second and peak memory;
// then again over an org a tenth the size, because memory must not grow with it.
// BENCH_OPPORTUNITIES says how large the org is.
func BenchmarkStages(b *testing.B) {
	n := benchOpportunities(b)
	for range b.N {
		small, large := measure(b, n/10), measure(b, n)
		b.Log("\n" + table(n, small, large))
	}
}

// benchOpportunities is how large the largest org, or ledger, of a benchmark is.
func benchOpportunities(b *testing.B) int {
	b.Helper()
	s := os.Getenv("BENCH_OPPORTUNITIES")
	if s == "" {
		return 100_000
	}
	n, err := strconv.Atoi(s)
	must(b, err)
	return n
}

// measured is one row of the table.
type measured struct {
	stage   string
	what    string
	records int64
	used
}

func measure(b *testing.B, opportunities int) []measured {
	b.Helper()
	dsn := pgtest.DSN(b)
	db, err := pg.Open(context.Background(), pg.Config{DSN: dsn, MaxConns: 2, Name: "benchmark"})
	must(b, err)
	defer func() { must(b, db.Close()) }()
	(&way{t: b, db: db, clock: clock.NewManual(clock.System{}.Now())}).apply(generatedPartners)
	url, stop := emulate(b, opportunities)
	defer stop()
	p := newProgram(b, dsn, url)
	var out []measured
	for _, s := range []struct{ stage, what, count string }{
		{stage.Pull, "records received", " received"},
		{stage.Reconcile, "records reconciled", "records reconciled"},
		{stage.Accrue, "sources worked out", "sources worked out"},
		{stage.Push, "records written", " written"},
		{"all", "nothing new: records received", " received"},
	} {
		u := p.stage(context.Background(), s.stage)
		m := measured{stage: s.stage, what: s.what, used: u}
		for name, n := range u.counts {
			if strings.HasSuffix(name, s.count) {
				m.records += n
			}
		}
		out = append(out, m)
	}
	return out
}

// emulate runs the emulator as a process of its own, and gives its address and
// how to stop it.
func emulate(b *testing.B, opportunities int) (url string, stop func()) {
	b.Helper()
	url, _, stop = emulateAs(b, opportunities)
	return url, stop
}

// emulateAs is emulate with more flags, and gives the process too.
func emulateAs(b *testing.B, opportunities int, more ...string) (url string, pid int, stop func()) {
	b.Helper()
	path, err := binary()
	must(b, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	addr := l.Addr().String()
	must(b, l.Close()) // free now, and nobody else here takes ports
	cmd := exec.Command(path, append([]string{"emulator", "--listen", addr, "--opportunities", strconv.Itoa(opportunities), "--seed", "7"}, more...)...)
	must(b, cmd.Start())
	waitFor(b, addr)
	return "http://" + addr, cmd.Process.Pid, func() {
		must(b, cmd.Process.Kill())
		_ = cmd.Wait() // says that it was killed
	}
}

func table(n int, small, large []measured) string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "stage\twhat\trecords\ttook\tof it CPU\trecords/s\tpeak memory\tof %d\tgrowth\t\n", n/10)
	for i, m := range large {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%.0f\t%d MB\t%d MB\t%.2f\t\n", m.stage, m.what, m.records, m.took.Round(10*time.Millisecond), m.cpuTime.Round(10*time.Millisecond),
			float64(m.records)/m.took.Seconds(), m.maxRSS>>20, small[i].maxRSS>>20, float64(m.maxRSS)/float64(small[i].maxRSS))
	}
	if err := w.Flush(); err != nil {
		return err.Error()
	}
	return out.String()
}
