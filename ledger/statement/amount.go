package statement

import (
	"encoding/json"
	"strings"

	"github.com/partnersync/partnersync/internal/money"
)

// Amount is an amount of the book: minor units of a currency, and the currency.
type Amount struct {
	Minor    int64
	Currency money.Currency
}

// String writes the amount for a person, without its currency: 1,234.50.
func (a Amount) String() string {
	whole, fraction, hasFraction := strings.Cut(a.Plain(), ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if !hasFraction {
		return sign + whole
	}
	return sign + whole + "." + fraction
}

// Plain writes the amount for a machine, without its currency: 1234.50.
func (a Amount) Plain() string { return a.Currency.FromMinor(a.Minor).StringFixed(a.Currency.Digits()) }

// IsZero says whether the amount is 0.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// MarshalJSON writes the amount as text, so that no reader makes a float of it.
func (a Amount) MarshalJSON() ([]byte, error) { return json.Marshal(a.Plain()) }
