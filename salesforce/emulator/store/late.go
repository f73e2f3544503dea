package store

import (
	"slices"
	"time"
)

// lateness says when the writes at work become visible to queries. It is one for
// all tables of a store; who holds the lock for writing may change it.
type lateness struct {
	now func() time.Time
	due time.Time // zero is at once
}

// shadows are what queries see in the place of records whose last write is not
// visible yet: the classical gap of a transaction that stamps its records and
// commits later.
type shadows struct {
	late *lateness
	of   map[*Record]shadow
	// full is how many there are when those that are due get thrown away.
	full int
}

type shadow struct {
	old *Record // nil for a new record
	due time.Time
}

// minShadows is how many shadows are kept before the first look for old ones.
const minShadows = 64

// note is told of each write of a record, with what the record was; nil for a new
// one. A write that is visible at once makes those before it visible too.
func (s *shadows) note(r, before *Record) {
	if s.late.due.IsZero() {
		delete(s.of, r)
		return
	}
	if s.of == nil {
		s.of, s.full = map[*Record]shadow{}, minShadows
	}
	now := s.late.now()
	if len(s.of) >= s.full {
		for r, sh := range s.of {
			if !now.Before(sh.due) {
				delete(s.of, r)
			}
		}
		s.full = max(minShadows, 2*len(s.of))
	}
	if sh, isLate := s.of[r]; isLate && now.Before(sh.due) {
		before = sh.old
	}
	s.of[r] = shadow{old: before, due: s.late.due}
}

// seen gives what a query sees in a record's place; nil is nothing.
func (s *shadows) seen(r *Record) *Record {
	if sh, isLate := s.of[r]; isLate && s.late.now().Before(sh.due) {
		return sh.old
	}
	return r
}

// lately runs writes that become visible a while after the org's present.
func (s *Store) lately(after time.Duration, writes func()) {
	if after > 0 {
		s.late.due = s.late.now().Add(after)
		defer func() { s.late.due = time.Time{} }()
	}
	writes()
}

// Seen gives the record of an id as queries see it; nil if they do not.
func (t *Table) Seen(id string) *Record {
	if r := t.ByID[id]; r != nil {
		return t.shadows.seen(r)
	}
	return nil
}

// walkLate is Walk over what queries see while some records are late: of those,
// their earlier states, in the places that they had.
func (x *Index) walkLate(part []entry, s Span, backwards bool, f func(*Record) bool) {
	now := x.shadows.late.now()
	var seen []entry
	for _, e := range part {
		if sh, isLate := x.shadows.of[e.rec]; x.isValid(e) && (!isLate || !now.Before(sh.due)) {
			seen = append(seen, e)
		}
	}
	for _, sh := range x.shadows.of {
		if sh.old == nil || !now.Before(sh.due) {
			continue
		}
		if e := (entry{x.keyOf(sh.old), sh.old}); s.holds(e) {
			seen = append(seen, e)
		}
	}
	slices.SortFunc(seen, compareEntries)
	if backwards {
		slices.Reverse(seen)
	}
	for _, e := range seen {
		if !f(e.rec) {
			return
		}
	}
}

// holds says whether an entry is within a span.
func (b Span) holds(e entry) bool {
	if e.key < b.Lo || e.key > b.Hi || e.key == b.Lo && e.rec.ID < b.LoID {
		return false
	}
	return e.key < b.Hi || b.HiID == "" || e.rec.ID <= b.HiID
}
