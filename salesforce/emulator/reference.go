package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// references are the answers to which later parts of a composite call can
// refer, by reference id.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/using_composite_resources_composite.htm
type references map[string]any

// keep remembers what a part answered.
func (r references) keep(id string, body []byte) {
	if v, ok := decodeAny(body); ok {
		r[id] = v
	}
}

// decodeAny reads a JSON value, numbers as they are written.
func decodeAny(raw []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err == nil
}

// reference is @{id.member.list[0].member}; the path may begin with an index.
var reference = regexp.MustCompile(`@\{([^{}]*)\}`)

var referenceStep = regexp.MustCompile(`^(?:\.?([A-Za-z0-9_]+)|\[(\d{1,4})\])`)

// filling puts the values of references in their places in one part. A reference
// is short and its value may be long, so what the values add is bounded, as a body
// is.
type filling struct {
	refs references
	room int // bytes that values may still take
}

// fill puts the values of references in their places in a text.
func (f *filling) fill(text string) (string, error) {
	if !strings.Contains(text, "@{") {
		return text, nil
	}
	var failure error
	out := reference.ReplaceAllStringFunc(text, func(m string) string {
		if failure != nil {
			return ""
		}
		v, err := f.refs.value(m[2 : len(m)-1])
		if f.room -= len(v); err == nil && f.room < 0 {
			err = errBodyTooLarge
		}
		if err != nil {
			failure = err
			return ""
		}
		return v
	})
	return out, failure
}

// value follows one reference.
func (r references) value(path string) (string, error) {
	id, rest := path, ""
	if i := strings.IndexAny(path, ".["); i >= 0 {
		id, rest = path[:i], path[i:]
	}
	v, ok := r[id]
	for ok && rest != "" {
		m := referenceStep.FindStringSubmatch(rest)
		if m == nil {
			ok = false
			break
		}
		rest = rest[len(m[0]):]
		switch x := v.(type) {
		case map[string]any:
			v, ok = x[m[1]]
		case []any:
			n, err := strconv.Atoi(m[2])
			if ok = err == nil && n < len(x); ok {
				v = x[n]
			}
		default:
			ok = false
		}
	}
	switch x := v.(type) {
	case string:
		if ok {
			return x, nil
		}
	case json.Number:
		if ok {
			return x.String(), nil
		}
	case bool:
		if ok {
			return schema.BoolText(x), nil
		}
	}
	return "", refuse(http.StatusBadRequest, "PROCESSING_HALTED", "Invalid reference specified. No value for %s found in %s", path, id)
}

// fillJSON puts the values of references in their places in the strings of a
// body.
func (f *filling) fillJSON(raw []byte) ([]byte, error) {
	if !bytes.Contains(raw, []byte("@{")) {
		return raw, nil
	}
	v, ok := decodeAny(raw)
	if !ok {
		return raw, nil // the resource itself says what is wrong with it
	}
	v, err := f.fillValue(v)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func (f *filling) fillValue(v any) (any, error) {
	var err error
	switch x := v.(type) {
	case string:
		return f.fill(x)
	case []any:
		for i := range x {
			if x[i], err = f.fillValue(x[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for k := range x {
			if x[k], err = f.fillValue(x[k]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
