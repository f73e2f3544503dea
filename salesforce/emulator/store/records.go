package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// table finds the table of an object by name, in any case.
func (s *Store) table(object string) (*Table, error) {
	s.mu.RLock() // the schema may be changing
	defer s.mu.RUnlock()
	obj, ok := s.Schema.Object(object)
	if !ok {
		return nil, errs.New(errs.NotFound, "the org has no object %s", object)
	}
	return s.Tables[obj.Name], nil
}

// Insert makes a record behind the API's back and gives its 18-character id.
// Field names are in any case; values are strings, bools, integers, decimals,
// json.Number, time.Time or nil; a lookup may be given by external id, as
// {"Partner__r": map[string]any{"Partner_ID__c": "FG3877"}}. Id, the audit
// fields, SystemModstamp and fields that the API cannot write may be given too.
// The error is a *RowError with the platform's code.
func (s *Store) Insert(object string, fields map[string]any) (string, error) {
	return s.insert(object, fields, false)
}

// InsertUnchecked is Insert without a look at whether the records of lookups exist,
// such as the creator in a store that has no users.
func (s *Store) InsertUnchecked(object string, fields map[string]any) (string, error) {
	return s.insert(object, fields, true)
}

func (s *Store) insert(object string, fields map[string]any, trust bool) (string, error) {
	t, err := s.table(object)
	if err != nil {
		return "", err
	}
	s.Lock()
	defer s.Unlock()
	w := s.direct(t.Object.Name, s.Now())
	changes, rerr := s.Changes(t, fields, w)
	if rerr != nil {
		return "", fmt.Errorf("insert %s: %w", object, rerr)
	}
	w.TrustLookups = trust || t.Object.Name == "User" // the org's first user is its own creator
	r, rerr := s.Prepare(t, nil, changes, w)
	if rerr != nil {
		return "", fmt.Errorf("insert %s: %w", object, rerr)
	}
	s.Commit(t, nil, r, w)
	return r.ID, nil
}

// Update changes a record at an instant, as a person would: audit fields and
// SystemModstamp move to it, tracked fields leave history rows with it. The
// zero instant is the org's present. SystemModstamp may be given in fields.
func (s *Store) Update(object, id string, fields map[string]any, at time.Time) error {
	return s.alter("update", object, id, at, func(t *Table, r *Record, w Writer) *schema.RowError {
		if r.Deleted {
			return schema.NewRowError("ENTITY_IS_DELETED", "", "entity is deleted")
		}
		changes, err := s.Changes(t, fields, w)
		if err != nil {
			return err
		}
		next, err := s.Prepare(t, r, changes, w)
		if err != nil {
			return err
		}
		s.Commit(t, r, next, w)
		return nil
	})
}

// Delete moves a record to the recycle bin at the org's present instant.
func (s *Store) Delete(object, id string) error {
	return s.alter("delete", object, id, time.Time{}, func(t *Table, r *Record, w Writer) *schema.RowError {
		if r.Deleted {
			return schema.NewRowError("ENTITY_IS_DELETED", "", "entity is deleted")
		}
		if err := s.CheckDelete(t, r); err != nil {
			return err
		}
		s.MarkDeleted(t, r, true, w)
		return nil
	})
}

// Undelete brings a record back from the recycle bin.
func (s *Store) Undelete(object, id string) error {
	return s.alter("undelete", object, id, time.Time{}, func(t *Table, r *Record, w Writer) *schema.RowError {
		return s.Restore(t, r, w)
	})
}

// Purge removes a record for good, as when the recycle bin is emptied: no query
// sees it any more. A live record is deleted first, which may be refused.
func (s *Store) Purge(object, id string) error {
	return s.alter("purge", object, id, time.Time{}, func(t *Table, r *Record, w Writer) *schema.RowError {
		if !r.Deleted {
			if err := s.CheckDelete(t, r); err != nil {
				return err
			}
		}
		s.Expunge(t, r, w)
		return nil
	})
}

// Merge makes one record survive another of its object (accounts, contacts,
// leads): the loser goes to the recycle bin with MasterRecordId naming the
// winner, and lookups to it move to the winner. The children's SystemModstamp
// moves, their LastModifiedDate does not.
func (s *Store) Merge(object, winner, loser string) error {
	return s.alter("merge", object, loser, time.Time{}, func(t *Table, r *Record, w Writer) *schema.RowError {
		_, err := s.Join(t, t.ByID[winner], r, w)
		return err
	})
}

