package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/reconcile"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

// ledgerOf is a ledger with the two stages that need no org. Tests stage what a
// pull would have staged.
type ledgerOf struct {
	t         testing.TB
	db        *sqlx.DB
	clock     *clock.Manual
	reconcile *reconcile.Stage
	accrue    *accrue.Stage
	stamp     time.Time // of the version that was staged last
}

// program are two partners and a plan.
const program = `
partners:
  - {key: northwind, name: Northwind Consulting, kind: consulting, joined_on: 2016-05-01, partner_ids: [FG3877]}
  - {key: contoso, name: Contoso Partners, kind: registered, joined_on: 2018-01-15, partner_ids: [AB1234], domains: [partner.example]}
plans:
  - {effective_from: 2010-01-01, space: {referral_rate: 10%, joined_before: 2021-01-01}}
`

func newLedger(t testing.TB) *ledgerOf {
	t.Helper()
	l := &ledgerOf{t: t, db: pgtest.New(t), clock: clock.NewManual(at("2027-02-01T06:00:00Z")), stamp: at("2027-01-01T00:00:00Z")}
	l.reconcile = reconcile.New(reconcile.Config{
		DB: l.db, Mapping: mapping.Default(), Clock: l.clock, Zone: time.UTC, Currency: "USD",
	})
	l.accrue = accrue.New(accrue.Config{DB: l.db, Clock: l.clock, Zone: time.UTC, GoLive: book.GoLive{Decided: true}})
	f, err := apply.Read(strings.NewReader(program), "test")
	must(t, err)
	l.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := apply.Apply(ctx, tx, f, apply.Options{Actor: "test", Zone: time.UTC, Now: l.clock.Now(), Alone: true})
		return err
	})
	return l
}

func (l *ledgerOf) in(f func(context.Context, *sqlx.Tx) error) {
	l.t.Helper()
	must(l.t, pg.InTx(context.Background(), l.db, f))
}

// stage stages a version of a record, later than all before it. Fields that are not
// given are null.
func (l *ledgerOf) stage(kind mapping.Kind, id string, fields map[string]any) {
	l.t.Helper()
	l.stamp = l.stamp.Add(time.Second)
	text, err := json.Marshal(whole(kind, fields))
	must(l.t, err)
	object := mapping.Default().Object(kind)
	r := staging.Record{Object: object, ID: id, Modstamp: l.stamp, IsDeleted: fields["IsDeleted"] == true, Payload: text}
	l.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := staging.Put(ctx, tx, object, []staging.Record{r}, l.clock.Now())
		return err
	})
}

// whole gives a record's fields with null for those that are not given.
func whole(kind mapping.Kind, fields map[string]any) map[string]any {
	payload := map[string]any{}
	for _, path := range mapping.Default().Select(kind) {
		payload[path] = nil
	}
	for _, flag := range []string{"IsClosed", "IsWon", "Speculative__c"} {
		if _, is := payload[flag]; is {
			payload[flag] = false
		}
	}
	maps.Copy(payload, fields)
	return payload
}

// run reconciles what is staged.
func (l *ledgerOf) run() stage.Report {
	l.t.Helper()
	l.clock.Advance(time.Minute)
	r, err := l.reconcile.Run(context.Background(), stage.Options{Actor: "test"})
	must(l.t, err)
	return r
}

// pay accrues what is due.
func (l *ledgerOf) pay() {
	l.t.Helper()
	_, err := l.accrue.Run(context.Background(), stage.Options{Actor: "test"})
	must(l.t, err)
}

// due gives the sources that are due, and settles them.
func (l *ledgerOf) due() (ids []string) {
	l.t.Helper()
	must(l.t, l.db.Select(&ids, `delete from ledger.due_source returning source_id`))
	slices.Sort(ids)
	return ids
}

// wantDue runs reconcile and compares what is due after it.
func (l *ledgerOf) wantDue(what string, want ...string) {
	l.t.Helper()
	l.run()
	slices.Sort(want)
	if got := l.due(); !slices.Equal(got, want) {
		l.t.Errorf("%s: due are %v, want %v", what, got, want)
	}
}

// open gives the kinds of the open discrepancies of a subject.
func (l *ledgerOf) open(subject string) []string {
	l.t.Helper()
	ds, err := ledger.Discrepancies(context.Background(), l.db, ledger.DiscrepancyFilter{Subject: subject})
	must(l.t, err)
	out := []string{}
	for _, d := range ds {
		out = append(out, d.Kind)
		if d.Detail == "" || d.Rule == "" {
			l.t.Errorf("%s of %s says nothing", d.Kind, subject)
		}
	}
	return out
}

func (l *ledgerOf) wantOpen(subject string, want ...string) {
	l.t.Helper()
	if got := l.open(subject); !slices.Equal(got, want) {
		l.t.Errorf("open of %s are %v, want %v", subject, got, want)
	}
}

// The ids of records, of which tests say the number.
func accountID(n int) string      { return fmt.Sprintf("001%012dAAA", n) }
func opportunityID(n int) string  { return fmt.Sprintf("006%012dAAA", n) }
func registrationID(n int) string { return fmt.Sprintf("a05%012dAAA", n) }
func engagementID(n int) string   { return fmt.Sprintf("a06%012dAAA", n) }

// with gives some fields with others changed; pairs of name and value.
func with(fields map[string]any, pairs ...any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, fields)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1]
	}
	return out
}

// won is an opportunity of 1,000.
func won(account string, pairs ...any) map[string]any {
	return with(map[string]any{
		"Name": "A deal", "AccountId": account, "Amount": json.Number("1000"), "CloseDate": "2026-03-15", "StageName": "Closed Won",
		"IsClosed": true, "IsWon": true, "Type": "New Business", "CreatedDate": "2026-02-01T08:00:00.000+0000",
	}, pairs...)
}

// approved is a registration of FG3877, in whose window those opportunities are.
func approved(pairs ...any) map[string]any {
	return with(map[string]any{
		"Partner_ID__c": "FG3877", "Customer_Name__c": "Acme", "Involvement__c": "Referred", "Status__c": "Approved",
		"Submitted_At__c": "2026-01-10T09:00:00.000+0000", "Decided_At__c": "2026-01-12T15:00:00.000+0000",
	}, pairs...)
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
