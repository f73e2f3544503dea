package store

import (
	"encoding/binary"
	"maps"
	"slices"
)

// What an entry of the file consists of: operations, each of which begins with its
// letter. Numbers are varints; texts and bytes have their length before them.
//
//	M document            what the org is (its owner's business)
//	S document            the schema, where it was changed at run time
//	T number name fields  an object under a number, and its fields in the order in
//	                      which records give their values
//	P number record       a record's present state
//	D number id           a record that is gone for good
//	B id records lookups  what the deletion of a record did to others: which went
//	                      with it (number id), and which were cleared (number id field)
//	C prefix n            the last number given to an id
//	A number field n      the last number given by an auto-number field
//
// Every operation states a state, none a difference: to read one twice does no harm.
const (
	opDocument = 'M'
	opSchema   = 'S'
	opTable    = 'T'
	opPut      = 'P'
	opGone     = 'D'
	opAbsence  = 'B'
	opCounter  = 'C'
	opAuto     = 'A'
)

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendDocument(b []byte, op byte, document []byte) []byte {
	b = binary.AppendUvarint(append(b, op), uint64(len(document)))
	return append(b, document...)
}

func appendTable(b []byte, t *Table) []byte {
	b = binary.AppendUvarint(append(b, opTable), t.number)
	b = appendText(b, t.Object.Name)
	names := make([]string, t.Object.Width)
	for _, f := range t.Object.Fields {
		if f.Slot >= 0 {
			names[f.Slot] = f.Name
		}
	}
	b = binary.AppendUvarint(b, uint64(len(names)))
	for _, n := range names {
		b = appendText(b, n)
	}
	return b
}

// appendRecord writes the state of a record, or that it is gone.
func appendRecord(b []byte, t *Table, r *Record) []byte {
	if r.Purged {
		return appendText(binary.AppendUvarint(append(b, opGone), t.number), r.ID)
	}
	b = binary.AppendUvarint(append(b, opPut), t.number)
	b = appendText(b, r.ID)
	b = appendText(b, r.createdBy)
	b = appendText(b, r.modifiedBy)
	b = binary.AppendVarint(b, r.Created)
	b = binary.AppendVarint(b, r.Modified-r.Created)
	b = binary.AppendVarint(b, r.Modstamp-r.Created)
	deleted := byte(0)
	if r.Deleted {
		deleted = 1
	}
	b = append(b, deleted)
	b = binary.AppendUvarint(b, uint64(t.Object.Width))
	for slot := range t.Object.Width {
		b = appendText(b, r.value(slot))
	}
	return b
}

// appendAbsence writes what the deletion of a record did to others, or that it did
// nothing.
func (s *Store) appendAbsence(b []byte, id string) []byte {
	b = appendText(append(b, opAbsence), id)
	a := s.absent[id]
	if a == nil {
		a = &absence{}
	}
	known := func(p place) bool { return s.Tables[p.object] != nil } // since then its object may have gone
	with, links := a.with, a.links
	if slices.ContainsFunc(with, func(p place) bool { return !known(p) }) {
		with = slices.DeleteFunc(slices.Clone(with), func(p place) bool { return !known(p) })
	}
	if slices.ContainsFunc(links, func(l cleared) bool { return !known(l.place) }) {
		links = slices.DeleteFunc(slices.Clone(links), func(l cleared) bool { return !known(l.place) })
	}
	b = binary.AppendUvarint(b, uint64(len(with)))
	for _, p := range with {
		b = appendText(binary.AppendUvarint(b, s.Tables[p.object].number), p.id)
	}
	b = binary.AppendUvarint(b, uint64(len(links)))
	for _, l := range links {
		b = appendText(binary.AppendUvarint(b, s.Tables[l.object].number), l.id)
		b = appendText(b, l.field)
	}
	return b
}

// appendCounters writes the counters that moved since they were last written, and
// notes that they are.
func (f *file) appendCounters(b []byte, s *Store) []byte {
	for _, prefix := range slices.Sorted(maps.Keys(s.counters)) {
		if n := s.counters[prefix]; f.counters[prefix] != n {
			f.counters[prefix] = n
			b = binary.AppendUvarint(appendText(append(b, opCounter), prefix), n)
		}
	}
	for _, obj := range s.Schema.Objects {
		t := s.Tables[obj.Name]
		for slot, n := range t.auto {
			if f.auto[t][slot] == n {
				continue
			}
			if f.auto[t] == nil {
				f.auto[t] = map[int]int{}
			}
			f.auto[t][slot] = n
			b = binary.AppendUvarint(append(b, opAuto), t.number)
			b = binary.AppendUvarint(appendText(b, fieldAt(t, slot)), uint64(n))
		}
	}
	return b
}

// fieldAt names the field of a slot.
func fieldAt(t *Table, slot int) string {
	for _, f := range t.Object.Fields {
		if f.Slot == slot {
			return f.Name
		}
	}
	return ""
}
