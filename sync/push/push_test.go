package push_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/stage"
)

func TestPushWritesOnceAndThenNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	account, err := b.org.Insert("Account", map[string]any{"Name": "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	opportunity, err := b.org.Insert("Opportunity", map[string]any{"Name": "One", "AccountId": account,
		"CloseDate": "2026-10-31", "StageName": "Closed Won"})
	if err != nil {
		t.Fatal(err)
	}
	b.partner("FG3877")
	key := b.line("FG3877", opportunity, "2026-10", 10192)
	b.exec(`update ledger.line set account_id = $1`, account)

	report := b.push()
	b.expect(report, "partner", 1, 0, 0, 0)
	b.expect(report, "commission", 1, 0, 0, 0)
	got := b.commission(key)
	partner := b.org.Records("Partner__c")[0]
	for name, want := range map[string]any{
		"Partner__c": partner["Id"], "Partner_ID__c": "FG3877", "Opportunity__c": opportunity, "Account__c": account,
		"Space__c": nil, "Regime__c": "Space", "Slice__c": "referral", "Period__c": "2026-10", "Currency__c": "USD",
		"Status__c": "Accrued", "Reason__c": nil, "Explanation__c": "Because you brought them.\n1 × 10 % = 0.1",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, not %v", name, got[name], want)
		}
	}
	for name, want := range map[string]string{"Amount__c": "101.92", "Rate__c": "10", "Base_Amount__c": "1019.2"} {
		if !strings.HasPrefix(fmt.Sprint(got[name]), want) {
			t.Errorf("%s is %v, not %s", name, got[name], want)
		}
	}
	if partner["Name"] != "Ada & Söhne" || partner["Kind__c"] != "Registered" || partner["Joined_On__c"] != "2019-01-01" {
		t.Errorf("partner %v", partner)
	}

	// Worked out again to the same, at another time.
	b.clock.Advance(time.Hour)
	b.line("FG3877", opportunity, "2026-10", 10192)
	b.mark(outbox.Partner, "FG3877", "FG3877")
	report = b.push()
	b.expect(report, "partner", 0, 1, 0, 0)
	b.expect(report, "commission", 0, 1, 0, 0)
	if now := b.commission(key); now["SystemModstamp"] != got["SystemModstamp"] || b.row(key).State(noon) != outbox.Settled {
		t.Error("an unchanged commission was written")
	}

	b.line("FG3877", opportunity, "2026-10", 10200)
	b.expect(b.push(), "commission", 1, 0, 0, 0)
	if n := b.org.Count("Partner_Commission__c"); n != 1 {
		t.Errorf("%d commissions", n)
	}
	if again := b.push(); again.Get("commission written")+again.Get("commission unchanged") != 0 {
		t.Errorf("%+v", again)
	}
}

func TestPushOfManyBatches(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	for i := range 8 {
		b.partner(fmt.Sprintf("AA%04d", i))
		b.exec(`insert into ledger.line (key, payee_id, regime, source_id, slice, period, currency, base, rate, amount_minor, status, explanation, computed_at)
			select $1 || '/program/C' || n || '/flat/2026-10', $1, 'program', 'C' || n, 'flat', '2026-10', 'JPY', 1, 1, n, 'accrued', '{}', now()
			from generate_series(1, 250) n`, fmt.Sprintf("AA%04d", i))
	}
	b.exec(`insert into outbox.record (object, key, parent, marked_at) select 'commission', key, payee_id, now() from ledger.line`)
	report := b.push()
	b.expect(report, "partner", 8, 0, 0, 0)
	b.expect(report, "commission", 2000, 0, 0, 0)
	if n := b.org.Count("Partner_Commission__c"); n != 2000 {
		t.Errorf("%d commissions", n)
	}
	if r := b.commission("AA0003/program/C7/flat/2026-10"); r["Opportunity__c"] != nil || r["Partner__c"] == nil {
		t.Errorf("%v", r)
	}
}

