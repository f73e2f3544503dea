package mapping

import (
	"bytes"
	"encoding/json"
	"strings"

	gojson "github.com/goccy/go-json"
	"github.com/shopspring/decimal"
)

// maxRaw bounds what a Problem keeps of a value, in bytes.
const maxRaw = 200

// Decode reads a staged record as a fact of the kind. Every value that cannot be
// read is a Problem and absent from the Record; nothing is guessed and nothing is
// rounded. Of a field with alternatives, the first that the payload has counts.
func (m *Mapping) Decode(kind Kind, payload json.RawMessage) (Record, []Problem) {
	r := Record{kind: kind, values: make([]any, len(facts[kind]))}
	f, err := m.lookup(kind)
	if err != nil {
		return r, []Problem{{Message: err.Error()}}
	}
	var object map[string]gojson.RawMessage
	if err := gojson.Unmarshal(payload, &object); err != nil || object == nil {
		return r, []Problem{{Raw: cut(string(payload)), Message: "the record is not a JSON object"}}
	}
	var problems []Problem
	for _, field := range f.Fields {
		path, raw, found := find(object, field.Paths)
		if !found {
			if !field.IsOptional {
				problems = append(problems, Problem{Field: field.Name, Path: path,
					Message: "the record was read without this field; the next pull reads it again"})
			}
			continue
		}
		v, message := read(field.Type, bytes.TrimSpace(raw))
		if message != "" {
			problems = append(problems, Problem{Field: field.Name, Path: path, Raw: cut(string(raw)), Message: message})
			continue
		}
		if d, ok := v.(decimal.Decimal); ok && field.Type == PercentType && field.Unit != UnitFraction {
			v = d.Shift(-2)
		}
		r.values[kind.index(field.Name)] = v
	}
	return r, problems
}

// find gives the value of the first path that the object has. A relationship to
// nothing is null, and so is everything beyond it.
func find(object map[string]gojson.RawMessage, paths []string) (string, gojson.RawMessage, bool) {
	for _, path := range paths {
		if raw, ok := walk(object, path); ok {
			return path, raw, true
		}
	}
	return paths[0], nil, false
}

func walk(object map[string]gojson.RawMessage, path string) (gojson.RawMessage, bool) {
	for {
		head, rest, more := strings.Cut(path, ".")
		raw, ok := object[head]
		if !ok || !more || string(bytes.TrimSpace(raw)) == "null" {
			return raw, ok
		}
		var next map[string]gojson.RawMessage
		if err := gojson.Unmarshal(raw, &next); err != nil {
			return nil, false
		}
		object, path = next, rest
	}
}

func cut(s string) string {
	if len(s) <= maxRaw {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ToValidUTF8(s[:maxRaw], "\uFFFD") + "…"
}
