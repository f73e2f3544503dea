package query

import (
	"strconv"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Column is a field as a query sees it from its own object, through lookups,
// perhaps with a function of it in its place.
type Column struct {
	// Name is the field's path in the schema's spelling, such as Account.Name.
	Name string
	// Field is the field, or what a function makes of it.
	Field *schema.Field

	via []step
	// source is the field of which part takes a part, if part is not "".
	source *schema.Field
	part   soql.Func
	// variants are the fields of a polymorphic lookup's objects, where the last
	// step of via is one. An object without the field has none.
	variants map[*schema.Object]*schema.Field
	// ofType is true for the name of the object to which a polymorphic lookup
	// points: What.Type.
	ofType bool
	format *formatter // FORMAT, or nil
	calendar
}

// step goes from a record to the one that its lookup names, as queries see it.
type step struct {
	lookup *schema.Field
	to     []*store.Table // more than one only if the lookup is polymorphic
	// polymorphic lookups show the fields that every object shares.
	polymorphic bool
}

// follow gives the record to which the step leads and its object, or nil.
func (s step) follow(r *store.Record) (*store.Record, *schema.Object) {
	id := r.Get(s.lookup)
	if id == "" {
		return nil, nil
	}
	for _, t := range s.to {
		if to := t.Seen(id); to != nil {
			return to, t.Object
		}
	}
	return nil, nil
}

// parent gives the record at the end of the path and, if the path is not empty,
// its object; or nil.
func (c *Column) parent(r *store.Record) (*store.Record, *schema.Object) {
	var o *schema.Object
	for _, s := range c.via {
		if r, o = s.follow(r); r == nil {
			return nil, nil
		}
	}
	return r, o
}

// get gives the column's text, "" for null or for no parent.
func (c *Column) get(r *store.Record) string {
	if c.part != "" {
		return c.partOf(r)
	}
	if len(c.via) == 0 {
		return r.Get(c.Field)
	}
	r, o := c.parent(r)
	switch {
	case r == nil:
		return ""
	case c.ofType:
		return o.Name
	case c.variants != nil:
		f := c.variants[o]
		if f == nil {
			return ""
		}
		return r.Get(f)
	}
	return r.Get(c.Field)
}

// partOf gives a part of a date as text.
func (c *Column) partOf(r *store.Record) string {
	whole := Column{Field: c.source, via: c.via, variants: c.variants}
	v := whole.get(r)
	if v == "" {
		return ""
	}
	if c.part == soql.DayOnly {
		return v[:len(time.DateOnly)]
	}
	t, ok := schema.ParseDateTime(v)
	if !ok {
		return ""
	}
	return strconv.Itoa(soql.DatePart(c.part, t))
}

// isDirect says whether the column is a field of the query's own object and
// nothing else.
func (c *Column) isDirect() bool { return len(c.via) == 0 && c.part == "" && !c.ofType }

// key tells columns apart.
func (c *Column) key() string {
	if c.part != "" {
		return string(c.part) + "(" + c.Name + ")"
	}
	return c.Name
}

// AppendText adds the column's text for a record as the Bulk API's CSV has it,
// without quotes: instants end in Z, null is empty. Callers hold the lock.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_date_format.htm
func (c *Column) AppendText(b []byte, r *store.Record) []byte {
	switch {
	case c.format != nil:
		if r, _ = c.parent(r); r == nil {
			return b
		}
		return append(b, c.format.text(c.Field, r)...)
	case c.isDirect() && c.Field.Slot < 0 && c.Field.Type == schema.TypeDateTime:
		return append(c.calendar.append(b, r.Instant(c.Field.Slot)), ".000Z"...)
	}
	v := c.get(r)
	const zone = "+0000"
	if n := len(v) - len(zone); c.Field.Type == schema.TypeDateTime && n > 0 && v[n:] == zone {
		return append(append(b, v[:n]...), 'Z')
	}
	return append(b, v...)
}
