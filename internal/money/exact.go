package money

import (
	"math/big"

	"github.com/shopspring/decimal"
)

// Round gives an exact fraction rounded to the currency's minor unit, half away
// from zero (R7.4).
func (c Currency) Round(r *big.Rat) decimal.Decimal {
	return decimal.NewFromBigInt(r.Num(), 0).DivRound(decimal.NewFromBigInt(r.Denom(), 0), c.Digits())
}

// Allot shares a whole, which is not negative and no finer than 10^exp, in
// proportion to weights, none of them negative, by largest remainder: every part is
// a multiple of 10^exp, and the parts sum to the whole. Of equal remainders the
// earlier one wins. Weights that sum to zero share nothing, and the parts are zero.
func Allot(whole decimal.Decimal, exp int32, weights []*big.Rat) []decimal.Decimal {
	out := make([]decimal.Decimal, len(weights))
	sum := new(big.Rat)
	for _, w := range weights {
		sum.Add(sum, w)
	}
	if sum.Sign() == 0 {
		return out
	}
	units := whole.Shift(-exp).BigInt()
	parts, rests := make([]*big.Int, len(weights)), make([]*big.Rat, len(weights))
	left := new(big.Int).Set(units)
	for i, w := range weights {
		exact := new(big.Rat).Mul(new(big.Rat).SetInt(units), new(big.Rat).Quo(w, sum))
		parts[i] = new(big.Int).Quo(exact.Num(), exact.Denom())
		rests[i] = exact.Sub(exact, new(big.Rat).SetInt(parts[i]))
		left.Sub(left, parts[i])
	}
	for ; left.Sign() > 0; left.Sub(left, big.NewInt(1)) {
		most := 0
		for i := range rests {
			if rests[i].Cmp(rests[most]) > 0 {
				most = i
			}
		}
		parts[most].Add(parts[most], big.NewInt(1))
		rests[most] = new(big.Rat).SetInt64(-1)
	}
	for i, p := range parts {
		out[i] = decimal.NewFromBigInt(p, exp)
	}
	return out
}
