package emulator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/sfid"
)

// canon turns a value that was written into the text that is kept and printed,
// "" for null, or says in the platform's words what is wrong with it. It takes
// what JSON gives (string, json.Number, bool, nil) and, from Go, decimals,
// integers, time.Time and whatever prints itself.
func (f *field) canon(v any) (string, *RowError) {
	text, err := scalarText(v)
	if err != nil {
		return "", f.undeserializable(v)
	}
	if f.typ == typeBoolean && v == nil {
		return f.defaultValue, nil
	}
	return f.canonText(text)
}

// scalarText writes a scalar as text; nil as "".
func scalarText(v any) (string, error) {
	switch x := v.(type) {
	case nil:
		return "", nil
	case string:
		return x, nil
	case json.Number:
		return x.String(), nil
	case bool:
		return boolText(x), nil
	case int:
		return strconv.Itoa(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case decimal.Decimal:
		return x.String(), nil
	case time.Time:
		return dateTimeText(x.Unix()), nil
	case fmt.Stringer:
		return x.String(), nil
	}
	return "", fmt.Errorf("%T is not a field's value", v)
}

// canonText is canon for text: a cell of a CSV file, a string of JSON.
func (f *field) canonText(s string) (string, *RowError) {
	s = strings.TrimSpace(s)
	if s == "" {
		if f.typ == typeBoolean {
			return f.defaultValue, nil
		}
		return "", nil
	}
	switch f.typ {
	case typeDouble, typeCurrency, typePercent, typeInt:
		return f.canonNumber(s)
	case typeBoolean:
		switch strings.ToLower(s) {
		case "true", "1":
			return "true", nil
		case "false", "0":
			return "false", nil
		}
		return "", f.undeserializable(s)
	case typeDate:
		if len(s) > 10 && s[10] == 'T' {
			s = s[:10]
		}
		t, err := time.Parse(time.DateOnly, s)
		if err != nil || !inCalendar(t) {
			return "", f.undeserializable(s)
		}
		return s, nil
	case typeDateTime:
		t, ok := parseDateTime(s)
		if !ok {
			return "", f.undeserializable(s)
		}
		return dateTimeText(t.Unix()), nil
	case typeReference, typeID:
		id, err := sfid.Parse(s)
		if err != nil {
			return "", newRowError("MALFORMED_ID", f.name, "%s: id value of incorrect type: %s", f.label, shorten(s))
		}
		return id, nil
	case typePicklist:
		return f.canonPicklist(s)
	}
	return f.canonString(s)
}

func (f *field) canonString(s string) (string, *RowError) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if f.length > 0 && len(s) > f.length && len(utf16.Encode([]rune(s))) > f.length {
		return "", newRowError("STRING_TOO_LONG", f.name, "%s: data value too large: %s (max length=%d)", f.label, shorten(s), f.length)
	}
	if f.typ == typeEmail && !isEmail(s) {
		return "", newRowError("INVALID_EMAIL_ADDRESS", f.name, "%s: invalid email address: %s", f.label, s)
	}
	return s, nil
}

func (f *field) canonPicklist(s string) (string, *RowError) {
	for _, v := range f.values {
		if strings.EqualFold(v, s) {
			return v, nil
		}
	}
	if f.restricted {
		return "", newRowError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", f.name, "%s: bad value for restricted picklist field: %s", f.label, shorten(s))
	}
	return f.canonString(s)
}

func (f *field) canonNumber(s string) (string, *RowError) {
	d, ok := parseNumber(s)
	if !ok {
		return "", f.undeserializable(s)
	}
	d = d.Round(int32(f.scale))
	if whole := d.Truncate(0).Abs().String(); whole != "0" && len(whole) > f.precision-f.scale {
		return "", newRowError("NUMBER_OUTSIDE_VALID_RANGE", f.name, "%s: value outside of valid range on numeric field: %s", f.label, shorten(s))
	}
	return numberText(d, f.typ), nil
}

// undeserializable is the error of a value that is not of the field's type. The
// platform refuses the whole request for it.
func (f *field) undeserializable(v any) *RowError {
	kind := "VALUE_STRING"
	switch v.(type) {
	case json.Number:
		kind = "VALUE_NUMBER"
	case bool:
		kind = "VALUE_TRUE"
	case map[string]any:
		kind = "START_OBJECT"
	case []any:
		kind = "START_ARRAY"
	}
	typ := string(f.typ)
	e := newRowError("JSON_PARSER_ERROR", "", "Cannot deserialize instance of %s from %s value %s or request may be missing a required field at field %s",
		typ, kind, shorten(fmt.Sprint(v)), f.name)
	e.ofRequest = true
	return e
}

// dateTimeLayouts are the forms in which the platform reads an instant.
var dateTimeLayouts = []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04:05", time.DateOnly}

func parseDateTime(s string) (time.Time, bool) {
	for _, layout := range dateTimeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			t = t.UTC()
			return t, inCalendar(t)
		}
	}
	return time.Time{}, false
}

// inCalendar says whether the platform knows the year.
func inCalendar(t time.Time) bool { return t.Year() >= 1700 && t.Year() <= 4000 }

// isEmail is the platform's rough test of an address.
func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && !strings.ContainsAny(s, " \t\r\n,;<>\"()") && !strings.Contains(domain, "@") &&
		strings.Contains(domain, ".") && !strings.HasPrefix(domain, ".") && !strings.HasSuffix(domain, ".") && !strings.Contains(domain, "..")
}

// shorten keeps a value that is quoted in an error at a readable length.
func shorten(s string) string {
	const limit = 255
	if r := []rune(s); len(r) > limit {
		return string(r[:limit])
	}
	return s
}

func dateTimeText(unix int64) string { return time.Unix(unix, 0).UTC().Format(dateTimeLayout) }

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// keyOfValue is the form under which values count as the same: text is the same
// in any case unless the field is case-sensitive.
func (f *field) keyOfValue(v string) string {
	if f.caseSensitive || f.typ == typeReference || f.typ == typeID {
		return v
	}
	return strings.ToLower(v)
}

// dateTimeLayout is how the platform prints an instant.
const dateTimeLayout = "2006-01-02T15:04:05.000-0700"
