package push_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// bench is an org, a database and what stands between.
type bench struct {
	t      *testing.T
	org    *emulator.Org
	db     *sqlx.DB
	clock  *clock.Manual
	config push.Config
}

func newBench(t *testing.T, o emulator.Options) *bench {
	t.Helper()
	b := &bench{t: t, org: emulator.New(o), db: pgtest.New(t), clock: clock.NewManual(noon)}
	client := orgtest.Client(t, orgtest.Serve(t, b.org), salesforce.Config{MaxAttempts: 2})
	b.config = push.Config{DB: b.db, Sink: client, Mapping: mapping.Default(), Clock: b.clock, Workers: 3}
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) exec(query string, args ...any) {
	b.t.Helper()
	if _, err := b.db.ExecContext(b.t.Context(), query, args...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) mark(object, parent string, keys ...string) {
	b.t.Helper()
	all := make([]outbox.Key, len(keys))
	for i, k := range keys {
		all[i] = outbox.Key{Key: k, Parent: parent}
	}
	err := pg.InTx(b.t.Context(), b.db, func(ctx context.Context, tx *sqlx.Tx) error {
		return outbox.Mark(ctx, tx, object, all, b.clock.Now())
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// partner issues a Partner ID and marks it.
func (b *bench) partner(id string) {
	b.t.Helper()
	b.exec(`insert into ledger.partner (key, name, kind, joined_on, status, applied_by, applied_at)
		values ($1, 'Ada & Söhne', 'registered', '2019-01-01', 'active', 'test', now())`, id)
	b.exec(`insert into ledger.partner_id (id, partner_key, is_primary) values ($1, $1, true)`, id)
	b.mark(outbox.Partner, id, id)
}

// line keeps a line of a payee, with an amount in cents, and marks it.
func (b *bench) line(payee, source, period string, cents int64) string {
	b.t.Helper()
	key := payee + "/space/" + source + "/referral/" + period
	explanation, err := json.Marshal(commission.Explanation{Sentence: "Because you brought them.", Arithmetic: []string{"1 × 10 % = 0.1"}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.exec(`insert into ledger.line (key, payee_id, regime, source_id, slice, period, currency, base, rate, amount_minor,
			status, explanation, computed_at)
		values ($1, $2, 'space', $3, 'referral', $4, 'USD', $5::numeric / 10, 0.1, $5, 'accrued', $6, $7)
		on conflict (key) do update set amount_minor = excluded.amount_minor, computed_at = excluded.computed_at`,
		key, payee, source, period, cents, string(explanation), b.clock.Now())
	b.mark(outbox.Commission, payee, key)
	return key
}

func (b *bench) push() stage.Report {
	b.t.Helper()
	report, err := push.New(b.config).Run(b.t.Context(), stage.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	return report
}

func (b *bench) expect(r stage.Report, object string, written, unchanged, failed, quarantined int64) {
	b.t.Helper()
	got := fmt.Sprint(r.Get(object+" written"), r.Get(object+" unchanged"), r.Get(object+" failed"), r.Get(object+" quarantined"))
	if want := fmt.Sprint(written, unchanged, failed, quarantined); got != want {
		b.t.Errorf("%s: written, unchanged, failed, quarantined are %s, not %s", object, got, want)
	}
	if r.Problems < failed+quarantined {
		b.t.Errorf("%d problems", r.Problems)
	}
}

// commission gives the record of a key as Salesforce has it.
func (b *bench) commission(key string) map[string]any {
	b.t.Helper()
	for _, r := range b.org.Records("Partner_Commission__c") {
		if r["Commission_Key__c"] == key {
			return r
		}
	}
	b.t.Fatalf("Salesforce has no commission %s", key)
	return nil
}

func (b *bench) row(key string) outbox.Row {
	b.t.Helper()
	rows, err := outbox.List(b.t.Context(), b.db, outbox.Filter{Limit: 1000}, b.clock.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range rows {
		if r.Key == key {
			return r
		}
	}
	b.t.Fatalf("%s is not in the outbox", key)
	return outbox.Row{}
}
