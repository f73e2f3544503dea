package store

import "github.com/partnersync/partnersync/salesforce/emulator/schema"

// Restore brings a record back from the recycle bin, unless another has taken a
// unique value of it since, or what it belongs to is deleted. Callers hold the lock for writing.
func (s *Store) Restore(t *Table, r *Record, w Writer) *schema.RowError {
	if !r.Deleted {
		return schema.NewRowError("UNDELETE_FAILED", "", "entity is not in the recycle bin")
	}
	alive := r.Clone()
	alive.Deleted = false
	if err := t.checkUnique(r, alive); err != nil {
		return err
	}
	for _, f := range t.Object.Fields {
		if !f.Required && !f.IsMaster {
			continue
		}
		if id, _ := s.deadParent(r, f); id != "" {
			return schema.NewRowError("UNDELETE_FAILED", f.Name, "Undelete operation failed: the record of %s, %s, is deleted", f.Name, id)
		}
	}
	s.MarkDeleted(t, r, false, w)
	return nil
}

// Join makes one live record survive another of its object, as Merge does, and
// gives the ids of the records that moved to it. Callers hold the lock for
// writing.
func (s *Store) Join(t *Table, win, lose *Record, w Writer) ([]string, *schema.RowError) {
	master, ok := t.Object.Field("MasterRecordId")
	if !ok {
		return nil, schema.NewRowError("INVALID_TYPE", "", "%s cannot be merged", t.Object.Name)
	}
	if win == nil || win.Deleted || win == lose || lose.Deleted {
		return nil, schema.NewRowError("INVALID_ID_FIELD", "", "the winner of a merge has to be another live record")
	}
	moved := s.moveChildren(t, lose.ID, win.ID, w)
	next, err := s.Prepare(t, lose, []Change{{master, win.ID}}, w)
	if err != nil {
		return nil, err
	}
	s.lately(w.Late, func() { t.Replace(lose, next) })
	s.MarkDeleted(t, lose, true, w)
	return moved, nil
}

// Expunge removes a record for good, as Purge does, and what was deleted with it. A
// live record is deleted first. Callers hold the lock for writing, and have asked
// CheckDelete.
func (s *Store) Expunge(t *Table, r *Record, w Writer) {
	if !r.Deleted {
		s.MarkDeleted(t, r, true, w)
	}
	if a := s.absent[r.ID]; a != nil {
		s.setAbsence(r.ID, nil)
		for _, p := range a.with {
			if down, x := s.at(p); x != nil && x.Deleted {
				s.Expunge(down, x, w)
			}
		}
	}
	t.remove(r)
	s.markHistory(t, r.ID, true, true)
}
