// Package attribution keeps profiles, Spaces, invitations and installs, and works
// out how Partner IDs travel between them (rulebook 2).
//
// What records state is kept as facts, for ever. From them the package derives a
// history of change points for every profile and every Space: who holds it from
// which instant on, and what caused that. A fact that arrives late marks the
// profile or Space that it touches; Replay works out its history anew and marks
// what lies downstream, until nothing changes:
//
//	invitation ─▶ profile registers ─▶ Space is created ─▶ invitation ─▶ …
//
// Every step down happens at a later instant than the step above, or at the same
// one in the order of R2.9, so there are no circles and the result depends on the
// facts alone, not on the order in which they came.
package attribution

import (
	"cmp"
	"slices"
	"time"

	"github.com/partnersync/partnersync/ledger"
)

// Value is what can sit on a profile or a Space: a Partner ID, nothing, or a text
// that is not a Partner ID (R2.8).
type Value struct {
	PartnerID string // "" for nothing; the raw text if Malformed
	Malformed bool
}

// ParseValue reads a stated Partner ID (R1.1).
func ParseValue(raw string) Value {
	id, ok := ledger.ParsePartnerID(raw)
	return Value{PartnerID: id, Malformed: !ok}
}

// IsBlank says whether nothing is there.
func (v Value) IsBlank() bool { return v.PartnerID == "" }

// Point is a change point: from At on, until the next point, the subject holds Value.
type Point struct {
	At time.Time
	Value
	Cause Cause
}

// Statement is one thing that Salesforce stated of a record's Partner ID (R2.6).
type Statement struct {
	Source   string    `db:"source"` // history or observation
	SourceID string    `db:"source_id"`
	At       time.Time `db:"at"`
	Old      string    `db:"old_value"`
	New      string    `db:"new_value"`
	// LearnedAt orders what was seen at different pulls of one version.
	LearnedAt time.Time `db:"learned_at"`
}

// The sources of a statement.
const (
	fromHistory     = "history"
	fromObservation = "observation"
)

// stated is what a record's statements come to: its initial value and its later
// changes, in order.
type stated struct {
	initial  Value
	changes  []Point
	isStated bool // there was any statement at all
}

// readStatements works out the initial value and the changes of one record
// (R2.6). The history rows of its Partner ID field are the changes. A value that
// was observed and that they do not explain is a change too, at the instant of
// the observation. The initial value is the first history row's old value, or,
// where the record was seen before it or there is none, the value at first sight.
func readStatements(all []Statement) stated {
	var history, seen []Statement
	for _, s := range all {
		if s.Source == fromHistory {
			history = append(history, s)
		} else {
			seen = append(seen, s)
		}
	}
	slices.SortFunc(history, func(a, b Statement) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.SourceID, b.SourceID))
	})
	slices.SortFunc(seen, func(a, b Statement) int {
		return cmp.Or(a.At.Compare(b.At), a.LearnedAt.Compare(b.LearnedAt), cmp.Compare(a.New, b.New))
	})

	var out stated
	switch {
	case len(history) > 0 && (len(seen) == 0 || !seen[0].At.Before(history[0].At)):
		first := inChain(sameInstant(history), nil)[0]
		out.initial = ParseValue(first.Old)
	case len(seen) > 0:
		out.initial = ParseValue(seen[0].New)
		seen = seen[1:]
	default:
		return out
	}
	out.isStated = true
	now := out.initial
	apply := func(s Statement, kind CauseKind) {
		now = ParseValue(s.New)
		out.changes = append(out.changes, Point{At: s.At, Value: now, Cause: Cause{Kind: kind, ID: s.SourceID}})
	}
	applyInstant := func() {
		rows := sameInstant(history)
		for _, h := range inChain(rows, &now) {
			apply(h, CauseHistory)
		}
		history = history[len(rows):]
	}
	for _, o := range seen {
		for len(history) > 0 && !history[0].At.After(o.At) {
			applyInstant()
		}
		if v := ParseValue(o.New); v != now && !within(all, o.At, v) {
			apply(o, CauseObserved)
		}
	}
	for len(history) > 0 {
		applyInstant()
	}
	return out
}

// within says whether a value is in the chain of the history rows of an instant.
// A pull may have seen the record before or between changes of the same second.
func within(all []Statement, at time.Time, v Value) bool {
	return slices.ContainsFunc(all, func(h Statement) bool {
		return h.Source == fromHistory && h.At.Equal(at) && (ParseValue(h.Old) == v || ParseValue(h.New) == v)
	})
}

// sameInstant gives the rows at the front that share the first one's instant.
func sameInstant(rows []Statement) []Statement {
	n := 0
	for n < len(rows) && rows[n].At.Equal(rows[0].At) {
		n++
	}
	return rows[:n]
}

// longestSearch bounds the rows of one second whose order is searched for: no
// person changes one field so often in a second.
const longestSearch = 6

// inChain gives the rows of one instant, which are sorted by Id, in the order of
// their Old→New chain (R2.9): of all orders the one that breaks the chain least,
// and of those the first by Id. before is what is held before them; nil if nothing
// tells.
func inChain(rows []Statement, before *Value) []Statement {
	if len(rows) == 1 || len(rows) > longestSearch {
		return rows
	}
	best, fewest := rows, len(rows)+1
	var try func(done, left []Statement, held *Value, breaks int)
	try = func(done, left []Statement, held *Value, breaks int) {
		if breaks >= fewest {
			return
		}
		if len(left) == 0 {
			best, fewest = done, breaks
			return
		}
		for i, r := range left {
			n := breaks
			if held != nil && *held != ParseValue(r.Old) {
				n++
			}
			next := ParseValue(r.New)
			try(append(slices.Clone(done), r), slices.Delete(slices.Clone(left), i, i+1), &next, n)
		}
	}
	try(nil, rows, before, 0)
	return best
}

// assemble makes a history that begins at an origin (creation, registration) with
// a value and goes on with changes. A change that is dated before the origin
// counts from the origin; of several at one instant the last holds; a change to
// what is held already is no point of its own.
func assemble(origin time.Time, first Point, changes []Point) []Point {
	first.At = origin
	out := []Point{first}
	for _, c := range changes {
		if c.At.Before(origin) {
			dated := c.At
			c.At, c.Cause.At = origin, &dated
		}
		last := &out[len(out)-1]
		switch {
		case c.Value == last.Value:
		case c.At.Equal(last.At):
			*last = c
		default:
			out = append(out, c)
		}
	}
	return merged(out)
}

// merged drops a point that repeats the value before it, which can come about
// when changes of one instant replace each other.
func merged(points []Point) []Point {
	out := points[:1]
	for _, p := range points[1:] {
		if p.Value != out[len(out)-1].Value {
			out = append(out, p)
		}
	}
	return out
}

// valueAt gives what a history holds at an instant, and since which point; ok is
// false before its first point.
func valueAt(history []Point, at time.Time) (Point, bool) {
	for i := len(history) - 1; i >= 0; i-- {
		if !history[i].At.After(at) {
			return history[i], true
		}
	}
	return Point{}, false
}
