package record

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/partnersync/partnersync/mapping"
)

// noValue is what a Bulk job takes for null; an empty cell leaves the field as it is.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_prepare_csv.htm
const noValue = "#N/A"

// AppendCSVHeader appends the first line of a Bulk job's data: the key, then each field
// by its path.
func AppendCSVHeader(b []byte, to mapping.Destination) []byte {
	b = append(b, to.Key...)
	for _, f := range to.Fields {
		if f.Path != to.Key {
			b = append(append(b, ','), f.Path...)
		}
	}
	return append(b, '\n')
}

// AppendCSV appends the record as a line of a Bulk job's data, so that it brings about
// what the record does as JSON: what is null there is #N/A here, and what is not in it is
// an empty cell.
func (r Record) AppendCSV(b []byte, to mapping.Destination) ([]byte, error) {
	b, err := appendCell(b, r[to.Key], true)
	for _, f := range to.Fields {
		if f.Path == to.Key || err != nil {
			continue
		}
		v, there := at(r, f.Path)
		b, err = appendCell(append(b, ','), v, there)
	}
	return append(b, '\n'), err
}

func appendCell(b []byte, v any, there bool) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		if there {
			b = append(b, noValue...)
		}
	case json.Number:
		b = append(b, v...)
	case string:
		b = appendText(b, v)
	default:
		return b, fmt.Errorf("a %T cannot be written as CSV", v)
	}
	return b, nil
}

// appendText appends a text, in quotes if it needs them.
func appendText(b []byte, v string) []byte {
	if !needsQuotes(v) {
		return append(b, v...)
	}
	b = append(b, '"')
	for {
		i := strings.IndexByte(v, '"')
		if i < 0 {
			return append(append(b, v...), '"')
		}
		b = append(append(b, v[:i+1]...), '"')
		v = v[i+1:]
	}
}

func needsQuotes(v string) bool {
	for i := range len(v) {
		if c := v[i]; c == '"' || c == ',' || c == '\n' || c == '\r' {
			return true
		}
	}
	return false
}