// moveChildren makes all that name one record name another.
func (s *Store) moveChildren(parent *Table, from, to string, w Writer) (moved []string) {
	for _, rel := range s.relations(parent.Object.Name) {
		if rel.field.Name == "MasterRecordId" {
			continue
		}
		for _, r := range rel.table.naming(rel.field, from) {
			s.point(rel.table, r, rel.field, to, w)
			moved = append(moved, r.ID)
		}
	}
	if h := s.Tables[parent.Object.History]; h != nil {
		if f, ok := h.Object.Field(h.Object.HistoryParent()); ok {
			for _, r := range slices.Clone(h.ofParent[from]) {
				s.point(h, r, f, to, w)
				moved = append(moved, r.ID)
			}
		}
	}
	return moved
}

// MarkDeleted moves a record to the recycle bin, or out of it, with its history
// and its details; lookups to them are cleared, or name them again. Callers hold the
// lock for writing, and have asked CheckDelete.
func (s *Store) MarkDeleted(t *Table, r *Record, deleted bool, w Writer) {
	if deleted {
		s.bury(t, r, w)
		return
	}
	s.raise(t, r, w)
}

// moveToBin moves one record to the recycle bin, or out of it, with its history.
func (s *Store) moveToBin(t *Table, r *Record, deleted bool, w Writer) {
	next := r.Clone()
	next.Deleted = deleted
	next.Modified, next.modifiedBy, next.Modstamp = w.At.Unix(), w.UserID, w.At.Unix()
	if master, ok := t.Object.Field("MasterRecordId"); ok && !deleted {
		next.Set(master, "") // what has not been deleted has none
	}
	s.lately(w.Late, func() {
		t.Replace(r, next)
		s.markHistory(t, r.ID, deleted, false)
	})
}

// alter runs a change of one record under the lock.
func (s *Store) alter(verb, object, id string, at time.Time, f func(*Table, *Record, Writer) *schema.RowError) error {
	t, err := s.table(object)
	if err != nil {
		return err
	}
	s.Lock()
	defer s.Unlock()
	r := t.ByID[id]
	if r == nil {
		return errs.New(errs.NotFound, "%s %s: the org has no %s", verb, object, id)
	}
	if at.IsZero() {
		at = s.Now()
	}
	if rerr := f(t, r, s.direct(t.Object.Name, at)); rerr != nil {
		return fmt.Errorf("%s %s %s: %w", verb, object, id, rerr)
	}
	return nil
}

// Records gives copies of an object's records in the order of their ids, those
// in the recycle bin included (IsDeleted is true). Every field of the schema is
// a key; a value is nil, a bool, a json.Number or the text that the API prints.
// An object that the org does not have has no records.
func (s *Store) Records(object string) []map[string]any {
	t, err := s.table(object)
	if err != nil {
		return nil
	}
	s.RLockTidy(t)
	defer s.mu.RUnlock()
	out := make([]map[string]any, 0, len(t.ByID))
	t.ByName.Walk(WholeSpan, false, func(r *Record) bool {
		out = append(out, valuesOf(t.Object, r))
		return true
	})
	return out
}

// Record gives a copy of one record, as Records does, or false.
func (s *Store) Record(object, id string) (map[string]any, bool) {
	t, err := s.table(object)
	if err != nil {
		return nil, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := t.ByID[id]
	if r == nil {
		return nil, false
	}
	return valuesOf(t.Object, r), true
}

// Count is the number of an object's records outside the recycle bin.
func (s *Store) Count(object string) int {
	t, err := s.table(object)
	if err != nil {
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	for _, r := range t.ByID {
		if !r.Deleted {
			n++
		}
	}
	return n
}

func valuesOf(o *schema.Object, r *Record) map[string]any {
	m := make(map[string]any, len(o.Fields))
	for _, f := range o.Fields {
		switch v := r.Get(f); {
		case v == "":
			m[f.Name] = nil
		case f.Type == schema.TypeBoolean:
			m[f.Name] = v == "true"
		case f.Type.IsNumber():
			m[f.Name] = json.Number(v)
		default:
			m[f.Name] = v
		}
	}
	return m
}
