package wholeway_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
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
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/verify"
)

// way is one company: its org, its ledger, and the stages between them.
type way struct {
	t      testing.TB
	org    *emulator.Org
	db     *sqlx.DB
	url    string // of the org
	dsn    string // of the database
	clock  *clock.Manual
	stages []stage.Stage
	hasRun bool
}

// newWay gives an empty org and an empty ledger, both at an instant such as
// 2027-02-01T06:00:00Z.
func newWay(t testing.TB, now string) *way {
	t.Helper()
	c := clock.NewManual(instant(now))
	w := &way{t: t, clock: c, dsn: pgtest.DSN(t), org: emulator.New(emulator.Options{Clock: c})}
	db, err := pg.Open(context.Background(), pg.Config{DSN: w.dsn, MaxConns: 8, Name: "partnersync test"})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	w.db = db
	w.url = orgtest.Serve(t, w.org)
	w.stages = stagesOf(t, w.db, w.url, c, mapping.Default())
	return w
}

// stagesOf gives the stages between an org and a database, and verify.
func stagesOf(t testing.TB, db *sqlx.DB, url string, c clock.Clock, m *mapping.Mapping) []stage.Stage {
	t.Helper()
	log := zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
	client := orgtest.Client(t, url, salesforce.Config{Log: log, Clock: c})
	return []stage.Stage{
		pull.New(pull.Config{DB: db, Source: client, Mapping: m, Clock: c, Log: log}),
		reconcile.New(reconcile.Config{DB: db, Mapping: m, Clock: c, Zone: time.UTC, Currency: "USD"}),
		accrue.New(accrue.Config{DB: db, Clock: c, Zone: time.UTC, GoLive: book.GoLive{Decided: true}}),
		push.New(push.Config{DB: db, Sink: client, Mapping: m, Clock: c, Log: log}),
		verify.New(verify.Config{DB: db, Source: client, Mapping: m, Clock: c, Zone: time.UTC, Log: log}),
	}
}

// mapped reads a mapping that changes the default one.
func mapped(t testing.TB, yaml string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Load(strings.NewReader(yaml), "test")
	must(t, err)
	return m
}

// run makes one pass of every stage and gives their reports by name. The clock
// moves on by a minute first, as it would.
func (w *way) run() map[string]stage.Report {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	w.hasRun = true
	out := map[string]stage.Report{}
	for _, s := range w.stages {
		r, err := s.Run(context.Background(), stage.Options{Actor: "test"})
		if err != nil {
			w.t.Fatalf("%s: %v", s.Name(), err)
		}
		if r.Deferred != "" {
			w.t.Fatalf("%s did nothing: %s", s.Name(), r.Deferred)
		}
		out[s.Name()] = r
	}
	return out
}

// apply applies partners and plans.
func (w *way) apply(text string) {
	w.t.Helper()
	f, err := apply.Read(strings.NewReader(text), "test")
	must(w.t, err)
	must(w.t, pg.InTx(context.Background(), w.db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := apply.Apply(ctx, tx, f, apply.Options{Actor: "test", Zone: time.UTC, Now: w.clock.Now(), Alone: true})
		return err
	}))
}

// insert makes a record; its instants are given, or lie before everything else.
func (w *way) insert(object string, fields map[string]any) string {
	w.t.Helper()
	if _, ok := fields["SystemModstamp"]; !ok {
		fields["SystemModstamp"] = instant("2019-01-01T00:00:00Z")
		if w.hasRun { // what comes later is stamped later: no pull looks for it in 2019
			fields["SystemModstamp"] = w.clock.Now()
		}
	}
	id, err := w.org.Insert(object, fields)
	must(w.t, err)
	return id
}

// change changes a record at an instant; the org tracks it where it tracks.
func (w *way) change(object, id string, at string, fields map[string]any) {
	w.t.Helper()
	must(w.t, w.org.Update(object, id, fields, instant(at)))
}

// commissions gives what stands in Salesforce: "payee period" → amount, of the
// lines that are accrued.
func (w *way) commissions() map[string]string {
	out := map[string]string{}
	for _, r := range w.org.Records("Partner_Commission__c") {
		if r["Status__c"] == "Accrued" {
			out[text(r["Partner_ID__c"])+" "+text(r["Period__c"])] = number(w.t, r["Amount__c"]).StringFixed(2)
		}
	}
	return out
}

// totals sums what stands in Salesforce by payee.
func (w *way) totals() map[string]string {
	sums := map[string]decimal.Decimal{}
	for _, r := range w.org.Records("Partner_Commission__c") {
		if r["Status__c"] == "Accrued" {
			id := text(r["Partner_ID__c"])
			sums[id] = sums[id].Add(number(w.t, r["Amount__c"]))
		}
	}
	out := map[string]string{}
	for id, d := range sums {
		out[id] = d.StringFixed(2)
	}
	return out
}

// fetch scans one value.
func fetch[T any](t testing.TB, db *sqlx.DB, query string, args ...any) (v T) {
	t.Helper()
	must(t, db.Get(&v, query, args...))
	return v
}

func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func number(t testing.TB, v any) decimal.Decimal {
	t.Helper()
	n, ok := v.(json.Number)
	if !ok {
		t.Fatalf("%v (%T) is not a number", v, v)
	}
	d, err := decimal.NewFromString(n.String())
	must(t, err)
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
