package emulator

import "strings"

// check refuses a record that the platform would refuse. Both indexes and
// lookups are looked at, so callers hold the lock.
func (s *Store) check(t *table, base, next *record, w writer) *RowError {
	if t.obj.historyOf == "" {
		if missing := missing(t.obj, next); len(missing) > 0 {
			e := newRowError("REQUIRED_FIELD_MISSING", "", "Required fields are missing: [%s]", strings.Join(missing, ", "))
			e.Fields = missing
			return e
		}
	}
	if !w.trustLookups {
		for _, f := range t.obj.fields {
			if f.refTo == "" || f.slot < 0 || base != nil && base.values[f.slot] == next.values[f.slot] {
				continue
			}
			if err := s.checkLookup(f, next.get(f)); err != nil {
				return err
			}
		}
	}
	return t.checkUnique(base, next)
}

// missing lists the required fields that are null.
func missing(o *object, r *record) []string {
	var out []string
	for _, f := range o.fields {
		if f.required && f.slot >= 0 && r.values[f.slot] == "" {
			out = append(out, f.name)
		}
	}
	return out
}

// checkLookup refuses a lookup to something that is not there.
func (s *Store) checkLookup(f *field, id string) *RowError {
	if id == "" {
		return nil
	}
	parent := s.tables[f.refTo]
	if parent == nil {
		return nil
	}
	if !strings.HasPrefix(id, parent.obj.prefix) {
		return newRowError("FIELD_INTEGRITY_EXCEPTION", f.name, "%s: id value of incorrect type: %s", f.label, id)
	}
	switch r := parent.byID[id]; {
	case r == nil || r.purged:
		return newRowError("INVALID_CROSS_REFERENCE_KEY", f.name, "invalid cross reference id")
	case r.deleted:
		return newRowError("ENTITY_IS_DELETED", f.name, "entity is deleted")
	}
	return nil
}

func (t *table) checkUnique(base, next *record) *RowError {
	if next.deleted {
		return nil
	}
	for _, kf := range t.keyed {
		v := next.values[kf.f.slot]
		if !kf.f.unique || v == "" {
			continue
		}
		for _, other := range t.find(kf.f, v) {
			if other != base {
				return newRowError("DUPLICATE_VALUE", kf.f.name, "duplicate value found: %s duplicates value on record with id: %s", kf.f.name, other.id)
			}
		}
	}
	return nil
}
