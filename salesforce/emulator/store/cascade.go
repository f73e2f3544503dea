package store

import (
	"slices"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// child is a record that goes when its parent does.
type child struct {
	table  *Table
	record *Record
}

// maxCascade is how many records go with one, as on the platform.
const maxCascade = 100_000

// followers gives the live records that are deleted with a record: the details of
// a master, theirs, and so on, nearest first. The error is that of a lookup which
// forbids it. Callers hold the lock.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/relationships_among_objects.htm
func (s *Store) followers(t *Table, r *Record) ([]child, *schema.RowError) {
	var out []child
	seen := map[*Record]bool{r: true}
	for i, at := -1, (child{t, r}); ; at = out[i] {
		for _, name := range s.Schema.Names() {
			down := s.Tables[name]
			for _, f := range down.Object.Fields {
				if !f.PointsTo(at.table.Object.Name) || !f.OnDelete.HoldsChildren() || down.Object.HistoryOf != "" {
					continue
				}
				for _, x := range down.Find(f, at.record.ID) {
					switch {
					case f.OnDelete == schema.DeleteRefused:
						return nil, schema.NewRowError("DELETE_FAILED", "", "Your attempt to delete %s could not be completed because it is associated with the following %s.: %s",
							at.record.ID, down.Object.Plural, x.ID)
					case seen[x]:
					case len(out) >= maxCascade:
						return nil, schema.NewRowError("DELETE_OPERATION_TOO_LARGE", "", "Too many records would be deleted with %s", r.ID)
					default:
						seen[x] = true
						out = append(out, child{down, x})
					}
				}
			}
		}
		if i++; i >= len(out) {
			return out, nil
		}
	}
}

// CheckDelete says why a record cannot be deleted, or nil. Callers hold the lock.
func (s *Store) CheckDelete(t *Table, r *Record) *schema.RowError {
	_, err := s.followers(t, r)
	return err
}

// takeAlong deletes what goes with a record, and remembers it for its undelete.
func (s *Store) takeAlong(t *Table, r *Record, w Writer) {
	with, err := s.followers(t, r)
	if err != nil || len(with) == 0 {
		return // whoever asked CheckDelete knows of the error
	}
	s.cascaded[r.ID] = with
	for _, c := range with {
		s.moveToBin(c.table, c.record, true, w)
	}
}

// bringBack undeletes what went with a record, except what was deleted before or
// whose place is taken by now.
func (s *Store) bringBack(r *Record, w Writer) {
	with := s.cascaded[r.ID]
	delete(s.cascaded, r.ID)
	for _, c := range slices.Backward(with) {
		alive := c.record.Clone()
		alive.Deleted = false
		if c.record.Deleted && !c.record.Purged && c.table.checkUnique(c.record, alive) == nil {
			s.moveToBin(c.table, c.record, false, w)
		}
	}
}
