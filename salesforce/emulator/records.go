package emulator

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
)

// table finds the table of an object by name, in any case.
func (s *Store) table(object string) (*table, error) {
	obj, ok := s.schema.object(object)
	if !ok {
		return nil, errs.New(errs.NotFound, "the org has no object %s", object)
	}
	return s.tables[obj.name], nil
}

// Insert makes a record behind the API's back and gives its 18-character id.
// Field names are in any case; values are strings, bools, integers, decimals,
// json.Number, time.Time or nil; a lookup may be given by external id, as
// {"Partner__r": map[string]any{"Partner_ID__c": "FG3877"}}. Id, the audit
// fields, SystemModstamp and fields that the API cannot write may be given too.
// The error is a *RowError with the platform's code.
func (s *Store) Insert(object string, fields map[string]any) (string, error) {
	t, err := s.table(object)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := writer{userID: s.userID, at: s.now(), admin: true}
	changes, rerr := s.changes(t, fields, w)
	if rerr != nil {
		return "", fmt.Errorf("insert %s: %w", object, rerr)
	}
	w.trustLookups = t.obj.name == "User" // the org's first user is its own creator
	r, rerr := s.prepare(t, nil, changes, w)
	if rerr != nil {
		return "", fmt.Errorf("insert %s: %w", object, rerr)
	}
	s.commit(t, nil, r, w)
	return r.id, nil
}

// Update changes a record at an instant, as a person would: audit fields and
// SystemModstamp move to it, tracked fields leave history rows with it. The
// zero instant is the org's present. SystemModstamp may be given in fields.
func (s *Store) Update(object, id string, fields map[string]any, at time.Time) error {
	return s.alter("update", object, id, at, func(t *table, r *record, w writer) *RowError {
		if r.deleted {
			return newRowError("ENTITY_IS_DELETED", "", "entity is deleted")
		}
		changes, err := s.changes(t, fields, w)
		if err != nil {
			return err
		}
		next, err := s.prepare(t, r, changes, w)
		if err != nil {
			return err
		}
		s.commit(t, r, next, w)
		return nil
	})
}

// Delete moves a record to the recycle bin at the org's present instant.
func (s *Store) Delete(object, id string) error {
	return s.alter("delete", object, id, time.Time{}, func(t *table, r *record, w writer) *RowError {
		if r.deleted {
			return newRowError("ENTITY_IS_DELETED", "", "entity is deleted")
		}
		s.markDeleted(t, r, true, w)
		return nil
	})
}

// Undelete brings a record back from the recycle bin.
func (s *Store) Undelete(object, id string) error {
	return s.alter("undelete", object, id, time.Time{}, func(t *table, r *record, w writer) *RowError {
		if !r.deleted {
			return newRowError("UNDELETE_FAILED", "", "entity is not in the recycle bin")
		}
		if err := t.checkUnique(r, &record{values: r.values}); err != nil {
			return err
		}
		s.markDeleted(t, r, false, w)
		return nil
	})
}

// Purge removes a record for good, as when the recycle bin is emptied: no query
// sees it any more.
func (s *Store) Purge(object, id string) error {
	return s.alter("purge", object, id, time.Time{}, func(t *table, r *record, _ writer) *RowError {
		t.remove(r)
		s.markHistory(t, r.id, true, true)
		return nil
	})
}

// Merge makes one record survive another of its object (accounts, contacts,
// leads): the loser goes to the recycle bin with MasterRecordId naming the
// winner, and lookups to it move to the winner. The children's SystemModstamp
// moves, their LastModifiedDate does not.
func (s *Store) Merge(object, winner, loser string) error {
	return s.alter("merge", object, loser, time.Time{}, func(t *table, r *record, w writer) *RowError {
		master, ok := t.obj.field("MasterRecordId")
		if !ok {
			return newRowError("INVALID_TYPE", "", "%s cannot be merged", t.obj.name)
		}
		if win := t.byID[winner]; win == nil || win.deleted || win == r || r.deleted {
			return newRowError("INVALID_ID_FIELD", "", "the winner of a merge has to be another live record: %s", winner)
		}
		s.moveChildren(t.obj.name, loser, winner, w)
		next := r.clone()
		next.values[master.slot] = winner
		t.replace(r, next)
		s.markDeleted(t, r, true, w)
		return nil
	})
}

func (s *Store) moveChildren(parent, from, to string, w writer) {
	for _, t := range s.tables {
		for _, f := range t.obj.fields {
			if f.refTo != parent || f.slot < 0 || f.name == "MasterRecordId" {
				continue
			}
			for _, r := range t.byID {
				if r.values[f.slot] != from {
					continue
				}
				next := r.clone()
				next.values[f.slot], next.modstamp = to, w.at.Unix()
				t.replace(r, next)
			}
		}
	}
}

func (s *Store) markDeleted(t *table, r *record, deleted bool, w writer) {
	next := r.clone()
	next.deleted = deleted
	next.modified, next.modifiedBy, next.modstamp = w.at.Unix(), w.userID, w.at.Unix()
	t.replace(r, next)
	s.markHistory(t, r.id, deleted, false)
}

// alter runs a change of one record under the lock.
func (s *Store) alter(verb, object, id string, at time.Time, f func(*table, *record, writer) *RowError) error {
	t, err := s.table(object)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := t.byID[id]
	if r == nil {
		return errs.New(errs.NotFound, "%s %s: the org has no %s", verb, object, id)
	}
	if at.IsZero() {
		at = s.now()
	}
	if rerr := f(t, r, writer{userID: s.userID, at: at, admin: true}); rerr != nil {
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
	s.rlockTidy(t)
	defer s.mu.RUnlock()
	out := make([]map[string]any, 0, len(t.byID))
	t.byName.walk(wholeSpan, false, func(r *record) bool {
		out = append(out, valuesOf(t.obj, r))
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
	r := t.byID[id]
	if r == nil {
		return nil, false
	}
	return valuesOf(t.obj, r), true
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
	for _, r := range t.byID {
		if !r.deleted {
			n++
		}
	}
	return n
}

func valuesOf(o *object, r *record) map[string]any {
	m := make(map[string]any, len(o.fields))
	for _, f := range o.fields {
		switch v := r.get(f); {
		case v == "":
			m[f.name] = nil
		case f.typ == typeBoolean:
			m[f.name] = v == "true"
		case f.typ.isNumber():
			m[f.name] = json.Number(v)
		default:
			m[f.name] = v
		}
	}
	return m
}
