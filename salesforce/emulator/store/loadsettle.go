package store

import (
	"fmt"
	"maps"
	"slices"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// keepInstants gives a record that states only one of LastModifiedDate and
// SystemModstamp that instant for both, and sees that one that does not say when it
// was made was not made after it was changed.
func keepInstants(r *Record, changes []Change) {
	var modified, modstamp, created bool
	for _, c := range changes {
		modified = modified || c.Field.Slot == schema.SlotModifiedDate
		modstamp = modstamp || c.Field.Slot == schema.SlotModstamp
		created = created || c.Field.Slot == schema.SlotCreatedDate
	}
	switch {
	case modified && !modstamp:
		r.Modstamp = r.Modified
	case modstamp && !modified:
		r.Modified = r.Modstamp
	}
	if !created {
		r.Created = min(r.Created, r.Modified, r.Modstamp)
	}
}

// loadAuto is an auto-number field that a file states, at least for some records.
type loadAuto struct {
	f        *schema.Field
	greatest int
	open     []*Record // those whose number the file leaves open
}

// autos gives a copy of the numbers that auto-number fields have come to.
func (s *Store) autos() map[*Table]map[int]int {
	out := map[*Table]map[int]int{}
	for _, t := range s.Tables {
		out[t] = maps.Clone(t.auto)
	}
	return out
}

// countAutos notes what numbers a record states, or that it leaves them open.
func (f *loadFile) countAutos(r *Record, changes []Change) {
	for i := range f.autos {
		a := &f.autos[i]
		at := slices.IndexFunc(changes, func(c Change) bool { return c.Field == a.f })
		if at < 0 {
			a.open = append(a.open, r)
			continue
		}
		n := 0
		if _, err := fmt.Sscanf(changes[at].Text, a.f.AutoFormat, &n); err == nil {
			a.greatest = max(a.greatest, n)
		}
	}
}

// findAutos looks for auto-number fields among the columns.
func (f *loadFile) findAutos() {
	for _, c := range f.columns {
		if c.f.AutoFormat != "" {
			f.autos = append(f.autos, loadAuto{f: c.f})
		}
	}
}

// link sets a lookup of a record that is in its table, an audit field too.
func (l *load) link(t *Table, r *Record, f *schema.Field, id string) {
	next := r.draftOf(t.Object)
	if err := next.set(Change{f, id}); err != nil {
		panic(err) // an id is a text
	}
	t.Replace(r, next)
}

// numberAutos lets auto-numbers go on after the greatest that files state, for the
// records that leave them open too.
func (l *load) numberAutos() {
	for _, f := range l.files {
		for _, a := range f.autos {
			n := max(l.autos[f.t][a.f.Slot], a.greatest)
			for _, r := range a.open {
				n++
				next := r.Clone()
				next.Set(a.f, fmt.Sprintf(a.f.AutoFormat, n))
				f.t.Replace(r, next)
			}
			f.t.auto[a.f.Slot] = n
		}
	}
}

// withDataType completes a history row: what is tracked here is text.
func withDataType(o *schema.Object, changes []Change) []Change {
	f, ok := o.Field("DataType")
	if !ok || slices.ContainsFunc(changes, func(c Change) bool { return c.Field == f }) {
		return changes
	}
	return append(changes, Change{f, "Text"})
}

// binHistory lets the history of the records that lie in the recycle bin lie there
// with them.
func (l *load) binHistory() {
	for _, f := range l.files {
		for _, row := range f.loaded {
			if row.r.Deleted {
				l.store.markHistory(f.t, row.r.ID, true, false)
			}
		}
	}
}
