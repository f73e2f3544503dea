package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// Writer is who writes and with which rights.
type Writer struct {
	UserID string
	At     time.Time
	// Admin may set ids, audit fields and fields that the API cannot write, as a
	// data load by the platform's own people could.
	Admin bool
	// TrustLookups leaves out the check that the records of lookups exist; a load
	// from files makes it at its end.
	TrustLookups bool
	// later are lookups that a load sets when all its records are there.
	later []*schema.Field
	// Late is how long after the org's present queries begin to see the write,
	// though it is stamped At.
	Late time.Duration
}

// Change is one field and the text that it shall hold.
type Change struct {
	Field *schema.Field
	Text  string
}

// Changes reads the fields of a record that a client sent. Names are in any
// case; a relationship name with an object of one external id stands for the
// lookup.
func (s *Store) Changes(t *Table, fields map[string]any, w Writer) ([]Change, *schema.RowError) {
	out := make([]Change, 0, len(fields))
	for name, v := range fields {
		if strings.EqualFold(name, "attributes") {
			continue
		}
		if nested, ok := v.(map[string]any); ok {
			c, err := s.foreignKey(t, name, nested)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
			continue
		}
		f, ok := t.Object.Field(name)
		if !ok {
			e := schema.NewRowError("INVALID_FIELD", "", "No such column '%s' on sobject of type %s", name, t.Object.Name)
			e.OfRequest = true
			return nil, e
		}
		if !w.Admin && (f.ReadOnly || f.IsAudit) {
			return nil, schema.NewRowError("INVALID_FIELD_FOR_INSERT_UPDATE", f.Name,
				"Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.", f.Name)
		}
		text, err := f.Canon(v)
		if err != nil {
			return nil, err
		}
		out = append(out, Change{f, text})
	}
	// Order by declaration, so that of two errors it is always the same one.
	slices.SortFunc(out, func(a, b Change) int { return cmp.Compare(a.Field.Slot, b.Field.Slot) })
	return out, nil
}

// foreignKey finds the record that {"Partner__r": {"Partner_ID__c": "FG3877"}}
// means.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm
func (s *Store) foreignKey(t *Table, relationship string, key map[string]any) (Change, *schema.RowError) {
	f, ok := t.Object.Lookup(relationship)
	if !ok {
		if plain, isField := t.Object.Field(relationship); isField {
			return Change{}, plain.Undeserializable(key)
		}
		e := schema.NewRowError("INVALID_FIELD", "", "No such column '%s' on sobject of type %s", relationship, t.Object.Name)
		e.OfRequest = true
		return Change{}, e
	}
	if f.ReadOnly || f.IsAudit {
		return Change{}, schema.NewRowError("INVALID_FIELD_FOR_INSERT_UPDATE", f.Name, "Unable to create/update fields: %s", f.Name)
	}
	parent, ok := s.keyParent(f, key)
	if !ok {
		return Change{}, schema.NewRowError("INVALID_FIELD", f.Name, "The org has no object %s", f.RefTo)
	}
	var names []string
	for name := range key {
		if !strings.EqualFold(name, "attributes") {
			names = append(names, name)
		}
	}
	if len(names) != 1 {
		return Change{}, schema.NewRowError("INVALID_FIELD", f.Name, "The %s relationship must be given by exactly one external ID field", relationship)
	}
	pf, ok := parent.Object.Field(names[0])
	if !ok || !pf.IDLookup {
		return Change{}, schema.NewRowError("INVALID_FIELD", f.Name, "Field name provided, %s is not an External ID or indexed field for %s", names[0], parent.Object.Name)
	}
	text, err := pf.Canon(key[names[0]])
	if err != nil {
		return Change{}, err
	}
	found := parent.Find(pf, text)
	switch len(found) {
	case 1:
		return Change{f, found[0].ID}, nil
	case 0:
		return Change{}, schema.NewRowError("INVALID_FIELD", "", "Foreign key external ID: %s not found for field %s in entity %s", schema.Shorten(text), pf.Name, parent.Object.Name)
	}
	return Change{}, schema.NewRowError("DUPLICATE_EXTERNAL_ID", "", "Foreign key external ID: %s is not unique for field %s in entity %s", schema.Shorten(text), pf.Name, parent.Object.Name)
}

