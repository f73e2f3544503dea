package siege_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/pull"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/reconcile"
	"github.com/partnersync/partnersync/sync/recount"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/verify"
)

// smallPages asks for fewer records a page than the platform would give, and after a
// job only when it is over, so that a seed always makes the same requests.
type smallPages struct {
	*http.Transport
	org *emulator.Org
}

func (s smallPages) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.org != nil && r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/jobs/") {
		s.org.WaitForJobs()
	}
	if r.Header.Get("Sforce-Query-Options") != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Sforce-Query-Options", "batchSize=9")
	}
	return s.Transport.RoundTrip(r)
}

// how says what a runner's stages do in more than one way.
type how struct {
	org      *emulator.Org // whose jobs are waited for, if it is not nil
	url      string
	clock    clock.Clock
	pull     pull.API
	push     push.API
	patience time.Duration // with Bulk jobs
}

// newRunner puts the stages together as the program does, in this process. What
// they send, they send one after the other, so that a seed repeats; pages are
// small, so that there are many; and pauses are short.
func newRunner(t testing.TB, db *sqlx.DB, h how) *schedule.Runner {
	t.Helper()
	log := zap.NewNop()
	client := orgtest.Client(t, h.url, salesforce.Config{
		Log: log, Clock: h.clock, RetryMax: 2 * time.Millisecond, RequestTimeout: 20 * time.Second, JobPatience: h.patience,
		Transport: smallPages{http.DefaultTransport.(*http.Transport).Clone(), h.org},
	})
	m, zone, c := mapping.Default(), time.UTC, h.clock
	return &schedule.Runner{DB: db, Clock: c, Log: log, Stages: []stage.Stage{
		pull.New(pull.Config{DB: db, Source: client, Mapping: m, Clock: c, Log: log, API: h.pull}),
		reconcile.New(reconcile.Config{DB: db, Mapping: m, Clock: c, Zone: zone, Currency: "USD"}),
		accrue.New(accrue.Config{DB: db, Clock: c, Zone: zone, GoLive: book.GoLive{Decided: true}}),
		push.New(push.Config{DB: db, Sink: client, Mapping: m, Clock: c, Log: log, Workers: 1, API: h.push, Patience: h.patience}),
		recount.New(recount.Config{DB: db, Source: client, Mapping: m, Clock: c, Log: log}),
		verify.New(verify.Config{DB: db, Source: client, Mapping: m, Clock: c, Zone: zone, Log: log}),
	}}
}

func applyPartners(t testing.TB, db *sqlx.DB, c clock.Clock) {
	t.Helper()
	f, err := apply.Read(strings.NewReader(partners), "test")
	must(t, err)
	must(t, pg.InTx(context.Background(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := apply.Apply(ctx, tx, f, apply.Options{Actor: "test", Zone: time.UTC, Now: c.Now(), Alone: true})
		return err
	}))
}

// faults makes up a plan of some rules.
func (s *simulation) faults() []string {
	const reads, sends = `kind: [query, page, bulk-query, bulk-results]`, `kind: [collection, upsert, bulk-ingest]`
	all := []string{
		`when: {kind: direct, probability: 0.4}, do: {late: 4m}`,
		`when: {kind: direct}, do: {stamp: 2m}`,
		`when: {probability: 0.1}, do: {answer: {status: 503, form: html}}`,
		`when: {probability: 0.1}, do: {drop: {}}`,
		`when: {probability: 0.1}, do: {drop: {bytes: 120}}`,
		`when: {probability: 0.1}, do: {answer: {form: truncated}}`,
		`when: {probability: 0.1}, do: {answer: {form: gzip}}`,
		`when: {` + reads + `, probability: 0.1}, do: {answer: {form: json-array}}`,
		`when: {` + sends + `, probability: 0.3}, do: {lose: {}}`,
		`when: {` + sends + `, probability: 0.3}, do: {lose: {status: 504, form: html}}`,
		`when: {` + sends + `}, do: {rows: {code: UNABLE_TO_LOCK_ROW, rate: 0.2}}`,
		`when: {` + sends + `}, do: {rows: {code: FIELD_CUSTOM_VALIDATION_EXCEPTION, message: no, rate: 0.1}}`,
		`when: {` + sends + `}, do: {rows: {code: INVALID_CROSS_REFERENCE_KEY, message: no, rate: 0.1}}`,
		`when: {kind: page, probability: 0.2}, do: {cursor: vanish}`,
		`when: {probability: 0.05}, do: {session: 401}`,
		`when: {probability: 0.05}, do: {quota: concurrent}`,
		`when: {kind: [query, collection], after: 20}, do: {quota: daily}`,
		`when: {probability: 0.5}, do: {hide: [Space_Invitation__c, Opportunity.Amount]}`,
		`when: {kind: [bulk-query, bulk-ingest], method: [POST, PATCH], probability: 0.3}, do: {job: fail}`,
		`when: {kind: [bulk-query, bulk-ingest], method: [POST, PATCH], probability: 0.2}, do: {job: abort}`,
		`when: {kind: bulk-results, probability: 0.3}, do: {drop: {bytes: 200}}`,
		`when: {kind: bulk-ingest, method: PUT, probability: 0.3}, do: {drop: {}}`,
		`when: {probability: 0.2}, do: {skew: -3m}`,
	}
	var out []string
	for range 1 + s.random.IntN(3) {
		out = append(out, pick(s.random, all...))
	}
	// What begins to share a stamp must not be stamped before what has changed already.
	s.clock.Advance(2 * time.Minute)
	return out
}

// upset lets Postgres refuse one write in some with a serialization failure, or no
// more.
func (s *simulation) upset() {
	s.calmDown()
	if s.random.IntN(2) == 0 {
		return
	}
	s.alter(`create sequence public.writes;
		create function public.fail_now_and_then() returns trigger language plpgsql as $$
		begin
			if nextval('public.writes') % ` + fmt.Sprint(3+s.random.IntN(20)) + ` = 0 then
				raise exception 'could not serialize access (the test)' using errcode = '40001';
			end if;
			return null;
		end $$`)
	for _, table := range []string{"staging.record", "staging.cursor", "ledger.opportunity", "ledger.holding", "ledger.line", "ledger.entry", "outbox.record"} {
		s.alter(`create trigger siege after insert or update or delete on ` + table + ` for each statement execute function public.fail_now_and_then()`)
	}
	s.did["serialization failures"]++
}

func (s *simulation) calmDown() {
	s.alter(`drop function if exists public.fail_now_and_then() cascade; drop sequence if exists public.writes`)
}
