package query

import (
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Column is a field as a query sees it from its own object, through lookups.
type Column struct {
	via   []step
	Field *schema.Field
}

// step goes from a record to the one that its lookup names.
type step struct {
	lookup *schema.Field
	to     *store.Table
}

// maxPath is how many lookups a path may go through, as on the platform.
const maxPath = 5

// parent gives the record at the end of the path, or nil.
func (c Column) parent(r *store.Record) *store.Record {
	for _, s := range c.via {
		id := r.Get(s.lookup)
		if id == "" {
			return nil
		}
		if r = s.to.ByID[id]; r == nil {
			return nil
		}
	}
	return r
}

// get gives the column's text, "" for null or for no parent.
func (c Column) get(r *store.Record) string {
	if r = c.parent(r); r == nil {
		return ""
	}
	return r.Get(c.Field)
}

// isDirect says whether the column is a field of the query's own object.
func (c Column) isDirect() bool { return len(c.via) == 0 }

// resolver finds the columns of one query.
type resolver struct {
	store *store.Store
	table *store.Table
	query *soql.Query
}

// What the platform says of a name that an object or the org does not have.
const (
	NoSuchColumn = "No such column '%s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names."
	noSuchObject = "sObject type '%s' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
	noSuchLookup = "Didn't understand relationship '%s' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names."
)

// column resolves a path.
func (s resolver) column(p soql.Path) (Column, *soql.Error) {
	parts := p.Parts
	if len(parts) > 1 && (strings.EqualFold(parts[0].Text, s.query.Alias) || strings.EqualFold(parts[0].Text, s.table.Object.Name)) {
		if _, isLookup := s.table.Object.Lookup(parts[0].Text); !isLookup {
			parts = parts[1:]
		}
	}
	var c Column
	t := s.table
	for _, name := range parts[:len(parts)-1] {
		f, ok := t.Object.Lookup(name.Text)
		if !ok || len(c.via) == maxPath {
			return c, soql.At(s.query.Text, name.Pos, "INVALID_FIELD", noSuchLookup, name.Text)
		}
		t = s.store.Tables[f.RefTo]
		c.via = append(c.via, step{f, t})
	}
	last := parts[len(parts)-1]
	f, ok := t.Object.Field(last.Text)
	if !ok {
		return c, soql.At(s.query.Text, last.Pos, "INVALID_FIELD", NoSuchColumn, last.Text, t.Object.Name)
	}
	c.Field = f
	return c, nil
}
