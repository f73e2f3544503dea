package recount_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
	"github.com/partnersync/partnersync/sync/pull"
	"github.com/partnersync/partnersync/sync/recount"
	"github.com/partnersync/partnersync/sync/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// bench is an org, a database and the two stages that read the one into the other.
type bench struct {
	t      *testing.T
	org    *emulator.Org
	db     *sqlx.DB
	client *salesforce.Client
	clock  *clock.Manual // the org's and ours
	config recount.Config
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, clock: clock.NewManual(noon)}
	b.org = emulator.New(emulator.Options{Clock: b.clock})
	b.db, b.client = pgtest.New(t), orgtest.Client(t, orgtest.Serve(t, b.org), salesforce.Config{MaxAttempts: 2})
	b.config = recount.Config{DB: b.db, Source: b.client, Mapping: mapping.Default(), Clock: b.clock}
	return b
}

func (b *bench) insert(object string, fields map[string]any) string {
	b.t.Helper()
	id, err := b.org.Insert(object, fields)
	must(b.t, err)
	return id
}

// spaces makes n Spaces and gives their ids.
func (b *bench) spaces(n int) (ids []string) {
	b.t.Helper()
	for i := range n {
		ids = append(ids, b.insert("Space__c", map[string]any{"Space_Key__c": fmt.Sprintf("S%05d", i), "Name": "Space",
			"Space_Created_At__c": "2020-05-04T10:00:00Z", "Partner_ID__c": "FG3877"}))
	}
	return ids
}

func (b *bench) sale() {
	b.t.Helper()
	b.insert("Opportunity", map[string]any{"Name": "One", "Amount": json.Number("12000.50"), "CloseDate": "2026-10-31", "StageName": "Closed Won"})
}

// later lets time pass until nothing that was read is read again, and pulls.
func (b *bench) later() {
	b.t.Helper()
	b.clock.Advance(time.Hour)
	b.pull()
}

func (b *bench) pull() stage.Report {
	b.t.Helper()
	r, err := pull.New(pull.Config{DB: b.db, Source: b.client, Mapping: mapping.Default(), Clock: b.clock, PageSize: 200}).Run(b.t.Context(), stage.Options{})
	must(b.t, err)
	return r
}

// settled pulls until everything lies behind the overlap.
func (b *bench) settled() {
	b.t.Helper()
	b.later()
	b.later()
}

func (b *bench) recount() stage.Report {
	b.t.Helper()
	r, err := recount.New(b.config).Run(b.t.Context(), stage.Options{})
	must(b.t, err)
	return r
}

// purge empties the recycle bin of records, and of those that were never in it.
func (b *bench) purge(object string, ids ...string) {
	b.t.Helper()
	for _, id := range ids {
		must(b.t, b.org.Purge(object, id))
	}
}

func (b *bench) play(plan string) {
	b.t.Helper()
	p, err := fault.Parse([]byte(plan), "test")
	must(b.t, err)
	b.org.PlayFaults(p, 1)
	b.t.Cleanup(func() { b.org.PlayFaults(nil, 0) })
}

// want compares the counts of an object that are not zero, but for how many there are.
func (b *bench) want(r stage.Report, object string, counts map[string]int64) {
	b.t.Helper()
	for _, name := range []string{recount.CountMissed, recount.CountChanged, recount.CountReturned, recount.CountVanished, recount.CountPending} {
		if got := r.Get(object + name); got != counts[name] {
			b.t.Errorf("%s%s: %d, want %d", object, name, got, counts[name])
		}
	}
}

// state is what is staged, everything but when.
func (b *bench) state() string {
	b.t.Helper()
	var rows []string
	must(b.t, b.db.Select(&rows, `
		select concat_ws(' ', object, id, modstamp, is_deleted, payload, vanished_at is not null) from staging.record order by object, id collate "C", modstamp`))
	return strings.Join(rows, "\n")
}

func (b *bench) vanished() (ids []string) {
	b.t.Helper()
	must(b.t, b.db.Select(&ids, `select id from staging.record where vanished_at is not null order by id collate "C"`))
	return ids
}

// hiding is an org in which the integration user does not see some records any more.
type hiding struct {
	recount.Source
	ids map[string]bool
}

func (h *hiding) Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(context.Context, salesforce.Page) error) error {
	return h.Source.Query(ctx, soql, o, func(ctx context.Context, p salesforce.Page) error {
		var seen []json.RawMessage
		for _, raw := range p.Records {
			var r struct{ ID string }
			if err := json.Unmarshal(raw, &r); err != nil {
				return err
			}
			if !h.ids[r.ID] {
				seen = append(seen, raw)
			}
		}
		p.Records = seen
		return page(ctx, p)
	})
}

func (b *bench) hide(ids ...string) {
	h := &hiding{b.client, map[string]bool{}}
	for _, id := range ids {
		h.ids[id] = true
	}
	b.config.Source = h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
