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
	// external id or usable as one, or names a record to which this one belongs.
	// Records in the recycle bin are not in it.
	keyed []keyedField
	// ByTime is in the order of (SystemModstamp, Id); for history, which has no
	// SystemModstamp, of (CreatedDate, Id).
	ByTime *Index
	ByName *Index // in the order of Id
	auto   map[int]int
	trail  *trail // of the store's open savepoints, or nil
	// ofParent has the rows of a history table by ParentId, those in the recycle
	// bin too; other tables have none.
	ofParent map[string][]*Record
	// kins find records by what their lookups name, for those lookups that somebody
	// asked about.
	kins []*kin
	// shadows are the records whose last write queries do not see yet.
	shadows shadows

	// file is told of every record that changes, where the store has a file.
	file   *file
	number uint64 // the table's in that file
}

// keyedField finds the live records of a field's values. Nearly always a value
// has one record; further ones are kept apart, so that the many stay small.
type keyedField struct {
	f       *schema.Field
	records map[string]*Record   // by the value's key
	more    map[string][]*Record // those after the first, by the value's key
}

func (k *keyedField) add(r *Record) {
	v := r.value(k.f.Slot)
	if v == "" {
		return
	}
	key := k.f.KeyOfValue(v)
	if _, ok := k.records[key]; ok {
		k.more[key] = append(k.more[key], r)
		return
	}
	k.records[key] = r
}

func (k *keyedField) remove(r *Record) {
	v := r.value(k.f.Slot)
	if v == "" {
		return
	}
	key := k.f.KeyOfValue(v)
	rest := slices.DeleteFunc(k.find(v), func(x *Record) bool { return x == r })
	delete(k.records, key)
	delete(k.more, key)
	for i, x := range rest {
		if i == 0 {
			k.records[key] = x
			continue
		}
		k.more[key] = append(k.more[key], x)
	}
}

// find gives the records of a value, in a slice of the caller's own.
func (k *keyedField) find(value string) []*Record {
	key := k.f.KeyOfValue(value)
	first, ok := k.records[key]
	if !ok {
		return nil
	}
	return append([]*Record{first}, k.more[key]...)
}

func newTable(o *schema.Object, late *lateness) *Table {
	t := &Table{Object: o, ByID: map[string]*Record{}, auto: map[int]int{}}
	t.ByTime = &Index{keyOf: func(r *Record) int64 { return r.Modstamp }}
	if !o.HasModstamp {
		t.ByTime.keyOf = func(r *Record) int64 { return r.Created }
	}
	t.ByName = &Index{keyOf: func(*Record) int64 { return 0 }}
	if o.HistoryOf != "" {
		t.ofParent = map[string][]*Record{}
	}
	t.shadows.late = late
	t.ByTime.shadows, t.ByName.shadows = &t.shadows, &t.shadows
	for _, f := range o.Fields {
		if f.Slot >= 0 && (f.Unique || f.IDLookup || f.OnDelete.HoldsChildren() && f.Required && o.HistoryOf == "") {
			t.keyed = append(t.keyed, keyedField{f, map[string]*Record{}, map[string][]*Record{}})
		}
	}
	return t
}

// TimeSlot is the column by whose order ByTime goes.
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
	t.note(r, nil)
	r.seal()
	t.file.note(t, r)
	t.ByID[r.ID] = r
	t.ByTime.put(r)
	t.ByName.put(r)
	if !r.Deleted {
		t.key(r)
	}
	for _, k := range t.kins {
		k.add(r)
	}
	if t.ofParent != nil {
		parent := r.Text(t.Object, t.Object.HistoryParent())
		t.ofParent[parent] = append(t.ofParent[parent], r)
	}
}

func (t *Table) key(r *Record) {
	for i := range t.keyed {
		t.keyed[i].add(r)
	}
}

func (t *Table) unkey(r *Record) {
	for i := range t.keyed {
		t.keyed[i].remove(r)
	}
}

// Replace puts the state of next into r, whose id is the same, and keeps the
// indexes right.
func (t *Table) Replace(r, next *Record) {
	next.seal()
	if t.ofParent != nil {
		t.reparent(r, next)
	}
	if !r.Deleted {
		t.unkey(r)
	}
	moved := t.ByTime.keyOf(r) != t.ByTime.keyOf(next)
	if moved {
		t.ByTime.leave()
	}
	kins := t.moving(r, next)
	if t.isWatched() {
		before := *r
		t.note(r, &before)
	}
	*r = *next
	t.file.note(t, r)
	for _, k := range kins {
		k.add(r)
	}
	if moved {
		t.ByTime.put(r)
	}
	if !r.Deleted && !r.Purged {
		t.key(r)
	}
}

// reparent moves a history row that is about to name another record.
func (t *Table) reparent(r, next *Record) {
	from, to := r.Text(t.Object, "ParentId"), next.Text(t.Object, "ParentId")
	if from == to {
		return
	}
	if rest := slices.DeleteFunc(t.ofParent[from], func(x *Record) bool { return x == r }); len(rest) > 0 {
		t.ofParent[from] = rest
	} else {
		delete(t.ofParent, from)
	}
	t.ofParent[to] = append(t.ofParent[to], r)
}

// Find gives the live records whose field has the value.
func (t *Table) Find(f *schema.Field, value string) []*Record {
	if f.Slot == schema.SlotID {
		if r := t.ByID[value]; r != nil && !r.Deleted {
			return []*Record{r}
		}
		return nil
	}
	for i := range t.keyed {
		if t.keyed[i].f == f {
			return t.keyed[i].find(value)
		}
	}
	return nil
}

// remove takes a record out as if it had never been there.
func (t *Table) remove(r *Record) {
	if t.trail != nil {
		before := *r
		t.trail.steps = append(t.trail.steps, trailStep{table: t, record: r, before: &before, gone: true})
	}
	if !r.Deleted {
		t.unkey(r)
	}
	r.Purged = true
	delete(t.shadows.of, r)
	t.file.note(t, r)
	t.ByTime.leave()
	t.ByName.leave()
	delete(t.ByID, r.ID)
	if t.ofParent != nil {
		parent := r.Text(t.Object, t.Object.HistoryParent())
		t.ofParent[parent] = slices.DeleteFunc(t.ofParent[parent], func(x *Record) bool { return x == r })
	}
}
