package store

import (
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// absence is what the deletion of a record did to others, so that its undelete can
// take it back. It is never changed, only replaced.
type absence struct {
	with  []place   // what was deleted with it, nearest first
	links []cleared // the lookups to it that were cleared
}

// place names a record.
type place struct{ object, id string }

// cleared is a lookup of a record that was cleared.
type cleared struct {
	place
	field string
}

// at finds the record of a place; nil where it is gone for good.
func (s *Store) at(p place) (*Table, *Record) {
	t := s.Tables[p.object]
	if t == nil {
		return nil, nil
	}
	return t, t.ByID[p.id]
}

// setAbsence notes what the deletion of a record did; nil forgets it.
func (s *Store) setAbsence(id string, a *absence) {
	was := s.absent[id]
	if was == nil && a == nil {
		return
	}
	if s.trail != nil {
		s.trail.steps = append(s.trail.steps, trailStep{absent: id, was: was})
	}
	s.putAbsence(id, a)
}

func (s *Store) putAbsence(id string, a *absence) {
	if a == nil {
		delete(s.absent, id)
	} else {
		s.absent[id] = a
	}
	s.file.noteAbsence(id)
}

// unlink clears the lookups that name a record which has gone to the recycle bin, as
// the platform does by default. Records that lie there themselves keep theirs until
// they come back; see sever.
func (s *Store) unlink(t *Table, id string, w Writer) (out []cleared) {
	for _, rel := range s.relations(t.Object.Name) {
		if !rel.field.Clears() {
			continue
		}
		for _, x := range rel.table.naming(rel.field, id) {
			if !x.Deleted {
				s.point(rel.table, x, rel.field, "", w)
				out = append(out, cleared{place{rel.table.Object.Name, x.ID}, rel.field.Name})
			}
		}
	}
	return out
}

// relink lets those records name one again that was undeleted, which its deletion
// made name none and which nobody gave another since.
// https://developer.salesforce.com/docs/atlas.en-us.apexcode.meta/apexcode/langCon_apex_dml_examples_delete.htm
func (s *Store) relink(parent *Table, id string, links []cleared, w Writer) {
	for _, l := range links {
		t, r := s.at(l.place)
		if r == nil {
			continue
		}
		f, ok := t.Object.Field(l.field)
		if ok && f.Slot >= 0 && f.PointsTo(parent.Object.Name) && r.value(f.Slot) == "" {
			s.point(t, r, f, id, w)
		}
	}
}

// sever clears the lookups of a record that comes back from the recycle bin where
// what they name has gone since. If that is undeleted later, it finds them.
func (s *Store) sever(t *Table, r *Record, w Writer) {
	for _, f := range t.Object.Fields {
		if f.Required || !f.Clears() && f.OnDelete != schema.DeleteCascades {
			continue
		}
		id, parent := s.deadParent(r, f)
		if id == "" {
			continue
		}
		s.point(t, r, f, "", w)
		if parent == nil {
			continue
		}
		next := &absence{}
		if was := s.absent[id]; was != nil {
			*next = *was
		}
		next.links = append(slices.Clone(next.links), cleared{place{t.Object.Name, r.ID}, f.Name})
		s.setAbsence(id, next)
	}
}

// deadParent gives the id that a lookup names if no live record has it, with the
// record if that is in the recycle bin; else "".
func (s *Store) deadParent(r *Record, f *schema.Field) (string, *Record) {
	if f.Slot < 0 || f.RefTo == "" {
		return "", nil
	}
	id := r.value(f.Slot)
	if id == "" {
		return "", nil
	}
	for _, name := range f.Targets() {
		if t := s.Tables[name]; t != nil && strings.HasPrefix(id, t.Object.Prefix) {
			if parent := t.ByID[id]; parent == nil || parent.Deleted {
				return id, parent
			}
			return "", nil
		}
	}
	return "", nil
}

// point makes a lookup of a record name another, or none, as the platform itself
// does when records are merged, deleted and undeleted: no person changed the record,
// so that SystemModstamp moves, LastModifiedDate does not, and no history tells of it.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/system_fields.htm
func (s *Store) point(t *Table, r *Record, f *schema.Field, id string, w Writer) {
	next := r.Clone()
	next.Set(f, id)
	if !r.Deleted {
		next.Modstamp = max(r.Modstamp, w.At.Unix())
	}
	s.lately(w.Late, func() { t.Replace(r, next) })
}
