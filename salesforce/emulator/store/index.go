package store

import (
	"cmp"
	"math"
	"slices"
)

// entry is a record's place in an index. It is stale when the record's key has
// changed since, or the record is gone.
type entry struct {
	key int64
	rec *Record
}

func compareEntries(a, b entry) int {
	if c := cmp.Compare(a.key, b.key); c != 0 {
		return c
	}
	return cmp.Compare(a.rec.ID, b.rec.ID)
}

// Index keeps the records of a table in the order of (key, Id). New places wait
// in pending until someone reads, because loads come in bulk and live changes
// nearly always belong at the end.
type Index struct {
	keyOf   func(*Record) int64
	entries []entry
	pending []entry
	stale   int // at least the number of stale entries
	// shadows are those of the table.
	shadows *shadows
}

// put notes the record's present place.
func (x *Index) put(r *Record) { x.pending = append(x.pending, entry{x.keyOf(r), r}) }

// leave notes that the record's present place is about to become stale.
func (x *Index) leave() { x.stale++ }

func (x *Index) isValid(e entry) bool { return !e.rec.Purged && x.keyOf(e.rec) == e.key }

// tidy brings pending into the order. It costs what is pending, or one pass
// over everything when something belongs in the middle.
func (x *Index) tidy() {
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
func (x *Index) merge() {
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

// Span is a range of keys and ids, both ends counting. LoID "" is the lowest;
// HiID "" the highest.
type Span struct {
	Lo, Hi     int64
	LoID, HiID string
}

// Walk calls f with the records of the span in order, or in the opposite order,
// until f gives false.
func (x *Index) Walk(s Span, backwards bool, f func(*Record) bool) {
	from, _ := slices.BinarySearchFunc(x.entries, s, func(e entry, s Span) int {
		if c := cmp.Compare(e.key, s.Lo); c != 0 {
			return c
		}
		return cmp.Compare(e.rec.ID, s.LoID)
	})
	to, _ := slices.BinarySearchFunc(x.entries, s, func(e entry, s Span) int {
		if c := cmp.Compare(e.key, s.Hi); c != 0 {
			return c
		}
		if s.HiID == "" || e.rec.ID <= s.HiID {
			return -1
		}
		return 1
	})
	part := x.entries[min(from, to):to]
	if len(x.shadows.of) > 0 {
		x.walkLate(part, s, backwards, f)
		return
	}
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

// Intersect gives what both spans hold.
func (b Span) Intersect(c Span) Span {
	b.Lo, b.Hi = max(b.Lo, c.Lo), min(b.Hi, c.Hi)
	b.LoID = max(b.LoID, c.LoID)
	switch {
	case b.HiID == "":
		b.HiID = c.HiID
	case c.HiID != "":
		b.HiID = min(b.HiID, c.HiID)
	}
	return b
}

// Hull gives the span from the lower of both beginnings to the higher end.
func (b Span) Hull(c Span) Span {
	b.Lo, b.Hi = min(b.Lo, c.Lo), max(b.Hi, c.Hi)
	b.LoID = min(b.LoID, c.LoID)
	if b.HiID == "" || c.HiID == "" {
		b.HiID = ""
	} else {
		b.HiID = max(b.HiID, c.HiID)
	}
	return b
}

// IsWide says whether a span leaves nothing out.
func (b Span) IsWide() bool {
	return b.Lo == math.MinInt64 && b.Hi == math.MaxInt64
}

// WholeSpan leaves nothing out.
var WholeSpan = Span{Lo: math.MinInt64, Hi: math.MaxInt64}
