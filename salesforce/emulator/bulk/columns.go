package bulk

import (
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// null is the cell that empties a field; an empty cell leaves it as it is.
const null = "#N/A"

// column is a column of an ingest job: a field, or a lookup by something that
// identifies its record.
type column struct {
	name   string
	field  *schema.Field
	by     *schema.Field // of the lookup's object; nil for a plain field
	parent *store.Table
}

// columns finds the fields that a header names. The error is the *Failure that
// ends the job: the platform knows all columns, or none.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_csv_rel_field_header_row.htm
func columns(st *store.Store, o *schema.Object, names []string) ([]column, error) {
	out := make([]column, len(names))
	seen := map[string]bool{}
	for i, name := range names {
		c, ok := columnOf(st, o, name)
		if !ok || name == "" {
			return nil, &Failure{"InvalidBatch : Field name not found : " + name}
		}
		if c.name = name; seen[c.field.Name] {
			return nil, &Failure{"InvalidBatch : Duplicate field name : " + name}
		}
		seen[c.field.Name] = true
		out[i] = c
	}
	return out, nil
}

// columnOf reads one name of a header: Field, Relationship.Field, or with the
// object of a lookup that could lead to several, Object:Relationship.Field.
func columnOf(st *store.Store, o *schema.Object, name string) (column, bool) {
	relationship, ext, isPath := strings.Cut(name, ".")
	if !isPath {
		f, ok := o.Field(name)
		return column{field: f}, ok
	}
	object := ""
	if before, after, ok := strings.Cut(relationship, ":"); ok {
		object, relationship = before, after
	}
	f, ok := o.Lookup(relationship)
	if !ok {
		return column{}, false
	}
	targets := f.Targets()
	if object == "" && len(targets) > 1 {
		return column{}, false // which one?
	}
	for _, target := range targets {
		if object != "" && !strings.EqualFold(object, target) {
			continue
		}
		if parent := st.Tables[target]; parent != nil {
			by, ok := parent.Object.Field(ext)
			return column{field: f, by: by, parent: parent}, ok && (by.IDLookup || by.Slot == schema.SlotID)
		}
	}
	return column{}, false
}

// change reads a cell into a change of the record; ok is false for a cell that
// leaves the field alone. Callers hold the store's lock.
func (c *column) change(cell string) (ch store.Change, ok bool, rerr *schema.RowError) {
	if cell == "" {
		return store.Change{}, false, nil
	}
	f := c.field
	if f.ReadOnly || f.IsAudit {
		return store.Change{}, false, schema.NewRowError("INVALID_FIELD_FOR_INSERT_UPDATE", f.Name,
			"Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.", f.Name)
	}
	if cell == null {
		text, rerr := f.Canon(nil)
		return store.Change{Field: f, Text: text}, rerr == nil, rerr
	}
	if c.by != nil {
		id, rerr := c.lookUp(cell)
		return store.Change{Field: f, Text: id}, rerr == nil, rerr
	}
	text, rerr := canon(f, cell)
	return store.Change{Field: f, Text: text}, rerr == nil, rerr
}

// canon reads a cell. What JSON would be refused for as a whole fails the row.
func canon(f *schema.Field, cell string) (string, *schema.RowError) {
	text, rerr := f.CanonText(cell)
	if rerr != nil && rerr.OfRequest {
		return "", schema.NewRowError("INVALID_TYPE_ON_FIELD_IN_RECORD", f.Name, "%s: value not of required type: %s", f.Label, schema.Shorten(cell))
	}
	return text, rerr
}

// lookUp finds the record that a lookup's cell names.
func (c *column) lookUp(cell string) (string, *schema.RowError) {
	text, rerr := canon(c.by, cell)
	if rerr != nil {
		return "", rerr
	}
	found := c.parent.Find(c.by, text)
	switch len(found) {
	case 1:
		return found[0].ID, nil
	case 0:
		return "", schema.NewRowError("INVALID_FIELD", "", "Foreign key external ID: %s not found for field %s in entity %s",
			schema.Shorten(text), c.by.Name, c.parent.Object.Name)
	}
	return "", schema.NewRowError("DUPLICATE_EXTERNAL_ID", "", "Foreign key external ID: %s is not unique for field %s in entity %s",
		schema.Shorten(text), c.by.Name, c.parent.Object.Name)
}
