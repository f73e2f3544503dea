package recount_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/recount"
	"github.com/partnersync/partnersync/sync/stage"
)

// endless is an org whose records are made while they are read, so that it needs no
// memory of its own. It measures what is in use at every tenth page.
type endless struct {
	recount.Source
	records int
	peak    uint64
}

func syntheticID(n int) string { return fmt.Sprintf("a01%012dAAA", n) }

func (e *endless) Query(ctx context.Context, soql string, o salesforce.QueryOptions, page func(context.Context, salesforce.Page) error) error {
	if !strings.Contains(soql, "FROM Space__c") || strings.Contains(soql, " IN (") {
		return e.Source.Query(ctx, soql, o, page)
	}
	for n := 0; n < e.records; {
		p := salesforce.Page{TotalSize: e.records}
		for len(p.Records) < 2000 && n < e.records {
			p.Records = append(p.Records, json.RawMessage(`{"Id":"`+syntheticID(n)+`","SystemModstamp":"2026-11-20T12:00:00.000+0000","IsDeleted":false}`))
			n++
		}
		if err := page(ctx, p); err != nil {
			return err
		}
		if n%20_000 == 0 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			e.peak = max(e.peak, m.HeapAlloc)
		}
	}
	return nil
}

// TestMemoryDoesNotGrowWithTheOrg: a hundred thousand records, every hundredth of
// which has vanished, need little more than twenty thousand.
func TestMemoryDoesNotGrowWithTheOrg(t *testing.T) {
	small, took := recounted(t, 20_000)
	large, tookLarge := recounted(t, 100_000)
	t.Logf("in use: %.1f MB for 20,000 records (%v), %.1f MB for 100,000 (%v)", float64(small)/1e6, took, float64(large)/1e6, tookLarge)
	if large > small+4<<20 {
		t.Errorf("%d bytes are in use for 20,000 records, and %d for 100,000", small, large)
	}
}

func recounted(t *testing.T, n int) (peak uint64, took time.Duration) {
	t.Helper()
	b := newBench(t)
	b.spaces(1)
	b.settled() // so that there is a cursor
	b.purge("Space__c", b.org.Records("Space__c")[0]["Id"].(string))
	if _, err := b.db.Exec(`
		delete from staging.record where object = 'Space__c'`); err != nil {
		t.Fatal(err)
	}
	if _, err := b.db.Exec(`
		insert into staging.record (object, id, modstamp, payload, pulled_at, reconciled_at)
		select 'Space__c', 'a01' || lpad(n::text, 12, '0') || 'AAA', '2026-11-20T12:00:00Z', '{"Id":"x","Name":"a Space"}', now(), now()
		from generate_series(0, $1 + $1 / 100 - 1) as n`, n); err != nil {
		t.Fatal(err)
	}
	e := &endless{Source: b.client, records: n}
	began := clock.System{}.Now()
	r, err := recount.New(recount.Config{DB: b.db, Source: e, Mapping: mapping.Default(), Clock: b.clock, BulkAbove: -1}).Run(t.Context(), stage.Options{})
	must(t, err)
	took = clock.System{}.Now().Sub(began).Round(time.Millisecond)
	if got := r.Get("Space__c in Salesforce"); got != int64(n) {
		t.Errorf("%d records were counted", got)
	}
	b.want(r, "Space__c", counts{recount.CountVanished: int64(n / 100)})
	return e.peak, took
}