func TestRefusedRowIsQuarantinedWithItsReason(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	bad, good := b.line("FG3877", "x1", "2026-09", 100), b.line("FG3877", "x1", "2026-10", 100)
	b.org.FailRow(func(_ string, fields map[string]any) *emulator.RowError {
		if fields["Commission_Key__c"] == bad {
			return &emulator.RowError{StatusCode: "FIELD_CUSTOM_VALIDATION_EXCEPTION", Message: "Period is closed"}
		}
		return nil
	})
	report := b.push()
	b.expect(report, "commission", 1, 0, 0, 1)
	if report.Status(nil) != stage.WithProblems {
		t.Error("a pass with a failure inside says ok")
	}
	if r := b.row(bad); r.State(noon) != outbox.Quarantined || !strings.Contains(r.LastError, "Period is closed") {
		t.Errorf("%+v", r)
	}
	if r := b.row(good); r.State(noon) != outbox.Settled || r.SalesforceID == "" {
		t.Errorf("%+v", r)
	}
	b.expect(b.push(), "commission", 0, 0, 0, 0)

	b.org.FailRow(nil)
	err := pg.InTx(t.Context(), b.db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := outbox.Retry(ctx, tx, outbox.Commission, []string{bad})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.expect(b.push(), "commission", 1, 0, 0, 0)
}

func TestBusyRowIsTriedAgainLater(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	key := b.line("FG3877", "x1", "2026-10", 100)
	b.org.FailRow(func(object string, _ map[string]any) *emulator.RowError {
		if object == "Partner_Commission__c" {
			return &emulator.RowError{StatusCode: "UNABLE_TO_LOCK_ROW", Message: "unable to obtain exclusive access"}
		}
		return nil
	})
	b.expect(b.push(), "commission", 0, 0, 1, 0)
	b.expect(b.push(), "commission", 0, 0, 0, 0)
	for range 9 {
		b.clock.Advance(6 * time.Hour)
		b.push()
	}
	if r := b.row(key); r.State(b.clock.Now()) != outbox.Quarantined || r.Attempts != 10 {
		t.Errorf("after ten failures: %+v", r)
	}
	b.org.FailRow(nil)
	b.line("FG3877", "x1", "2026-10", 200)
	b.expect(b.push(), "commission", 1, 0, 0, 0)
	if r := b.row(key); r.State(noon) != outbox.Settled || r.Attempts != 0 || r.LastError != "" {
		t.Errorf("%+v", r)
	}
}

func TestDeletedOpportunityDoesNotKeepItsReversalBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	opportunity, err := b.org.Insert("Opportunity", map[string]any{"Name": "One", "CloseDate": "2026-10-31", "StageName": "Closed Won"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.org.Delete("Opportunity", opportunity); err != nil {
		t.Fatal(err)
	}
	key := b.line("FG3877", opportunity, "2026-10", 100)
	report := b.push()
	b.expect(report, "commission", 1, 0, 0, 0)
	if report.Get("commission written without a link") != 1 || b.commission(key)["Opportunity__c"] != nil {
		t.Errorf("%+v", report)
	}
	before := b.commission(key)["SystemModstamp"]
	b.line("FG3877", opportunity, "2026-10", 100)
	b.expect(b.push(), "commission", 0, 1, 0, 0)
	b.clock.Advance(24 * time.Hour)
	b.expect(b.push(), "commission", 0, 1, 0, 0)
	if b.commission(key)["SystemModstamp"] != before {
		t.Error("what Salesforce had already was written again")
	}
}

func TestARefusedLinkIsTriedAgainADayLater(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	opportunity, err := b.org.Insert("Opportunity", map[string]any{"Name": "One", "CloseDate": "2026-10-31", "StageName": "Closed Won"})
	if err != nil {
		t.Fatal(err)
	}
	b.org.FailRow(func(_ string, fields map[string]any) *emulator.RowError {
		if fields["Opportunity__c"] == nil {
			return nil
		}
		return &emulator.RowError{StatusCode: "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", Message: "hidden", Fields: []string{"Opportunity__c"}}
	})
	key := b.line("FG3877", opportunity, "2026-10", 100)
	b.expect(b.push(), "commission", 1, 0, 0, 0)
	r := b.row(key)
	if r.State(noon) != outbox.Waiting || !r.NotBefore.Equal(noon.Add(24*time.Hour)) || r.Attempts != 0 ||
		!strings.HasPrefix(r.LastError, "written without a link: ") || !strings.Contains(r.LastError, "hidden") {
		t.Errorf("without its link: %+v", r)
	}
	b.org.FailRow(nil)
	b.expect(b.push(), "commission", 0, 0, 0, 0)
	b.clock.Advance(24 * time.Hour)
	report := b.push()
	b.expect(report, "commission", 1, 0, 0, 0)
	if report.Get("commission written without a link") != 0 || b.commission(key)["Opportunity__c"] != opportunity {
		t.Errorf("the link is still missing: %+v", b.commission(key))
	}
	if r := b.row(key); r.State(b.clock.Now()) != outbox.Settled || r.LastError != "" {
		t.Errorf("with its link: %+v", r)
	}
}

func TestLineThatIsNoLongerExpectedComesToZero(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	sent, never := b.line("FG3877", "x1", "2026-09", 100), b.line("FG3877", "x1", "2026-10", 100)
	b.exec(`delete from ledger.line where key = $1`, never)
	b.expect(b.push(), "commission", 1, 1, 0, 0)
	b.exec(`delete from ledger.line`)
	b.mark(outbox.Commission, "FG3877", sent)
	b.expect(b.push(), "commission", 1, 0, 0, 0)
	if r := b.commission(sent); r["Status__c"] != "Zero" || r["Reason__c"] != "withdrawn" || r["Period__c"] != "2026-09" {
		t.Errorf("%v", r)
	}
	if n := b.org.Count("Partner_Commission__c"); n != 1 {
		t.Errorf("%d commissions", n)
	}
}

func TestAnAnswerThatGetsLostIsSettledByReadingBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	b.push()
	key := b.line("FG3877", "x1", "2026-10", 100)
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		if r.Method == http.MethodPatch {
			return &emulator.Fault{After: true, Status: 503}
		}
		return nil
	})
	b.expect(b.push(), "commission", 1, 0, 0, 0)
	if r := b.row(key); r.State(noon) != outbox.Settled || r.SalesforceID == "" {
		t.Errorf("%+v", r)
	}
	if n := b.org.Count("Partner_Commission__c"); n != 1 {
		t.Errorf("%d commissions", n)
	}
}

