package schema

import (
	"strings"

	"github.com/shopspring/decimal"
)

// NumberText prints a number as the platform's JSON does: a double in Java's
// form (1200.0, 0.001, 1.2345678E7 from ten million on, 1.0E-4 below a
// thousandth), an int without a point. The digits are exact.
// https://help.salesforce.com/s/articleView?id=000385889&type=1
func NumberText(d decimal.Decimal, typ Type) string {
	if typ == TypeInt {
		return d.StringFixed(0)
	}
	if d.IsZero() {
		return "0.0"
	}
	digits := d.Coefficient().String()
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	// power is the exponent of the first digit: 1 for 12.3.
	power := len(digits) - 1 + int(d.Exponent())
	digits = strings.TrimRight(digits, "0")
	if power >= 7 || power < -3 {
		fraction := digits[1:]
		if fraction == "" {
			fraction = "0"
		}
		return sign + digits[:1] + "." + fraction + "E" + decimal.NewFromInt(int64(power)).String()
	}
	if power < 0 {
		return sign + "0." + strings.Repeat("0", -power-1) + digits
	}
	if len(digits) <= power+1 {
		return sign + digits + strings.Repeat("0", power+1-len(digits)) + ".0"
	}
	return sign + digits[:power+1] + "." + digits[power+1:]
}

// The bounds on the texts of numbers that are read: longer ones would only cost
// time, as no field holds them.
const (
	maxNumberText     = 64
	maxNumberExponent = 40
)

// ParseNumber reads a decimal, with or without an exponent.
func ParseNumber(s string) (decimal.Decimal, bool) {
	if len(s) == 0 || len(s) > maxNumberText {
		return decimal.Decimal{}, false
	}
	d, err := decimal.NewFromString(s)
	if err != nil || d.Exponent() > maxNumberExponent || d.Exponent() < -maxNumberExponent-maxNumberText {
		return decimal.Decimal{}, false
	}
	return d, true
}
