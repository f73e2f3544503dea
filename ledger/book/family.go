package book

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

// What is expected under one slice in one month may be spread over several lines: the
// line of that month and, once that is approved or its month closed, lines that adjust
// it (R8.4). Together they are a family, and its lines add up to what is expected.
type family struct {
	payee, regime, slice string
	period               clock.Month
}

// adjustment tells the slice of a line that adjusts: "referral~adj2:2026-09".
const adjustment = "~adj"

// Adjusts takes a slice apart: the slice that it adjusts, the how manieth adjustment it
// is, and of which month. A slice that adjusts nothing is itself, 0, and no month.
func Adjusts(slice string) (of string, nth int, period clock.Month) {
	of, tail, found := strings.Cut(slice, adjustment)
	if !found {
		return slice, 0, clock.Month{}
	}
	number, month, _ := strings.Cut(tail, ":")
	nth = 1
	if number != "" {
		if n, err := strconv.Atoi(number); err == nil {
			nth = n
		}
	}
	period, err := clock.ParseMonth(month)
	if err != nil {
		return slice, 0, clock.Month{}
	}
	return of, nth, period
}

// adjusting names the slice of an adjustment.
func adjusting(slice string, nth int, period clock.Month) string {
	number := ""
	if nth > 1 {
		number = strconv.Itoa(nth)
	}
	return slice + adjustment + number + ":" + period.String()
}

func (l *Line) family() family {
	of, nth, period := Adjusts(l.Slice)
	if nth == 0 {
		period = l.Period
	}
	return family{l.PayeeID, l.Regime, of, period}
}

func (f family) compare(o family) int {
	return cmp.Or(cmp.Compare(f.payee, o.payee), cmp.Compare(f.regime, o.regime), cmp.Compare(f.slice, o.slice),
		cmp.Compare(f.period.String(), o.period.String()))
}

// fixity says which lines take no difference any more.
type fixity struct {
	closed clock.Month // the last closed month; none if it is no month
}

// isSettled says whether somebody has approved the line.
func (l *Line) isSettled() bool {
	return l.Status == StatusApproved || l.Status == StatusExported || l.Status == StatusPaid
}

// fixes says whether a line takes no difference any more (R8.4).
func (f fixity) fixes(l *Line) bool { return l.isSettled() || f.isClosed(l.Period) }

func (f fixity) isClosed(m clock.Month) bool { return !f.closed.IsZero() && !f.closed.Before(m) }

// open gives the oldest open month that is not before one.
func (f fixity) open(m clock.Month) clock.Month {
	if f.isClosed(m) {
		return f.closed.Next()
	}
	return m
}

// touches says whether anything of a source is fixed or adjusts, so that its families
// have to be looked at.
func (f fixity) touches(e Expectation, before map[string]Line) bool {
	for _, l := range before {
		if f.fixes(&l) || strings.Contains(l.Slice, adjustment) {
			return true
		}
	}
	return slices.ContainsFunc(e.Lines, func(l commission.Line) bool { return f.isClosed(l.Period) })
}

// members are the lines of a family, and what is expected of them together.
type members struct {
	family
	expected    *Line // nil if nothing is
	base        *Line // the month's own line, if there is one and it still takes differences
	fixed, open []*Line
}

// families gives what becomes of a source of which something is fixed.
func (e Expectation) families(before map[string]Line, posted map[string]posted, f fixity, now time.Time) ([]Line, error) {
	all := map[family]*members{}
	member := func(k family) *members {
		if all[k] == nil {
			all[k] = &members{family: k}
		}
		return all[k]
	}
	for i := range e.Lines {
		row, err := asRow(&e.Lines[i], now)
		if err != nil {
			return nil, err
		}
		member(row.family()).expected = &row
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		l := before[key]
		m := member(l.family())
		switch {
		case f.fixes(&l):
			m.fixed = append(m.fixed, &l)
		case !strings.Contains(l.Slice, adjustment):
			m.base = &l
		default:
			m.open = append(m.open, &l)
		}
	}
	var out []Line
	for _, k := range slices.SortedFunc(maps.Keys(all), family.compare) {
		lines, err := e.settleFamily(all[k], posted, f, now)
		if err != nil {
			return nil, err
		}
		out = append(out, lines...)
	}
	return out, nil
}

// settleFamily gives the lines of a family that are to be, as far as they may differ
// from those that are.
func (e Expectation) settleFamily(m *members, posted map[string]posted, f fixity, now time.Time) ([]Line, error) {
	if len(m.fixed) == 0 && !f.isClosed(m.period) {
		return e.settleOpen(m, posted, now)
	}
	if m.isZero() && len(m.fixed)+len(m.open) == 0 {
		return []Line{*m.expected}, nil // it posts nothing, whatever month it is of
	}
	w := familyWork{members: m, posted: posted, now: now, freezes: e.freezes(m.regime), settled: map[money.Currency]int64{}}
	for _, l := range m.fixed {
		for c, minor := range posted[l.Key].minor {
			w.settled[c] += minor
		}
	}
	switch {
	case m.expected != nil && m.expected.Status == statusOnHold:
		return w.hold(m.expected.Reason, f)
	case m.expected == nil && w.freezes && w.stands():
		return w.hold(e.Reason, f)
	}
	return w.adjust(f)
}

// settleOpen is for a family that takes its differences in its own line: what adjusted
// it has become its own again.
func (e Expectation) settleOpen(m *members, posted map[string]posted, now time.Time) ([]Line, error) {
	own := Expectation{SourceID: e.SourceID, Frozen: e.Frozen, FrozenRegime: e.FrozenRegime, Reason: e.Reason, Why: e.Why}
	before := map[string]Line{}
	if m.base != nil {
		before[m.base.Key] = *m.base
	}
	var expected []Line
	if m.expected != nil {
		expected = []Line{*m.expected}
	}
	out, err := own.plain(expected, before, posted, now)
	if err != nil {
		return nil, err
	}
	for _, l := range m.open {
		if l.Status != StatusVoid {
			if err := l.void(now); err != nil {
				return nil, err
			}
			out = append(out, *l)
		}
	}
	return out, nil
}

func (m *members) isZero() bool {
	return m.expected != nil && m.expected.Status == string(commission.Zero)
}
