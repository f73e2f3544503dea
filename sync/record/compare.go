package record

import (
	"encoding/json"
	"fmt"
	"strings"

	fast "github.com/goccy/go-json"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
)

// Remote is a record as Salesforce gave it.
type Remote map[string]any

// IsUncompared says of a target's field that it is no part of the record's state: when
// it was computed is not sent again by itself.
func IsUncompared(name string) bool { return name == "computed_at" }

// Select gives the beginning of a query for what is compared of a target's records.
func Select(to mapping.Destination) string {
	fields := []string{"Id", to.Key}
	for _, f := range to.Fields {
		if f.Path != to.Key && !IsUncompared(f.Name) {
			fields = append(fields, f.Path)
		}
	}
	return "select " + strings.Join(fields, ", ") + " from " + to.Object
}

// Decode reads the records of a page of such a query, by key, and lists the keys in the
// page's order. A record that has none is not ours: whatever we write has a key.
func Decode(p salesforce.Page, to mapping.Destination) (_ map[string]Remote, keys []string, _ error) {
	out := make(map[string]Remote, len(p.Records))
	for _, raw := range p.Records {
		d := fast.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		var r Remote
		if err := d.Decode(&r); err != nil {
			return nil, nil, errs.New(errs.Transient, "a record of %s cannot be read: %w", to.Object, err)
		}
		key, _ := r[to.Key].(string)
		if key != "" {
			out[key], keys = r, append(keys, key)
		}
	}
	return out, keys, nil
}

// Differ compares a field of what was sent with what Salesforce holds, as it keeps it. A
// field that was not sent never differs.
func Differ(sent Record, is Remote, path string, object *salesforce.Object) (expected, found any, differ bool) {
	expected, given := at(sent, path)
	if !given {
		return nil, nil, false
	}
	found, _ = at(Record(is), path)
	return expected, found, !same(expected, found, scale(object, path))
}

// IsAs says whether Salesforce holds a record as it was sent.
func IsAs(sent Record, is Remote, to mapping.Destination, object *salesforce.Object) bool {
	for _, f := range to.Fields {
		if _, _, differ := Differ(sent, is, f.Path, object); differ && !IsUncompared(f.Name) {
			return false
		}
	}
	return true
}

// at finds the value of a path, over a relationship or not.
func at(r Record, path string) (any, bool) {
	relationship, far, isLookup := strings.Cut(path, ".")
	v, there := r[relationship]
	if !isLookup || v == nil {
		return v, there
	}
	if m, ok := v.(map[string]any); ok {
		v, there = m[far]
		return v, there
	}
	return nil, false
}

// scale is how many digits behind the point Salesforce keeps of a number field.
func scale(object *salesforce.Object, path string) int32 {
	if f, ok := object.Field(path); ok {
		return int32(f.Scale) //nolint:gosec // a scale is at most 18
	}
	return 0
}

// same says whether Salesforce holds what was sent, as it keeps it: numbers to the
// field's scale, texts without spaces at their ends and with its own line breaks.
func same(sent, held any, scale int32) bool {
	a, isNumber := number(sent)
	b, alsoNumber := number(held)
	if isNumber && alsoNumber {
		return a.Round(scale).Equal(b.Round(scale))
	}
	return Shown(sent) == Shown(held)
}

func number(v any) (decimal.Decimal, bool) {
	n, is := v.(json.Number)
	if !is {
		return decimal.Decimal{}, false
	}
	d, err := decimal.NewFromString(n.String())
	return d, err == nil
}

// Shown gives a value as text; none is "".
func Shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(strings.ReplaceAll(v, "\r\n", "\n"))
	}
	return fmt.Sprint(v)
}
