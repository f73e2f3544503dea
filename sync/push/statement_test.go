package push_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/stage"
)

// accrue settles what a source comes to for a payee in a month, in cents, and marks
// its line, as accrue does.
func (b *bench) accrue(payee, source, period string, cents int64) string {
	b.t.Helper()
	m, err := clock.ParseMonth(period)
	if err != nil {
		b.t.Fatal(err)
	}
	l := commission.Line{
		Key: commission.Key(payee, commission.RegimeSpace, source, commission.SliceReferral, m), PayeeID: payee,
		Regime: commission.RegimeSpace, SourceID: source, Slice: commission.SliceReferral, Period: m, Currency: "USD",
		Base: decimal.New(cents, -1), Rate: decimal.New(1, -1), Amount: decimal.New(cents, -2), Status: commission.Accrued,
		Explanation: commission.Explanation{Sentence: "Because you brought them."},
	}
	b.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := book.Settle(ctx, tx, []book.Expectation{{SourceID: source, Lines: []commission.Line{l}}},
			book.Context{AsOf: clock.NewDate(2026, 11, 19), Actor: "test", Now: b.clock.Now()})
		return err
	})
	b.mark(outbox.Commission, payee, l.Key)
	return l.Key
}

func (b *bench) in(f func(ctx context.Context, tx *sqlx.Tx) error) {
	b.t.Helper()
	if err := pg.InTx(b.t.Context(), b.db, f); err != nil {
		b.t.Fatal(err)
	}
}

// step takes a line a step of its life further today, and marks it.
func (b *bench) step(kind, status, key string, cents int64) {
	b.t.Helper()
	b.in(func(ctx context.Context, tx *sqlx.Tx) error {
		lines, err := book.LockLines(ctx, tx, []string{key})
		if err != nil || len(lines) != 1 {
			return fmt.Errorf("%d lines: %w", len(lines), err)
		}
		if err := book.Move(ctx, tx, kind, []book.Step{{Line: &lines[0], Currency: "USD", Minor: cents}},
			book.Context{AsOf: clock.DateIn(b.clock.Now(), time.UTC), Actor: "test", Now: b.clock.Now()}); err != nil {
			return err
		}
		return book.SetStatus(ctx, tx, []string{key}, status)
	})
	b.mark(outbox.Commission, key[:6], key)
}

// statements are the statements that Salesforce has, each with its figures.
func (b *bench) statements() map[string]string {
	out := map[string]string{}
	for _, r := range b.org.Records("Partner_Statement__c") {
		out[fmt.Sprint(r["Statement_Key__c"])] = fmt.Sprint(number(r["Opening__c"]), " + ", number(r["Accrued__c"]), " + ", number(r["Adjusted__c"]),
			" − ", number(r["Paid__c"]), " = ", number(r["Closing__c"]), " ", r["Status__c"])
	}
	return out
}

func number(v any) string { return decimal.RequireFromString(fmt.Sprint(v)).StringFixed(2) }

func (b *bench) wantStatement(key, want string) {
	b.t.Helper()
	if got := b.statements()[key]; got != want {
		b.t.Errorf("%s is %q, not %q", key, got, want)
	}
}

func TestR8_2_StatementsReachSalesforceBeforeTheLinesThatNameThem(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	key := b.accrue("FG3877", "x1", "2026-10", 10000)
	b.accrue("FG3877", "x2", "2026-11", 500)
	report := b.push()
	b.expect(report, "statement", 2, 0, 0, 0)
	b.expect(report, "commission", 2, 0, 0, 0)
	b.wantStatement("partner:FG3877/2026-10/USD", "0.00 + 100.00 + 0.00 − 0.00 = 100.00 Open")
	b.wantStatement("partner:FG3877/2026-11/USD", "100.00 + 5.00 + 0.00 − 0.00 = 105.00 Open")
	var id any
	for _, r := range b.org.Records("Partner_Statement__c") {
		if r["Period__c"] == "2026-10" {
			id = r["Id"]
			if r["Partner__c"] != b.org.Records("Partner__c")[0]["Id"] || r["Currency__c"] != "USD" {
				t.Errorf("%v", r)
			}
		}
	}
	if got := b.commission(key); got["Statement__c"] != id || id == nil || got["Status__c"] != "Accrued" {
		t.Errorf("the line names the statement %v, not %v", got["Statement__c"], id)
	}

	for _, s := range []struct{ kind, status, label string }{
		{book.KindApprove, "approved", "Approved"}, {book.KindExport, "exported", "Exported"}, {book.KindPay, "paid", "Paid"},
	} {
		b.step(s.kind, s.status, key, 10000)
		b.push()
		if got := b.commission(key); got["Status__c"] != s.label || got["Statement__c"] != id {
			t.Errorf("after %s: %v", s.kind, got)
		}
	}
	b.wantStatement("partner:FG3877/2026-10/USD", "0.00 + 100.00 + 0.00 − 0.00 = 100.00 Open")
	b.wantStatement("partner:FG3877/2026-11/USD", "100.00 + 5.00 + 0.00 − 100.00 = 5.00 Open")

	b.exec(`insert into ledger.period_close (period, closed_by, closed_at, as_of, prev_anchor, anchor, engine, terms, sources, digest)
		values ('2026-10', 'test', now(), '2026-11-01', '', '', 'test', '{}', 0, '')`)
	b.exec(`insert into ledger.period_payee (period, payee_id, partner_key) values ('2026-10', 'FG3877', 'FG3877')`)
	b.expect(b.push(), "statement", 1, 0, 0, 0)
	b.wantStatement("partner:FG3877/2026-10/USD", "0.00 + 100.00 + 0.00 − 0.00 = 100.00 Closed")
	b.accrue("FG3877", "x1", "2026-10", 4000) // of a closed and paid month: taken back in November
	b.push()
	b.wantStatement("partner:FG3877/2026-11/USD", "100.00 + 5.00 + -60.00 − 100.00 = -55.00 Open")
	if again := b.push(); again.Get("statement written")+again.Get("statement unchanged") != 0 {
		t.Errorf("nothing changed, and %+v", again)
	}
	b.clock.Set(time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC))
	b.expect(b.push(), "statement", 1, 0, 0, 0)
	b.wantStatement("partner:FG3877/2026-12/USD", "-55.00 + 0.00 + 0.00 − 0.00 = -55.00 Open")
}

