package query

import (
	"slices"
	"strings"

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
	// isGroup is true for the rows of an aggregate query.
	isGroup bool
	// isNested is true if it has parts that are no columns: children, TYPEOF.
	isNested bool
}

// part is one member of a record's JSON: a field, a parent with a projection of
// its own, children, or a parent shown by its type.
type part struct {
	key  string // `,"Name":`
	kind kind
	// isPlain is true for a field of the record itself and nothing else, as nearly
	// all parts are.
	isPlain bool
	f       *schema.Field
	format  *formatter // FORMAT, or nil
	parent  *step
	inner   *Projection
	// variants are the fields of a polymorphic lookup's objects, by object.
	variants map[*schema.Object]*schema.Field
	ofType   bool // the name of the record's object
	child    *childQuery
	typeOf   *typeOf

	// What columnMetadata says of it.
	name, display string
	aggregate     bool
}

// projection compiles a select list.
func (s resolver) projection(p *Plan, items []soql.Item) *soql.Error {
	root := &Projection{Object: s.table.Object, isGroup: p.groups != nil}
	p.Projection = root
	seen := map[string]bool{}
	take := func(pos int, key, shown string) *soql.Error {
		if key = strings.ToLower(key); seen[key] {
			if root.isGroup {
				return s.at(pos, "MALFORMED_QUERY", "duplicate alias: %s", shown)
			}
			return s.at(pos, "INVALID_FIELD", "duplicate field selected: %s", shown)
		}
		seen[key] = true
		return nil
	}
	for _, item := range items {
		var err *soql.Error
		switch {
		case item.Child != nil:
			err = s.selectChildren(p, item, take)
		case item.TypeOf != nil:
			err = s.selectTypeOf(p, item)
		case item.Fields != "":
			err = s.selectFields(p, item, take)
		case root.isGroup:
			err = s.selectGroup(p, item, take)
		default:
			err = s.selectColumn(p, item, take)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// taker notes that a name is taken, or refuses it as taken already.
type taker func(pos int, key, shown string) *soql.Error

// selectColumn selects a field, with FORMAT and its like around it or not.
func (s resolver) selectColumn(p *Plan, item soql.Item, take taker) *soql.Error {
	col, err := s.operand(item.Operand)
	if err != nil {
		return err
	}
	format := false
	for _, w := range item.Wraps {
		format = format || w == soql.Format
		if w == soql.ConvertCurrency && col.Field.Type != schema.TypeCurrency {
			return s.at(item.At, "INVALID_FIELD", "convertCurrency is only valid on currency fields: %s", col.Field.Name)
		}
	}
	if item.Alias.Text != "" {
		if err := take(item.At, item.Alias.Text, item.Alias.Text); err != nil {
			return err
		}
		p.Projection.addNamed(s, col, item.Alias.Text, format)
		if format {
			col.format = s.format(&col)
		}
		p.columns = append(p.columns, named(col, item.Alias.Text))
		return nil
	}
	if err := take(item.At, col.Name, col.Field.Name); err != nil {
		return err
	}
	if len(col.via) > 0 && p.Projection.hasTypeOf(col.via[0].lookup) {
		return s.at(item.At, "INVALID_FIELD", "duplicate field selected: %s", col.via[0].lookup.Relationship)
	}
	s.select1(p, col, format)
	return nil
}

// hasTypeOf says whether a parent is selected by its type.
func (p *Projection) hasTypeOf(lookup *schema.Field) bool {
	return slices.ContainsFunc(p.Parts, func(t part) bool { return t.typeOf != nil && t.typeOf.flat == nil && t.typeOf.lookup.lookup == lookup })
}

func named(c Column, name string) Column {
	c.Name = name
	return c
}

// select1 selects one more column under its own name.
func (s resolver) select1(p *Plan, col Column, format bool) {
	if col.Field.Type == schema.TypeTextArea {
		p.Projection.LongText++
	}
	if format {
		col.format = s.format(&col)
	}
	p.columns = append(p.columns, col)
	p.Projection.add(col, col.format)
}

// selectFields selects what FIELDS(…) means.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_fields.htm
func (s resolver) selectFields(p *Plan, item soql.Item, take taker) *soql.Error {
	for _, f := range s.table.Object.Fields {
		if item.Fields == "STANDARD" && f.Custom || item.Fields == "CUSTOM" && !f.Custom {
			continue
		}
		if err := take(item.At, f.Name, f.Name); err != nil {
			return err
		}
		s.select1(p, Column{Name: f.Name, Field: f}, false)
	}
	return nil
}

// Add selects one more column.
func (p *Projection) Add(c Column) { p.add(c, nil) }

func (p *Projection) add(c Column, x *formatter) {
	if len(c.via) == 0 {
		p.Parts = append(p.Parts, partOf(c, c.Field.Name, x))
		return
	}
	rest := c
	rest.via = nil
	p.parentOf(c.via).add(rest, x)
}

// parentOf gives the projection of a parent, which it makes if nothing of the
// parent was selected yet.
func (p *Projection) parentOf(via []step) *Projection {
	if len(via) == 0 {
		return p
	}
	first := via[0]
	for i := range p.Parts {
		if existing := &p.Parts[i]; existing.parent != nil && existing.parent.lookup == first.lookup {
			return existing.inner.parentOf(via[1:])
		}
	}
	inner := &Projection{}
	if len(first.to) == 1 {
		inner.Object = first.to[0].Object
	}
	p.Parts = append(p.Parts, part{key: `,"` + first.lookup.Relationship + `":`, parent: &first, inner: inner, name: first.lookup.Relationship})
	return inner.parentOf(via[1:])
}

// addNamed selects a value under a name of its own. A field of a parent is found
// by way of the parent, flat.
func (p *Projection) addNamed(s resolver, c Column, name string, format bool) {
	var x *formatter
	if format {
		x = s.format(&c)
	}
	t := partOf(c, name, x)
	if len(c.via) > 0 {
		t.typeOf, t.isPlain = &typeOf{flat: &c}, false
	}
	p.Parts = append(p.Parts, t)
}

func partOf(c Column, name string, x *formatter) part {
	return part{key: `,"` + name + `":`, kind: kindOf(c.Field), f: c.Field, format: x, variants: c.variants, ofType: c.ofType, name: name, display: c.Field.Name,
		isPlain: x == nil && c.variants == nil && !c.ofType}
}

// printer is what the printing of a page needs to know beside its records.
type printer struct {
	base     string // "/services/data/v62.0/sobjects/"
	result   *Result
	children func(*Result) string // prints a result's first page's locator
	batch    int
	loops    bool // see Pages.Loops
	// head is what every record of the page begins with, up to its id.
	head string
	calendar
}

// AppendJSON writes a record with its fields and its parents' fields. base is
// "/services/data/v62.0/sobjects/". Callers hold the lock.
func (p *Projection) AppendJSON(b []byte, r *store.Record, base string) []byte {
	return p.append(b, r, p.Object, &printer{base: base})
}

func head(o *schema.Object, base string) string {
	return `{"attributes":{"type":"` + o.Name + `","url":"` + base + o.Name + "/"
}

// append writes a record of an object.
func (p *Projection) append(b []byte, r *store.Record, o *schema.Object, w *printer) []byte {
	switch {
	case p.isGroup:
		b = append(b, `{"attributes":{"type":"AggregateResult"}`...)
	case w.result != nil && w.result.Projection == p:
		b = append(b, w.head...)
		b = append(b, r.ID...)
		b = append(b, `"}`...)
	default:
		b = append(b, head(o, w.base)...)
		b = append(b, r.ID...)
		b = append(b, `"}`...)
	}
	for i := range p.Parts {
		part := &p.Parts[i]
		b = append(b, part.key...)
		if part.isPlain {
			b = w.value(b, part, r)
		} else {
			b = part.append(b, r, o, w)
		}
	}
	return append(b, '}')
}

func (t *part) append(b []byte, r *store.Record, o *schema.Object, w *printer) []byte {
	switch {
	case t.child != nil:
		return t.child.append(b, r, w)
	case t.typeOf != nil:
		return t.typeOf.append(b, t, r, w)
	case t.parent != nil:
		parent, of := t.parent.follow(r)
		if parent == nil {
			return append(b, "null"...)
		}
		return t.inner.append(b, parent, of, w)
	case t.ofType:
		return AppendString(b, o.Name)
	}
	f := t.f
	if t.variants != nil {
		if f = t.variants[o]; f == nil {
			return append(b, "null"...)
		}
	}
	if t.format != nil {
		return t.format.append(b, f, r)
	}
	other := *t
	other.f, other.kind = f, kindOf(f)
	return w.value(b, &other, r)
}