func TestACallThatIsLostOnItsWayIsMadeAgainLater(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	b.push()
	key := b.line("FG3877", "x1", "2026-10", 100)
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		if r.Method == http.MethodPatch {
			return &emulator.Fault{Status: 503}
		}
		return nil
	})
	report, err := push.New(b.config).Run(t.Context(), stage.Options{})
	if errs.KindOf(err) != errs.Transient {
		t.Fatalf("the lost call gave %v", err)
	}
	b.expect(report, "commission", 0, 0, 1, 0)
	if r := b.row(key); r.State(noon) != outbox.Waiting || r.Attempts != 1 || r.ConfirmedHash == nil {
		t.Errorf("%+v", r)
	}
	b.org.Fail(nil)
	b.clock.Advance(time.Hour)
	b.expect(b.push(), "commission", 1, 0, 0, 0)
	if n := b.org.Count("Partner_Commission__c"); n != 1 {
		t.Errorf("%d commissions", n)
	}
}

// TestALostAnswerAndALedgerThatGoesBack: A was confirmed, B was written and its answer was
// lost, and the ledger says A again. Salesforce has to be told A, though it once confirmed it.
func TestALostAnswerAndALedgerThatGoesBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	key := b.line("FG3877", "x1", "2026-10", 100)
	b.push()
	b.line("FG3877", "x1", "2026-10", 200)
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		switch {
		case r.Method == http.MethodPatch:
			return &emulator.Fault{After: true, Status: 503}
		case strings.HasSuffix(r.URL.Path, "/query"):
			return &emulator.Fault{Status: 503}
		}
		return nil
	})
	if _, err := push.New(b.config).Run(t.Context(), stage.Options{}); err == nil {
		t.Fatal("a lost answer went unnoticed")
	}
	b.org.Fail(nil)
	b.line("FG3877", "x1", "2026-10", 100)
	b.expect(b.push(), "commission", 1, 0, 0, 0)
	if got := fmt.Sprint(b.commission(key)["Amount__c"]); !strings.HasPrefix(got, "1") {
		t.Errorf("Salesforce holds %s", got)
	}
}

func TestInterruptedPushLosesNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b *bench){
		"and nothing changed":    func(*bench) {},
		"and the ledger changed": func(b *bench) { b.line("FG3877", "x1", "2026-10", 300) },
		"and the record was taken away": func(b *bench) {
			must(b.t, b.org.Delete("Partner_Commission__c", b.org.Records("Partner_Commission__c")[0]["Id"].(string)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.partner("FG3877")
			b.push()
			key := b.line("FG3877", "x1", "2026-10", 100)
			sink := b.config.Sink
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			b.config.Sink = &cutSink{Sink: sink, cut: cancel}
			_, err := push.New(b.config).Run(ctx, stage.Options{})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("the interrupted push gave %v", err)
			}
			if r := b.row(key); r.State(noon) != outbox.InFlight {
				t.Errorf("%+v", r)
			}
			change(b)
			b.config.Sink = sink
			report := b.push()
			if n := report.Get("commission found written by an earlier run") + report.Get("commission written"); n != 1 {
				t.Errorf("%+v", report)
			}
			if r := b.row(key); r.State(noon) != outbox.Settled {
				t.Errorf("%+v", r)
			}
			if n := b.org.Count("Partner_Commission__c"); n != 1 {
				t.Errorf("%d commissions", n)
			}
			b.expect(b.push(), "commission", 0, 0, 0, 0)
		})
	}
}

// cutSink ends the pass between the upsert and its confirmation.
type cutSink struct {
	push.Sink
	cut context.CancelFunc
}

