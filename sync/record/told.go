package record

import (
	"bytes"
	"fmt"

	"github.com/goccy/go-json"
)

// appendTold appends what tell gives of an explanation as the database has it. What an
// explanation says is found without reading the rest of it; one that looks unusual is read
// as a whole. If it can't be read, nothing is appended.
func appendTold(b, raw []byte) (_ []byte, fault string) {
	if out, ok := appendQuickly(b, raw); ok {
		return out, ""
	}
	var e told
	if err := json.Unmarshal(raw, &e); err != nil {
		return b, unreadable(err)
	}
	return append(b, tell(e)...), ""
}

func unreadable(err error) string {
	return fmt.Sprintf("the explanation of the line can't be read: %v; work the line out again", err)
}

// appendQuickly goes once through the members of an object, and appends the sentence and the
// arithmetic, if they are there once, in this order, and plainly written.
func appendQuickly(b, raw []byte) (out []byte, ok bool) {
	s := scan{b: raw}
	if !s.take('{') {
		return nil, false
	}
	sentences, arithmetics := 0, 0
	for first := true; !s.take('}'); first = false {
		if !first && !s.take(',') {
			return nil, false
		}
		name, plain := s.plain()
		if !plain || !s.take(':') {
			return nil, false
		}
		switch {
		case string(name) == "sentence":
			sentences++
			out, ok = s.appendText(b)
			if !ok || arithmetics > 0 {
				return nil, false
			}
		case string(name) == "arithmetic":
			arithmetics++
			if out, ok = s.appendLines(out); !ok {
				return nil, false
			}
		case bytes.EqualFold(name, []byte("sentence")), bytes.EqualFold(name, []byte("arithmetic")):
			return nil, false
		default:
			if !s.skip() {
				return nil, false
			}
		}
	}
	s.space()
	return out, s.at == len(raw) && sentences == 1 && arithmetics <= 1
}

// scan goes through JSON.
type scan struct {
	b  []byte
	at int
}

func (s *scan) space() {
	for s.at < len(s.b) && (s.b[s.at] == ' ' || s.b[s.at] == '\n' || s.b[s.at] == '\t' || s.b[s.at] == '\r') {
		s.at++
	}
}

// take takes a character, if it is the next.
func (s *scan) take(c byte) bool {
	s.space()
	if s.at >= len(s.b) || s.b[s.at] != c {
		return false
	}
	s.at++
	return true
}

// plain takes a string in which nothing is escaped.
func (s *scan) plain() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	n := bytes.IndexByte(s.b[s.at:], '"')
	if n < 0 {
		return nil, false
	}
	text := s.b[s.at : s.at+n]
	s.at += n + 1
	return text, bytes.IndexByte(text, '\\') < 0
}

// appendText takes a string and appends what it says. Escapes of one character are all
// that it knows. That its bytes are UTF-8 the database has seen to.
func (s *scan) appendText(out []byte) ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	for {
		end := bytes.IndexByte(s.b[s.at:], '"')
		if end < 0 {
			return nil, false
		}
		escape := bytes.IndexByte(s.b[s.at:s.at+end], '\\')
		if escape < 0 {
			out = append(out, s.b[s.at:s.at+end]...)
			s.at += end + 1
			return out, true
		}
		out = append(out, s.b[s.at:s.at+escape]...)
		s.at += escape
		switch c := s.b[s.at+1]; c { // at the latest the quote
		case '"', '\\', '/':
			out = append(out, c)
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		default:
			return nil, false
		}
		s.at += 2
	}
}

// appendLines takes an array of strings and appends each as a line of its own.
func (s *scan) appendLines(out []byte) ([]byte, bool) {
	if !s.take('[') {
		return nil, false
	}
	for first := true; !s.take(']'); first = false {
		if !first && !s.take(',') {
			return nil, false
		}
		var ok bool
		if out, ok = s.appendText(append(out, '\n')); !ok {
			return nil, false
		}
	}
	return out, true
}

// skip goes over a value. The database has checked it, so only its end is looked for.
func (s *scan) skip() bool {
	depth := 0
	for s.at < len(s.b) {
		switch c := s.b[s.at]; c {
		case '"':
			if !s.skipText() {
				return false
			}
			if depth == 0 {
				return true
			}
			continue
		case '[', '{':
			depth++
		case ']', '}':
			if depth == 0 {
				return true // of the object around a number
			}
			if depth--; depth == 0 {
				s.at++
				return true
			}
		case ',':
			if depth == 0 {
				return true
			}
		}
		s.at++
	}
	return false
}

func (s *scan) skipText() bool {
	for s.at++; s.at < len(s.b); {
		n := bytes.IndexByte(s.b[s.at:], '"')
		if n < 0 {
			return false
		}
		end := s.at + n
		escapes := 0
		for end-1-escapes >= s.at && s.b[end-1-escapes] == '\\' {
			escapes++
		}
		if s.at = end + 1; escapes%2 == 0 {
			return true
		}
	}
	return false
}
