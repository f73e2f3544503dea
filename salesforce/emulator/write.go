package emulator

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// writer is who writes and with which rights.
type writer struct {
	userID string
	at     time.Time
	// admin may set ids, audit fields and fields that the API cannot write, as a
	// data load by the platform's own people could.
	admin bool
	// trustLookups leaves out the check that the records of lookups exist; a load
	// from files makes it at its end.
	trustLookups bool
}

// change is one field and the text that it shall hold.
type change struct {
	f    *field
	text string
}

// changes reads the fields of a record that a client sent. Names are in any
// case; a relationship name with an object of one external id stands for the
// lookup.
func (s *Store) changes(t *table, fields map[string]any, w writer) ([]change, *RowError) {
	out := make([]change, 0, len(fields))
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
		f, ok := t.obj.field(name)
		if !ok {
			e := newRowError("INVALID_FIELD", "", "No such column '%s' on sobject of type %s", name, t.obj.name)
			e.ofRequest = true
			return nil, e
		}
		if !w.admin && (f.readOnly || f.isAudit) {
			return nil, newRowError("INVALID_FIELD_FOR_INSERT_UPDATE", f.name,
				"Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.", f.name)
		}
		text, err := f.canon(v)
		if err != nil {
			return nil, err
		}
		out = append(out, change{f, text})
	}
	// Order by declaration, so that of two errors it is always the same one.
	slices.SortFunc(out, func(a, b change) int { return cmp.Compare(a.f.slot, b.f.slot) })
	return out, nil
}

// foreignKey finds the record that {"Partner__r": {"Partner_ID__c": "FG3877"}}
// means.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_upsert.htm
func (s *Store) foreignKey(t *table, relationship string, key map[string]any) (change, *RowError) {
	f, ok := t.obj.lookup(relationship)
	if !ok {
		e := newRowError("INVALID_FIELD", "", "No such column '%s' on sobject of type %s", relationship, t.obj.name)
		e.ofRequest = true
		return change{}, e
	}
	if f.readOnly || f.isAudit {
		return change{}, newRowError("INVALID_FIELD_FOR_INSERT_UPDATE", f.name, "Unable to create/update fields: %s", f.name)
	}
	parent, ok := s.tables[f.refTo]
	if !ok {
		return change{}, newRowError("INVALID_FIELD", f.name, "The org has no object %s", f.refTo)
	}
	var names []string
	for name := range key {
		if !strings.EqualFold(name, "attributes") {
			names = append(names, name)
		}
	}
	if len(names) != 1 {
		return change{}, newRowError("INVALID_FIELD", f.name, "The %s relationship must be given by exactly one external ID field", relationship)
	}
	pf, ok := parent.obj.field(names[0])
	if !ok || !pf.idLookup {
		return change{}, newRowError("INVALID_FIELD", f.name, "Field name provided, %s is not an External ID or indexed field for %s", names[0], parent.obj.name)
	}
	text, err := pf.canon(key[names[0]])
	if err != nil {
		return change{}, err
	}
	found := parent.find(pf, text)
	switch len(found) {
	case 1:
		return change{f, found[0].id}, nil
	case 0:
		return change{}, newRowError("INVALID_FIELD", "", "Foreign key external ID: %s not found for field %s in entity %s", shorten(text), pf.name, parent.obj.name)
	}
	return change{}, newRowError("DUPLICATE_EXTERNAL_ID", "", "Foreign key external ID: %s is not unique for field %s in entity %s", shorten(text), pf.name, parent.obj.name)
}

// prepare makes the record that a write would leave behind, with everything
// that follows from its fields, and checks it. base is nil for a new record.
// Nothing is stored.
func (s *Store) prepare(t *table, base *record, changes []change, w writer) (*record, *RowError) {
	at := w.at.Unix()
	next := &record{values: make([]string, t.obj.width), created: at, createdBy: w.userID}
	if base != nil {
		next = base.clone()
	}
	next.modified, next.modifiedBy, next.modstamp = at, w.userID, at
	given := map[int]bool{}
	for _, c := range changes {
		given[c.f.slot] = true
		if err := next.set(c); err != nil {
			return nil, err
		}
	}
	if base == nil {
		if next.id == "" {
			next.id = s.freeID(t)
		} else if err := s.checkNewID(t, next.id); err != nil {
			return nil, err
		}
		s.setDefaults(t, next, given)
	}
	derive(t.obj, next, base, given)
	return next, s.check(t, base, next, w)
}

// set puts a value in its place.
func (r *record) set(c change) *RowError {
	switch c.f.slot {
	case slotID:
		r.id = c.text
	case slotDeleted:
		r.deleted = c.text == "true"
	case slotCreatedBy:
		r.createdBy = c.text
	case slotModifiedBy:
		r.modifiedBy = c.text
	case slotCreatedDate, slotModifiedDate, slotModstamp:
		if c.text == "" {
			return nil // left to the org's clock
		}
		t, ok := parseDateTime(c.text)
		if !ok {
			return c.f.undeserializable(c.text)
		}
		switch c.f.slot {
		case slotCreatedDate:
			r.created = t.Unix()
		case slotModifiedDate:
			r.modified = t.Unix()
		default:
			r.modstamp = t.Unix()
		}
	default:
		r.values[c.f.slot] = c.text
	}
	return nil
}

// freeID gives an id that no record of any object with the prefix has.
func (s *Store) freeID(t *table) string {
	for {
		id := s.newID(t.obj.prefix)
		if t.byID[id] == nil {
			return id
		}
	}
}

func (s *Store) checkNewID(t *table, id string) *RowError {
	if !strings.HasPrefix(id, t.obj.prefix) {
		return newRowError("MALFORMED_ID", "Id", "Record ID: id value of incorrect type: %s (ids of %s begin with %s)", id, t.obj.name, t.obj.prefix)
	}
	if t.byID[id] != nil {
		return newRowError("DUPLICATE_VALUE", "Id", "duplicate value found: Id duplicates value on record with id: %s", id)
	}
	return nil
}

// setDefaults fills what a new record leaves open: defaults, owner, auto
// numbers, and the name of a custom record, which is then its id.
func (s *Store) setDefaults(t *table, r *record, given map[int]bool) {
	for _, f := range t.obj.fields {
		if f.slot < 0 || r.values[f.slot] != "" {
			continue
		}
		switch {
		case f.autoFormat != "":
			t.auto[f.slot]++
			r.values[f.slot] = fmt.Sprintf(f.autoFormat, t.auto[f.slot])
		case f.name == "OwnerId":
			r.values[f.slot] = r.createdBy
		case f.defaultValue != "" && !given[f.slot]:
			r.values[f.slot] = f.defaultValue
		case f.nameField && t.obj.custom && !f.required:
			r.values[f.slot] = r.id
		}
	}
}

// commit stores what prepare made, with the history that follows from it.
func (s *Store) commit(t *table, base, next *record, w writer) {
	if base == nil {
		t.add(next)
		s.writeCreated(t, next)
		return
	}
	s.writeChanges(t, base, next, w)
	t.replace(base, next)
}
