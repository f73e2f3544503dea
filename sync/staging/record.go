package staging

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	gojson "github.com/goccy/go-json"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/salesforce"
)

// Record is one version of a Salesforce record.
type Record struct {
	Object    string          `db:"object"` // API name
	ID        string          `db:"id"`     // 18 characters
	Modstamp  time.Time       `db:"modstamp"`
	IsDeleted bool            `db:"is_deleted"`
	Payload   json.RawMessage `db:"payload"` // see Receive
	PulledAt  time.Time       `db:"pulled_at"`
	// VanishedAt is when a recount found that Salesforce has no such record any more;
	// nil while it has. Put leaves it to MarkVanished.
	VanishedAt *time.Time `db:"vanished_at"`
}

// maxDepth bounds how deep a record may nest: a query walks five relationships.
const maxDepth = 8

// Receive makes a Record of one element of a query's result. stamp names the
// field that orders versions. The payload is put in a canonical form, so that
// two readings of one version can be compared: fields in the order of their
// names, without the "attributes" that Salesforce adds (their URLs name the API
// version), invalid UTF-8 replaced. The payload does not share memory with raw.
// PulledAt is left to Put.
func Receive(object, stamp string, raw []byte) (_ Record, err error) {
	defer errs.Wrap(&err, "receive a record of %s", object)
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	var fields map[string]gojson.RawMessage
	if err := gojson.Unmarshal(raw, &fields); err != nil || fields == nil {
		return Record{}, errs.New(errs.Invalid, "it is not a JSON object")
	}
	r := Record{Object: object}
	if r.ID, err = receiveID(fields["Id"]); err != nil {
		return Record{}, err
	}
	var text string
	if err := gojson.Unmarshal(orNull(fields[stamp]), &text); err != nil {
		return Record{}, errs.New(errs.Invalid, "%s has no readable %s", r.ID, stamp)
	}
	if r.Modstamp, err = salesforce.ParseTime(text); err != nil {
		return Record{}, errs.New(errs.Invalid, "%s of %s: %w", stamp, r.ID, err)
	}
	r.IsDeleted = string(bytes.TrimSpace(fields["IsDeleted"])) == "true"
	r.Payload, err = appendCanonical(make([]byte, 0, len(raw)), fields, 0)
	return r, err
}

func receiveID(raw gojson.RawMessage) (string, error) {
	var text string
	if err := gojson.Unmarshal(orNull(raw), &text); err != nil {
		return "", errs.New(errs.Invalid, "its Id is not text")
	}
	id, err := sfid.Parse(text)
	if err != nil {
		return "", errs.New(errs.Invalid, "its Id is unusable: %w", err)
	}
	return id, nil
}

func orNull(raw gojson.RawMessage) []byte {
	if raw == nil {
		return []byte("null")
	}
	return raw
}

// appendCanonical writes an object with its fields sorted, without attributes.
func appendCanonical(b []byte, fields map[string]gojson.RawMessage, depth int) ([]byte, error) {
	if depth == maxDepth {
		return nil, errs.New(errs.Invalid, "it nests deeper than %d objects", maxDepth)
	}
	b = append(b, '{')
	first := true
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name == "attributes" {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendName(b, name)
		value := bytes.TrimSpace(fields[name])
		if len(value) == 0 || value[0] != '{' {
			b = append(b, value...)
			continue
		}
		var inner map[string]gojson.RawMessage
		if err := gojson.Unmarshal(value, &inner); err != nil {
			return nil, errs.New(errs.Invalid, "its field %s is not valid JSON", name)
		}
		var err error
		if b, err = appendCanonical(b, inner, depth+1); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendName writes a field's name and the colon behind it. API names need no
// escapes; what came in that does is not an API name, but is kept.
func appendName(b []byte, name string) []byte {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, err := json.Marshal(name)
			if err != nil { // cannot be: a string always marshals
				quoted = []byte(strconv.QuoteToASCII(name))
			}
			return append(append(b, quoted...), ':')
		}
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"', ':')
}
