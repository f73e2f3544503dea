package push_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/record"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/verify"
)

// held gives "amount status reason" of what Salesforce holds, by key.
func (b *bench) held() map[string]string {
	out := map[string]string{}
	for _, r := range b.org.Records("Partner_Commission__c") {
		out[fmt.Sprint(r["Commission_Key__c"])] = fmt.Sprint(plain(r["Amount__c"]), " ", r["Status__c"], " ", r["Reason__c"])
	}
	return out
}

// plain gives a number without zeros at its end.
func plain(v any) string {
	d, err := decimal.NewFromString(fmt.Sprint(v))
	if err != nil {
		return fmt.Sprint(v)
	}
	return d.String()
}

// holds asks that Salesforce has what is wanted, that nothing more is to be sent, and
// that verify sees it so.
func (b *bench) holds(want map[string]string) {
	b.t.Helper()
	got := b.held()
	for key, w := range want {
		if got[key] != w {
			b.t.Errorf("%s is %q, not %q", key, got[key], w)
		}
	}
	if len(got) != len(want) {
		b.t.Errorf("Salesforce holds %d records, not %d: %v", len(got), len(want), got)
	}
	if r := b.push(); r.Get("commission written")+r.Get("commission unchanged") != 0 {
		b.t.Errorf("a second push does something: %+v", r)
	}
	v := verify.New(verify.Config{DB: b.db, Clock: b.clock, Source: b.config.Sink.(*salesforce.Client), Mapping: b.config.Mapping, Shape: b.config.Shape, Zone: time.UTC})
	result, err := v.Verify(b.t.Context(), nil)
	must(b.t, err)
	for _, c := range result.Checks {
		if c.Name == "Salesforce commission" && c.Differences > 0 {
			b.t.Errorf("verify finds %+v", c.Kept)
		}
	}
}

func month(t *testing.T, s string) clock.Month {
	t.Helper()
	m, err := clock.ParseMonth(s)
	must(t, err)
	return m
}

const (
	august, september, october = "FG3877/space/x1/referral/2026-08", "FG3877/space/x1/referral/2026-09", "FG3877/space/x1/referral/2026-10"
	sum                        = "FG3877/space/x1/USD"
)

func TestLinesBeforeTheFirstMonthAreNotHeld(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.Shape = record.Shape{Since: month(t, "2026-09")}
	for _, period := range []string{"2026-08", "2026-09", "2026-10"} {
		b.line("FG3877", "x1", period, 100)
	}
	b.expect(b.push(), "commission", 2, 1, 0, 0)
	b.holds(map[string]string{september: "1 Accrued <nil>", october: "1 Accrued <nil>"})

	// Later still: what is there comes to zero, with the reason.
	b.config.Shape.Since = month(t, "2026-10")
	b.expect(b.push(), "commission", 1, 2, 0, 0)
	b.holds(map[string]string{september: "0 Zero before push.since", october: "1 Accrued <nil>"})

	// All of them: what came to zero is written again.
	b.config.Shape = record.Shape{}
	b.expect(b.push(), "commission", 2, 1, 0, 0)
	b.holds(map[string]string{august: "1 Accrued <nil>", september: "1 Accrued <nil>", october: "1 Accrued <nil>"})
}