// keyParent is the table that a foreign key means: of a polymorphic lookup the one
// whose object the key's attributes name, or else the first.
func (s *Store) keyParent(f *schema.Field, key map[string]any) (*Table, bool) {
	targets := f.Targets()
	if attributes, ok := key["attributes"].(map[string]any); ok && len(targets) > 1 {
		named, _ := attributes["type"].(string)
		if i := slices.IndexFunc(targets, func(t string) bool { return strings.EqualFold(t, named) }); i >= 0 {
			targets = targets[i:]
		}
	}
	if len(targets) == 0 {
		return nil, false
	}
	t, ok := s.Tables[targets[0]]
	return t, ok
}

// Prepare makes the record that a write would leave behind, with everything
// that follows from its fields, and checks it. base is nil for a new record.
// Nothing is stored.
func (s *Store) Prepare(t *Table, base *Record, changes []Change, w Writer) (*Record, *schema.RowError) {
	at := w.At.Unix()
	next := base.draftOf(t.Object)
	if base == nil {
		next.Created, next.createdBy = at, w.UserID
	}
	next.Modified, next.modifiedBy, next.Modstamp = at, w.UserID, at
	given := map[int]bool{}
	for _, c := range changes {
		given[c.Field.Slot] = true
		if err := next.set(c); err != nil {
			return nil, err
		}
	}
	if base == nil {
		if next.ID == "" {
			next.ID = s.freeID(t)
		} else if err := s.checkNewID(t, next.ID); err != nil {
			return nil, err
		}
		s.setDefaults(t, next, given)
	}
	derive(t.Object, next, base, given)
	return next, s.check(t, base, next, w)
}

// set puts a value in its place.
func (r *Record) set(c Change) *schema.RowError {
	switch c.Field.Slot {
	case schema.SlotID:
		r.ID = c.Text
	case schema.SlotDeleted:
		r.Deleted = c.Text == "true"
	case schema.SlotCreatedBy:
		r.createdBy = c.Text
	case schema.SlotModifiedBy:
		r.modifiedBy = c.Text
	case schema.SlotCreatedDate, schema.SlotModifiedDate, schema.SlotModstamp:
		if c.Text == "" {
			return nil // left to the org's clock
		}
		t, ok := schema.ParseDateTime(c.Text)
		if !ok {
			return c.Field.Undeserializable(c.Text)
		}
		switch c.Field.Slot {
		case schema.SlotCreatedDate:
			r.Created = t.Unix()
		case schema.SlotModifiedDate:
			r.Modified = t.Unix()
		default:
			r.Modstamp = t.Unix()
		}
	default:
		r.Set(c.Field, c.Text)
	}
	return nil
}

// freeID gives an id that no record of any object with the prefix has.
func (s *Store) freeID(t *Table) string {
	for {
		id := s.newID(t.Object.Prefix)
		if t.ByID[id] == nil {
			return id
		}
	}
}

func (s *Store) checkNewID(t *Table, id string) *schema.RowError {
	if !strings.HasPrefix(id, t.Object.Prefix) {
		return schema.NewRowError("MALFORMED_ID", "Id", "Record ID: id value of incorrect type: %s (ids of %s begin with %s)", id, t.Object.Name, t.Object.Prefix)
	}
	if t.ByID[id] != nil {
		return schema.NewRowError("DUPLICATE_VALUE", "Id", "duplicate value found: Id duplicates value on record with id: %s", id)
	}
	return nil
}

// setDefaults fills what a new record leaves open: defaults, owner, auto
// numbers, and the name of a custom record, which is then its id.
func (s *Store) setDefaults(t *Table, r *Record, given map[int]bool) {
	for _, f := range t.Object.Fields {
		if f.Slot < 0 || r.Get(f) != "" {
			continue
		}
		switch {
		case f.AutoFormat != "":
			t.auto[f.Slot]++
			r.Set(f, fmt.Sprintf(f.AutoFormat, t.auto[f.Slot]))
		case f.Name == "OwnerId":
			r.Set(f, r.createdBy)
		case f.Default != "" && !given[f.Slot]:
			r.Set(f, f.Default)
		case f.NameField && t.Object.Custom && !f.Required:
			r.Set(f, r.ID)
		}
	}
}

// Commit stores what prepare made, with the history that follows from it.
func (s *Store) Commit(t *Table, base, next *Record, w Writer) {
	s.lately(w.Late, func() { s.commit(t, base, next, w) })
}

func (s *Store) commit(t *Table, base, next *Record, w Writer) {
	if base == nil {
		t.Add(next)
		s.WriteCreated(t, next)
		return
	}
	s.WriteChanges(t, base, next, w)
	t.Replace(base, next)
}
