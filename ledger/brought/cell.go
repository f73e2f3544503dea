package brought

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
)

// Bounds of what is taken for meant.
const (
	maxReference = 200
	maxNote      = 1000
	maxShown     = 60 // characters of a cell that a fault repeats
)

// largest is the largest amount of a row, in minor units: that of an opportunity's
// Amount. A payee's balance has room for hundreds of them.
var largest = decimal.New(1, 16)

// earliest is the first month that is taken for meant: that in which Salesforce began.
var earliest = clock.NewDate(1999, 3, 1)

// formulas are what a cell begins with that a spreadsheet works out instead of showing
// it, in the widths that some keyboards have as well.
const formulas = "=+-@＝＋－＠"

// meant gives a cell as whoever wrote it meant it: trimmed, and without the apostrophe
// that exports put before what a spreadsheet would take for a formula.
func meant(s string) string {
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, "'"); ok {
		rest = strings.TrimSpace(rest)
		if first, _ := utf8.DecodeRuneInString(rest); rest != "" && strings.ContainsRune(formulas, first) {
			return rest
		}
	}
	return s
}

// shown bounds a cell that is repeated in a message.
func shown(s string) string {
	if utf8.RuneCountInString(s) <= maxShown {
		return s
	}
	return string([]rune(s)[:maxShown]) + "…"
}

const howAmounts = "Write digits with a decimal point, such as 1234.50 or -50.00, without thousands separators and without a currency."

// parseAmount reads an amount of a currency, in its minor units. A comma counts as the
// decimal point where it can be nothing else: with one or two digits behind it. Without
// a currency only the form is looked at.
func parseAmount(s string, c money.Currency) (int64, *wrong) {
	plain := s
	if whole, fraction, ok := strings.Cut(s, ","); ok && len(fraction) >= 1 && len(fraction) <= 2 {
		plain = whole + "." + fraction
	}
	if !isAmount(plain) {
		return 0, isWrong(howAmounts, "%q is no amount", shown(s))
	}
	amount, err := decimal.NewFromString(plain)
	if err != nil {
		return 0, isWrong(howAmounts, "%q is no amount", shown(s))
	}
	if c == "" {
		return 0, nil
	}
	if -amount.Exponent() > c.Digits() {
		return 0, isWrong("Write it with the decimals of its currency. A point is no thousands separator.",
			"%q has more decimals than %s has (%d)", shown(s), c, c.Digits())
	}
	minor := amount.Shift(c.Digits())
	switch {
	case minor.Abs().GreaterThan(largest):
		return 0, isWrong("Look whether the amount is right, and split it if it is.", "%q is larger than the book takes in one row, %s",
			shown(s), c.Format(largest.Shift(-c.Digits())))
	case minor.IsZero():
		return 0, isWrong("Leave the row out: nothing was owed or paid.", "the amount is zero")
	}
	return minor.IntPart(), nil
}

// isAmount says whether a text is a sign, digits and perhaps a fraction: nothing that
// means a number only to a computer, such as 1e5.
func isAmount(s string) bool {
	s = strings.TrimLeft(s, "+-")
	whole, fraction, hasFraction := strings.Cut(s, ".")
	return isDigits(whole) && (!hasFraction || isDigits(fraction))
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func parseCurrency(s string) (money.Currency, *wrong) {
	c, err := money.ParseCurrency(strings.ToUpper(s))
	if err != nil {
		return "", isWrong("Write an ISO 4217 code, such as USD.", "%q is no currency", shown(s))
	}
	return c, nil
}

func parseMonth(s string) (clock.Month, *wrong) {
	m, err := clock.ParseMonth(s)
	if err != nil {
		return clock.Month{}, isWrong("Write a month as 2026-09. A spreadsheet that makes a date of it keeps it as text if the column is text.",
			"%q is no month", shown(s))
	}
	if m.First().Before(earliest) {
		return clock.Month{}, isWrong("Look whether the year is right.", "%s is too long ago to be meant", m)
	}
	return m, nil
}

func parseDate(s string) (clock.Date, *wrong) {
	d, err := clock.ParseDate(s)
	if err != nil {
		return clock.Date{}, isWrong("Write the day on which it was paid as 2026-10-15.", "%q is no date", shown(s))
	}
	if d.Before(earliest) {
		return clock.Date{}, isWrong("Look whether the year is right.", "%s is too long ago to be meant", d)
	}
	return d, nil
}

// parseText reads what is only kept and shown: its breaks become spaces, so that it
// stands in one line.
func parseText(s string, most int) (string, *wrong) {
	s = strings.Join(strings.Fields(s), " ")
	if n := utf8.RuneCountInString(s); n > most {
		return "", isWrong("Shorten it.", "it has %d characters, and %d are kept", n, most)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }); i >= 0 {
		return "", isWrong("Take it out; nobody can see it.", "it has a character that is none of a text, %U", []rune(s[i:])[0])
	}
	return s, nil
}