func TestARecordForEachSourceSumsItsLines(t *testing.T) {
	t.Parallel()
	for _, api := range []push.API{push.APICollections, push.APIBulk} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, emulator.Options{})
			b.config.API, b.config.Shape = api, record.Shape{Grain: record.BySource}
			b.partner("FG3877")
			for _, period := range []string{"2026-08", "2026-09", "2026-10"} {
				b.line("FG3877", "x1", period, 100)
			}
			b.line("FG3877", "x2", "2026-10", 50)
			b.expect(b.push(), "commission", 2, 0, 0, 0)
			b.holds(map[string]string{sum: "3 Accrued <nil>", "FG3877/space/x2/USD": "0.5 Accrued <nil>"})
			r := b.commission(sum)
			want := "3 lines of 2026-08 to 2026-10 come to 3.00 USD.\n2026-08 referral: 1.00, accrued\n2026-09 referral: 1.00, accrued\n2026-10 referral: 1.00, accrued"
			if r["Explanation__c"] != want || r["Partner__c"] == nil || r["Period__c"] != "2026-10" || r["Slice__c"] != nil {
				t.Errorf("%v", r)
			}

			// A line that changes, one on hold, one that goes.
			b.line("FG3877", "x1", "2026-10", 250)
			b.exec(`update ledger.line set status = 'on_hold', reason = 'conflict' where key = $1`, september)
			b.mark(outbox.Commission, "FG3877", september)
			b.exec(`delete from ledger.line where source_id = 'x2'`)
			b.mark(outbox.Commission, "FG3877", "FG3877/space/x2/referral/2026-10")
			b.expect(b.push(), "commission", 2, 0, 0, 0)
			b.holds(map[string]string{sum: "3.5 Accrued <nil>", "FG3877/space/x2/USD": "0 Zero withdrawn"})

			// A sum is as far as what is least far in it.
			b.exec(`update ledger.line set status = 'paid', reason = '' where source_id = 'x1'`)
			b.exec(`update ledger.line set status = 'exported' where key = $1`, october)
			b.mark(outbox.Commission, "FG3877", august, september, october)
			b.push()
			b.holds(map[string]string{sum: "4.5 Exported <nil>", "FG3877/space/x2/USD": "0 Zero withdrawn"})
		})
	}
}

func TestACurrencyThatChangesLeavesNoSumBehind(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.Shape.Grain = record.BySource
	b.line("FG3877", "x1", "2026-10", 100)
	b.push()
	b.exec(`update ledger.line set currency = 'EUR'`)
	b.mark(outbox.Commission, "FG3877", october)
	b.push()
	b.holds(map[string]string{sum: "0 Zero withdrawn", "FG3877/space/x1/EUR": "1 Accrued <nil>"})
}

func TestTheGrainCanBeChangedAndChangedBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.line("FG3877", "x1", "2026-09", 100)
	b.line("FG3877", "x1", "2026-10", 100)
	b.push()
	b.holds(map[string]string{september: "1 Accrued <nil>", october: "1 Accrued <nil>"})

	b.config.Shape = record.Shape{Grain: record.BySource, Since: month(t, "2026-10")}
	b.expect(b.push(), "commission", 3, 0, 0, 0)
	b.holds(map[string]string{sum: "1 Accrued <nil>", september: "0 Zero held by source", october: "0 Zero held by source"})

	b.line("FG3877", "x1", "2026-11", 100)
	b.expect(b.push(), "commission", 1, 0, 0, 0)
	b.holds(map[string]string{sum: "2 Accrued <nil>", september: "0 Zero held by source", october: "0 Zero held by source"})

	b.config.Shape = record.Shape{}
	b.push()
	b.holds(map[string]string{sum: "0 Zero held by line", september: "1 Accrued <nil>", october: "1 Accrued <nil>", "FG3877/space/x1/referral/2026-11": "1 Accrued <nil>"})
}

// TestVerifySeesASumThatIsWrongOrMissing: what somebody changed, took away or made.
func TestVerifySeesASumThatIsWrongOrMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.Shape.Grain = record.BySource
	for i := range 5 {
		b.line("FG3877", fmt.Sprint("x", i), "2026-10", 100)
		b.line("FG3877", fmt.Sprint("x", i), "2026-11", 100)
	}
	b.push()
	id := func(key string) string { return b.commission(key)["Id"].(string) }
	must(t, b.org.Update("Partner_Commission__c", id("FG3877/space/x1/USD"), map[string]any{"Amount__c": 9}, noon))
	must(t, b.org.Delete("Partner_Commission__c", id("FG3877/space/x2/USD")))
	_, err := b.org.Insert("Partner_Commission__c", map[string]any{"Commission_Key__c": "FG3877/space/x3/referral/2019-01", "Amount__c": 1})
	must(t, err)
	v := verify.New(verify.Config{DB: b.db, Clock: b.clock, Source: b.config.Sink.(*salesforce.Client), Mapping: b.config.Mapping, Shape: b.config.Shape, Zone: time.UTC})
	result, err := v.Verify(t.Context(), nil)
	must(t, err)
	got := map[string]string{}
	for _, c := range result.Checks {
		for _, d := range c.Kept {
			if c.Name == "Salesforce commission" {
				got[d.Subject] = d.Field
			}
		}
	}
	want := map[string]string{"FG3877/space/x1/USD": "Amount__c", "FG3877/space/x2/USD": "record", "FG3877/space/x3/referral/2019-01": "record in Salesforce"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, not %v", got, want)
	}
}

