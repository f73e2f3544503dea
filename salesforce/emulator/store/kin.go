package store

import (
	"cmp"
	"slices"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// relation is a lookup by which the records of a table name those of an object.
type relation struct {
	table *Table
	field *schema.Field
}

// relations gives the lookups to an object, in the order of the schema; those of
// history rows and of audit fields are not among them. Callers hold the lock for
// writing.
func (s *Store) relations(object string) []relation {
	if known, ok := s.related[object]; ok {
		return known
	}
	var out []relation
	for _, name := range s.Schema.Names() {
		t := s.Tables[name]
		for _, f := range t.Object.Fields {
			if f.Slot >= 0 && t.Object.HistoryOf == "" && f.PointsTo(object) {
				out = append(out, relation{t, f})
			}
		}
	}
	s.related[object] = out
	return out
}

// kin finds the records that name another by a lookup. It is made when a table is
// first asked for them: an org from which nothing is deleted pays nothing for it.
type kin struct {
	f *schema.Field
	// of has the records by the id that they name, and some that name it no more:
	// they are left out when somebody asks, so that a parent of very many children
	// loses one at no cost.
	of map[string][]*Record
}

// minKin is how many records an id has before room is made by leaving out those
// that name it no more.
const minKin = 32

// naming gives the records whose lookup names an id, in the recycle bin too, in the
// order of their ids and in a slice of the caller's own. Callers hold the lock for
// writing.
func (t *Table) naming(f *schema.Field, id string) []*Record {
	i := slices.IndexFunc(t.kins, func(k *kin) bool { return k.f == f })
	if i < 0 {
		k := &kin{f, map[string][]*Record{}}
		for _, r := range t.ByID {
			k.add(r)
		}
		i, t.kins = len(t.kins), append(t.kins, k)
	}
	return t.kins[i].find(id)
}

func (k *kin) add(r *Record) {
	id := r.value(k.f.Slot)
	if id == "" {
		return
	}
	all := k.of[id]
	if n := len(all); n >= minKin && n == cap(all) {
		all = k.tidy(all, id)
		all = slices.Grow(all, len(all)+1) // or else the next one would tidy again
	}
	k.of[id] = append(all, r)
}

func (k *kin) find(id string) []*Record {
	all, ok := k.of[id]
	if !ok {
		return nil
	}
	if all = k.tidy(all, id); len(all) == 0 {
		delete(k.of, id)
		return nil
	}
	k.of[id] = all
	return slices.Clone(all)
}

// tidy leaves out what names the id no more, and what stands there twice because it
// came back.
func (k *kin) tidy(all []*Record, id string) []*Record {
	all = slices.DeleteFunc(all, func(r *Record) bool { return r.Purged || r.value(k.f.Slot) != id })
	slices.SortFunc(all, func(a, b *Record) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Compact(all)
}

// moving gives the lookups by which a record is about to name another id.
func (t *Table) moving(r, next *Record) []*kin {
	var out []*kin
	for _, k := range t.kins {
		if r.value(k.f.Slot) != next.value(k.f.Slot) {
			out = append(out, k)
		}
	}
	return out
}
