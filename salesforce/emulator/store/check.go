package store

import (
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// check refuses a record that the platform would refuse. Both indexes and
// lookups are looked at, so callers hold the lock.
func (s *Store) check(t *Table, base, next *Record, w Writer) *schema.RowError {
	if t.Object.HistoryOf == "" {
		if missing := missing(t.Object, next, w.later); len(missing) > 0 {
			e := schema.NewRowError("REQUIRED_FIELD_MISSING", "", "Required fields are missing: [%s]", strings.Join(missing, ", "))
			e.Fields = missing
			return e
		}
	}
	if !w.TrustLookups {
		for _, f := range t.Object.Fields {
			if f.RefTo == "" || f.Slot < 0 || base != nil && base.value(f.Slot) == next.value(f.Slot) {
				continue
			}
			if f.IsMaster && !f.Reparentable && base != nil && !w.Admin {
				return schema.NewRowError("INVALID_FIELD_FOR_INSERT_UPDATE", f.Name,
					"Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.", f.Name)
			}
			if err := s.checkLookup(f, next.Get(f)); err != nil {
				return err
			}
		}
	}
	return t.checkUnique(base, next)
}

// missing lists the required fields that are null, and will not be set later.
func missing(o *schema.Object, r *Record, later []*schema.Field) []string {
	var out []string
	for _, f := range o.Fields {
		if f.Required && f.Slot >= 0 && r.value(f.Slot) == "" && !slices.Contains(later, f) {
			out = append(out, f.Name)
		}
	}
	return out
}

// checkLookup refuses a lookup to something that is not there.
func (s *Store) checkLookup(f *schema.Field, id string) *schema.RowError {
	if id == "" {
		return nil
	}
	var parent *Table
	for _, name := range f.Targets() {
		t := s.Tables[name]
		if t == nil {
			return nil
		}
		if strings.HasPrefix(id, t.Object.Prefix) {
			parent = t
		}
	}
	if parent == nil {
		return schema.NewRowError("FIELD_INTEGRITY_EXCEPTION", f.Name, "%s: id value of incorrect type: %s", f.Label, id)
	}
	switch r := parent.ByID[id]; {
	case r == nil || r.Purged:
		return schema.NewRowError("INVALID_CROSS_REFERENCE_KEY", f.Name, "invalid cross reference id")
	case r.Deleted:
		return schema.NewRowError("ENTITY_IS_DELETED", f.Name, "entity is deleted")
	}
	return nil
}

func (t *Table) checkUnique(base, next *Record) *schema.RowError {
	if next.Deleted {
		return nil
	}
	for _, kf := range t.keyed {
		v := next.value(kf.f.Slot)
		if !kf.f.Unique || v == "" {
			continue
		}
		for _, other := range t.Find(kf.f, v) {
			if other != base {
				return schema.NewRowError("DUPLICATE_VALUE", kf.f.Name, "duplicate value found: %s duplicates value on record with id: %s", kf.f.Name, other.ID)
			}
		}
	}
	return nil
}
