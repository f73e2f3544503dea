package push_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/stage"
)

// lines keeps n lines of some payees and marks them.
func (b *bench) lines(n int) {
	b.t.Helper()
	b.exec(`insert into ledger.line (key, payee_id, regime, source_id, slice, period, currency, base, rate, amount_minor, status, explanation, computed_at)
		select p || '/program/C' || n || '/flat/2026-10', p, 'program', 'C' || n, 'flat', '2026-10', 'USD', 1, 0.1, n, 'accrued',
			'{"sentence": "Because, \"they\" said.", "arithmetic": ["a, b"]}', now()
		from generate_series(1, $1) n, lateral (select 'AA' || lpad((n % 7)::text, 4, '0')) as payee (p)`, n)
	b.exec(`insert into outbox.record (object, key, parent, marked_at) select 'commission', key, payee_id, now() from ledger.line
		on conflict (object, key) do update set wanted = record.wanted + 1`)
}

func (b *bench) faults(plan string) {
	b.t.Helper()
	p, err := fault.Parse([]byte(plan), "test")
	must(b.t, err)
	b.org.PlayFaults(p, 1)
}

// settled holds that everything has reached Salesforce, once, and nothing is in flight.
func (b *bench) settled(want int) {
	b.t.Helper()
	if n := b.org.Count("Partner_Commission__c"); n != want {
		b.t.Errorf("%d commissions, not %d", n, want)
	}
	tallies, err := outbox.Tallies(b.t.Context(), b.db, b.clock.Now())
	flights, ferr := outbox.Flights(b.t.Context(), b.db)
	if err != nil || ferr != nil || len(tallies) > 0 || len(flights) > 0 {
		b.t.Errorf("left over: %+v %v, %+v %v", tallies, err, flights, ferr)
	}
}

// TestBulkAndCollectionsBringAboutTheSame: nulls, lookups, quotes and all.
func TestBulkAndCollectionsBringAboutTheSame(t *testing.T) {
	t.Parallel()
	ways := map[push.API][]map[string]any{}
	for _, api := range []push.API{push.APICollections, push.APIBulk} {
		b := newBench(t, emulator.Options{MultiCurrency: true})
		b.config.API = api
		b.partner("AA0003")
		b.lines(30)
		b.exec(`update ledger.line set reason = 'a "reason", with commas' where source_id = 'C3'`)
		b.expect(b.push(), "commission", 30, 0, 0, 0)
		// What was there before and is no more becomes null by both.
		b.exec(`update ledger.line set reason = '', amount_minor = 1, account_id = 'nonsense' where source_id = 'C3'`)
		b.mark(outbox.Commission, "AA0003", "AA0003/program/C3/flat/2026-10")
		b.expect(b.push(), "commission", 1, 0, 0, 0)
		b.settled(30)
		partner := b.org.Records("Partner__c")[0]["Id"]
		for _, r := range b.org.Records("Partner_Commission__c") {
			for _, own := range []string{"Id", "Name", "CreatedDate", "LastModifiedDate", "SystemModstamp", "Computed_At__c"} {
				delete(r, own)
			}
			if r["Partner__c"] == partner {
				r["Partner__c"] = "the partner"
			}
			ways[api] = append(ways[api], r)
		}
	}
	byKey := func(a, b map[string]any) int {
		return strings.Compare(fmt.Sprint(a["Commission_Key__c"]), fmt.Sprint(b["Commission_Key__c"]))
	}
	slices.SortFunc(ways[push.APICollections], byKey)
	slices.SortFunc(ways[push.APIBulk], byKey)
	if d := cmp.Diff(ways[push.APICollections], ways[push.APIBulk]); d != "" {
		t.Error(d)
	}
}

func TestTheWayIsChosenByHowMuchIsUnsent(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.BulkAbove = 500
	b.lines(500)
	before := b.org.Requests()
	b.expect(b.push(), "commission", 500, 0, 0, 0)
	if r := b.org.Requests(); r.Bulk != before.Bulk {
		t.Errorf("500 records went by Bulk: %+v", r)
	}
	b.exec(`update ledger.line set amount_minor = amount_minor + 1`)
	b.exec(`update outbox.record set wanted = wanted + 1`)
	b.lines0(501)
	before = b.org.Requests()
	report := b.push()
	b.expect(report, "commission", 501, 0, 0, 0)
	// How often the job is asked after depends on how long it takes, twice as long between
	// any two: twenty times is a quarter of an hour.
	if r := b.org.Requests(); report.Get("Bulk jobs") != 1 || r.Bulk == before.Bulk || r.Bulk-before.Bulk > 25 {
		t.Errorf("%d requests for a job, %+v", r.Bulk-before.Bulk, report)
	}
	b.settled(501)
	// Nothing differs: no job is made for nothing.
	b.exec(`update outbox.record set wanted = wanted + 1`)
	before = b.org.Requests()
	b.expect(b.push(), "commission", 0, 501, 0, 0)
	if r := b.org.Requests(); r.Bulk != before.Bulk {
		t.Errorf("a job for nothing: %+v", r)
	}
}

