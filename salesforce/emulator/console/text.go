package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// amount writes an amount with the decimals of its currency, and with more where
// they say something: "1,200.00 USD". A number that can't be read stays as it is.
func amount(number, currency string) string {
	least := int32(0)
	if currency != "" {
		least = money.Currency(currency).Digits()
		currency = " " + currency
	}
	return decimals(number, least) + currency
}

// decimals writes a number in groups of three digits with at least so many
// decimals, and without zeros behind those. It never rounds.
func decimals(number string, least int32) string {
	d, err := decimal.NewFromString(number)
	if err != nil || len(number) > maxNumber {
		return number
	}
	kept := int32(0)
	if _, fraction, ok := strings.Cut(d.String(), "."); ok {
		kept = int32(len(strings.TrimRight(fraction, "0")))
	}
	return groupDigits(d.StringFixed(max(least, kept)))
}

// maxNumber is the length of a number that is still written out.
const maxNumber = 60

// groupDigits puts commas into the whole part of a decimal number.
func groupDigits(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	whole, fraction, hasFraction := strings.Cut(s, ".")
	var b strings.Builder
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	if hasFraction {
		b.WriteString("." + fraction)
	}
	return sign + b.String()
}

// shorten cuts a text to so many characters, at a place where people would.
func shorten(s string, limit int) string {
	s = strings.Join(strings.Fields(s), " ")
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return strings.TrimSpace(string(r[:limit])) + "…"
}

// took writes how long something took.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "< 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// plural is what many records of an object are called.
func plural(obj *schema.Object) string {
	if obj.HistoryOf != "" || obj.Plural == "" {
		return obj.Label
	}
	return obj.Plural
}

// size writes a number of bytes.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%d kB", (n+1<<9)>>10)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}
