package salesforce

import (
	"fmt"
	"strings"
	"time"
)

// soqlEscapes are the characters that a SOQL string literal must escape.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_quotedstringescapes.htm
var soqlEscapes = strings.NewReplacer(
	`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`,
)

// Quote gives s as a SOQL string literal, quotes included: Quote("O'Hara") is
// 'O\'Hara'. Nothing in s can end the literal. It does not escape the wildcards
// % and _, which only mean something after LIKE.
func Quote(s string) string { return "'" + soqlEscapes.Replace(s) + "'" }

const (
	// soqlDateTime is how a datetime literal is written: in UTC, to the
	// millisecond, which is as fine as the platform's own clock.
	soqlDateTime = "2006-01-02T15:04:05.000Z"
	// restDateTime is how the REST API writes a datetime. RFC 3339 wants a
	// colon in the offset, so Go's own layouts refuse it.
	restDateTime = "2006-01-02T15:04:05.000-0700"
)

// DateTime gives t as a SOQL datetime literal (UTC, no quotes). What is finer
// than a millisecond is cut off, never rounded up.
func DateTime(t time.Time) string { return t.UTC().Format(soqlDateTime) }

// ParseTime reads a datetime as the REST API writes it,
// "2026-11-20T12:00:00.000+0000", or in the form that Bulk results and describe
// answers use, "2026-11-20T12:00:00.000Z". The result is in UTC.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range [...]string{restDateTime, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a Salesforce datetime like 2026-11-20T12:00:00.000+0000", s)
}
