package emulator

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
)

// table finds the table of an object by name, in any case.
func (o *Org) table(object string) (*table, error) {
	obj, ok := o.schema.object(object)
	if !ok {
		return nil, errs.New(errs.NotFound, "the org has no object %s", object)
	}
	return o.tables[obj.name], nil
}

// Insert makes a record behind the API's back and gives its 18-character id.
// Field names are in any case; values are strings, bools, integers, decimals,
// json.Number, time.Time or nil; a lookup may be given by external id, as
// {"Partner__r": map[string]any{"Partner_ID__c": "FG3877"}}. Id, the audit
// fields, SystemModstamp and fields that the API cannot write may be given too.
// The error is a *RowError with the platform's code.
func (o *Org) Insert(object string, fields map[string]any) (string, error) {
	t, err := o.table(object)
	if err != nil {
		return "", err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	w := writer{userID: o.userID, at: o.now(), admin: true}
	changes, rerr := o.changes(t, fields, w)
	if rerr != nil {
		return "", fmt.Errorf("insert %s: %w", object, rerr)
	}
	w.trustLookups = t.obj.name == "User" // the org's first user is its own creator
	r, rerr := o.prepare(t, nil, changes, w)
	if rerr != nil {
		return "", fmt.Errorf("insert %s: %w", object, rerr)
	}
	o.commit(t, nil, r, w)
	return r.id, nil
}

// Update changes a record at an instant, as a person would: audit fields and
// SystemModstamp move to it, tracked fields leave history rows with it. The
// zero instant is the org's present. SystemModstamp may be given in fields.
func (o *Org) Update(object, id string, fields map[string]any, at time.Time) error {
	return o.alter("update", object, id, at, func(t *table, r *record, w writer) *RowError {
		if r.deleted {
			return rowError("ENTITY_IS_DELETED", "", "entity is deleted")
		}
		changes, err := o.changes(t, fields, w)
		if err != nil {
			return err
		}
		next, err := o.prepare(t, r, changes, w)
		if err != nil {
			return err
		}
		o.commit(t, r, next, w)
		return nil
	})
}

// Delete moves a record to the recycle bin at the org's present instant.
func (o *Org) Delete(object, id string) error {
	return o.alter("delete", object, id, time.Time{}, func(t *table, r *record, w writer) *RowError {
		if r.deleted {
			return rowError("ENTITY_IS_DELETED", "", "entity is deleted")
		}
		o.markDeleted(t, r, true, w)
		return nil
	})
}

// Undelete brings a record back from the recycle bin.
func (o *Org) Undelete(object, id string) error {
	return o.alter("undelete", object, id, time.Time{}, func(t *table, r *record, w writer) *RowError {
		if !r.deleted {
			return rowError("UNDELETE_FAILED", "", "entity is not in the recycle bin")
		}
		if err := t.checkUnique(r, &record{values: r.values}); err != nil {
			return err
		}
		o.markDeleted(t, r, false, w)
		return nil
	})
}

// Purge removes a record for good, as when the recycle bin is emptied: no query
// sees it any more.
func (o *Org) Purge(object, id string) error {
	return o.alter("purge", object, id, time.Time{}, func(t *table, r *record, _ writer) *RowError {
		t.remove(r)
		o.markHistory(t, r.id, true, true)
		return nil
	})
}

// Merge makes one record survive another of its object (accounts, contacts,
// leads): the loser goes to the recycle bin with MasterRecordId naming the
// winner, and lookups to it move to the winner. The children's SystemModstamp
// moves, their LastModifiedDate does not.
func (o *Org) Merge(object, winner, loser string) error {
	return o.alter("merge", object, loser, time.Time{}, func(t *table, r *record, w writer) *RowError {
		master, ok := t.obj.field("MasterRecordId")
		if !ok {
			return rowError("INVALID_TYPE", "", "%s cannot be merged", t.obj.name)
		}
		if win := t.byID[winner]; win == nil || win.deleted || win == r || r.deleted {
			return rowError("INVALID_ID_FIELD", "", "the winner of a merge has to be another live record: %s", winner)
		}
		o.moveChildren(t.obj.name, loser, winner, w)
		next := r.clone()
		next.values[master.slot] = winner
		t.replace(r, next)
		o.markDeleted(t, r, true, w)
		return nil
	})
}

func (o *Org) moveChildren(parent, from, to string, w writer) {
	for _, t := range o.tables {
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

func (o *Org) markDeleted(t *table, r *record, deleted bool, w writer) {
	next := r.clone()
	next.deleted = deleted
	next.modified, next.modifiedBy, next.modstamp = w.at.Unix(), w.userID, w.at.Unix()
	t.replace(r, next)
	o.markHistory(t, r.id, deleted, false)
}

// alter runs a change of one record under the lock.
func (o *Org) alter(verb, object, id string, at time.Time, f func(*table, *record, writer) *RowError) error {
	t, err := o.table(object)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	r := t.byID[id]
	if r == nil {
		return errs.New(errs.NotFound, "%s %s: the org has no %s", verb, object, id)
	}
	if at.IsZero() {
		at = o.now()
	}
	if rerr := f(t, r, writer{userID: o.userID, at: at, admin: true}); rerr != nil {
		return fmt.Errorf("%s %s %s: %w", verb, object, id, rerr)
	}
	return nil
}

// Records gives copies of an object's records in the order of their ids, those
// in the recycle bin included (IsDeleted is true). Every field of the schema is
// a key; a value is nil, a bool, a json.Number or the text that the API prints.
// An object that the org does not have has no records.
func (o *Org) Records(object string) []map[string]any {
	t, err := o.table(object)
	if err != nil {
		return nil
	}
	o.rlockTidy(t)
	defer o.mu.RUnlock()
	out := make([]map[string]any, 0, len(t.byID))
	t.byName.walk(wholeSpan, false, func(r *record) bool {
		out = append(out, t.obj.valuesOf(r))
		return true
	})
	return out
}

// Record gives a copy of one record, as Records does, or false.
func (o *Org) Record(object, id string) (map[string]any, bool) {
	t, err := o.table(object)
	if err != nil {
		return nil, false
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	r := t.byID[id]
	if r == nil {
		return nil, false
	}
	return t.obj.valuesOf(r), true
}

// Count is the number of an object's records outside the recycle bin.
func (o *Org) Count(object string) int {
	t, err := o.table(object)
	if err != nil {
		return 0
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	n := 0
	for _, r := range t.byID {
		if !r.deleted {
			n++
		}
	}
	return n
}

func (o *object) valuesOf(r *record) map[string]any {
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
