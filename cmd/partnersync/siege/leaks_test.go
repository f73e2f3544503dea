package siege_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// held is what a process holds of what runs out.
type held struct{ goroutines, descriptors, connections int }

// TestNothingLeaks: many runs in one process, some of which fail or are cancelled,
// hold no more goroutines, descriptors and connections at the end than after the
// first few. It does not run beside others, whose descriptors it would count.
func TestNothingLeaks(t *testing.T) {
	runs := 200
	if text := os.Getenv("SIEGE_LEAK_RUNS"); text != "" {
		n, err := strconv.Atoi(text)
		must(t, err)
		runs = n
	}
	before := goleak.IgnoreCurrent()
	t.Run("runs", func(t *testing.T) { manyRuns(t, runs) })
	if err := goleak.Find(append(pgtest.Leaks(), before)...); err != nil {
		t.Error(err)
	}
}

func manyRuns(t *testing.T, runs int) {
	c := clock.NewManual(instant("2026-10-20T06:00:00Z"))
	org := emulator.New(emulator.Options{Clock: c})
	must(t, org.Generate(emulator.GenerateOptions{Customers: 3, Opportunities: 12, Seed: 3, Now: instant("2026-10-15T12:00:00Z")}))
	server, err := emulator.Serve(t.Context(), org, "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	db, err := pg.Open(t.Context(), pg.Config{DSN: pgtest.DSN(t), MaxConns: 6, Name: "the stages"})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	applyPartners(t, db, c)
	runner := newRunner(t, db, server.URL(), c)
	seer := &observer{t: t, url: server.URL()}
	t.Cleanup(func() { seer.close() })
	holds := func() held {
		return held{runtime.NumGoroutine(), descriptors(t), fetch[int](t, db, `select count(*) from pg_stat_activity where datname = current_database()`)}
	}
	sale := fmt.Sprint(org.Records("Opportunity")[0]["Id"])
	var early held
	for n := range runs {
		c.Advance(time.Minute)
		must(t, org.Update("Opportunity", sale, map[string]any{"Amount": fmt.Sprint(1000 + n)}, c.Now()))
		spoil(t, runner, seer, n)
		seer.behave()
		if _, err := runner.RunOnce(t.Context(), []string{schedule.All}, stage.Options{Actor: "test"}); err != nil {
			t.Fatalf("run %d: %v", n, err)
		}
		if n == min(20, runs/4) {
			early = holds()
		}
	}
	// What is idle may differ by what happens to be in the pools; a leak is one a run.
	late := holds()
	if allowed := 12; late.goroutines > early.goroutines+allowed || late.descriptors > early.descriptors+allowed || late.connections > early.connections+allowed {
		t.Errorf("after the first runs %+v, after %d runs %+v", early, runs, late)
	}
}

// spoil lets one run in some fail, or be cancelled in its middle.
func spoil(t *testing.T, runner *schedule.Runner, seer *observer, n int) {
	t.Helper()
	fault := map[int]string{
		1: `when: {kind: query, after: 3}, do: {drop: {bytes: 100}}`,
		3: `when: {kind: [collection, bulk-ingest]}, do: {lose: {}}`,
		5: `when: {kind: [query, collection]}, do: {hang: {bytes: 10}}`,
		7: `when: {kind: query, after: 5}, do: {answer: {status: 503, form: html}}`,
	}[n%10]
	if fault == "" {
		return
	}
	seer.play(fault)
	ctx, cancel := withinMilliseconds(t, 60)
	defer cancel()
	_, _ = runner.RunOnce(ctx, []string{schedule.All}, stage.Options{Actor: "test"})
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
