package commission_test

import (
	"flag"
	"fmt"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

// manyChecks lets a property be tried on as many histories as an auditor would ask for.
func manyChecks(t *testing.T, n int) {
	t.Helper()
	if testing.Short() {
		return
	}
	f := flag.Lookup("rapid.checks")
	old := f.Value.String()
	if err := f.Value.Set(fmt.Sprint(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Value.Set(old); err != nil {
			t.Error(err)
		}
	})
}

// TestR7_4_ATierSumsToItsRoundedWhole: with amounts of any size, the lines of each band
// of a period sum to the rounded rate of what lies in the band, and the lines of a
// retroactive period to the rounded rate of the whole; worked out here from the total
// alone.
func TestR7_4_ATierSumsToItsRoundedWhole(t *testing.T) {
	manyChecks(t, 10_000)
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]money.Currency{"USD", "JPY", "KWD"}).Draw(t, "currency")
		mode := rapid.SampledFrom([]commission.TierMode{"", commission.TierMarginal, commission.TierRetroactive}).Draw(t, "mode")
		r := tiered(commission.TierByValue, commission.PerMonth, mode, nil)
		from := decimal.Zero
		n := rapid.IntRange(1, 6).Draw(t, "bands")
		for i := range n {
			rate := decimal.New(rapid.Int64Range(0, 1_000_000).Draw(t, "rate"), -6)
			b := commission.Band{From: from, Rate: &rate}
			if i < n-1 {
				to := from.Add(decimal.New(rapid.Int64Range(1, 1e9).Draw(t, "width"), -3))
				b.To, from = &to, to
			}
			r.Bands = append(r.Bands, b)
		}
		e, total := rewards(rewardRule(r)), new(big.Rat)
		var cs []commission.Conversion
		for i := range rapid.IntRange(1, 12).Draw(t, "conversions") {
			c := conversion(fmt.Sprint("c", i), day("2026-03-01").AddDays(rapid.IntRange(0, 30).Draw(t, "day")).String(), "0")
			v, back := rapid.Int64Range(1, 4e8).Draw(t, "value"), rapid.Int64Range(-4e8, 4e8).Draw(t, "refund")
			*c.Value, c.Currency = decimal.New(v, -3), currency
			if back > 0 && back <= v {
				c = refunded(c, decimal.New(back, -3).String())
				v -= back
			}
			total.Add(total, big.NewRat(v, 1000))
			cs = append(cs, c)
		}
		got, err := e.Results(cs)
		if err != nil {
			t.Fatal(err)
		}
		want, sums := map[string]string{}, map[string]string{}
		add := map[string]decimal.Decimal{}
		for _, l := range commission.RewardLines(got) {
			place := l.Slice
			if mode == commission.TierRetroactive {
				place = "whole"
			}
			add[place] = add[place].Add(l.Amount)
		}
		for place, sum := range add {
			if !sum.IsZero() {
				sums[place] = sum.StringFixed(currency.Digits())
			}
		}
		scale := decimalsOf[currency]
		keep := func(place string, exact *big.Rat) {
			n := new(big.Rat).Add(exact.Mul(exact, big.NewRat(scale, 1)), big.NewRat(1, 2))
			whole := new(big.Rat).SetFrac(new(big.Int).Div(n.Num(), n.Denom()), big.NewInt(scale))
			if whole.Sign() != 0 {
				want[place] = whole.FloatString(int(currency.Digits()))
			}
		}
		for k, b := range r.Bands {
			first, last := b.From.Rat(), total
			if b.To != nil && b.To.Rat().Cmp(total) < 0 {
				last = b.To.Rat()
			}
			inside := new(big.Rat).Sub(last, first)
			isIn := inside.Sign() > 0
			switch {
			case mode == commission.TierRetroactive && isIn && (b.To == nil || total.Cmp(b.To.Rat()) <= 0):
				keep("whole", new(big.Rat).Mul(total, b.Rate.Rat()))
			case mode != commission.TierRetroactive && isIn:
				keep(fmt.Sprintf("tier%d", k+1), inside.Mul(inside, b.Rate.Rat()))
			}
		}
		if d := cmp.Diff(want, sums); d != "" {
			t.Fatalf("whole (-) and lines (+) of %s differ:\n%s", total.FloatString(3), d)
		}
	})
}
