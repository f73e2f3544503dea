package siege_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/pull"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// simulation is a company in which people work while it is synced by stages that
// fail, are killed and run again; seed and step number say all that happens. It
// runs in this process, with one clock for the org and the stages.
type simulation struct {
	*world
	random *rand.Rand
	seed   uint64
	step   int
	clock  *clock.Manual
	runner *schedule.Runner
	work   *sqlx.DB // the stages' pool, which can be killed
	// fuse is after how many requests the process dies; below 0 it does not.
	fuse atomic.Int64
	kill context.CancelFunc

	did map[string]int
	// hasUnseenMerge says that Accounts were merged and parted again without a pull in
	// between: that Salesforce has moved links can't be known then, and verify tells of it.
	hasUnseenMerge, isRepairing bool
}

func newSimulation(t *testing.T, seed uint64) *simulation {
	t.Helper()
	s := &simulation{
		seed: seed, random: rand.New(rand.NewPCG(seed, 1)), did: map[string]int{},
		clock: clock.NewManual(instant("2026-10-20T06:00:00Z")),
	}
	org := emulator.New(emulator.Options{Clock: s.clock, MinBatch: 1, NoCompression: true})
	must(t, org.Generate(emulator.GenerateOptions{
		Customers: 4 + s.random.IntN(6), Opportunities: 15 + s.random.IntN(30), Seed: int64(seed), Now: instant("2026-10-15T12:00:00Z"),
	}))
	url, dsn := orgtest.Serve(t, org), pgtest.DSN(t)
	db, err := pg.Open(context.Background(), pg.Config{DSN: dsn, MaxConns: 2, Name: "the test"})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	s.world = &world{t: t, org: org, db: db, seer: &observer{t: t, url: url}}
	s.seer.login()
	s.work, err = pg.Open(context.Background(), pg.Config{DSN: dsn, MaxConns: 6, Name: "the stages"})
	must(t, err)
	t.Cleanup(func() { _ = s.work.Close() }) // connections of it have been killed, and can't be closed any more
	s.runner = newRunner(t, s.work, how{
		org: org, url: url, clock: s.clock,
		pull: pick(s.random, pull.Auto, pull.Auto, pull.Bulk), push: pick(s.random, push.APIAuto, push.APICollections, push.APIBulk),
	})
	applyPartners(t, s.work, s.clock)
	s.fuse.Store(-1)
	org.Fail(func(*http.Request) *emulator.Fault { return s.burn() })
	return s
}

