package mapping

import (
	"strings"
	"time"

	gojson "github.com/goccy/go-json"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/sfid"
)

// The platform's calendar: a date field holds 1700-01-01 to 4000-12-31.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
const (
	firstYear = 1700
	lastYear  = 4000
)

// A number field has at most 18 digits; twice that is read without complaint,
// and 1e999999999 is not. Exponents are bounded before the number is made.
const maxNumber = 40

// read gives the value of a JSON text as a type, nil for null or blank, or says
// what is wrong with it.
func read(t Type, raw gojson.RawMessage) (value any, message string) {
	if string(raw) == "null" {
		return nil, ""
	}
	switch t {
	case BoolType:
		return readBool(raw)
	case DecimalType, PercentType:
		return readDecimal(raw)
	}
	s, message := readText(raw)
	if message != "" || s == "" {
		return nil, message
	}
	switch t {
	case IDType:
		if s = strings.TrimSpace(s); s == "" {
			return nil, ""
		}
		id, err := sfid.Parse(s)
		if err != nil {
			return nil, "not a Salesforce id of 15 or 18 characters with a right checksum"
		}
		return id, ""
	case TimeType:
		return readTime(s)
	case DateType:
		return readDate(s)
	case CurrencyType:
		c, err := money.ParseCurrency(s)
		if err != nil {
			return nil, "not a currency code that ISO 4217 lists"
		}
		return string(c), ""
	}
	return s, ""
}

func readBool(raw gojson.RawMessage) (any, string) {
	switch string(raw) {
	case "true":
		return true, ""
	case "false":
		return false, ""
	}
	return nil, "neither true nor false"
}

// readDecimal reads a JSON number without passing through a float.
func readDecimal(raw gojson.RawMessage) (any, string) {
	s := string(raw)
	if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return nil, "not a number"
	}
	if len(s) > maxNumber {
		return nil, "a number of more digits than the platform keeps"
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 && len(strings.TrimLeft(s[i+1:], "+-0")) > 2 {
		return nil, "a number with a larger exponent than the platform keeps"
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return nil, "not a number"
	}
	return d, ""
}

// readText reads a string; of a number or a checkbox, its JSON text. Postgres
// keeps no NUL in text, so it becomes the replacement character.
func readText(raw gojson.RawMessage) (string, string) {
	switch {
	case len(raw) == 0:
		return "", "empty"
	case raw[0] == '{' || raw[0] == '[':
		return "", "a nested value where text is expected"
	case raw[0] != '"':
		return string(raw), ""
	}
	var s string
	if err := gojson.Unmarshal(raw, &s); err != nil {
		return "", "not a valid JSON string"
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.ReplaceAll(s, "\x00", "\uFFFD"), ""
}

// timeLayouts are the platform's own form, which RFC 3339 refuses for want of a
// colon in the offset, and RFC 3339.
var timeLayouts = []string{"2006-01-02T15:04:05.999-0700", time.RFC3339Nano}

func readTime(s string) (any, string) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			t = t.UTC().Truncate(time.Microsecond) // what Postgres keeps
			if y := t.Year(); y < firstYear || y > lastYear {
				return nil, "an instant outside the platform's calendar"
			}
			return t, ""
		}
	}
	return nil, "not an instant like 2026-11-20T12:00:00.000+0000"
}

func readDate(s string) (any, string) {
	d, err := clock.ParseDate(s)
	if err != nil {
		return nil, "not a date like 2026-11-20"
	}
	if y := d.Year(); y < firstYear || y > lastYear {
		return nil, "a date outside the platform's calendar"
	}
	return d, ""
}
