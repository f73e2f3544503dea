package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/sfid"
)

// Canon turns a value that was written into the text that is kept and printed,
// "" for null, or says in the platform's words what is wrong with it. It takes
// what JSON gives (string, json.Number, bool, nil) and, from Go, decimals,
// integers, time.Time and whatever prints itself.
func (f *Field) Canon(v any) (string, *RowError) {
	text, err := scalarText(v)
	if err != nil {
		return "", f.Undeserializable(v)
	}
	if f.Type == TypeBoolean && v == nil {
		return f.Default, nil
	}
	return f.CanonText(text)
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
		return BoolText(x), nil
	case int:
		return strconv.Itoa(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case decimal.Decimal:
		return x.String(), nil
	case time.Time:
		return DateTimeText(x.Unix()), nil
	case fmt.Stringer:
		return x.String(), nil
	}
	return "", fmt.Errorf("%T is not a field's value", v)
}

// CanonText is canon for text: a cell of a CSV file, a string of JSON.
func (f *Field) CanonText(s string) (string, *RowError) {
	s = strings.TrimSpace(s)
	if s == "" {
		if f.Type == TypeBoolean {
			return f.Default, nil
		}
		return "", nil
	}
	switch f.Type {
	case TypeDouble, TypeCurrency, TypePercent, TypeInt:
		return f.canonNumber(s)
	case TypeBoolean:
		switch strings.ToLower(s) {
		case "true", "1":
			return "true", nil
		case "false", "0":
			return "false", nil
		}
		return "", f.Undeserializable(s)
	case TypeDate:
		if len(s) > 10 && s[10] == 'T' {
			s = s[:10]
		}
		t, err := time.Parse(time.DateOnly, s)
		if err != nil || !inCalendar(t) {
			return "", f.Undeserializable(s)
		}
		return s, nil
	case TypeDateTime:
		t, ok := ParseDateTime(s)
		if !ok {
			return "", f.Undeserializable(s)
		}
		return DateTimeText(t.Unix()), nil
	case TypeReference, TypeID:
		id, err := sfid.Parse(s)
		if err != nil {
			return "", NewRowError("MALFORMED_ID", f.Name, "%s: id value of incorrect type: %s", f.Label, Shorten(s))
		}
		return id, nil
	case TypePicklist:
		return f.canonPicklist(s)
	case TypeMultipicklist:
		return f.canonMultipicklist(s)
	case TypeTime:
		return f.canonTime(s)
	}
	return f.canonString(s)
}

func (f *Field) canonString(s string) (string, *RowError) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if f.Length > 0 && len(s) > f.Length && len(utf16.Encode([]rune(s))) > f.Length {
		return "", NewRowError("STRING_TOO_LONG", f.Name, "%s: data value too large: %s (max length=%d)", f.Label, Shorten(s), f.Length)
	}
	if f.Type == TypeEmail && !isEmail(s) {
		return "", NewRowError("INVALID_EMAIL_ADDRESS", f.Name, "%s: invalid email address: %s", f.Label, s)
	}
	return s, nil
}

func (f *Field) canonPicklist(s string) (string, *RowError) {
	for _, v := range f.Values {
		if strings.EqualFold(v, s) {
			return v, nil
		}
	}
	if f.Restricted {
		return "", NewRowError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", f.Name, "%s: bad value for restricted picklist field: %s", f.Label, Shorten(s))
	}
	return f.canonString(s)
}

// canonMultipicklist takes values that are joined by semicolons, each once, and
// puts those that the field declares into its order, as the platform does.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
func (f *Field) canonMultipicklist(s string) (string, *RowError) {
	var out []string
	for part := range strings.SplitSeq(s, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		v, err := f.canonPicklist(part)
		if err != nil {
			return "", err
		}
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(f.place(a), f.place(b)) })
	return f.canonString(strings.Join(out, ";"))
}

// place is where the field declares a value; those that it does not come last.
func (f *Field) place(v string) int {
	if i := slices.Index(f.Values, v); i >= 0 {
		return i
	}
	return len(f.Values)
}

// canonTime takes a time of day, 10:30:00.000Z, with or without its fraction.
func (f *Field) canonTime(s string) (string, *RowError) {
	for _, layout := range []string{"15:04:05.999Z", "15:04:05.999", "15:04Z", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format("15:04:05.000Z"), nil
		}
	}
	return "", f.Undeserializable(s)
}

func (f *Field) canonNumber(s string) (string, *RowError) {
	d, ok := ParseNumber(s)
	if !ok {
		return "", f.Undeserializable(s)
	}
	d = d.Round(int32(f.Scale))
	if whole := d.Truncate(0).Abs().String(); whole != "0" && len(whole) > f.Precision-f.Scale {
		return "", NewRowError("NUMBER_OUTSIDE_VALID_RANGE", f.Name, "%s: value outside of valid range on numeric field: %s", f.Label, Shorten(s))
	}
	return NumberText(d, f.Type), nil
}

// Undeserializable is the error of a value that is not of the field's type. The
// platform refuses the whole request for it.
func (f *Field) Undeserializable(v any) *RowError {
	e := NewRowError("JSON_PARSER_ERROR", "", "Cannot deserialize instance of %s from %s or request may be missing a required field at field %s",
		f.Type, token(v), f.Name)
	e.OfRequest = true
	return e
}

// token names a JSON value as the platform's parser does, by its first token.
func token(v any) string {
	switch x := v.(type) {
	case json.Number:
		if strings.ContainsAny(x.String(), ".eE") {
			return "VALUE_NUMBER_FLOAT value " + Shorten(x.String())
		}
		return "VALUE_NUMBER_INT value " + Shorten(x.String())
	case bool:
		return "VALUE_" + strings.ToUpper(BoolText(x)) + " value " + BoolText(x)
	case map[string]any:
		return "START_OBJECT value {"
	case []any:
		return "START_ARRAY value ["
	default:
		return "VALUE_STRING value " + Shorten(fmt.Sprint(v))
	}
}

// dateTimeLayouts are the forms in which the platform reads an instant.
var dateTimeLayouts = []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04:05", time.DateOnly}

// ParseDateTime reads an instant in any of the forms that the platform reads.
func ParseDateTime(s string) (time.Time, bool) {
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

// Shorten keeps a value that is quoted in an error at a readable length.
func Shorten(s string) string {
	const limit = 255
	if r := []rune(s); len(r) > limit {
		return string(r[:limit])
	}
	return s
}

// DateTimeText prints an instant of Unix seconds as the platform does, in UTC.
func DateTimeText(unix int64) string { return time.Unix(unix, 0).UTC().Format(dateTimeLayout) }

// BoolText prints a boolean.
func BoolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// KeyOfValue is the form under which values count as the same: text is the same
// in any case unless the field is case-sensitive.
func (f *Field) KeyOfValue(v string) string {
	if f.CaseSensitive || f.Type == TypeReference || f.Type == TypeID {
		return v
	}
	return strings.ToLower(v)
}

// dateTimeLayout is how the platform prints an instant.
const dateTimeLayout = "2006-01-02T15:04:05.000-0700"