func TestALineGetsItsLinkWhenItsStatementCameLate(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	b.org.FailRow(func(object string, _ map[string]any) *emulator.RowError {
		if object == "Partner_Statement__c" {
			return &emulator.RowError{StatusCode: "UNABLE_TO_LOCK_ROW", Message: "busy"}
		}
		return nil
	})
	key := b.accrue("FG3877", "x1", "2026-11", 100)
	report := b.push()
	b.expect(report, "statement", 0, 0, 1, 0)
	b.expect(report, "commission", 1, 0, 0, 0)
	if got := b.commission(key)["Statement__c"]; got != nil {
		t.Errorf("it names %v", got)
	}
	b.org.FailRow(nil)
	b.clock.Advance(time.Hour)
	report = b.push()
	b.expect(report, "statement", 1, 0, 0, 0)
	b.expect(report, "commission", 1, 0, 0, 0)
	if got := b.commission(key)["Statement__c"]; got == nil {
		t.Error("the line still names no statement")
	}
	if again := b.push(); again.Get("commission written")+again.Get("commission unchanged") != 0 {
		t.Errorf("%+v", again)
	}
}

// TestALineGetsItsLinkWhenItsStatementWasInDoubt: between the pass that writes the line without
// its link and the one that Salesforce confirms the statement to, nobody knew whether
// Salesforce has it.
func TestALineGetsItsLinkWhenItsStatementWasInDoubt(t *testing.T) {
	t.Parallel()
	for api, doubt := range map[push.API]func(b *bench){
		push.APICollections: func(b *bench) { // a call without an answer
			b.org.Fail(func(r *http.Request) *emulator.Fault {
				if r.Method == http.MethodPatch {
					return &emulator.Fault{Status: http.StatusServiceUnavailable}
				}
				return nil
			})
			if _, err := push.New(b.config).Run(b.t.Context(), stage.Options{}); errs.KindOf(err) != errs.Transient {
				b.t.Fatalf("the lost call gave %v", err)
			}
			b.org.Fail(nil)
			b.clock.Advance(time.Hour)
		},
		push.APIBulk: func(b *bench) { // a job that is gone
			client := b.config.Sink.(*salesforce.Client)
			b.config.Sink = &forgetfulSink{Sink: client, client: client, wait: b.org.WaitForJobs}
		},
	} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.config.API = api
			b.partner("FG3877")
			b.org.FailRow(func(object string, _ map[string]any) *emulator.RowError {
				if object == "Partner_Statement__c" {
					return &emulator.RowError{StatusCode: "UNABLE_TO_LOCK_ROW", Message: "busy"}
				}
				return nil
			})
			key := b.accrue("FG3877", "x1", "2026-11", 100)
			b.push()
			if got := b.commission(key)["Statement__c"]; got != nil {
				t.Fatalf("it names %v", got)
			}
			b.org.FailRow(nil)
			b.clock.Advance(time.Hour)
			doubt(b)
			b.expect(b.push(), "statement", 1, 0, 0, 0)
			if got := b.commission(key)["Statement__c"]; got == nil {
				t.Error("the line still names no statement")
			}
		})
	}
}

func TestR9_4_AnOrgWithoutStatementsTakesTheCommissionsAllTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{Without: []string{"Partner_Statement__c"}})
	b.partner("FG3877")
	b.accrue("FG3877", "x1", "2026-11", 100)
	report, err := push.New(b.config).Run(t.Context(), stage.Options{})
	if errs.KindOf(err) != errs.NotFound || !strings.Contains(err.Error(), "Partner_Statement__c") || errs.HintOf(err) == "" {
		t.Errorf("the push says %v", err)
	}
	b.expect(report, "commission", 1, 0, 0, 0)
}

func TestAMergeOfPartnersMovesTheOpenStatements(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.partner("FG3877")
	b.partner("AB1234")
	b.accrue("FG3877", "x1", "2026-11", 100)
	key := b.accrue("AB1234", "x2", "2026-11", 200)
	b.push()
	before := b.commission(key)["Statement__c"]
	b.exec(`insert into ledger.partner_merge (partner_key, merged_into, merged_on, applied_by, applied_at)
		values ('AB1234', 'FG3877', '2026-11-15', 'test', now())`)
	b.expect(b.push(), "statement", 2, 0, 0, 0)
	b.wantStatement("partner:FG3877/2026-11/USD", "0.00 + 3.00 + 0.00 − 0.00 = 3.00 Open")
	b.wantStatement("partner:AB1234/2026-11/USD", "0.00 + 0.00 + 0.00 − 0.00 = 0.00 Open")
	if after := b.commission(key)["Statement__c"]; after == before || after == nil {
		t.Errorf("the line names %v as before", after)
	}
}
