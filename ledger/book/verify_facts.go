package book

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

// DueAmong gives those of the sources that accrue has still to work out as of a day:
// what is posted for them need not agree with the facts yet.
func DueAmong(ctx context.Context, q sqlx.QueryerContext, sources []string, asOf clock.Date) (due []string, err error) {
	defer errs.Wrap(&err, "look which of %d sources are due", len(sources))
	err = sqlx.SelectContext(ctx, q, &due, `
		select source_id from ledger.due_source where source_id = any($1)
		union
		select source_id from ledger.source_schedule where source_id = any($1) and next_on <= $2
		order by source_id`, pq.Array(sources), asOf)
	return due, err
}

// OrphansAmong gives, of sources that nobody knows, the lines for which something
// accrued here: what was brought in of a source may come before the source itself.
func OrphansAmong(ctx context.Context, q sqlx.QueryerContext, sources []string) (keys []string, err error) {
	defer errs.Wrap(&err, "look for lines of %d unknown sources", len(sources))
	err = sqlx.SelectContext(ctx, q, &keys, `
		select distinct line_key from ledger.entry where source_id = any($1) and kind = $2 order by line_key`,
		pq.Array(sources), KindAccrue)
	return keys, err
}

// VerifyExpected holds lines of sources, and what is posted for them, against what is
// expected of them (R7.7, R8.1), and gives how many lines that are. now is the
// instant of the comparison; nothing depends on it.
func VerifyExpected(ctx context.Context, q sqlx.QueryerContext, expected []Expectation, now time.Time, report Report) (lines int64, err error) {
	defer errs.Wrap(&err, "hold the lines of %d sources against the facts", len(expected))
	s, err := newSettlement(ctx, q, expected, now)
	if err != nil {
		return 0, err
	}
	for _, e := range expected {
		before := s.before[e.SourceID]
		lines += int64(len(before))
		if err := s.verifySource(e, before, report); err != nil {
			return lines, err
		}
	}
	return lines, nil
}

const rightOfFacts = "The facts say otherwise than the book, and nothing is left to accrue for this source. Either the line or a fact under it was changed past Partnersync, " +
	"or another version of the program has worked it out. `partnersync explain` shows what the line rests on."

// verifySource compares the lines as they would be settled with those that there are,
// and then the sums, which do not depend on how lines are settled.
func (s *settlement) verifySource(e Expectation, before map[string]Line, report Report) error {
	next, err := e.next(maps.Clone(before), s.posted, s.fixity, s.now)
	if err != nil {
		return err
	}
	slices.SortFunc(next, func(a, b Line) int { return strings.Compare(a.Key, b.Key) })
	for i := range next {
		l := &next[i]
		if err := s.holdBack(l); err != nil {
			return err
		}
		old, known := before[l.Key]
		is := Difference{Check: "facts", Object: "line", Subject: l.Key, Sentence: rightOfFacts}
		if !known {
			is.Field, is.Expected, is.Found = "line", l.Status+" "+l.Currency.FormatMinor(l.AmountMinor), "no such line"
			if err := report(is); err != nil {
				return err
			}
			continue
		}
		for _, f := range l.differs(&old) {
			is.Field, is.Expected, is.Found = f.name, f.expected, f.found
			if err := report(is); err != nil {
				return err
			}
		}
	}
	return s.verifySums(e, before, report)
}

// lineField is a field by which two states of a line differ.
type lineField struct{ name, expected, found string }

// differs gives by what a line as it is to be differs from the one that there is.
func (l *Line) differs(old *Line) (out []lineField) {
	for _, f := range []lineField{
		{"payee_id", l.PayeeID, old.PayeeID}, {"regime", l.Regime, old.Regime}, {"source_id", l.SourceID, old.SourceID},
		{"slice", l.Slice, old.Slice}, {"period", l.Period.String(), old.Period.String()},
		{"currency", string(l.Currency), string(old.Currency)}, {"base", l.Base.String(), old.Base.String()},
		{"rate", l.Rate.String(), old.Rate.String()}, {"amount_minor", fmt.Sprint(l.AmountMinor), fmt.Sprint(old.AmountMinor)},
		{"status", l.Status, old.Status}, {"reason", l.Reason, old.Reason}, {"account_id", l.AccountID, old.AccountID},
		{"space_id", l.SpaceID, old.SpaceID}, {"plan", l.Plan, old.Plan}, {"term_start", l.TermStart.String(), old.TermStart.String()},
		{"term_end", l.TermEnd.String(), old.TermEnd.String()}, {"sale", l.Sale, old.Sale},
		{"explanation", string(l.Explanation), string(old.Explanation)},
	} {
		if f.expected != f.found {
			out = append(out, f)
		}
	}
	return out
}

// verifySums holds what is posted for each family of lines against what is expected of
// it. A family of which something is held may have less or more until it is released.
func (s *settlement) verifySums(e Expectation, before map[string]Line, report Report) error {
	expected, posted, held := map[family]map[money.Currency]int64{}, map[family]map[money.Currency]int64{}, map[family]bool{}
	add := func(to map[family]map[money.Currency]int64, f family, c money.Currency, minor int64) {
		if to[f] == nil {
			to[f] = map[money.Currency]int64{}
		}
		to[f][c] += minor
	}
	for i := range e.Lines {
		l, err := asRow(&e.Lines[i], s.now)
		if err != nil {
			return err
		}
		held[l.family()] = held[l.family()] || e.Lines[i].Status == commission.OnHold
		add(expected, l.family(), l.Currency, l.AmountMinor)
	}
	for key, l := range before {
		_, byHand := s.held[key]
		held[l.family()] = held[l.family()] || byHand || l.Status == statusOnHold || e.freezes(l.Regime)
		for c, minor := range s.posted[key].minor {
			add(posted, l.family(), c, minor)
			add(expected, l.family(), c, 0)
		}
	}
	for _, f := range slices.SortedFunc(maps.Keys(expected), family.compare) {
		for _, c := range slices.Sorted(maps.Keys(expected[f])) {
			if want, is := expected[f][c], posted[f][c]; want != is && !held[f] {
				if err := report(Difference{
					Check: "facts", Object: "line", Subject: commission.Key(f.payee, f.regime, e.SourceID, f.slice, f.period), Field: "posted",
					Expected: c.FormatMinor(want), Found: c.FormatMinor(is), Sentence: rightOfFacts,
				}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// LineKeysAfter gives at most limit keys of lines behind one, in the order of their
// bytes.
func LineKeysAfter(ctx context.Context, q sqlx.QueryerContext, after string, limit int) (keys []string, err error) {
	defer errs.Wrap(&err, "list line keys")
	err = sqlx.SelectContext(ctx, q, &keys, `select key from ledger.line where key > $1 order by key limit $2`, after, limit)
	return keys, err
}