func (s *cutSink) Upsert(ctx context.Context, object, key string, records []any) ([]salesforce.UpsertResult, error) {
	results, err := s.Sink.Upsert(ctx, object, key, records)
	s.cut()
	return results, err
}

func TestOneWriteOfAKeyInFlight(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	b.push()
	key := b.line("FG3877", "x1", "2026-10", 100)
	sink := &slowSink{Sink: b.config.Sink}
	sink.during = func() {
		// A change of the ledger during the call waits for nobody, and stays unsent.
		b.mark(outbox.Commission, "FG3877", key)
		rows, err := outbox.Next(t.Context(), b.db, outbox.Range{Object: outbox.Commission, Limit: 10}, noon)
		if err != nil || len(rows) != 0 {
			t.Errorf("a row in flight can be sent: %v, %v", rows, err)
		}
	}
	b.config.Sink = sink
	b.expect(b.push(), "commission", 1, 0, 0, 0)
	if r := b.row(key); r.State(noon) != outbox.Unsent {
		t.Errorf("the change that came during the call is lost: %+v", r)
	}
	b.expect(b.push(), "commission", 0, 1, 0, 0)
}

// TestWhoeverIsSupersededSendsNothing: a pass that was frozen before its call, and wakes
// when another has settled what it had in flight.
func TestWhoeverIsSupersededSendsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	b.push()
	key := b.line("FG3877", "x1", "2026-10", 100)
	other := b.config
	sink := &slowSink{Sink: b.config.Sink}
	sink.describing = func() {
		b.line("FG3877", "x1", "2026-10", 200)
		if _, err := push.New(other).Run(t.Context(), stage.Options{}); err != nil {
			t.Error(err)
		}
	}
	b.config.Sink = sink
	if report := b.push(); report.Deferred == "" {
		t.Errorf("%+v", report)
	}
	if got := fmt.Sprint(b.commission(key)["Amount__c"]); !strings.HasPrefix(got, "2") || b.row(key).State(noon) != outbox.Settled {
		t.Errorf("Salesforce holds %s", got)
	}
}

// slowSink does something once, before its first call, or before it describes.
type slowSink struct {
	push.Sink
	once, onceDescribing sync.Once
	during, describing   func()
}

func (s *slowSink) Upsert(ctx context.Context, object, key string, records []any) ([]salesforce.UpsertResult, error) {
	if s.during != nil {
		s.once.Do(s.during)
	}
	return s.Sink.Upsert(ctx, object, key, records)
}

func (s *slowSink) Describe(ctx context.Context, object string) (*salesforce.Object, error) {
	if s.describing != nil {
		s.onceDescribing.Do(s.describing)
	}
	return s.Sink.Describe(ctx, object)
}

func TestMissingFieldOrObjectOfATargetIsNamed(t *testing.T) {
	t.Parallel()
	for absent, want := range map[string]string{
		"Partner_Commission__c.Reason__c": "Reason__c",
		"Partner_Commission__c":           "Partner_Commission__c",
	} {
		b := newBench(t, emulator.Options{Without: []string{absent}})
		b.line("FG3877", "x1", "2026-10", 100)
		_, err := push.New(b.config).Run(t.Context(), stage.Options{})
		if err == nil || !strings.Contains(err.Error(), want) || errs.HintOf(err) == "" {
			t.Errorf("without %s: %v", absent, err)
		}
	}
}

func TestRecordCurrencyIsWrittenWhereTheOrgHasIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{MultiCurrency: true})
	b.partner("FG3877")
	key := b.line("FG3877", "x1", "2026-10", 100)
	b.exec(`update ledger.line set currency = 'EUR'`)
	b.push()
	if r := b.commission(key); r["CurrencyIsoCode"] != "EUR" {
		t.Errorf("%v", r)
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	key := b.line("FG3877", "x1", "2026-10", 100)
	report, err := push.New(b.config).Run(t.Context(), stage.Options{DryRun: true})
	if err != nil || report.Get("partner to write") != 1 || report.Get("commission to write") != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	if b.org.Count("Partner_Commission__c") != 0 || b.row(key).State(noon) != outbox.Unsent {
		t.Error("a dry run wrote")
	}
}

func TestUsedUpQuotaDefersThePush(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	b.org.Fail(func(r *http.Request) *emulator.Fault {
		if r.Method == http.MethodPatch {
			return &emulator.Fault{Status: 403, Body: `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]`}
		}
		return nil
	})
	if report := b.push(); report.Deferred == "" {
		t.Errorf("%+v", report)
	}
	if r := b.row("FG3877"); r.State(noon) != outbox.Unsent || r.Attempts != 0 {
		t.Errorf("%+v", r)
	}
}
