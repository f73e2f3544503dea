package wholeway_test

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
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
)

// company is a generated org and an empty ledger in which partners and plan are
// applied; the same seed gives the same company.
func company(t *testing.T, opportunities int) (*emulator.Org, *sqlx.DB, *program) {
	t.Helper()
	org := emulator.New(emulator.Options{})
	must(t, org.Generate(emulator.GenerateOptions{Opportunities: opportunities, Seed: 42, Now: instant("2026-10-15T12:00:00Z")}))
	dsn := pgtest.DSN(t)
	db, err := pg.Open(context.Background(), pg.Config{DSN: dsn, MaxConns: 4, Name: "test"})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	w := &way{t: t, db: db, org: org, clock: clock.NewManual(clock.System{}.Now())}
	w.apply(generatedPartners)
	return org, db, newProgram(t, dsn, orgtest.Serve(t, org))
}

const generatedPartners = `
partners:
  - {key: one, name: One, kind: consulting, joined_on: 2016-05-01, partner_ids: [FG3877, BN6390]}
  - {key: two, name: Two, kind: registered, joined_on: 2018-01-15, partner_ids: [AB1234, CW1589]}
  - {key: three, name: Three, kind: registered, joined_on: 2019-01-15, partner_ids: [KM5521, LP2046, QX7718]}
  - {key: late, name: Late, kind: registered, joined_on: 2022-01-15, partner_ids: [TR0942]}
plans:
  - {plan: default, effective_from: 2000-01-01, space: {referral_rate: 10%, joined_before: 2021-01-01}}
`

// entries lists the book, times and chain aside.
func entries(t *testing.T, db *sqlx.DB) []string {
	t.Helper()
	var out []string
	must(t, db.Select(&out, `
		select concat_ws(' ', line_key, nth, kind, debit, credit, amount_minor, currency, source_id, period, corrects,
			encode(input_hash, 'hex'))
		from ledger.entry order by line_key, nth`))
	return out
}

// written lists what stands in Salesforce, without ids and instants that the org
// itself makes up.
func written(org *emulator.Org) []string {
	var out []string
	for _, object := range []string{"Partner__c", "Partner_Commission__c"} {
		partner := map[string]string{}
		for _, r := range org.Records("Partner__c") {
			partner[text(r["Id"])] = text(r["Partner_ID__c"])
		}
		for _, r := range org.Records(object) {
			name := r["Name"]
			if object == "Partner_Commission__c" {
				name = nil // a number that the org gives
			}
			out = append(out, fmt.Sprint(object, r["Partner_ID__c"], r["Commission_Key__c"], partner[text(r["Partner__c"])],
				r["Amount__c"], r["Base_Amount__c"], r["Rate__c"], r["Status__c"], r["Reason__c"], r["Opportunity__c"],
				r["Space__c"], r["Explanation__c"], name, r["Kind__c"], r["Joined_On__c"]))
		}
	}
	slices.Sort(out)
	return out
}

