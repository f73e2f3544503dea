package wholeway_test

import (
	"fmt"
	"math/big"
	"strings"
	"time"
)

// civil is a calendar date, as days since 1970-01-01. It is the oracle's own: the
// program's calendar is one of the things that the oracle checks.
type civil int

// never is no date at all.
const never civil = -1 << 40

// civilOf gives a calendar date; days beyond the month's end run over.
func civilOf(year int, month time.Month, day int) civil {
	return civil(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// civilFrom reads "2026-10-31"; blank is never.
func civilFrom(s string) civil {
	if s == "" {
		return never
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return civil(t.Unix() / 86400)
}

// civilIn gives the calendar date of an instant in a zone.
func civilIn(t time.Time, zone *time.Location) civil {
	y, m, d := t.In(zone).Date()
	return civilOf(y, m, d)
}

func (c civil) time() time.Time { return time.Unix(int64(c)*86400, 0).UTC() }

func (c civil) String() string {
	if c == never {
		return ""
	}
	return c.time().Format(time.DateOnly)
}

// month gives the date's month, "2026-10".
func (c civil) month() string { return c.time().Format("2006-01") }

// isMonthEnd says whether the date is its month's last.
func (c civil) isMonthEnd() bool { return (c + 1).time().Day() == 1 }

// monthEnd gives the last date of the date's month.
func (c civil) monthEnd() civil {
	for !c.isMonthEnd() {
		c++
	}
	return c
}

// lastCompleted gives the last month end that is not after the date.
func (c civil) lastCompleted() civil {
	for !c.isMonthEnd() {
		c--
	}
	return c
}

// minorDigits are ISO 4217's.
var minorDigits = map[string]int64{"USD": 2, "JPY": 0, "KWD": 3}

// exact reads a decimal number.
func exact(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(strings.TrimSpace(s))
	if !ok {
		panic(fmt.Sprintf("%q is not a number", s))
	}
	return r
}

// percent reads "12.5%".
func percent(s string) *big.Rat {
	return times(exact(strings.TrimSuffix(s, "%")), big.NewRat(1, 100))
}

func times(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func over(a, b *big.Rat) *big.Rat  { return new(big.Rat).Quo(a, b) }
func plus(a, b *big.Rat) *big.Rat  { return new(big.Rat).Add(a, b) }
func less(a, b *big.Rat) *big.Rat  { return new(big.Rat).Sub(a, b) }
func whole(n int) *big.Rat         { return big.NewRat(int64(n), 1) }

// inMinor gives an amount in a currency's minor units, unrounded.
func inMinor(amount *big.Rat, currency string) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(minorDigits[currency]), nil)
	return times(amount, new(big.Rat).SetInt(scale))
}

// rounded rounds half away from zero to a whole number (R7.4).
func rounded(r *big.Rat) int64 {
	two := new(big.Int).Mul(r.Num(), big.NewInt(2))
	den := new(big.Int).Mul(r.Denom(), big.NewInt(2))
	add := new(big.Int).Set(r.Denom())
	if r.Sign() < 0 {
		add.Neg(add)
	}
	return new(big.Int).Quo(two.Add(two, add), den).Int64()
}

// floored rounds down to a whole number.
func floored(r *big.Rat) int64 {
	q, m := new(big.Int), new(big.Int)
	q.DivMod(r.Num(), r.Denom(), m)
	return q.Int64()
}
