package staging

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/partnersync/partnersync/internal/errs"
)

// JSON makes a Record of one element of a REST query's result. The payload is what
// Receive makes of it, with every value in its column's form; a record that has the
// query's fields, as the platform sends them, is read without looking anything up.
// The payload does not share memory with raw.
func (r *Receiver) JSON(raw []byte) (_ Record, err error) {
	defer errs.Wrap(&err, "receive a record of %s", r.shape.object)
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	s := scanner{text: raw, receiver: r}
	if !s.record() {
		return receive(r.shape.object, r.shape.stamp, r.shape, raw)
	}
	id, at := unquoted(r.cells[r.shape.id]), unquoted(r.cells[r.shape.at])
	if id == nil || at == nil {
		return receive(r.shape.object, r.shape.stamp, r.shape, raw)
	}
	out, err := r.record(id, at)
	if err != nil {
		return Record{}, err
	}
	out.IsDeleted = r.shape.deleted >= 0 && string(r.cells[r.shape.deleted]) == "true"
	b, _ := r.write(r.room(len(raw)), r.shape.root, appendJSON)
	out.Payload = r.keep(b)
	return out, nil
}

// unquoted gives what stands in a JSON string without escapes, or nil.
func unquoted(c cell) []byte {
	if len(c) < 2 || c[0] != '"' || bytes.IndexByte(c, '\\') >= 0 {
		return nil
	}
	return c[1 : len(c)-1]
}

// appendJSON writes a value that came as JSON and is not null.
func appendJSON(b []byte, form Form, c cell) []byte {
	if c[0] != '"' {
		switch {
		case form == FormAny:
			return appendText(b, c)
		case c[0] == 't', c[0] == 'f':
			return append(b, c...)
		}
		if number, ok := appendNumber(b, c); ok {
			return number
		}
		return append(b, c...)
	}
	text := unquoted(c)
	if text == nil {
		var s string
		if err := json.Unmarshal(c, &s); err != nil { // cannot be: it was scanned
			return append(b, c...)
		}
		text = []byte(s)
	}
	if form == FormTime {
		return appendTime(b, text)
	}
	return appendText(b, text)
}

// scanner finds the values of a record of the shape that it expects. Where anything
// is otherwise it gives up, and the record is read in the general way.
type scanner struct {
	text     []byte
	at       int
	receiver *Receiver
}

func (s *scanner) record() bool {
	if s.space() != '{' || !s.object(s.receiver.shape.root) {
		return false
	}
	return s.space() == 0 && s.at == len(s.text)
}

// space goes to the next byte that is none, and gives it; 0 at the end.
func (s *scanner) space() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// object reads an object whose members the node has, each of them once and in the
// order of the query, and beside them attributes.
func (s *scanner) object(n *node) bool {
	s.at++ // the brace
	next := 0
	for {
		c := s.space()
		switch {
		case c == '}':
			s.at++
			return next == len(n.received)
		case c == ',':
			s.at++
			continue
		case c != '"':
			return false
		}
		const attributes = `"attributes":`
		if s.has(attributes) {
			if s.space() != '{' || !s.skipObject(0) {
				return false
			}
			continue
		}
		if next == len(n.received) || !s.has(n.received[next].head) || !s.value(n.received[next]) {
			return false
		}
		next++
	}
}

// has steps over what is expected.
func (s *scanner) has(head string) bool {
	if len(s.text)-s.at < len(head) || string(s.text[s.at:s.at+len(head)]) != head {
		return false
	}
	s.at += len(head)
	return true
}

// value reads the value of a member.
func (s *scanner) value(n *node) bool {
	c := s.space()
	switch {
	case c == 'n' && s.has(null):
		for _, column := range n.leaves {
			s.receiver.cells[column] = nil
		}
		return s.ends()
	case n.column < 0:
		return c == '{' && s.object(n) && s.ends()
	case c == '{' || c == '[':
		return false
	}
	from := s.at
	if !s.scalar(c) || !s.ends() {
		return false
	}
	s.receiver.cells[n.column] = s.text[from:s.at]
	return true
}

// ends says whether a value is over here.
func (s *scanner) ends() bool {
	if s.at >= len(s.text) {
		return false
	}
	c := s.text[s.at]
	return c == ',' || c == '}' // with a space before it, the general way will do
}

// scalar steps over a string, a number, true or false.
func (s *scanner) scalar(c byte) bool {
	switch {
	case c == '"':
		return s.string()
	case c == 't':
		return s.has("true")
	case c == 'f':
		return s.has("false")
	}
	from := s.at
	for s.at < len(s.text) && s.text[s.at] != ',' && s.text[s.at] != '}' {
		s.at++
	}
	return isNumber(s.text[from:s.at])
}

// string steps over a string; one with anything but plain text and escapes is left
// to the general way.
func (s *scanner) string() bool {
	from := s.at
	isPlain := true
	for i := s.at + 1; i < len(s.text); i++ {
		c := s.text[i]
		if !needsEscape[c] {
			continue
		}
		switch {
		case c == '"':
			s.at = i + 1
			return isPlain || json.Valid(s.text[from:s.at])
		case c != '\\':
			return false
		}
		isPlain = false
		i++
	}
	return false
}

// skipObject steps over an object of strings and objects, as attributes are.
func (s *scanner) skipObject(depth int) bool {
	s.at++
	for depth < maxDepth {
		switch s.space() {
		case '}':
			s.at++
			return true
		case '{':
			if !s.skipObject(depth + 1) {
				return false
			}
		case '"':
			if !s.string() {
				return false
			}
		case ',', ':':
			s.at++
		default:
			return false
		}
	}
	return false
}

// isNumber says whether text is a number as JSON writes it.
func isNumber(text []byte) bool {
	i := 0
	digits := func() bool {
		from := i
		for i < len(text) && '0' <= text[i] && text[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(text) && text[i] == '-' {
		i++
	}
	start := i
	if !digits() || text[start] == '0' && i > start+1 {
		return false
	}
	if i < len(text) && text[i] == '.' {
		if i++; !digits() {
			return false
		}
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(text)
}