// lines0 keeps one line more, the nth.
func (b *bench) lines0(n int) { b.line("AA0001", fmt.Sprint("extra", n), "2026-11", 100) }

func TestRowsThatAJobRefusesAreTreatedByClass(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API = push.APIBulk
	opportunity, err := b.org.Insert("Opportunity", map[string]any{"Name": "One", "CloseDate": "2026-10-31", "StageName": "Closed Won"})
	must(t, err)
	must(t, b.org.Delete("Opportunity", opportunity))
	linked := b.line("AA0001", opportunity, "2026-09", 100)
	b.lines(20)
	bad, busy := "AA0001/program/C1/flat/2026-10", "AA0002/program/C2/flat/2026-10"
	b.faults(`{rules: [
		{name: a, when: {kind: bulk-ingest}, do: {rows: {code: FIELD_CUSTOM_VALIDATION_EXCEPTION, message: "No: closed", fields: [Period__c], key: "/C1/"}}},
		{name: b, when: {kind: bulk-ingest}, do: {rows: {code: UNABLE_TO_LOCK_ROW, message: busy, key: "/C2/"}}}]}`)
	report := b.push()
	b.expect(report, "commission", 19, 0, 1, 1)
	if r := b.row(bad); r.State(noon) != outbox.Quarantined || r.LastError != "FIELD_CUSTOM_VALIDATION_EXCEPTION: No: closed (fields Period__c)" {
		t.Errorf("%s: %+v", r.State(noon), r)
	}
	if r := b.row(busy); r.State(noon) != outbox.Waiting || r.Attempts != 1 || !strings.Contains(r.LastError, "UNABLE_TO_LOCK_ROW") {
		t.Errorf("%s: %+v", r.State(noon), r)
	}
	if report.Get("commission written without a link") != 1 || b.commission(linked)["Opportunity__c"] != nil {
		t.Errorf("%+v", report)
	}
	b.org.PlayFaults(nil, 1)
	b.clock.Advance(time.Hour)
	b.exec(`update outbox.record set quarantined_at = null where key = $1`, bad)
	b.expect(b.push(), "commission", 2, 0, 0, 0)
}

func TestAJobThatFailsMidwayKeepsNothingBack(t *testing.T) {
	t.Parallel()
	for name, times := range map[string]int{"once": 1, "always": 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.config.API = push.APIBulk
			b.lines(900)
			b.faults(fmt.Sprintf(`{rules: [{name: a, when: {kind: bulk-ingest, method: PATCH}, times: %d, do: {job: fail}}]}`, times))
			report := b.push()
			b.expect(report, "commission", 900, 0, 0, 0)
			if report.Get("Bulk jobs that failed") == 0 || len(report.Notices) == 0 {
				t.Errorf("nobody is told: %+v", report)
			}
			b.settled(900)
		})
	}
}

func TestAJobThatSomebodyAbortsStopsThePassAndIsSentLater(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API = push.APIBulk
	b.lines(300)
	b.faults(`{rules: [{name: a, when: {kind: bulk-ingest, method: PATCH}, times: 1, do: {job: abort}}]}`)
	report, err := push.New(b.config).Run(t.Context(), stage.Options{})
	if err == nil || !strings.Contains(err.Error(), "aborted") {
		t.Errorf("%v", err)
	}
	n := b.org.Count("Partner_Commission__c")
	b.expect(report, "commission", int64(n), 0, 0, 0)
	b.expect(b.push(), "commission", int64(300-n), 0, 0, 0)
	b.settled(300)
}

func TestAStuckJobStaysInFlightUntilItIsOver(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API, b.config.Patience = push.APIBulk, 20*time.Millisecond
	b.lines(300)
	b.faults(`{rules: [{name: a, when: {kind: bulk-ingest, method: PATCH}, times: 1, do: {job: stuck}}]}`)
	for range 2 {
		report := b.push()
		if report.Get("commission in flight") != 300 || len(report.Warnings) != 1 || report.Problems != 0 {
			t.Errorf("%+v", report)
		}
	}
	b.clock.Advance(2 * time.Hour)
	if report := b.push(); report.Problems != 300 { // by now it is a person's business
		t.Errorf("%+v", report)
	}
	// What changes meanwhile, and what is new, waits for nobody: it is not in flight.
	b.exec(`update ledger.line set amount_minor = 777 where source_id = 'C5'`)
	b.mark(outbox.Commission, "AA0005", "AA0005/program/C5/flat/2026-10")
	b.line("AA0001", "new", "2026-11", 100)
	b.config.API = push.APICollections
	b.expect(b.push(), "commission", 1, 0, 0, 0)
	b.clock.Advance(25 * time.Hour)
	report := b.push()
	if n := report.Get("commission found written by an earlier run") + report.Get("commission written"); n < 300 || n > 301 {
		t.Errorf("%+v", report)
	}
	b.settled(301)
	if got := fmt.Sprint(b.commission("AA0005/program/C5/flat/2026-10")["Amount__c"]); got != "7.77" {
		t.Errorf("Salesforce holds %s", got)
	}
}

func TestAnUploadThatBreaksOffIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]string{
		"connection": `{kind: bulk-ingest, method: PUT}, times: 2, do: {drop: {}}`,
		"answer":     `{kind: bulk-ingest, method: PUT}, times: 2, do: {lose: {}}`,
		"session":    `{kind: bulk-ingest, method: PUT}, times: 2, do: {session: 403}`,
		"gateway":    `{kind: bulk-ingest, method: PUT}, times: 1, do: {lose: {status: 504, form: html}}`,
		"creation":   `{kind: bulk-ingest, method: POST}, times: 1, do: {lose: {}}`,
		"close":      `{kind: bulk-ingest, method: PATCH}, times: 1, do: {lose: {}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.config.API = push.APIBulk
			b.lines(300)
			b.faults(`{rules: [{name: a, when: ` + rule + `}]}`)
			b.expect(b.push(), "commission", 300, 0, 0, 0)
			b.settled(300)
		})
	}
}

func TestAUsedUpQuotaLeavesWhatAJobWasToSend(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API = push.APIBulk
	b.lines(300)
	b.faults(`{rules: [{name: a, when: {kind: bulk-ingest, method: POST}, do: {quota: daily}}]}`)
	if report := b.push(); report.Deferred == "" {
		t.Errorf("%+v", report)
	}
	b.org.PlayFaults(nil, 1)
	b.expect(b.push(), "commission", 300, 0, 0, 0)
	b.settled(300)
}

// TestKilledAtAnyStepOfAJob: a pass whose process dies before or after any of the steps of
// a job leaves what the next one settles, whether or not the ledger changes in between.
func TestKilledAtAnyStepOfAJob(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"create", "upload", "close", "await", "results"} {
		for _, when := range []string{"before", "after"} {
			for _, changed := range []bool{false, true} {
				t.Run(fmt.Sprint(when, " ", step, ", changed ", changed), func(t *testing.T) {
					t.Parallel()
					b := newBench(t, emulator.Options{})
					b.config.API = push.APIBulk
					b.lines(700)
					b.faults(`{rules: [{name: a, when: {kind: bulk-ingest}, do: {rows: {code: STRING_TOO_LONG, message: no, key: "/C13/"}}}]}`)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					sink := b.config.Sink
					b.config.Sink = &dyingSink{Sink: sink, step: step, after: when == "after", die: cancel}
					if _, err := push.New(b.config).Run(ctx, stage.Options{}); !errors.Is(err, context.Canceled) {
						t.Fatalf("the killed pass gave %v", err)
					}
					b.org.WaitForJobs()
					b.config.Sink = sink
					if changed {
						b.exec(`update ledger.line set amount_minor = 424242 where source_id = 'C77'`)
						b.mark(outbox.Commission, "AA0000", "AA0000/program/C77/flat/2026-10")
					}
					report := b.push()
					found, written := report.Get("commission found written by an earlier run"), report.Get("commission written")
					if changed {
						written -= found / 699 // the changed one is written a second time if the job was done
					}
					if found+written != 699 {
						t.Errorf("%d found written and %d written: %+v", found, written, report)
					}
					if r := b.row("AA0006/program/C13/flat/2026-10"); r.State(noon) != outbox.Quarantined {
						t.Errorf("%+v", r)
					}
					if changed && !strings.HasPrefix(fmt.Sprint(b.commission("AA0000/program/C77/flat/2026-10")["Amount__c"]), "4242.42") {
						t.Error("the change is lost")
					}
					b.exec(`delete from outbox.record where key like '%/C13/%'`)
					b.settled(699)
					b.expect(b.push(), "commission", 0, 0, 0, 0)
				})
			}
		}
	}
}

// dyingSink ends the pass before or after a step, and everything that it would do then.
type dyingSink struct {
	push.Sink
	step  string
	after bool
	die   context.CancelFunc
}

func (s *dyingSink) at(step string, do func() error) error {
	if step == s.step && !s.after {
		s.die()
		return context.Canceled
	}
	err := do()
	if step == s.step {
		s.die()
	}
	return err
}

func (s *dyingSink) CreateIngest(ctx context.Context, object, key string) (job salesforce.IngestJob, err error) {
	err = s.at("create", func() error { job, err = s.Sink.CreateIngest(ctx, object, key); return err })
	return job, err
}

func (s *dyingSink) UploadIngest(ctx context.Context, id string, write func(io.Writer) error) (n int64, err error) {
	err = s.at("upload", func() error { n, err = s.Sink.UploadIngest(ctx, id, write); return err })
	return n, err
}

func (s *dyingSink) CloseIngest(ctx context.Context, id string) (job salesforce.IngestJob, err error) {
	err = s.at("close", func() error { job, err = s.Sink.CloseIngest(ctx, id); return err })
	return job, err
}

func (s *dyingSink) AwaitIngest(ctx context.Context, id string, rows int64) (job salesforce.IngestJob, err error) {
	err = s.at("await", func() error { job, err = s.Sink.AwaitIngest(ctx, id, rows); return err })
	return job, err
}

func (s *dyingSink) IngestResults(ctx context.Context, id string, which salesforce.IngestResult, begin func() func(salesforce.IngestRow) error) error {
	return s.at("results", func() error { return s.Sink.IngestResults(ctx, id, which, begin) })
}

// TestAJobThatIsGoneIsSentAgain: somebody deleted it, or a week has passed.
func TestAJobThatIsGoneIsSentAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API = push.APIBulk
	b.lines(300)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sink := b.config.Sink
	b.config.Sink = &dyingSink{Sink: sink, step: "await", die: cancel}
	if _, err := push.New(b.config).Run(ctx, stage.Options{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	b.org.WaitForJobs()
	flights, err := outbox.Flights(t.Context(), b.db)
	must(t, err)
	must(t, sink.(*salesforce.Client).DeleteIngest(t.Context(), flights[0].JobID))
	b.config.Sink = sink
	report := b.push()
	b.expect(report, "commission", 300, 0, 0, 0)
	if report.Get("commission to send again after an earlier run") != 300 {
		t.Errorf("%+v", report)
	}
	b.settled(300)
}

// TestAJobThatIsGoneWhileItIsWaitedForIsSentAgainAtOnce: the same, in this run.
func TestAJobThatIsGoneWhileItIsWaitedForIsSentAgainAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API = push.APIBulk
	b.lines(300)
	client := b.config.Sink.(*salesforce.Client)
	b.config.Sink = &forgetfulSink{Sink: client, client: client, wait: b.org.WaitForJobs}
	report := b.push()
	b.expect(report, "commission", 300, 0, 0, 0)
	if len(report.Notices) == 0 || report.Get("Bulk jobs") != 2 {
		t.Errorf("%+v", report)
	}
	b.settled(300)
}

// forgetfulSink deletes the first job that is waited for.
type forgetfulSink struct {
	push.Sink
	client *salesforce.Client
	wait   func()
	once   sync.Once
}

func (s *forgetfulSink) AwaitIngest(ctx context.Context, id string, rows int64) (job salesforce.IngestJob, err error) {
	s.once.Do(func() {
		s.wait()
		err = s.client.DeleteIngest(ctx, id)
	})
	if err != nil {
		return job, err
	}
	return s.Sink.AwaitIngest(ctx, id, rows)
}

// TestAPassThatWakesAfterAnotherTookOverDoesNotCloseItsJob: it was frozen while it
// uploaded, and the other has aborted the job.
func TestAPassThatWakesAfterAnotherTookOverDoesNotCloseItsJob(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.API = push.APIBulk
	b.lines(300)
	other := b.config
	sink := &sleepySink{Sink: b.config.Sink, during: func() {
		b.exec(`update ledger.line set amount_minor = 5`)
		b.exec(`update outbox.record set wanted = wanted + 1`)
		if _, err := push.New(other).Run(t.Context(), stage.Options{}); err != nil {
			t.Error(err)
		}
	}}
	b.config.Sink = sink
	if report := b.push(); report.Deferred == "" {
		t.Errorf("%+v", report)
	}
	b.settled(300)
	for _, r := range b.org.Records("Partner_Commission__c") {
		if got := fmt.Sprint(r["Amount__c"]); got != "0.05" {
			t.Fatalf("an old state won: %s", got)
		}
	}
}

// sleepySink lets something happen between an upload and the closing of its job.
type sleepySink struct {
	push.Sink
	once   sync.Once
	during func()
}

func (s *sleepySink) CloseIngest(ctx context.Context, id string) (salesforce.IngestJob, error) {
	s.once.Do(s.during)
	return s.Sink.CloseIngest(ctx, id)
}
