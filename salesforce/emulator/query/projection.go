package query

import (
	"strings"
	"unicode/utf8"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Projection is what a query selects of a record, nested as the answer nests
// it: fields of the object itself and, in the place of the first of them, the
// fields of each parent.
type Projection struct {
	Object   *schema.Object
	Parts    []part
	LongText int // how many long text fields are selected
}

// part is a field, or a parent with a projection of its own.
type part struct {
	key    string // `"Name":`
	f      *schema.Field
	parent *step
	inner  *Projection
}

func (s resolver) projection(paths []soql.Path) (*Projection, *soql.Error) {
	root := &Projection{Object: s.table.Object}
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
		if col.Field.Type == schema.TypeTextArea {
			root.LongText++
		}
		root.Add(col)
	}
	return root, nil
}

func columnKey(c Column) string {
	var b strings.Builder
	for _, s := range c.via {
		b.WriteString(s.lookup.Name + ".")
	}
	return b.String() + c.Field.Name
}

// Add selects one more column.
func (p *Projection) Add(c Column) {
	if c.isDirect() {
		p.Parts = append(p.Parts, part{key: `"` + c.Field.Name + `":`, f: c.Field})
		return
	}
	first := c.via[0]
	rest := Column{via: c.via[1:], Field: c.Field}
	for _, existing := range p.Parts {
		if existing.parent != nil && existing.parent.lookup == first.lookup {
			existing.inner.Add(rest)
			return
		}
	}
	inner := &Projection{Object: first.to.Object}
	inner.Add(rest)
	p.Parts = append(p.Parts, part{key: `"` + first.lookup.Relationship + `":`, parent: &first, inner: inner})
}

// AppendJSON writes a record. base is "/services/data/v62.0/sobjects/".
func (p *Projection) AppendJSON(b []byte, r *store.Record, base string) []byte {
	b = append(b, `{"attributes":{"type":"`...)
	b = append(b, p.Object.Name...)
	b = append(b, `","url":"`...)
	b = append(b, base...)
	b = append(b, p.Object.Name...)
	b = append(b, '/')
	b = append(b, r.ID...)
	b = append(b, `"}`...)
	for i := range p.Parts {
		part := &p.Parts[i]
		b = append(b, ',')
		b = append(b, part.key...)
		if part.parent == nil {
			b = appendValue(b, part.f, r)
			continue
		}
		parent := Column{via: []step{*part.parent}}.parent(r)
		if parent == nil {
			b = append(b, "null"...)
			continue
		}
		b = part.inner.AppendJSON(b, parent, base)
	}
	return append(b, '}')
}

// appendValue writes a field's value as JSON: numbers and booleans bare, the
// rest as strings, "" as null.
func appendValue(b []byte, f *schema.Field, r *store.Record) []byte {
	if f.Slot < 0 {
		switch f.Type {
		case schema.TypeDateTime:
			return appendInstant(b, r.Instant(f.Slot))
		case schema.TypeBoolean:
			return append(b, schema.BoolText(r.Deleted)...)
		}
	}
	v := r.Get(f)
	if v == "" {
		return append(b, "null"...)
	}
	if f.Type == schema.TypeBoolean || f.Type.IsNumber() {
		return append(b, v...)
	}
	return AppendString(b, v)
}

// AppendString writes a JSON string.
func AppendString(b []byte, s string) []byte {
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
