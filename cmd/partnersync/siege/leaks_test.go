package siege_test

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// held is what a process holds of what runs out.
type held struct {
	goroutines, descriptors, connections int
	kilobytes                            uint64 // of memory in use, behind a collection
}

func (h held) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d connections, %d kB", h.goroutines, h.descriptors, h.connections, h.kilobytes)
}

// isMoreThan says whether something of it has grown. What is idle may differ by what
// happens to be in the pools, and memory by what the org remembers of its requests; a leak
// is one a run.
func (h held) isMoreThan(early held) bool {
	return h.goroutines > early.goroutines+12 || h.descriptors > early.descriptors+12 || h.connections > early.connections+12 ||
		h.kilobytes > early.kilobytes+early.kilobytes/4+4096
}

// TestNothingLeaks: many runs in one process, some of which fail or are cancelled,
// hold no more goroutines, descriptors, connections and memory at the end than after the
// first of them. It does not run beside others, whose descriptors it would count.
func TestNothingLeaks(t *testing.T) {
	runs := int(environ(t, "SIEGE_LEAK_RUNS", 200))
	before := goleak.IgnoreCurrent()
	t.Run("runs", func(t *testing.T) { manyRuns(t, runs) })
	if err := goleak.Find(append(pgtest.Leaks(), before)...); err != nil {
		t.Error(err)
	}
}

// sides is how many companies are synced at once, so that two processors have work.
const sides = 2

// manyRuns makes runs in rounds, and looks between rounds at what is held.
func manyRuns(t *testing.T, runs int) {
	var companies []*small
	for range sides {
		companies = append(companies, newSmall(t))
	}
	var early held
	round := min(max(runs/4, 1), 500)
	for made := 0; made < runs; made += round {
		var all sync.WaitGroup
		for _, c := range companies {
			all.Go(func() {
				for n := range (round + sides - 1) / sides {
					c.work(made + n)
				}
			})
		}
		all.Wait()
		if t.Failed() {
			t.FailNow()
		}
		now := holds(t, companies)
		if made == 0 {
			early = now
		}
		t.Logf("after %d runs: %v", made+round, now)
		if now.isMoreThan(early) {
			t.Fatalf("after %d runs %v, after %d %v", round, early, made+round, now)
		}
	}
}

func holds(t *testing.T, companies []*small) held {
	t.Helper()
	out := held{}
	for _, c := range companies {
		c.vacuum()
		out.connections += fetch[int](t, c.db, `select count(*) from pg_stat_activity where datname = current_database()`)
	}
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	out.goroutines, out.descriptors, out.kilobytes = runtime.NumGoroutine(), descriptors(t), memory.HeapAlloc/1024
	return out
}

// small is a company of a few records, in which one sale changes from run to run.
type small struct {
	t      *testing.T
	org    *emulator.Org
	db     *sqlx.DB
	clock  *clock.Manual
	runner *schedule.Runner
	sale   string
}

func newSmall(t *testing.T) *small {
	t.Helper()
	c := &small{t: t, clock: clock.NewManual(instant("2026-10-20T06:00:00Z"))}
	c.org = emulator.New(emulator.Options{Clock: c.clock, NoCompression: true})
	must(t, c.org.Generate(emulator.GenerateOptions{Customers: 2, Opportunities: 5, Seed: 3, Now: instant("2026-10-15T12:00:00Z")}))
	url := orgtest.Serve(t, c.org)
	var err error
	c.db, err = pg.Open(t.Context(), pg.Config{DSN: pgtest.DSN(t), MaxConns: 6, Name: "the stages"})
	must(t, err)
	t.Cleanup(func() { must(t, c.db.Close()) })
	applyPartners(t, c.db, c.clock)
	c.runner = newRunner(t, c.db, how{url: url, clock: c.clock})
	c.sale = fmt.Sprint(c.org.Records("Opportunity")[0]["Id"])
	return c
}

// vacuum does what autovacuum would, which the tests' server has not.
func (c *small) vacuum() {
	c.t.Helper()
	_, err := c.db.Exec(`vacuum`)
	must(c.t, err)
}

// work changes the sale and runs everything; before some runs another one is spoiled. It
// runs beside others, so it must not end the test.
func (c *small) work(n int) {
	c.clock.Advance(time.Minute)
	if err := c.org.Update("Opportunity", c.sale, map[string]any{"Amount": fmt.Sprint(1000 + n%7)}, c.clock.Now()); err != nil {
		c.t.Error(err)
	}
	c.spoil(n)
	if _, err := c.runner.RunOnce(c.t.Context(), []string{schedule.All}, stage.Options{Actor: "test"}); err != nil {
		c.t.Errorf("run %d: %v", n, err)
	}
}

// spoil lets one run in some fail, or be cancelled in its middle.
func (c *small) spoil(n int) {
	rule := map[int]string{
		1:  `when: {kind: query, after: 3}, do: {drop: {bytes: 100}}`,
		9:  `when: {kind: [collection, bulk-ingest]}, do: {lose: {}}`,
		17: `when: {kind: [query, collection]}, do: {hang: {bytes: 10}}`,
		25: `when: {kind: query, after: 5}, do: {answer: {status: 503, form: html}}`,
	}[n%40]
	if rule == "" {
		return
	}
	plan, err := fault.Parse([]byte(planOf([]string{rule})), "the test")
	if err != nil {
		c.t.Error(err)
		return
	}
	c.org.PlayFaults(plan, 7)
	ctx, cancel := withinMilliseconds(c.t, 60)
	defer cancel()
	_, _ = c.runner.RunOnce(ctx, []string{schedule.All}, stage.Options{Actor: "test"})
	c.org.PlayFaults(nil, 0)
}

// descriptors counts the files that this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not tell what a process has open")
	}
	return len(entries)
}