// TestKill9InTheMiddleOfARun kills the program in the middle of every stage, runs it again, and
// finds the same entries and the same Salesforce records as after an undisturbed
// run.
func TestKill9InTheMiddleOfARun(t *testing.T) {
	const opportunities = 1200 // some batches of each stage, and more commissions than go by calls
	calm, calmDB, undisturbed := company(t, opportunities)
	runAll(t, undisturbed)
	wantEntries, wantRecords := entries(t, calmDB), written(calm)
	if len(wantEntries) < opportunities {
		t.Fatalf("an undisturbed run posts only %d entries", len(wantEntries))
	}
	// Each moment is known by what can be seen from outside when it comes.
	for _, c := range []struct {
		name string
		due  func(db *sqlx.DB, calls *callCounter) bool
	}{
		{"pull: some pages are staged", func(db *sqlx.DB, _ *callCounter) bool { return count(t, db, "staging.record") > 500 }},
		{"reconcile: some records are facts", func(db *sqlx.DB, _ *callCounter) bool { return count(t, db, "ledger.space") > 0 }},
		{"reconcile: some histories are worked out", func(db *sqlx.DB, _ *callCounter) bool { return count(t, db, "ledger.holding") > 0 }},
		{"accrue: some entries are posted", func(db *sqlx.DB, _ *callCounter) bool { return count(t, db, "ledger.entry") > 0 }},
		{"push: some calls are answered", func(_ *sqlx.DB, c *callCounter) bool { return c.n.Load() > 3 }},
		{"push: some records are in flight", func(db *sqlx.DB, _ *callCounter) bool { return count(t, db, "outbox.flown") > 0 }},
		{"bulk: a job is made", func(_ *sqlx.DB, c *callCounter) bool { return c.jobs.Load() > 0 }},
		{"bulk: its data come", func(_ *sqlx.DB, c *callCounter) bool { return c.uploads.Load() > 0 }},
		{"bulk: it is closed", func(_ *sqlx.DB, c *callCounter) bool { return c.closed.Load() > 0 }},
		{"bulk: it is asked after", func(_ *sqlx.DB, c *callCounter) bool { return c.looks.Load() > 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			org, db, p := company(t, opportunities)
			if strings.HasPrefix(c.name, "push") {
				p.env = []string{"PARTNERSYNC_PUSH_API=collections"}
			}
			calls := countUpserts(org)
			kill(t, p.command(context.Background(), "run", "all"), func() bool { return c.due(db, calls) })
			runAll(t, p)
			if d := cmp.Diff(wantEntries, entries(t, db)); d != "" {
				t.Errorf("the book differs from an undisturbed run's:\n%s", head(d))
			}
			if d := cmp.Diff(wantRecords, written(org)); d != "" {
				t.Errorf("Salesforce differs from an undisturbed run's:\n%s", head(d))
			}
		})
	}
	t.Run("push: written, and the answer lost", func(t *testing.T) {
		org, db, p := company(t, opportunities)
		p.env = []string{"PARTNERSYNC_PUSH_API=collections"}
		calls := countUpserts(org)
		org.Fail(func(r *http.Request) *emulator.Fault {
			if !strings.Contains(r.URL.Path, "/composite/sobjects/Partner_Commission__c/") || calls.n.Add(1) < 4 {
				return nil
			}
			return &emulator.Fault{After: true, Drop: true}
		})
		kill(t, p.command(context.Background(), "run", "all"), func() bool { return calls.n.Load() > 6 })
		org.Fail(nil)
		runAll(t, p)
		if d := cmp.Diff(wantEntries, entries(t, db)); d != "" {
			t.Errorf("the book differs from an undisturbed run's:\n%s", head(d))
		}
		if d := cmp.Diff(wantRecords, written(org)); d != "" {
			t.Errorf("Salesforce differs from an undisturbed run's:\n%s", head(d))
		}
	})
}

func runAll(t *testing.T, p *program) {
	t.Helper()
	if out, err := p.command(t.Context(), "run", "all", "--lenient").CombinedOutput(); err != nil {
		t.Fatalf("run all: %v\n%s", err, out)
	}
}

// kill starts a process and kills it as soon as the moment has come.
func kill(t *testing.T, cmd *exec.Cmd, due func() bool) {
	t.Helper()
	must(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			t.Fatalf("the run was over (%v) before the moment to kill it came", err)
		case <-tick.C:
			if due() {
				must(t, cmd.Process.Kill())
				<-ended
				return
			}
		}
	}
}

// callCounter counts upserts of commissions that the org was asked for, and what it was
// asked about Bulk jobs.
type callCounter struct {
	n, jobs, uploads, closed, looks atomic.Int64
}

func countUpserts(org *emulator.Org) *callCounter {
	c := &callCounter{}
	org.Fail(func(r *http.Request) *emulator.Fault {
		switch isJob := strings.Contains(r.URL.Path, "/jobs/ingest"); {
		case strings.Contains(r.URL.Path, "/composite/sobjects/Partner_Commission__c/"):
			c.n.Add(1)
		case isJob && r.Method == http.MethodPost:
			c.jobs.Add(1)
		case isJob && r.Method == http.MethodPut:
			c.uploads.Add(1)
		case isJob && r.Method == http.MethodPatch:
			c.closed.Add(1)
		case isJob && r.Method == http.MethodGet:
			c.looks.Add(1)
		}
		return nil
	})
	return c
}

func count(t *testing.T, db *sqlx.DB, table string) int {
	t.Helper()
	return fetch[int](t, db, `select count(*) from `+table)
}

func head(s string) string { return s[:min(len(s), 3000)] }
