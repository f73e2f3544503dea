package emulator

import (
	"strings"
	"unicode/utf8"

	"github.com/partnersync/partnersync/salesforce/emulator/soql"
)

// projection is what a query selects of a record, nested as the answer nests
// it: fields of the object itself and, in the place of the first of them, the
// fields of each parent.
type projection struct {
	obj      *object
	parts    []part
	longText int // how many long text fields are selected
}

// part is a field, or a parent with a projection of its own.
type part struct {
	key    string // `"Name":`
	f      *field
	parent *step
	inner  *projection
}

func (s resolver) projection(paths []soql.Path) (*projection, *soql.Error) {
	root := &projection{obj: s.table.obj}
	seen := map[string]bool{}
	for _, path := range paths {
		col, err := s.column(path)
		if err != nil {
			return nil, err
		}
		key := columnKey(col)
		if seen[key] {
			return nil, s.at(path.Pos(), "INVALID_FIELD", "duplicate field selected: %s", path.Parts[len(path.Parts)-1].Text)
		}
		seen[key] = true
		if col.f.typ == typeTextArea {
			root.longText++
		}
		root.add(col)
	}
	return root, nil
}

func columnKey(c column) string {
	var b strings.Builder
	for _, s := range c.via {
		b.WriteString(s.lookup.name + ".")
	}
	return b.String() + c.f.name
}

func (p *projection) add(c column) {
	if c.isDirect() {
		p.parts = append(p.parts, part{key: `"` + c.f.name + `":`, f: c.f})
		return
	}
	first := c.via[0]
	rest := column{via: c.via[1:], f: c.f}
	for _, existing := range p.parts {
		if existing.parent != nil && existing.parent.lookup == first.lookup {
			existing.inner.add(rest)
			return
		}
	}
	inner := &projection{obj: first.to.obj}
	inner.add(rest)
	p.parts = append(p.parts, part{key: `"` + first.lookup.relationship + `":`, parent: &first, inner: inner})
}

// appendJSON writes a record. base is "/services/data/v62.0/sobjects/".
func (p *projection) appendJSON(b []byte, r *record, base string) []byte {
	b = append(b, `{"attributes":{"type":"`...)
	b = append(b, p.obj.name...)
	b = append(b, `","url":"`...)
	b = append(b, base...)
	b = append(b, p.obj.name...)
	b = append(b, '/')
	b = append(b, r.id...)
	b = append(b, `"}`...)
	for i := range p.parts {
		part := &p.parts[i]
		b = append(b, ',')
		b = append(b, part.key...)
		if part.parent == nil {
			b = appendValue(b, part.f, r)
			continue
		}
		parent := column{via: []step{*part.parent}}.parent(r)
		if parent == nil {
			b = append(b, "null"...)
			continue
		}
		b = part.inner.appendJSON(b, parent, base)
	}
	return append(b, '}')
}

// appendValue writes a field's value as JSON: numbers and booleans bare, the
// rest as strings, "" as null.
func appendValue(b []byte, f *field, r *record) []byte {
	if f.slot < 0 {
		switch f.typ {
		case typeDateTime:
			return appendInstant(b, r.instant(f.slot))
		case typeBoolean:
			return append(b, boolText(r.deleted)...)
		}
	}
	v := r.get(f)
	if v == "" {
		return append(b, "null"...)
	}
	if f.typ == typeBoolean || f.typ.isNumber() {
		return append(b, v...)
	}
	return appendString(b, v)
}

// appendString writes a JSON string.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += size
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		from = i
	}
	return append(append(b, s[from:]...), '"')
}
