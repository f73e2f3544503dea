package portal

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/partnersync/partnersync/internal/money"
)

// grouped writes a number with commas: 1,234,567.
func grouped(n int64) string { return groupDigits(strconv.FormatInt(n, 10)) }

// amount writes minor units with the currency's decimals: 1,200.00.
func amount(currency string, minor int64) string {
	c := money.Currency(currency)
	return groupDigits(c.FromMinor(minor).StringFixed(c.Digits()))
}

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

// prose sets a sentence in HTML, escaped, and what stands between backticks in it as code.
func prose(s string) template.HTML {
	var b strings.Builder
	parts := strings.Split(s, "`")
	for i, part := range parts {
		switch escaped := template.HTMLEscapeString(part); {
		case i%2 == 1 && i < len(parts)-1:
			b.WriteString("<code>" + escaped + "</code>")
		case i%2 == 1: // one that nothing closes
			b.WriteString("`" + escaped)
		default:
			b.WriteString(escaped)
		}
	}
	return template.HTML(b.String()) //nolint:gosec // all of it is escaped above
}

// moment shows an instant in the company zone, and how long before now it was.
func (s *site) moment(at, now time.Time) moment {
	return moment{
		ISO:  at.UTC().Format(time.RFC3339),
		Text: at.In(s.Zone).Format("2 Jan 2006, 15:04:05 MST"),
		Ago:  ago(now.Sub(at)),
	}
}

// ago says how long ago something was, in one unit.
func ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return fmt.Sprintf("%d days ago", d/(24*time.Hour))
}

// took says how long something took, as exactly as anybody wants to know.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}
