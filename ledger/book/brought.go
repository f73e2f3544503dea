package book

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/commission"
)

// The regime and the slice of a line that holds what was owed when this ledger began
// (R8.9). Its source is a number of our own, not an opportunity, so accrue works out
// nothing for it.
const (
	RegimeOpening = "opening"
	SliceBalance  = "balance"
)

// Brought is a line that was worked out before this ledger began (R8.9).
type Brought struct {
	// Kind says what is brought in: with KindOpening what was owed, or with KindImport
	// what was paid for the line.
	Kind string
	// Line has what its key is made of, its currency, its amount in minor units, and its
	// explanation. Bring gives it its key, its status and its time.
	Line Line
}

// status is that of a line as it enters: what was owed is approved, so that the next
// bill has it, and what was paid is paid. Neither takes a difference any more (R8.4).
func (b *Brought) status() string {
	if b.Kind == KindOpening {
		return StatusApproved
	}
	return StatusPaid
}

// Bring keeps lines that were worked out before this ledger began, and posts each as
// one entry of its own kind, in the month of the line: what was paid before is of its
// own months. It gives the keys of the lines, sorted. The sources of what was paid are
// marked due, so that the next accrue posts what is expected less what was paid.
//
// A line of a closed month, and one for whose slice and month something is posted or
// approved here already, is errs.Conflict, and nothing is written. Whoever calls it
// holds the terms (HoldTerms), so that nothing accrues meanwhile.
func Bring(ctx context.Context, tx *sqlx.Tx, all []Brought, c Context) (keys []string, err error) {
	defer errs.Wrap(&err, "bring %d lines in", len(all))
	lines := make([]*Line, len(all))
	for i := range all {
		if lines[i], err = all[i].line(c); err != nil {
			return nil, err
		}
	}
	if err := refuseBrought(ctx, tx, lines); err != nil {
		return nil, err
	}
	for _, l := range lines {
		keys = append(keys, l.Key)
	}
	slices.Sort(keys)
	if err := keepBrought(ctx, tx, lines, keys); err != nil {
		return nil, err
	}
	standing, err := Standing(ctx, tx, lines)
	if err != nil {
		return nil, err
	}
	drafts := make([]draft, len(all))
	var paid []string
	for i, l := range lines {
		drafts[i] = draft{
			line: l, kind: all[i].Kind, currency: l.Currency, delta: l.AmountMinor, nth: standing[l.Key].Entries + 1, period: l.Period,
		}
		if all[i].Kind == KindImport {
			paid = append(paid, l.SourceID)
		}
	}
	if err := post(ctx, tx, drafts, c); err != nil {
		return nil, err
	}
	return keys, MarkDue(ctx, tx, paid, c.Now)
}

// line gives the line as it enters the book.
func (b *Brought) line(c Context) (*Line, error) {
	l := b.Line
	switch {
	case b.Kind != KindOpening && b.Kind != KindImport:
		return nil, errs.New(errs.Unknown, "an entry of kind %q brings nothing in", b.Kind)
	case (b.Kind == KindOpening) != (l.Regime == RegimeOpening):
		return nil, errs.New(errs.Unknown, "a line of regime %q is not brought in by an entry of kind %q", l.Regime, b.Kind)
	case l.AmountMinor == 0:
		return nil, errs.New(errs.Invalid, "a line of %s for %s would bring in nothing", l.PayeeID, l.Period)
	}
	l.Key = commission.Key(l.PayeeID, l.Regime, l.SourceID, l.Slice, l.Period)
	l.Status, l.Reason, l.ComputedAt = b.status(), "", c.Now
	return &l, nil
}

