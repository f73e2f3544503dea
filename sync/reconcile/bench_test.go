package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/staging"
)

// BenchmarkOpportunities reconciles two thousand changed opportunities of a hundred
// customers, in a ledger without registrations and in one where one opportunity in ten
// is registered.
func BenchmarkOpportunities(b *testing.B) {
	const n, customers = 2000, 100
	for _, every := range []int{0, 10} {
		b.Run(fmt.Sprintf("one in %d registered", every), func(b *testing.B) {
			l := newLedger(b)
			ids, each := make([]string, n), make([]map[string]any, n)
			for i := range n {
				ids[i] = opportunityID(i)
				each[i] = won(accountID(i%customers), "CloseDate", time.Date(2024, 1, 1+i%700, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
			}
			var regs []string
			var registered []map[string]any
			for i := 0; every > 0 && i < n; i += every {
				regs = append(regs, registrationID(i))
				submitted := time.Date(2023, 12, 20+i%700, 0, 0, 0, 0, time.UTC).Format("2006-01-02T15:04:05.000-0700")
				registered = append(registered, approved("Account__c", accountID(i%customers), "Opportunity__c", ids[i],
					"Submitted_At__c", submitted, "Decided_At__c", submitted))
			}
			l.stageAll(mapping.Opportunity, ids, each)
			l.stageAll(mapping.Registration, regs, registered)
			l.run()
			for b.Loop() {
				b.StopTimer()
				l.stageAll(mapping.Opportunity, ids, each)
				b.StartTimer()
				l.run()
			}
		})
	}
}

// stageAll stages a version of each record, all of one stamp later than all before.
func (l *ledgerOf) stageAll(kind mapping.Kind, ids []string, each []map[string]any) {
	l.t.Helper()
	if len(ids) == 0 {
		return
	}
	l.stamp = l.stamp.Add(time.Second)
	object := mapping.Default().Object(kind)
	records := make([]staging.Record, len(ids))
	for i, fields := range each {
		text, err := json.Marshal(whole(kind, fields))
		must(l.t, err)
		records[i] = staging.Record{Object: object, ID: ids[i], Modstamp: l.stamp, Payload: text}
	}
	l.in(func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := staging.Put(ctx, tx, object, records, l.clock.Now())
		return err
	})
}
