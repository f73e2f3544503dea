package emulator

import (
	"slices"
)

// table holds the records of one object.
type table struct {
	obj  *object
	byID map[string]*record
	// keyed finds the records of a value, for every field that is unique, an
	// external id or usable as one. Records in the recycle bin are not in it.
	keyed []keyedField
	// byTime is in the order of (SystemModstamp, Id); for history, which has no
	// SystemModstamp, of (CreatedDate, Id).
	byTime *index
	byName *index // in the order of Id
	auto   map[int]int
}

// keyedField finds the live records of a field's values.
type keyedField struct {
	f       *field
	records map[string][]*record // by the value's key
}

func newTable(o *object) *table {
	t := &table{obj: o, byID: map[string]*record{}, auto: map[int]int{}}
	t.byTime = &index{keyOf: func(r *record) int64 { return r.modstamp }}
	if !o.hasModstamp {
		t.byTime.keyOf = func(r *record) int64 { return r.created }
	}
	t.byName = &index{keyOf: func(*record) int64 { return 0 }}
	for _, f := range o.fields {
		if f.slot >= 0 && (f.unique || f.idLookup) {
			t.keyed = append(t.keyed, keyedField{f, map[string][]*record{}})
		}
	}
	return t
}

// timeSlot is the column by whose order byTime goes.
func (t *table) timeSlot() int {
	if t.obj.hasModstamp {
		return slotModstamp
	}
	return slotCreatedDate
}

func (t *table) isUntidy() bool { return len(t.byTime.pending) > 0 || len(t.byName.pending) > 0 }

func (t *table) tidy() {
	t.byTime.tidy()
	t.byName.tidy()
}

// add takes a new record in.
func (t *table) add(r *record) {
	t.byID[r.id] = r
	t.byTime.put(r)
	t.byName.put(r)
	if !r.deleted {
		t.key(r)
	}
}

func (t *table) key(r *record) {
	for _, kf := range t.keyed {
		if v := r.values[kf.f.slot]; v != "" {
			k := kf.f.keyOfValue(v)
			kf.records[k] = append(kf.records[k], r)
		}
	}
}

func (t *table) unkey(r *record) {
	for _, kf := range t.keyed {
		v := r.values[kf.f.slot]
		if v == "" {
			continue
		}
		k := kf.f.keyOfValue(v)
		if rest := slices.DeleteFunc(slices.Clone(kf.records[k]), func(x *record) bool { return x == r }); len(rest) > 0 {
			kf.records[k] = rest
		} else {
			delete(kf.records, k)
		}
	}
}

// replace puts the state of next into r, whose id is the same, and keeps the
// indexes right.
func (t *table) replace(r, next *record) {
	if !r.deleted {
		t.unkey(r)
	}
	moved := t.byTime.keyOf(r) != t.byTime.keyOf(next)
	if moved {
		t.byTime.leave()
	}
	*r = *next
	if moved {
		t.byTime.put(r)
	}
	if !r.deleted && !r.purged {
		t.key(r)
	}
}

// find gives the live records whose field has the value.
func (t *table) find(f *field, value string) []*record {
	if f.slot == slotID {
		if r := t.byID[value]; r != nil && !r.deleted {
			return []*record{r}
		}
		return nil
	}
	for _, kf := range t.keyed {
		if kf.f == f {
			return kf.records[f.keyOfValue(value)]
		}
	}
	return nil
}

// remove takes a record out as if it had never been there.
func (t *table) remove(r *record) {
	if !r.deleted {
		t.unkey(r)
	}
	r.purged = true
	t.byTime.leave()
	t.byName.leave()
	delete(t.byID, r.id)
}
