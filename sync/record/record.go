package record

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
)

// Record is what Salesforce is to hold of one record: API names and JSON values.
// Encoded, its names are in order, so that the same state is always the same text.
type Record map[string]any

// Make writes values, named as the target's fields are, under the API names
// of the destination. A field without a value in the map is not sent at all, and
// nil empties it; a lookup by external id cannot be emptied and is left alone.
func Make(to mapping.Destination, key string, values map[string]any) Record {
	r := make(Record, len(to.Fields)+1)
	r[to.Key] = key
	for _, f := range to.Fields {
		v, given := values[f.Name]
		if !given {
			continue
		}
		v = encode(v, f.Length)
		relationship, far, isLookup := strings.Cut(f.Path, ".")
		switch {
		case !isLookup:
			r[f.Path] = v
		case v != nil:
			r[relationship] = map[string]any{far: v}
		}
	}
	return r
}

// encode gives a value as JSON takes it: numbers exactly, blanks as null, text no
// longer than the field.
func encode(v any, length int) any {
	switch v := v.(type) {
	case decimal.Decimal:
		return json.Number(v.String())
	case clock.Date:
		if v.IsZero() {
			return nil
		}
		return v.String()
	case time.Time:
		return salesforce.DateTime(v)
	case string:
		if v == "" {
			return nil
		}
		return shorten(v, length)
	}
	return v
}

// shorten cuts a text to a field's length and ends it in an ellipsis. Salesforce
// counts UTF-16 units, and keeps a line break as two characters. 0 is no bound.
func shorten(s string, length int) string {
	if length <= 0 || 2*len(s) <= length { // no byte counts for more than two
		return s
	}
	const ellipsis = "…"
	size, fits := 0, 0
	for i, r := range s {
		if size < length {
			fits = i // what precedes i leaves room for the ellipsis
		}
		if size += utf16.RuneLen(r); r == '\n' {
			size++
		}
		if size > length {
			return s[:fits] + ellipsis
		}
	}
	return s
}

// Hash identifies the state that the record brings about. When it was computed is
// no part of that: a line that comes to the same is not sent again.
func (r Record) Hash(to mapping.Destination) ([]byte, error) {
	skip := ""
	for _, f := range to.Fields {
		if IsUncompared(f.Name) {
			skip = f.Path
		}
	}
	buffer, _ := hashed.Get().(*[]byte)
	defer hashed.Put(buffer)
	b := (*buffer)[:0]
	b = append(b, to.Object+" "+to.Key+" "...)
	b, err := r.AppendJSON(b, skip)
	if err != nil {
		return nil, err
	}
	b = append(b, '\n')
	*buffer = b
	sum := sha256.Sum256(b)
	return sum[:], nil
}

// hashed keeps buffers for Hash.
var hashed = sync.Pool{New: func() any { return new([]byte) }}

// Unlink empties links of the record, those named (by field) or all of them, and
// says whether there was one to empty.
func (r Record) Unlink(to mapping.Destination, named []string, all bool) bool {
	var links, hit []string
	for _, f := range to.Fields {
		if f.Type == mapping.IDType && r[f.Path] != nil {
			links = append(links, f.Path)
			if slices.Contains(named, f.Path) {
				hit = append(hit, f.Path)
			}
		}
	}
	if all || len(hit) == 0 {
		hit = links
	}
	for _, path := range hit {
		r[path] = nil
	}
	return len(hit) > 0
}
