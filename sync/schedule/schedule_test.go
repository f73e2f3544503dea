package schedule

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"
	"go.uber.org/zap/zaptest"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

// patience bounds what a test waits for; nothing waits as long unless it fails.
const patience = 30 * time.Second

// fake is a stage that does what it is told.
type fake struct {
	name string
	run  func(ctx context.Context, o stage.Options) (stage.Report, error)
}

func (f fake) Name() string { return f.name }

func (f fake) Run(ctx context.Context, o stage.Options) (stage.Report, error) {
	if f.run == nil {
		return stage.Report{}, nil
	}
	return f.run(ctx, o)
}

// stages gives the four stages, with those given in the place of their names.
func stages(with ...fake) []stage.Stage {
	out := make([]stage.Stage, 0, 4)
	for _, name := range stage.Names() {
		s := fake{name: name}
		for _, w := range with {
			if w.name == name {
				s = w
			}
		}
		out = append(out, s)
	}
	return out
}

// fixture is a runner on a database of its own, and what it told.
type fixture struct {
	*Runner
	clock *clock.Manual
	mu    sync.Mutex
	seen  []Run
	ended chan Run
}

func newFixture(t *testing.T, with ...fake) *fixture {
	t.Helper()
	f := &fixture{clock: clock.NewManual(instant(t, "2026-11-20T10:01:00Z")), ended: make(chan Run, 1000)}
	f.Runner = f.replica(t, pgtest.New(t), with...)
	// What a test starts is stopped by the cleanups that it registers later, and
	// so earlier than this looks whether anything was left.
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	return f
}

// replica gives another runner on the same database and clock.
func (f *fixture) replica(t *testing.T, db *sqlx.DB, with ...fake) *Runner {
	return &Runner{DB: db, Stages: stages(with...), Clock: f.clock, Log: zaptest.NewLogger(t), Observe: func(r Run) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.seen = append(f.seen, r)
		f.ended <- r
	}}
}

func (f *fixture) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := f.DB.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := f.DB.Get(&n, query); err != nil {
		t.Fatal(err)
	}
	return n
}

func (f *fixture) latest(t *testing.T, name string) Run {
	t.Helper()
	runs, err := Latest(t.Context(), f.DB)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if r.Stage == name {
			return r
		}
	}
	t.Fatalf("no run of %s in the history", name)
	return Run{}
}

// next waits for a value of a channel.
func next[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case v := <-c:
		return v
	case <-timer.C:
		t.Fatalf("waited %s in vain for %s", patience, what)
		panic("unreachable")
	}
}
