package emulator

import (
	"cmp"
	"math"
	"slices"
)

// entry is a record's place in an index. It is stale when the record's key has
// changed since, or the record is gone.
type entry struct {
	key int64
	rec *record
}

func compareEntries(a, b entry) int {
	if c := cmp.Compare(a.key, b.key); c != 0 {
		return c
	}
	return cmp.Compare(a.rec.id, b.rec.id)
}

// index keeps the records of a table in the order of (key, Id). New places wait
// in pending until someone reads, because loads come in bulk and live changes
// nearly always belong at the end.
type index struct {
	keyOf   func(*record) int64
	entries []entry
	pending []entry
	stale   int // at least the number of stale entries
}

// put notes the record's present place.
func (x *index) put(r *record) { x.pending = append(x.pending, entry{x.keyOf(r), r}) }

// leave notes that the record's present place is about to become stale.
func (x *index) leave() { x.stale++ }

func (x *index) isValid(e entry) bool { return !e.rec.purged && x.keyOf(e.rec) == e.key }

// tidy brings pending into the order. It costs what is pending, or one pass
// over everything when something belongs in the middle.
func (x *index) tidy() {
	if len(x.pending) == 0 {
		return
	}
	slices.SortFunc(x.pending, compareEntries)
	x.pending = slices.CompactFunc(x.pending, func(a, b entry) bool { return a == b })
	atEnd := len(x.entries) == 0 || compareEntries(x.entries[len(x.entries)-1], x.pending[0]) < 0
	switch {
	case len(x.entries) == 0:
		x.entries, x.pending = x.pending, nil
		return
	case atEnd && x.stale <= len(x.entries)/2:
		x.entries = append(x.entries, x.pending...)
	default:
		x.merge()
	}
	x.pending = nil
}

// merge joins both lists into a new one, without stale entries and without the
// second of two equal ones (a record that came back to an earlier place).
func (x *index) merge() {
	out := make([]entry, 0, len(x.entries)+len(x.pending))
	add := func(e entry) {
		if x.isValid(e) && (len(out) == 0 || out[len(out)-1] != e) {
			out = append(out, e)
		}
	}
	i, j := 0, 0
	for i < len(x.entries) && j < len(x.pending) {
		if compareEntries(x.entries[i], x.pending[j]) <= 0 {
			add(x.entries[i])
			i++
		} else {
			add(x.pending[j])
			j++
		}
	}
	for ; i < len(x.entries); i++ {
		add(x.entries[i])
	}
	for ; j < len(x.pending); j++ {
		add(x.pending[j])
	}
	x.entries, x.stale = out, 0
}

// span is a range of keys and ids, both ends counting. loID "" is the lowest;
// hiID "" the highest.
type span struct {
	lo, hi     int64
	loID, hiID string
}

// walk calls f with the records of the span in order, or in the opposite order,
// until f gives false.
func (x *index) walk(s span, backwards bool, f func(*record) bool) {
	from, _ := slices.BinarySearchFunc(x.entries, s, func(e entry, s span) int {
		if c := cmp.Compare(e.key, s.lo); c != 0 {
			return c
		}
		return cmp.Compare(e.rec.id, s.loID)
	})
	to, _ := slices.BinarySearchFunc(x.entries, s, func(e entry, s span) int {
		if c := cmp.Compare(e.key, s.hi); c != 0 {
			return c
		}
		if s.hiID == "" || e.rec.id <= s.hiID {
			return -1
		}
		return 1
	})
	if from >= to {
		return
	}
	part := x.entries[from:to]
	for i := range part {
		e := part[i]
		if backwards {
			e = part[len(part)-1-i]
		}
		if x.isValid(e) && !f(e.rec) {
			return
		}
	}
}

func (b span) intersect(c span) span {
	b.lo, b.hi = max(b.lo, c.lo), min(b.hi, c.hi)
	b.loID = max(b.loID, c.loID)
	switch {
	case b.hiID == "":
		b.hiID = c.hiID
	case c.hiID != "":
		b.hiID = min(b.hiID, c.hiID)
	}
	return b
}

func (b span) hull(c span) span {
	b.lo, b.hi = min(b.lo, c.lo), max(b.hi, c.hi)
	b.loID = min(b.loID, c.loID)
	if b.hiID == "" || c.hiID == "" {
		b.hiID = ""
	} else {
		b.hiID = max(b.hiID, c.hiID)
	}
	return b
}

// isWide says whether a span leaves nothing out.
func (b span) isWide() bool {
	return b.lo == math.MinInt64 && b.hi == math.MaxInt64
}

// wholeSpan leaves nothing out.
var wholeSpan = span{lo: math.MinInt64, hi: math.MaxInt64}
