package money_test

import (
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/money"
)

func TestR7_4_RoundOfAnExactFraction(t *testing.T) {
	for _, c := range []struct {
		currency money.Currency
		num, den int64
		want     string
	}{{"USD", 1, 200, "0.01"}, {"USD", -1, 200, "-0.01"}, {"USD", 1, 3, "0.33"}, {"JPY", 1, 2, "1"}, {"KWD", 1, 16, "0.063"}} {
		if got := c.currency.Round(big.NewRat(c.num, c.den)); !got.Equal(dec(c.want)) {
			t.Errorf("%d/%d %s = %s, want %s", c.num, c.den, c.currency, got, c.want)
		}
	}
}

func TestR5_8_AllotTiesToTheEarlier(t *testing.T) {
	got := money.Allot(dec("100.01"), -2, []*big.Rat{big.NewRat(1, 2), big.NewRat(1, 2)})
	if !got[0].Equal(dec("50.01")) || !got[1].Equal(dec("50.00")) {
		t.Errorf("got %v, want 50.01 and 50.00", got)
	}
	if got := money.Allot(dec("7"), 0, []*big.Rat{new(big.Rat), new(big.Rat)}); !got[0].IsZero() || !got[1].IsZero() {
		t.Errorf("weights of zero were given %v", got)
	}
}

// TestAllotGivesTheWhole: parts sum to the whole, and none is a unit away from its
// exact share.
func TestAllotGivesTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := decimal.New(rapid.Int64Range(0, 1_000_000).Draw(t, "whole"), -2)
		n := rapid.IntRange(1, 6).Draw(t, "parts")
		weights, total := make([]*big.Rat, n), new(big.Rat)
		for i := range weights {
			weights[i] = big.NewRat(rapid.Int64Range(0, 100).Draw(t, "weight"), 7)
			total.Add(total, weights[i])
		}
		sum := decimal.Zero
		for i, part := range money.Allot(whole, -2, weights) {
			sum = sum.Add(part)
			if total.Sign() == 0 {
				continue
			}
			exact := new(big.Rat).Mul(whole.Rat(), new(big.Rat).Quo(weights[i], total))
			if off := exact.Sub(exact, part.Rat()); off.Abs(off).Cmp(big.NewRat(1, 100)) >= 0 {
				t.Fatalf("part %d is %s, a unit or more from its share", i, part)
			}
		}
		if total.Sign() != 0 && !sum.Equal(whole) {
			t.Fatalf("the parts of %s sum to %s", whole, sum)
		}
	})
}
