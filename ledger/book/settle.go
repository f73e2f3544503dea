package book

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// Context of a settlement.
type Context struct {
	AsOf  clock.Date
	Actor string
	Now   time.Time
}

// Settled says what a settlement wrote.
type Settled struct {
	// Changed are the lines that are new or different now, sorted by key.
	Changed []Line
	// Entries is the number of entries posted.
	Entries int
	// Moved is what the entries add up to, by currency, in minor units.
	Moved map[string]int64
}

// Settle makes the lines of the sources what is expected, and posts expected −
// posted for each as an entry that names what it corrects (R8.1). A line on hold
// posts nothing, neither way. Lines that are no longer expected become void.
func Settle(ctx context.Context, tx *sqlx.Tx, expected []Expectation, c Context) (_ Settled, err error) {
	defer errs.Wrap(&err, "settle %d sources", len(expected))
	s, err := newSettlement(ctx, tx, expected, c.Now)
	if err != nil {
		return Settled{}, err
	}
	if err := s.saveNew(ctx, tx, expected); err != nil {
		return Settled{}, err
	}
	if err := saveChanged(ctx, tx, s.changed); err != nil {
		return Settled{}, err
	}
	out := s.settled()
	return out, post(ctx, tx, s.drafts, c)
}

// Compare gives what Settle would write, and writes nothing.
func Compare(ctx context.Context, q sqlx.QueryerContext, expected []Expectation, c Context) (_ Settled, err error) {
	defer errs.Wrap(&err, "compare %d sources with the book", len(expected))
	s, err := newSettlement(ctx, q, expected, c.Now)
	if err != nil {
		return Settled{}, err
	}
	for _, err := range s.settle(expected) {
		if err != nil {
			return Settled{}, err
		}
	}
	return s.settled(), nil
}

// settlement holds the book's state of some sources against what is expected of
// them.
type settlement struct {
	now    time.Time
	fixity fixity
	before map[string]map[string]Line // by source, by key
	posted map[string]posted          // by key of the line
	held   map[string]string          // lines that a person has put on hold, with the reason

	added, changed []*Line // lines that are new, and lines that are different
	drafts         []draft
}

func newSettlement(ctx context.Context, q sqlx.QueryerContext, expected []Expectation, now time.Time) (*settlement, error) {
	sources := make([]string, len(expected))
	for i, e := range expected {
		sources[i] = e.SourceID
	}
	before, err := linesOfSources(ctx, q, sources)
	if err != nil {
		return nil, err
	}
	// Every entry is of a line, so a source without lines has nothing posted.
	known := slices.Sorted(maps.Keys(before))
	posted, err := postedOfSources(ctx, q, known)
	if err != nil {
		return nil, err
	}
	held, err := heldOfSources(ctx, q, known)
	if err != nil {
		return nil, err
	}
	closed, err := Closed(ctx, q)
	return &settlement{now: now, fixity: fixity{closed}, before: before, posted: posted, held: held}, err
}

// settle takes one expectation after the other, and gives the lines that are new,
// each when it is asked for. Those that are different, and what is to be posted,
// gather in s.
func (s *settlement) settle(expected []Expectation) iter.Seq2[*Line, error] {
	return func(yield func(*Line, error) bool) {
		for _, e := range expected {
			lines, err := e.next(s.before[e.SourceID], s.posted, s.fixity, s.now)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range lines {
				if err := s.holdBack(&lines[i]); err != nil {
					yield(nil, err)
					return
				}
				if s.take(&lines[i]) && !yield(&lines[i], nil) {
					return
				}
			}
		}
	}
}

// take keeps a line as it is to be, and says whether it is new. A line that is fixed
// takes no entry, whatever becomes of its status.
func (s *settlement) take(l *Line) bool {
	before := len(s.drafts)
	if !s.fixity.fixes(l) {
		s.drafts = append(s.drafts, differences(l, s.posted[l.Key])...)
	}
	old, isOld := s.before[l.SourceID][l.Key]
	switch {
	case !isOld:
		s.added = append(s.added, l)
	case !old.same(l):
		l.ComputedAt = changedAt(old.ComputedAt, l.ComputedAt, len(s.drafts) > before)
		s.changed = append(s.changed, l)
	}
	return !isOld
}

// changedAt gives the instant of a change of a line that was worked out before. It never
// goes back, whatever the clock does. A change without an entry is later than the one
// before by as much as verify can tell, because an entry of the same instant would keep
// the hash of what the line said when it was posted.
func changedAt(before, now time.Time, posts bool) time.Time {
	const told = 2 * time.Microsecond
	if !posts {
		before = before.Add(told)
	}
	if now.Before(before) {
		return before
	}
	return now
}

func (s *settlement) settled() Settled {
	all := slices.Concat(s.added, s.changed)
	slices.SortFunc(all, func(a, b *Line) int { return cmp.Compare(a.Key, b.Key) })
	out := Settled{Entries: len(s.drafts), Moved: moved(s.drafts)}
	if len(all) > 0 {
		out.Changed = make([]Line, len(all))
	}
	for i, l := range all {
		out.Changed[i] = *l
	}
	return out
}