// refuseBrought refuses lines that cannot enter the book.
func refuseBrought(ctx context.Context, q sqlx.QueryerContext, lines []*Line) error {
	closed, err := Closed(ctx, q)
	if err != nil {
		return err
	}
	in := map[string]bool{}
	for _, l := range lines {
		switch {
		case fixity{closed}.isClosed(l.Period):
			return errs.New(errs.Conflict, "%s is of a month that is closed; the book is closed through %s", l.Key, closed).
				WithHint("A closed month takes nothing any more (R8.4): bring in what came before the first close.")
		case in[l.Key]:
			return errs.New(errs.Conflict, "%s is brought in twice", l.Key).WithHint("Name it once, with what was paid for it in all.")
		}
		in[l.Key] = true
	}
	occupied, err := Occupied(ctx, q, lines)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if by := occupied[l.Key]; by != "" {
			return errs.New(errs.Conflict, "%s cannot be brought in: %s", l.Key, by).WithHint("Nothing is paid twice: leave it out.")
		}
	}
	return nil
}

// sourcesAtOnce bounds the sources whose lines are in memory at once.
const sourcesAtOnce = 1000

// Occupied says of lines, by their keys, what this ledger has posted, approved or held
// for the same payee, slice and month already, as half a sentence. Such a line cannot be
// brought in; one that can is not in it.
func Occupied(ctx context.Context, q sqlx.QueryerContext, lines []*Line) (_ map[string]string, err error) {
	defer errs.Wrap(&err, "look what stands for %d lines", len(lines))
	bySource := map[string][]*Line{}
	var sources []string
	for _, l := range lines {
		if bySource[l.SourceID] == nil {
			sources = append(sources, l.SourceID)
		}
		bySource[l.SourceID] = append(bySource[l.SourceID], l)
	}
	slices.Sort(sources)
	out := map[string]string{}
	for some := range slices.Chunk(sources, sourcesAtOnce) {
		there, err := linesOfSources(ctx, q, some)
		if err != nil {
			return nil, err
		}
		stands, err := postedOfSources(ctx, q, some)
		if err != nil {
			return nil, err
		}
		for source, are := range there {
			for _, l := range bySource[source] {
				if by := l.occupiedBy(are, stands); by != "" {
					out[l.Key] = by
				}
			}
		}
	}
	return out, nil
}

// occupiedBy looks through the lines of a line's source, and what is posted by key, for
// one of its family that has something.
func (l *Line) occupiedBy(lines map[string]Line, stands map[string]posted) string {
	family := l.family()
	for _, x := range sortedByKey(lines) {
		switch {
		case x.family() != family:
		case x.isSettled():
			return fmt.Sprintf("%s is %s here with %s", x.Key, x.Status, x.Currency.FormatMinor(x.AmountMinor))
		case stands[x.Key].stands():
			return fmt.Sprintf("%s has accrued here with %s", x.Key, x.Currency.FormatMinor(x.AmountMinor))
		case x.Reason == ReasonHeldByHand:
			return fmt.Sprintf("a person holds %s", x.Key)
		}
	}
	return ""
}

func sortedByKey(lines map[string]Line) []Line {
	out := make([]Line, 0, len(lines))
	for _, l := range lines {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Line) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// keepBrought writes the lines. One that is there already has nothing posted: it was
// only shown, on hold or as a zero, and becomes what was brought in.
func keepBrought(ctx context.Context, tx *sqlx.Tx, lines []*Line, keys []string) error {
	there, err := LinesByKey(ctx, tx, keys)
	if err != nil {
		return err
	}
	old := make(map[string]bool, len(there))
	for _, l := range there {
		old[l.Key] = true
	}
	var changed []*Line
	added := func(yield func([]any, error) bool) {
		var row []any
		for _, l := range lines {
			if old[l.Key] {
				changed = append(changed, l)
				continue
			}
			row = lineRow(row, l)
			if !yield(row, nil) {
				return
			}
		}
	}
	if _, err := pg.CopyIn(ctx, tx, "ledger.line", newLineColumns, added); err != nil {
		return err
	}
	return saveChanged(ctx, tx, changed)
}
