package book

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/commission"
)

// TestR8_5_BulkApprovalTakesWhatTheFilterMeans, and lists what it refuses.
func TestR8_5_BulkApprovalTakesWhatTheFilterMeans(t *testing.T) {
	lines := []struct {
		source, payee, currency, regime string
		period                          clock.Month
		minor                           int64
		status                          commission.Status
	}{
		{"006A", "FG3877", "USD", commission.RegimeSpace, month, 10000, commission.Accrued},
		{"006B", "FG3877", "USD", commission.RegimeRegistration, month, 50000, commission.Accrued},
		{"006C", "AB1234", "USD", commission.RegimeSpace, month.Next(), 2000, commission.Accrued},
		{"006D", "AB1234", "JPY", commission.RegimeSpace, month, 9000, commission.Accrued},
		{"006E", "AB1234", "USD", commission.RegimeSpace, month, -6000, commission.Accrued},
		{"006F", "FG3877", "USD", commission.RegimeSpace, month, 4000, commission.OnHold},
		{"006G", "FG3877", "USD", commission.RegimeSpace, month, 0, commission.Zero},
	}
	for name, c := range map[string]struct {
		filter Filter
		want   string // sources; refused ones behind a bar
	}{
		"through":  {Filter{Through: month}, "006A 006B 006D 006E | 006F"},
		"payee":    {Filter{Payees: []string{"AB1234"}}, "006C 006D 006E |"},
		"currency": {Filter{Currency: "JPY"}, "006D |"},
		"regime":   {Filter{Regime: commission.RegimeRegistration}, "006B |"},
		"source":   {Filter{SourceID: "006A"}, "006A |"},
		"most":     {Filter{Currency: "USD", MostMinor: 5000}, "006C | 006F"},
		"all of it": {Filter{Through: month, Payees: []string{"FG3877", "AB1234"}, Currency: "USD", Regime: commission.RegimeSpace,
			MostMinor: 6000}, "006E | 006F"},
		"none": {Filter{SourceID: "006Z"}, "|"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			for _, l := range lines {
				e := expect(l.source, l.payee, l.minor)
				x := &e.Lines[0]
				x.Currency, x.Regime, x.Period, x.Status = "USD", l.regime, l.period, l.status
				if l.currency == "JPY" {
					x.Currency, x.Amount = "JPY", decimal.New(l.minor, 0)
				}
				if l.status != commission.Accrued {
					x.Reason = "for a test"
				}
				x.Key = commission.Key(l.payee, l.regime, l.source, x.Slice, l.period)
				settle(t, db, e)
			}
			o := step(t, db, func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) {
				return Approve(ctx, tx, Selection{Filter: c.filter}, nil, by)
			})
			var done, refused []string
			for _, d := range o.Done {
				done = append(done, strings.Split(d.Key, "/")[2])
			}
			for _, r := range o.Refused {
				refused = append(refused, strings.Split(r.Key, "/")[2])
			}
			slices.Sort(done)
			if got := strings.TrimSpace(strings.Join(done, " ") + " | " + strings.Join(refused, " ")); got != c.want {
				t.Errorf("approved and refused %q, want %q", got, c.want)
			}
		})
	}
}

// TestR8_5_ABulkApprovalIsLargerThanABatch, and every chain stays whole.
func TestR8_5_ABulkApprovalIsLargerThanABatch(t *testing.T) {
	db := pgtest.New(t)
	var es []Expectation
	for i := range 2*linesAtOnce + 7 {
		es = append(es, expect(fmt.Sprintf("006-%04d", i), []string{"FG3877", "AB1234"}[i%2], 100))
	}
	settle(t, db, es...)
	o := step(t, db, func(ctx context.Context, tx *sqlx.Tx) (Outcome, error) {
		return Approve(ctx, tx, Selection{Filter: Filter{Through: month}}, nil, by)
	})
	if len(o.Done) != len(es) || len(o.Refused) != 0 {
		t.Errorf("approved %d and refused %d of %d", len(o.Done), len(o.Refused), len(es))
	}
	checkChained(t, db, "FG3877")
	checkChained(t, db, "AB1234")
}
