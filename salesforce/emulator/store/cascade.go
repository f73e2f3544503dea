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
// forbids it. Callers hold the lock for writing.
// https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/relationships_among_objects.htm
func (s *Store) followers(t *Table, r *Record) ([]child, *schema.RowError) {
	var out []child
	seen := map[*Record]bool{r: true}
	for i, at := -1, (child{t, r}); ; at = out[i] {
		for _, rel := range s.relations(at.table.Object.Name) {
			if !rel.field.OnDelete.HoldsChildren() {
				continue
			}
			for _, x := range rel.table.naming(rel.field, at.record.ID) {
				if x.Deleted || seen[x] {
					continue
				}
				if err := holdsBack(at, rel, x); err != nil {
					return nil, err
				}
				if len(out) >= maxCascade {
					return nil, schema.NewRowError("DELETE_OPERATION_TOO_LARGE", "", "Too many records would be deleted with %s", r.ID)
				}
				seen[x] = true
				out = append(out, child{rel.table, x})
			}
		}
		if i++; i >= len(out) {
			return out, nil
		}
	}
}

// holdsBack says why a record cannot be deleted while one is there that names it:
// the lookup restricts, or the record is an opportunity that was won with an account.
// https://help.salesforce.com/s/articleView?id=sf.account_delete.htm&type=5
func holdsBack(parent child, rel relation, x *Record) *schema.RowError {
	of := rel.table.Object
	switch {
	case rel.field.OnDelete == schema.DeleteRefused:
		return schema.NewRowError("DELETE_FAILED", "", "Your attempt to delete %s could not be completed because it is associated with the following %s.: %s",
			parent.record.ID, of.Plural, x.ID)
	case parent.table.Object.Name == "Account" && of.Name == "Opportunity" && x.Text(of, "IsWon") == "true":
		return schema.NewRowError("DELETE_FAILED", "", "Your attempt to delete %s could not be completed because some opportunities in this account were closed won.: %s",
			parent.record.ID, x.ID)
	}
	return nil
}

// CheckDelete says why a record cannot be deleted, or nil. Callers hold the lock for
// writing.
func (s *Store) CheckDelete(t *Table, r *Record) *schema.RowError {
	_, err := s.followers(t, r)
	return err
}

// bury moves a record and what goes with it to the recycle bin, clears the lookups to
// all of them, and remembers both.
func (s *Store) bury(t *Table, r *Record, w Writer) {
	with, err := s.followers(t, r)
	if err != nil {
		with = nil // whoever asked CheckDelete knows of the error
	}
	a := &absence{}
	for _, c := range with {
		a.with = append(a.with, place{c.table.Object.Name, c.record.ID})
		s.moveToBin(c.table, c.record, true, w)
	}
	s.moveToBin(t, r, true, w)
	a.links = s.unlink(t, r.ID, w)
	for _, c := range with {
		if links := s.unlink(c.table, c.record.ID, w); len(links) > 0 {
			s.setAbsence(c.record.ID, &absence{links: links})
		}
	}
	if len(a.with)+len(a.links) > 0 {
		s.setAbsence(r.ID, a)
	}
}

// raise brings a record back from the recycle bin with what went with it, except what
// was deleted before or whose place is taken by now, and restores the lookups to them.
func (s *Store) raise(t *Table, r *Record, w Writer) {
	back := []child{{t, r}}
	s.moveToBin(t, r, false, w)
	if a := s.absent[r.ID]; a != nil {
		for _, p := range slices.Backward(a.with) {
			down, x := s.at(p)
			if x == nil || !x.Deleted {
				continue
			}
			alive := x.Clone()
			alive.Deleted = false
			if down.checkUnique(x, alive) == nil {
				s.moveToBin(down, x, false, w)
				back = append(back, child{down, x})
			}
		}
	}
	for _, c := range back {
		if a := s.absent[c.record.ID]; a != nil {
			s.setAbsence(c.record.ID, nil)
			s.relink(c.table, c.record.ID, a.links, w)
		}
	}
	for _, c := range back {
		s.sever(c.table, c.record, w)
	}
}