func TestSourceKeysAreListedOnceInOrderHoweverTheyArePaged(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.exec(`insert into ledger.line (key, payee_id, regime, source_id, slice, period, currency, base, rate, amount_minor, status, explanation, computed_at)
		select 'AA0001/program/S' || lpad((n / 7)::text, 3, '0') || '/s' || n % 3 || '/' || '2026-' || lpad((n % 12 + 1)::text, 2, '0'), 'AA0001', 'program', 'S' || lpad((n / 7)::text, 3, '0'), 's' || n % 3,
			'2026-' || lpad((n % 12 + 1)::text, 2, '0'), case n % 4 when 0 then 'EUR' else 'USD' end, 1, 1, n, 'accrued', '{}', now()
		from generate_series(0, 999) n on conflict do nothing`)
	var want []string
	must(t, b.db.Select(&want, `select k from (select distinct payee_id || '/' || regime || '/' || source_id || '/' || currency as k from ledger.line where period >= '2026-06') as s order by k collate "C"`))
	shape := record.Shape{Grain: record.BySource, Since: month(t, "2026-06")}
	for _, limit := range []int{1, 3, 1000} {
		var got []string
		b.in(func(ctx context.Context, tx *sqlx.Tx) error {
			for after := ""; ; after = got[len(got)-1] {
				keys, err := shape.KeysAfter(ctx, tx, "commission", after, limit)
				if err != nil || len(keys) == 0 {
					return err
				}
				got = append(got, keys...)
			}
		})
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("by %d: %d keys, not %d", limit, len(got), len(want))
		}
	}
}

// TestADryRunSaysWhatWouldBeWrittenOfSources: what the push after it writes.
func TestADryRunSaysWhatWouldBeWrittenOfSources(t *testing.T) {
	t.Parallel()
	b := newBench(t, emulator.Options{})
	b.config.Shape.Grain = record.BySource
	agrees := func(what string, writes, unchanged int64) {
		t.Helper()
		dry, err := push.New(b.config).Run(t.Context(), stage.Options{DryRun: true})
		must(t, err)
		if got, same := dry.Get("commission to write"), dry.Get("commission unchanged"); got != writes || same != unchanged {
			t.Errorf("%s: %d to write and %d unchanged, want %d and %d", what, got, same, writes, unchanged)
		}
		if r := b.push(); r.Get("commission written") != writes || r.Get("commission unchanged") != unchanged {
			t.Errorf("%s: then %+v", what, r)
		}
	}
	b.partner("FG3877")
	for i := range 3 {
		for _, period := range []string{"2026-08", "2026-09", "2026-10"} {
			b.line("FG3877", fmt.Sprint("x", i), period, 100)
		}
	}
	agrees("at first", 3, 0)
	b.line("FG3877", "x1", "2026-10", 250)
	b.mark(outbox.Commission, "FG3877", "FG3877/space/x0/referral/2026-08") // which has not changed
	agrees("one has changed", 1, 1)
	b.exec(`delete from ledger.line where source_id = 'x2'`)
	b.mark(outbox.Commission, "FG3877", "FG3877/space/x2/referral/2026-10")
	agrees("one is gone", 1, 0)
	agrees("nothing", 0, 0)
}
