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
	c := Column{}
	to, names, err := s.walk(&c, parts[:len(parts)-1], p.Pos())
	if err != nil {
		return c, err
	}
	if err := s.last(&c, to, parts[len(parts)-1], p.Pos()); err != nil {
		return c, err
	}
	c.Name = names + c.Field.Name
	return c, nil
}

// walk resolves the lookups of a path, and gives the tables to which they lead
// and their names as a prefix. Errors stand at the path's beginning, as the
// platform's do.
func (s resolver) walk(c *Column, lookups []soql.Name, pos int) (to []*store.Table, prefix string, err *soql.Error) {
	to = []*store.Table{s.table}
	for _, name := range lookups {
		next, ok := s.step(to, name.Text)
		if !ok || len(c.via) == maxPath {
			return nil, "", s.at(pos, "INVALID_FIELD", noSuchLookup, name.Text)
		}
		to = next.to
		c.via = append(c.via, next)
		prefix += next.lookup.Relationship + "."
	}
	return to, prefix, nil
}

// step finds a lookup of one of the tables by the name of its relationship.
func (s resolver) step(from []*store.Table, name string) (step, bool) {
	for _, t := range from {
		f, ok := t.Object.Lookup(name)
		if !ok {
			continue
		}
		out := step{lookup: f, polymorphic: t.Object.IsPolymorphic(f)}
		for _, target := range f.Targets() {
			if table := s.store.Tables[target]; table != nil {
				out.to = append(out.to, table)
			}
		}
		return out, true
	}
	return step{}, false
}

// sharedFields are the fields that a polymorphic lookup shows, those of the
// object Name; it shows others by TYPEOF only.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_name.htm
var sharedFields = map[string]bool{
	"id": true, "name": true, "firstname": true, "lastname": true, "alias": true, "email": true, "isactive": true,
	"phone": true, "profileid": true, "recordtypeid": true, "title": true, "username": true, "userroleid": true,
}

// last resolves a path's last name, a field of one of the objects.
func (s resolver) last(c *Column, to []*store.Table, name soql.Name, pos int) *soql.Error {
	polymorphic := len(c.via) > 0 && c.via[len(c.via)-1].polymorphic
	if polymorphic && strings.EqualFold(name.Text, "Type") {
		c.Field, c.ofType = &schema.Field{Name: "Type", Label: "Type", Type: schema.TypePicklist}, true
		return nil
	}
	if polymorphic && !sharedFields[strings.ToLower(name.Text)] {
		return s.at(pos, "INVALID_FIELD", NoSuchColumn, name.Text, "Name")
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
		return s.at(pos, "INVALID_FIELD", NoSuchColumn, name.Text, entity)
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
