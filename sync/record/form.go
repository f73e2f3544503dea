package record

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/mapping"
)

// Form is a destination made ready for writing many records, without a map for each: a
// Sheet of it brings about what Make and the Record's own ways do, byte for byte.
type Form struct {
	to     mapping.Destination
	fields []formField // as those of the destination, and the key behind them
	order  []int       // of fields, by the names of their members
	// isOdd says that fields meet in one member, so that records are written by maps.
	isOdd bool
}

type formField struct {
	mapping.DestinationField
	member       string // as JSON, the colon included, and of a lookup the object's beginning
	isLookup     bool
	isUncompared bool
}

// NewForm gives the form of a destination.
func NewForm(to mapping.Destination) *Form {
	f := &Form{to: to}
	names := make([]string, 0, len(to.Fields)+1)
	for _, d := range append(slices.Clone(to.Fields), mapping.DestinationField{Path: to.Key}) {
		relationship, far, isLookup := strings.Cut(d.Path, ".")
		field := formField{DestinationField: d, isLookup: isLookup, isUncompared: IsUncompared(d.Name)}
		field.member = string(appendString(nil, relationship)) + ":"
		if isLookup {
			field.member += "{" + string(appendString(nil, far)) + ":"
		}
		f.isOdd = f.isOdd || slices.Contains(names, relationship)
		f.fields, f.order, names = append(f.fields, field), append(f.order, len(f.order)), append(names, relationship)
	}
	slices.SortFunc(f.order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	return f
}

// cell is the value of a field.
type cell struct {
	kind cellKind
	text string
}

type cellKind uint8

const (
	absent cellKind = iota // not sent at all
	null
	asText
	asNumber
)

// textCell gives a text, no longer than the field; "" is null.
func textCell(s string, length int) cell {
	if s == "" {
		return cell{kind: null}
	}
	return cell{asText, shorten(s, length)}
}

// Sheet is one record of a form; it is filled again and again.
type Sheet struct {
	*Form
	cells  []cell // by field
	record Record // instead of cells, where the form is odd
	// json is the record once it is encoded, and uncompared where in it that is which the
	// hash is not of.
	json       []byte
	uncompared [2]int
	buffer     []byte
}

// NewSheet gives an empty sheet.
func (f *Form) NewSheet() *Sheet { return &Sheet{Form: f, cells: make([]cell, len(f.fields))} }

// Fill makes the sheet the record of a key with some values, as Make does.
func (s *Sheet) Fill(key string, values map[string]any) error {
	if s.isOdd {
		s.record = Make(s.to, key, values)
		return nil
	}
	for i := range s.to.Fields {
		f := &s.fields[i]
		v, given := values[f.Name]
		if !given {
			s.cells[i] = cell{}
			continue
		}
		switch v := encode(v, f.Length).(type) {
		case nil:
			s.cells[i] = cell{kind: null}
		case string:
			s.cells[i] = cell{asText, v}
		case json.Number:
			s.cells[i] = cell{asNumber, v.String()}
		default:
			return fmt.Errorf("a %T cannot be written", v)
		}
	}
	s.key(key)
	return nil
}

// key ends filling in.
func (s *Sheet) key(key string) {
	s.cells[len(s.cells)-1] = cell{asText, key}
	s.json, s.uncompared = s.json[:0], [2]int{}
}

// AppendJSON appends the record as Record.AppendJSON does.
func (s *Sheet) AppendJSON(b []byte) ([]byte, error) {
	if s.isOdd {
		return s.record.AppendJSON(b, "")
	}
	return append(b, s.encoded()...), nil
}

// encoded gives the record as JSON, which is made once for the hash and what is sent.
func (s *Sheet) encoded() []byte {
	if len(s.json) > 0 {
		return s.json
	}
	b, before := s.json, byte('{')
	for _, i := range s.order {
		f, c := &s.fields[i], &s.cells[i]
		if c.kind == absent || f.isLookup && c.kind == null {
			continue // a lookup by external id cannot be emptied
		}
		from := len(b)
		b = append(append(b, before), f.member...)
		before = ','
		switch c.kind {
		case asText:
			b = appendString(b, c.text)
		case asNumber:
			b = append(b, c.text...)
		default:
			b = append(b, "null"...)
		}
		if f.isLookup {
			b = append(b, '}')
		}
		if f.isUncompared {
			s.uncompared = [2]int{from, len(b)}
		}
	}
	b = append(b, '}')
	s.json = b
	return b
}

// Hash is Record.Hash.
func (s *Sheet) Hash() (sum [sha256.Size]byte, err error) {
	b := s.buffer[:0]
	b = append(b, s.to.Object+" "+s.to.Key+" "...)
	if s.isOdd {
		hash, err := s.record.Hash(s.to)
		copy(sum[:], hash)
		return sum, err
	}
	all := s.encoded()
	from, to := s.uncompared[0], s.uncompared[1]
	b = append(b, all[:from]...)
	if rest := all[to:]; from == 0 && to > 0 && rest[0] == ',' { // it was the first member
		b = append(append(b, '{'), rest[1:]...)
	} else {
		b = append(b, rest...)
	}
	b = append(b, '\n')
	s.buffer = b
	return sha256.Sum256(b), nil
}

// AppendCSV appends the record as Record.AppendCSV does.
func (s *Sheet) AppendCSV(b []byte) ([]byte, error) {
	if s.isOdd {
		return s.record.AppendCSV(b, s.to)
	}
	b = appendText(b, s.cells[len(s.cells)-1].text)
	for i := range s.to.Fields {
		b = append(b, ',')
		switch c := &s.cells[i]; c.kind {
		case null:
			if !s.fields[i].isLookup {
				b = append(b, noValue...)
			}
		case asText:
			b = appendText(b, c.text)
		case asNumber:
			b = append(b, c.text...)
		}
	}
	return append(b, '\n'), nil
}
