package store

import (
	"slices"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// Table holds the records of one object.
type Table struct {
	Object *schema.Object
	ByID   map[string]*Record
	// keyed finds the records of a value, for every field that is unique, an
	// external id or usable as one. Records in the recycle bin are not in it.
	keyed []keyedField
	// byTime is in the order of (SystemModstamp, Id); for history, which has no
	// SystemModstamp, of (CreatedDate, Id).
	ByTime *Index
	ByName *Index // in the order of Id
	auto   map[int]int

	// file is told of every record that changes, where the store has a file.
	file   *file
	number uint64 // the table's in that file
}

// keyedField finds the live records of a field's values.
type keyedField struct {
	f       *schema.Field
	records map[string][]*Record // by the value's key
}

func newTable(o *schema.Object) *Table {
	t := &Table{Object: o, ByID: map[string]*Record{}, auto: map[int]int{}}
	t.ByTime = &Index{keyOf: func(r *Record) int64 { return r.Modstamp }}
	if !o.HasModstamp {
		t.ByTime.keyOf = func(r *Record) int64 { return r.Created }
	}
	t.ByName = &Index{keyOf: func(*Record) int64 { return 0 }}
	for _, f := range o.Fields {
		if f.Slot >= 0 && (f.Unique || f.IDLookup) {
			t.keyed = append(t.keyed, keyedField{f, map[string][]*Record{}})
		}
	}
	return t
}

// TimeSlot is the column by whose order byTime goes.
func (t *Table) TimeSlot() int {
	if t.Object.HasModstamp {
		return schema.SlotModstamp
	}
	return schema.SlotCreatedDate
}

func (t *Table) isUntidy() bool { return len(t.ByTime.pending) > 0 || len(t.ByName.pending) > 0 }

func (t *Table) tidy() {
	t.ByTime.tidy()
	t.ByName.tidy()
}

// Add takes a new record in.
func (t *Table) Add(r *Record) {
	t.file.note(t, r)
	t.ByID[r.ID] = r
	t.ByTime.put(r)
	t.ByName.put(r)
	if !r.Deleted {
		t.key(r)
	}
}

func (t *Table) key(r *Record) {
	for _, kf := range t.keyed {
		if v := r.Values[kf.f.Slot]; v != "" {
			k := kf.f.KeyOfValue(v)
			kf.records[k] = append(kf.records[k], r)
		}
	}
}

func (t *Table) unkey(r *Record) {
	for _, kf := range t.keyed {
		v := r.Values[kf.f.Slot]
		if v == "" {
			continue
		}
		k := kf.f.KeyOfValue(v)
		if rest := slices.DeleteFunc(slices.Clone(kf.records[k]), func(x *Record) bool { return x == r }); len(rest) > 0 {
			kf.records[k] = rest
		} else {
			delete(kf.records, k)
		}
	}
}

// Replace puts the state of next into r, whose id is the same, and keeps the
// indexes right.
func (t *Table) Replace(r, next *Record) {
	if !r.Deleted {
		t.unkey(r)
	}
	moved := t.ByTime.keyOf(r) != t.ByTime.keyOf(next)
	if moved {
		t.ByTime.leave()
	}
	*r = *next
	t.file.note(t, r)
	if moved {
		t.ByTime.put(r)
	}
	if !r.Deleted && !r.Purged {
		t.key(r)
	}
}

// Find gives the live records whose field has the value.
func (t *Table) Find(f *schema.Field, value string) []*Record {
	if f.Slot == schema.SlotID {
		if r := t.ByID[value]; r != nil && !r.Deleted {
			return []*Record{r}
		}
		return nil
	}
	for _, kf := range t.keyed {
		if kf.f == f {
			return kf.records[f.KeyOfValue(value)]
		}
	}
	return nil
}

// remove takes a record out as if it had never been there.
func (t *Table) remove(r *Record) {
	if !r.Deleted {
		t.unkey(r)
	}
	r.Purged = true
	t.file.note(t, r)
	t.ByTime.leave()
	t.ByName.leave()
	delete(t.ByID, r.ID)
}
