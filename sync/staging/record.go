package staging

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	gojson "github.com/goccy/go-json"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/sfid"
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
	// AliveAt is when a record that has vanished was last known to be there.
	AliveAt *time.Time `db:"alive_at"`
}

// maxDepth bounds how deep a record may nest: a query walks five relationships.
const maxDepth = 8

// Receive makes a Record of one element of a query's result. stamp names the
// field that orders versions. The payload is put in a canonical form, so that
// two readings of one version can be compared, by whichever API and in whichever
// version of it:
//
//   - fields in the order of their names, without the "attributes" that Salesforce
//     adds (their URLs name the API version), and without spaces;
//   - numbers without exponent and without zeros that say nothing;
//   - texts with the escapes that JSON needs and no others, invalid UTF-8 replaced;
//   - an empty text is null, and so is a parent without any value.
//
// A Receiver does the same faster, and knows the types of fields: instants then have
// one form too. The payload does not share memory with raw. PulledAt is left to Put.
func Receive(object, stamp string, raw []byte) (_ Record, err error) {
	defer errs.Wrap(&err, "receive a record of %s", object)
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	return receive(object, stamp, nil, raw)
}

// receive is the general way, for records whose fields are not known or not those
// that are expected.
func receive(object, stamp string, shape *Shape, raw []byte) (Record, error) {
	var fields map[string]gojson.RawMessage
	if err := gojson.Unmarshal(raw, &fields); err != nil || fields == nil || !json.Valid(raw) {
		return Record{}, errs.New(errs.Invalid, "it is not a JSON object")
	}
	text := func(field, what string) ([]byte, error) {
		var s *string
		if err := json.Unmarshal(orNull(fields[field]), &s); err != nil || s == nil {
			return nil, errs.New(errs.Invalid, "%s", what)
		}
		return []byte(*s), nil
	}
	id, err := text("Id", "its Id is not text")
	if err != nil {
		return Record{}, err
	}
	at, err := text(stamp, string(id)+" has no readable "+stamp)
	if err != nil {
		return Record{}, err
	}
	var n *node
	g := general{}
	if shape != nil {
		n, g.columns = shape.root, shape.columns
	}
	r, err := (&Receiver{shape: &Shape{object: object, stamp: stamp}}).record(id, at)
	if err != nil {
		return Record{}, err
	}
	r.IsDeleted = string(bytes.TrimSpace(fields["IsDeleted"])) == "true"
	r.Payload, _, err = g.append(make([]byte, 0, len(raw)), fields, n, 0)
	return r, err
}

// record begins a Record with the texts of its id and its stamp.
func (r *Receiver) record(idText, at []byte) (Record, error) {
	id, err := sfid.Parse(string(idText))
	if err != nil {
		return Record{}, errs.New(errs.Invalid, "its Id is unusable: %w", err)
	}
	out := Record{Object: r.shape.object, ID: id}
	if out.Modstamp, err = parseStamp(at); err != nil {
		return Record{}, errs.New(errs.Invalid, "%s of %s: %w", r.shape.stamp, id, err)
	}
	return out, nil
}

func orNull(raw gojson.RawMessage) []byte {
	if raw == nil {
		return []byte(null)
	}
	return raw
}

// general writes records of any shape; columns give the forms of those that a node
// knows.
type general struct{ columns []Column }

// append writes an object with its fields sorted, without attributes; isNull says
// that no field has a value.
func (g general) append(b []byte, fields map[string]gojson.RawMessage, n *node, depth int) (_ []byte, isNull bool, err error) {
	if depth == maxDepth {
		return nil, false, errs.New(errs.Invalid, "it nests deeper than %d objects", maxDepth)
	}
	isNull = true
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
		var m *node
		if n != nil {
			m = n.member(name)
		}
		from := len(b)
		if b, err = g.value(b, name, bytes.TrimSpace(fields[name]), m, depth); err != nil {
			return nil, false, err
		}
		isNull = isNull && string(b[from:]) == null
	}
	return append(b, '}'), isNull, nil
}

func (g general) value(b []byte, name string, value []byte, n *node, depth int) ([]byte, error) {
	switch {
	case len(value) == 0 || string(value) == null:
		return append(b, null...), nil
	case value[0] == '{':
		var inner map[string]gojson.RawMessage
		if err := gojson.Unmarshal(value, &inner); err != nil {
			return nil, errs.New(errs.Invalid, "its field %s is not valid JSON", name)
		}
		from := len(b)
		b, isNull, err := g.append(b, inner, n, depth+1)
		if err == nil && isNull {
			b = append(b[:from], null...)
		}
		return b, err
	case value[0] == '[':
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return nil, errs.New(errs.Invalid, "its field %s is not valid JSON", name)
		}
		return append(b, compact.Bytes()...), nil
	}
	form := FormText
	if n != nil && n.column >= 0 {
		form = g.columns[n.column].Form
	}
	return appendJSON(b, form, value), nil
}
