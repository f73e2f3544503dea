package query

import (
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// resolver finds the columns of one query.
type resolver struct {
	store *store.Store
	table *store.Table
	query *soql.Query
	plan  *Plan
	// groups is set where columns are those of groups: in HAVING, and in what is
	// selected and sorted by after GROUP BY.
	groups *grouping
	// sorting is true in ORDER BY, which words errors otherwise.
	sorting bool
}

// maxPath is how many lookups a path may go through, as on the platform.
const maxPath = 5

// What the platform says of a name that an object or the org does not have.
const (
	NoSuchColumn   = "No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names."
	noSuchObject   = "sObject type '%s' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
	noSuchLookup   = "Didn't understand relationship '%s' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names."
	noSuchChildren = "Didn't understand relationship '%s' in FROM part of query call. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names."
)

func (s resolver) at(pos int, code, format string, args ...any) *soql.Error {
	return soql.At(s.query.Text, pos, code, format, args...)
}

// operand resolves a field or a function of one.
func (s resolver) operand(o soql.Operand) (Column, *soql.Error) {
	if s.groups != nil {
		return s.groups.column(s, o)
	}
	return s.value(o)
}

// value resolves an operand that has a value for each record.
func (s resolver) value(o soql.Operand) (Column, *soql.Error) {
	c, err := s.column(o.Path)
	if err != nil || !o.Func.IsDate() {
		return c, err
	}
	isTime, isDate := c.Field.Type == schema.TypeDateTime, c.Field.Type == schema.TypeDate
	if !isTime && (!isDate || o.Func.NeedsTime() || o.Zoned) {
		return c, s.at(o.At, "MALFORMED_QUERY", "field '%s' does not support date function %s", c.Field.Name, o.Func)
	}
	typ := schema.TypeInt
	if o.Func == soql.DayOnly {
		typ = schema.TypeDate
	}
	c.part, c.source = o.Func, c.Field
	c.Field = &schema.Field{Name: c.Field.Name, Label: c.Field.Label, Type: typ}
	return c, nil
}

// column resolves a path.
func (s resolver) column(p soql.Path) (Column, *soql.Error) {
	parts := s.withoutAlias(p.Parts)
	var c Column
	var names strings.Builder
	to := []*store.Table{s.table}
	for _, name := range parts[:len(parts)-1] {
		f := lookupOf(to, name.Text)
		if f == nil || len(c.via) == maxPath {
			return c, s.at(name.Pos, "INVALID_FIELD", noSuchLookup, name.Text)
		}
		to = s.targets(f)
		c.via = append(c.via, step{f, to})
		names.WriteString(f.Relationship + ".")
	}
	last := parts[len(parts)-1]
	if err := s.last(&c, to, last); err != nil {
		return c, err
	}
	c.Name = names.String() + c.Field.Name
	return c, nil
}

// last resolves a path's last name, a field of one of the objects.
func (s resolver) last(c *Column, to []*store.Table, name soql.Name) *soql.Error {
	polymorphic := len(c.via) > 0 && c.via[len(c.via)-1].lookup.IsPolymorphic()
	if polymorphic && strings.EqualFold(name.Text, "Type") {
		c.Field, c.ofType = &schema.Field{Name: "Type", Label: "Type", Type: schema.TypePicklist}, true
		return nil
	}
	for _, t := range to {
		f, ok := t.Object.Field(name.Text)
		if !ok {
			continue
		}
		if c.Field == nil {
			c.Field = f
		}
		if len(to) > 1 {
			if c.variants == nil {
				c.variants = map[*schema.Object]*schema.Field{}
			}
			c.variants[t.Object] = f
		}
	}
	if c.Field == nil {
		entity := "Name"
		if len(to) == 1 {
			entity = to[0].Object.Name
		}
		return s.at(name.Pos, "INVALID_FIELD", NoSuchColumn, name.Text, entity)
	}
	return nil
}

// withoutAlias takes the query's own name or alias off a path, and puts the path
// of a parent's alias in its place.
func (s resolver) withoutAlias(parts []soql.Name) []soql.Name {
	for i := len(s.query.Relations) - 1; i >= 0; i-- {
		if r := s.query.Relations[i]; strings.EqualFold(parts[0].Text, r.Alias) && len(parts) > 1 {
			parts = append(append([]soql.Name(nil), r.Path.Parts...), parts[1:]...)
		}
	}
	if len(parts) > 1 && (strings.EqualFold(parts[0].Text, s.query.Alias) || strings.EqualFold(parts[0].Text, s.table.Object.Name)) {
		if _, isLookup := s.table.Object.Lookup(parts[0].Text); !isLookup {
			return parts[1:]
		}
	}
	return parts
}

// targets are the tables to whose records a lookup may point.
func (s resolver) targets(f *schema.Field) []*store.Table {
	var out []*store.Table
	for _, name := range f.Targets() {
		if t := s.store.Tables[name]; t != nil {
			out = append(out, t)
		}
	}
	return out
}

func lookupOf(tables []*store.Table, name string) *schema.Field {
	for _, t := range tables {
		if f, ok := t.Object.Lookup(name); ok {
			return f
		}
	}
	return nil
}
