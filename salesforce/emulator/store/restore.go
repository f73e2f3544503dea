package store

import "github.com/partnersync/partnersync/salesforce/emulator/schema"

// Restore brings a record back from the recycle bin, unless another has taken a
// unique value of it since. Callers hold the lock for writing.
func (s *Store) Restore(t *Table, r *Record, w Writer) *schema.RowError {
	if !r.Deleted {
		return schema.NewRowError("UNDELETE_FAILED", "", "entity is not in the recycle bin")
	}
	alive := r.Clone()
	alive.Deleted = false
	if err := t.checkUnique(r, alive); err != nil {
		return err
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
	moved := s.moveChildren(t.Object.Name, lose.ID, win.ID, w)
	next, err := s.Prepare(t, lose, []Change{{master, win.ID}}, w)
	if err != nil {
		return nil, err
	}
	t.Replace(lose, next)
	s.MarkDeleted(t, lose, true, w)
	return moved, nil
}

// Expunge removes a record for good, as Purge does. Callers hold the lock for
// writing.
func (s *Store) Expunge(t *Table, r *Record) {
	t.remove(r)
	s.markHistory(t, r.ID, true, true)
}
