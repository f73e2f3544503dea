// Package money knows currencies and the one way in which amounts are rounded.
// Amounts are exact decimals; the book keeps integers of the minor unit.
package money

import (
	"fmt"
	"math"

	"github.com/shopspring/decimal"
	"golang.org/x/text/currency"
)

// Currency is an ISO 4217 code, such as USD.
type Currency string

// digits lists the currencies whose minor unit is not a hundredth, from ISO
// 4217 (list one). CLDR, which x/text follows, rounds some of them otherwise,
// so only the codes' existence is asked of x/text.
var digits = map[Currency]int32{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
	"RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
	"CLF": 4, "UYW": 4,
}

// ParseCurrency reads an ISO 4217 code in capital letters and refuses a code
// that ISO does not list.
func ParseCurrency(s string) (Currency, error) {
	if len(s) != 3 {
		return "", fmt.Errorf("%q is not a currency code like USD", s)
	}
	u, err := currency.ParseISO(s)
	if err != nil || u.String() != s {
		return "", fmt.Errorf("%q is not a currency that ISO 4217 lists", s)
	}
	return Currency(s), nil
}

// Digits is the number of decimals of the currency's minor unit: 2 for USD, 0
// for JPY, 3 for KWD (R7.4).
func (c Currency) Digits() int32 {
	if d, ok := digits[c]; ok {
		return d
	}
	return 2
}

// Ratio gives amount × num ÷ den, rounded once to the currency's minor unit,
// half away from zero (R7.4). den must not be zero.
func (c Currency) Ratio(amount, num, den decimal.Decimal) decimal.Decimal {
	return amount.Mul(num).DivRound(den, c.Digits())
}

// Minor gives an amount that is already rounded as integer minor units. It
// refuses an amount that has a finer fraction or does not fit 64 bits.
func (c Currency) Minor(amount decimal.Decimal) (int64, error) {
	shifted := amount.Shift(c.Digits())
	if !shifted.IsInteger() {
		return 0, fmt.Errorf("%s %s is not a whole number of minor units", amount, c)
	}
	b := shifted.BigInt()
	if !b.IsInt64() || b.Int64() == math.MinInt64 {
		return 0, fmt.Errorf("%s %s is larger than the book can hold", amount, c)
	}
	return b.Int64(), nil
}

// FromMinor gives integer minor units as an exact decimal.
func (c Currency) FromMinor(n int64) decimal.Decimal { return decimal.New(n, -c.Digits()) }

// Format writes an amount with the currency's decimals: "1200.00 USD".
func (c Currency) Format(amount decimal.Decimal) string {
	return amount.StringFixed(c.Digits()) + " " + string(c)
}

// FormatMinor writes integer minor units with the currency's decimals.
func (c Currency) FormatMinor(n int64) string { return c.Format(c.FromMinor(n)) }