// burn counts a request and kills the process at the one that is due: what it has
// open in the database ends, and no answer reaches it.
func (s *simulation) burn() *emulator.Fault {
	if s.fuse.Load() < 0 || s.fuse.Add(-1) >= 0 {
		return nil
	}
	s.await()
	s.kill()
	_, err := s.db.Exec(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'the stages'`)
	must(s.t, err)
	return &emulator.Fault{After: s.step%2 == 0, Drop: true}
}

// await comes back when what the stages have asked of the database is done: what is
// committed when they are killed must not depend on who is faster.
func (s *simulation) await() {
	before := ""
	within(time.Second, func() bool {
		now := fetch[string](s.t, s.db, `select coalesce(string_agg(concat_ws(' ', pid, state, state_change, xact_start), ',' order by pid), '') from pg_stat_activity
			where datname = current_database() and application_name = 'the stages'`)
		isSame := now == before && !strings.Contains(now, "active")
		before = now
		return isSame
	})
}

// turn is one step.
func (s *simulation) turn() {
	s.step++
	switch n := s.random.IntN(100); {
	case n < 55:
		s.did[s.change()]++
	case n < 75:
		s.pass(stage.Way()[s.random.IntN(4)])
	case n < 80:
		s.pass(stage.Way()...)
	case n < 82:
		s.pass(stage.Recount)
	case n < 89:
		s.clock.Advance(time.Duration(s.random.IntN(600)) * time.Second)
	case n < 90:
		s.clock.Advance(time.Duration(s.random.IntN(72)) * time.Hour)
	case n < 94:
		s.seer.play(s.faults()...)
		s.did["plan of faults"]++
	case n < 96:
		s.seer.behave()
	case n < 98:
		s.fuse.Store(int64(s.random.IntN(12)))
		s.pass(stage.Way()...)
		s.did["kill"]++
	case n < 99:
		s.org.ExpireSessions()
		s.org.DropCursors()
	default:
		s.upset()
	}
}

// pass runs stages as the schedule would, one after the other until one fails, and
// holds what they say of themselves against what they gave.
func (s *simulation) pass(names ...string) []schedule.Run {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	s.kill = cancel
	runs, err := s.runner.RunOnce(ctx, names, stage.Options{Actor: "simulation", Repair: s.isRepairing})
	wasKilled := ctx.Err() != nil
	s.fuse.Store(-1)
	for i, r := range runs {
		if isLast := i == len(runs)-1; isLast && err != nil && r.Status != stage.Failed || r.Status == stage.Failed && err == nil {
			s.fail("%s is %q and gave the error %v", r.Stage, r.Status, err)
		}
		if r.Status == stage.OK && (r.Report.Problems > 0 || r.Report.RowsFailed > 0 || r.Error != "") {
			s.fail("%s is ok over problems: %+v", r.Stage, r)
		}
	}
	if wasKilled {
		// Its row stays unfinished, or says that it was stopped; the lease would end it.
		_, err := s.db.Exec(`update job.run set finished_at = started_at, status = 'failed', error = 'interrupted' where finished_at is null`)
		must(s.t, err)
	}
	s.did["run"]++
	return runs
}

func (s *simulation) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Errorf("SOAK_SEED=%d, step %d: %s", s.seed, s.step, fmt.Sprintf(format, args...))
}

// quiet ends the faults, lets everything run until nothing is left, and asks the
// oracle.
func (s *simulation) quiet() {
	s.t.Helper()
	s.seer.behave()
	s.calmDown()
	for range 2 {
		s.clock.Advance(20 * time.Minute) // longer than any commit lasts
		must(s.t, pg.InTx(s.t.Context(), s.db, func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := outbox.Retry(ctx, tx, "", nil)
			return err
		}))
		s.mustPass(stage.Recount)
		s.mustPass(stage.Way()...)
	}
	if s.hasUnseenMerge {
		s.repair()
	}
	s.checkAccounted()
	s.checkSalesforce()
	s.mustPass(stage.Verify)
	var differences []string
	must(s.t, s.db.Select(&differences, `
		select kind || ' ' || subject || ': ' || detail from ledger.discrepancy
		where resolved_at is null and (kind like 'book%' or kind like 'salesforce%')`))
	if len(differences) > 0 {
		s.fail("verify found %d differences: %s", len(differences), differences[0])
	}
	before := s.everything()
	s.mustPass(stage.Way()...)
	if d := cmp.Diff(before, s.everything()); d != "" {
		s.fail("one more run has changed something:\n%s", head(d))
	}
	if s.t.Failed() {
		for _, r := range s.mustPass(stage.Pull, stage.Recount) {
			s.t.Logf("%s is %q: %+v", r.Stage, r.Status, r.Report)
		}
		s.t.Fatalf("SOAK_SEED=%d, step %d (of %v)", s.seed, s.step, s.did)
	}
}

// repair lets verify find what it is to find, and push write it again.
func (s *simulation) repair() {
	s.mustPass(stage.Verify)
	s.isRepairing = true
	s.mustPass(stage.Push)
	s.isRepairing, s.hasUnseenMerge = false, false
	s.did["repair"]++
}

func (s *simulation) mustPass(names ...string) []schedule.Run {
	s.t.Helper()
	runs := s.pass(names...)
	for _, r := range runs {
		if r.Status == stage.Failed {
			s.fail("quiet has returned, and %s fails: %s", r.Stage, r.Error)
		}
	}
	return runs
}

// TestSimulation: thousands of steps of some companies. SOAK_SEED repeats one company, and
// with SOAK_DURATION companies follow each other for so long; SOAK_STEPS is how many steps
// each has, SOAK_COMPANIES how many there are.
func TestSimulation(t *testing.T) {
	t.Parallel()
	seed, companies, steps := environ(t, "SOAK_SEED", 1), environ(t, "SOAK_COMPANIES", 4), environ(t, "SOAK_STEPS", 1000)
	if os.Getenv("SOAK_SEED") != "" {
		companies = environ(t, "SOAK_COMPANIES", 1)
	}
	end := make(chan struct{})
	if text := os.Getenv("SOAK_DURATION"); text != "" {
		limit, err := time.ParseDuration(text)
		must(t, err)
		companies = 1 << 40
		defer time.AfterFunc(limit, func() { close(end) }).Stop()
	}
	var next atomic.Uint64
	var all atomic.Int64
	t.Run("companies", func(t *testing.T) {
		for range min(atOnceSimulated, companies) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for !isOver(end) {
					n := next.Add(1) - 1
					if n >= companies {
						return
					}
					t.Run(fmt.Sprint("seed ", seed+n), func(t *testing.T) { all.Add(int64(simulate(t, seed+n, int(steps), end))) })
					if t.Failed() {
						return
					}
				}
			})
		}
	})
	t.Logf("%d steps in all", all.Load())
}

// atOnceSimulated is how many companies live side by side: a stage and its Postgres take
// turns, so two keep two processors busy.
const atOnceSimulated = 2

func environ(t testing.TB, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	must(t, err)
	return n
}

func simulate(t *testing.T, seed uint64, steps int, end <-chan struct{}) int {
	s := newSimulation(t, seed)
	for s.step < steps && !isOver(end) {
		s.turn()
		if s.step%150 == 0 {
			s.quiet()
		}
	}
	s.quiet()
	t.Logf("%d steps: %v", s.step, s.did)
	return s.step
}

func isOver(end <-chan struct{}) bool {
	select {
	case <-end:
		return true
	default:
		return false
	}
}

// pick gives one of some.
func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// ids lists the records of an object, alive or in the recycle bin.
func (s *simulation) ids(object string, deleted bool) []string {
	var out []string
	for _, r := range s.org.Records(object) {
		if (r["IsDeleted"] == true) == deleted {
			out = append(out, fmt.Sprint(r["Id"]))
		}
	}
	slices.Sort(out)
	return out
}
