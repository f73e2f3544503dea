package apply_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
)

const inForce = `
plans:
  - {effective_from: 2010-01-01, space: {referral_rate: 10%}}
  - {effective_from: 2026-01-01, space: {referral_rate: 11%}, payout_currency: EUR}
exchange_rates:
  - {from: USD, to: EUR, on: 2026-01-01, rate: 0.92}
  - {from: USD, to: EUR, on: 2026-06-01, rate: 0.95}
`

// What Over gives is what is in force once the file was applied.
func TestOverIsWhatApplyWouldLeaveInForce(t *testing.T) {
	const file = `
plans:
  - {effective_from: 2026-01-01, space: {referral_rate: 12%}, payout_currency: EUR}
  - {effective_from: 2018-01-01, effective_through: 2025-12-31, space: {referral_rate: 9%}}
exchange_rates:
  - {from: USD, to: EUR, on: 2026-06-01, rate: none}
  - {from: USD, to: EUR, on: 2026-01-01, rate: 0.9}
  - {from: GBP, to: EUR, on: 2026-01-01, rate: 1.17}
`
	db := pgtest.New(t)
	if _, err := applied(t, db, inForce); err != nil {
		t.Fatal(err)
	}
	plans, err := book.Plans(context.Background(), db, book.DefaultPlan)
	if err != nil {
		t.Fatal(err)
	}
	rates, err := book.ExchangeRates(context.Background(), db)
	if err != nil {
		t.Fatal(err)
	}
	f, err := apply.Read(strings.NewReader(file), "f")
	if err != nil {
		t.Fatal(err)
	}
	gotPlans, gotRates, err := f.Over(plans, rates)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := applied(t, db, file); err != nil {
		t.Fatal(err)
	}
	if plans, err = book.Plans(context.Background(), db, book.DefaultPlan); err != nil {
		t.Fatal(err)
	}
	if rates, err = book.ExchangeRates(context.Background(), db); err != nil {
		t.Fatal(err)
	}
	sameDay := cmp.Comparer(func(a, b clock.Date) bool { return a == b })
	if d := cmp.Diff(plans, gotPlans, sameDay); d != "" {
		t.Errorf("plans (-applied +laid over):\n%s", d)
	}
	if len(gotRates) != len(rates) {
		t.Errorf("%d rates are laid over, %d would be in force", len(gotRates), len(rates))
	}
	for _, r := range rates {
		found := false
		for _, g := range gotRates {
			found = found || g.From == r.From && g.To == r.To && g.On == r.On && g.Rate.Equal(r.Rate)
		}
		if !found {
			t.Errorf("%s to %s on %s is not laid over", r.From, r.To, r.On)
		}
	}
}

func TestOverRefusesGaps(t *testing.T) {
	f, err := apply.Read(strings.NewReader(`plans: [{effective_from: 2018-01-01, effective_through: 2024-12-31, space: {referral_rate: 9%}}]`), "f")
	if err != nil {
		t.Fatal(err)
	}
	after, err := apply.Read(strings.NewReader(inForce), "f")
	if err != nil {
		t.Fatal(err)
	}
	plans, rates, err := after.Over(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Over(plans, rates); errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "" {
		t.Errorf("a version that leaves a gap: %v, want it refused with a hint", err)
	}
}
