package store

import (
	"maps"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// Evolve gives the store another schema, with its records under it: they keep the
// values of fields that are still there and lose those of fields that are gone; a
// new checkbox is unchecked, any other new field null, also in the recycle bin.
// Records of an object that is gone are gone with it. No record's SystemModstamp
// moves, as on the platform.
//
// next must not be in use. Evolve takes the lock; whoever resolves names without
// holding it (a request) has to be kept out by the caller. In the store's file stands
// document, from which FileOptions.Reshape makes the schema again.
func (s *Store) Evolve(next *schema.Schema, document []byte) {
	s.Lock()
	defer s.Unlock()
	freed := next.Adopt(s.Schema)
	tables := make(map[string]*Table, len(next.Objects))
	for _, o := range next.Objects {
		t := s.Tables[o.Name]
		if t == nil {
			tables[o.Name] = newTable(o, s.late)
			continue
		}
		t.evolve(o, freed[o.Name])
		tables[o.Name] = t
	}
	s.Schema, s.Tables = next, tables
	clear(s.related)
	s.SetSchema(document)
}

// evolve puts a table's records under the next declaration of its object.
func (t *Table) evolve(next *schema.Object, freed []int) {
	type filling struct {
		slot int
		text string
	}
	var fill []filling
	for _, f := range next.Fields {
		if f.Slot >= t.Object.Width && f.Type == schema.TypeBoolean {
			fill = append(fill, filling{f.Slot, schema.BoolText(false)})
		}
	}
	for _, r := range t.ByID {
		if len(fill) == 0 && len(freed) == 0 {
			break // a field that is younger than a record is null in it
		}
		r.open(next.Width)
		for _, f := range fill {
			(*r.draft)[f.slot] = f.text
		}
		for _, slot := range freed {
			(*r.draft)[slot] = ""
		}
		r.seal()
	}
	for _, slot := range freed {
		delete(t.auto, slot)
	}
	fresh := newTable(next, t.shadows.late)
	t.Object, t.keyed, t.kins = next, fresh.keyed, nil
	for _, r := range t.ByID {
		if !r.Deleted {
			t.key(r)
		}
	}
}

// HasRecords says whether an object has records, in the recycle bin or out.
func (s *Store) HasRecords(object string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o, ok := s.Schema.Object(object)
	return ok && len(s.Tables[o.Name].ByID) > 0
}

// HasDuplicates says whether two live records of an object have one value of a
// field.
func (s *Store) HasDuplicates(object, field string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o, ok := s.Schema.Object(object)
	if !ok {
		return false
	}
	f, ok := o.Field(field)
	if !ok {
		return false
	}
	seen := map[string]bool{}
	for r := range maps.Values(s.Tables[o.Name].ByID) {
		v := r.Get(f)
		if r.Deleted || v == "" {
			continue
		}
		k := f.KeyOfValue(v)
		if seen[k] {
			return true
		}
		seen[k] = true
	}
	return false
}
