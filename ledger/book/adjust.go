package book

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

// familyWork works out a family of which something is fixed.
type familyWork struct {
	*members
	posted  map[string]posted
	now     time.Time
	freezes bool                     // the source is on hold, so what is posted stays as it is
	settled map[money.Currency]int64 // what is posted on the fixed lines
}

// stands says whether anything is posted for the family by now.
func (w *familyWork) stands() bool {
	for _, l := range slices.Concat(w.fixed, w.open) {
		if w.posted[l.Key].stands() {
			return true
		}
	}
	return false
}

// hold holds what is not approved yet, as it is. Where nothing is there to be held, a
// line on hold shows what is held back.
func (w *familyWork) hold(reason string, f fixity) ([]Line, error) {
	var out []Line
	shown := false
	for _, l := range slices.Concat(w.fixed, w.open) {
		if l.isSettled() || !w.posted[l.Key].stands() && l.Status != statusOnHold {
			continue
		}
		shown = true
		l.Status, l.Reason, l.ComputedAt = statusOnHold, reason, w.now
		out = append(out, *l)
	}
	if shown || w.expected == nil || w.freezes && w.stands() {
		return out, nil
	}
	difference := w.expected.AmountMinor - w.settled[w.expected.Currency]
	if difference == 0 {
		return out, nil
	}
	l, err := w.adjustment(w.expected.Currency, difference, f)
	if err != nil {
		return nil, err
	}
	l.Status, l.Reason = statusOnHold, reason
	return append(out, l), nil
}

// adjust posts what is expected less what the fixed lines have.
func (w *familyWork) adjust(f fixity) ([]Line, error) {
	out := w.release()
	wanted := map[money.Currency]int64{}
	for c, minor := range w.settled {
		wanted[c] -= minor
	}
	if w.expected != nil {
		wanted[w.expected.Currency] += w.expected.AmountMinor
	}
	for _, l := range w.open {
		wanted[l.Currency] += 0
	}
	for _, c := range slices.Sorted(maps.Keys(wanted)) {
		lines, err := w.adjustIn(c, wanted[c], f)
		if err != nil {
			return nil, err
		}
		out = append(out, lines...)
	}
	return out, nil
}

// release ends the holds of lines whose month is closed: what is posted on them may be
// approved again, and what is not comes as an adjustment.
func (w *familyWork) release() []Line {
	var out []Line
	for _, l := range w.fixed {
		if l.isSettled() {
			continue
		}
		status, reason := l.Status, l.Reason
		switch stands := w.posted[l.Key].stands(); {
		case stands:
			status, reason = statusAccrued, ""
			l.AmountMinor = w.posted[l.Key].minor[l.Currency] // while it was held, it said what it would be
		case l.Status == statusOnHold, l.Status == string(commission.Zero) && !w.isZero():
			status, reason = StatusVoid, ReasonNotDueNow
			l.AmountMinor = 0
		}
		if status != l.Status || reason != l.Reason {
			l.Status, l.Reason, l.ComputedAt = status, reason, w.now
			out = append(out, *l)
		}
	}
	return out
}

// adjustIn makes the open adjustments of a currency add up to what is wanted.
func (w *familyWork) adjustIn(c money.Currency, wanted int64, f fixity) ([]Line, error) {
	var out []Line
	taken := wanted == 0
	for _, l := range w.open {
		switch {
		case l.Currency != c:
		case taken && l.Status != StatusVoid:
			if err := l.void(w.now); err != nil {
				return nil, err
			}
			out = append(out, *l)
		case !taken:
			taken = true
			is, err := w.explained(*l, c, wanted)
			if err != nil {
				return nil, err
			}
			out = append(out, is)
		}
	}
	if taken {
		return out, nil
	}
	l, err := w.adjustment(c, wanted, f)
	return append(out, l), err
}

// adjustment gives a new line that adjusts the family.
func (w *familyWork) adjustment(c money.Currency, minor int64, f fixity) (Line, error) {
	var l Line
	if w.expected != nil {
		l = *w.expected
	} else {
		l = *w.fixed[len(w.fixed)-1]
	}
	nth := 1
	for _, x := range w.fixed {
		if _, n, _ := Adjusts(x.Slice); n > 0 && x.isSettled() {
			nth = max(nth, n+1)
		}
	}
	l.Period = f.open(w.period)
	for {
		l.Slice = adjusting(w.slice, nth, w.period)
		l.Key = commission.Key(w.payee, w.regime, l.SourceID, l.Slice, l.Period)
		if !slices.ContainsFunc(slices.Concat(w.fixed, w.open), func(x *Line) bool { return x.Key == l.Key }) {
			break
		}
		nth++
	}
	l, err := w.explained(l, c, minor)
	w.open = append(w.open, &l) // so that the next one, in another currency, has another key
	return l, err
}

// explained gives a line that adjusts, with its amount and its reason.
func (w *familyWork) explained(l Line, c money.Currency, minor int64) (Line, error) {
	ex := commission.Explanation{Sentence: sentenceOfVoid, Rules: []string{}, Facts: []commission.Fact{}}
	expected := int64(0)
	if w.expected != nil {
		l.Base, l.Rate, l.AccountID, l.SpaceID, l.Plan = w.expected.Base, w.expected.Rate, w.expected.AccountID, w.expected.SpaceID, w.expected.Plan
		l.TermStart, l.TermEnd, l.Sale = w.expected.TermStart, w.expected.TermEnd, w.expected.Sale
		if err := json.Unmarshal(w.expected.Explanation, &ex); err != nil {
			return Line{}, errs.New(errs.Unknown, "explanation of %s: %w", w.expected.Key, err)
		}
		if w.expected.Currency == c {
			expected = w.expected.AmountMinor
		}
	}
	before := expected - minor
	ex.Sentence = fmt.Sprintf("This adjusts %s of %s, which is closed or approved: %s are due now, %s were posted, so %s. %s",
		w.slice, w.period, c.FormatMinor(expected), c.FormatMinor(before), c.FormatMinor(minor), ex.Sentence)
	ex.Rules = append(ex.Rules, "R8.1", "R8.4")
	ex.Arithmetic = append(ex.Arithmetic, fmt.Sprintf("due for %s %s − posted %s = %s",
		w.period, c.FormatMinor(expected), c.FormatMinor(before), c.FormatMinor(minor)))
	raw, err := json.Marshal(&ex)
	if err != nil {
		return Line{}, errs.New(errs.Unknown, "explanation of %s: %w", l.Key, err)
	}
	l.Currency, l.AmountMinor, l.Explanation = c, minor, raw
	l.Status, l.Reason, l.ComputedAt = statusAccrued, "", w.now
	l.Corrects = w.lastEntry()
	return l, nil
}

// lastEntry names the entry that an adjustment corrects: the last accrual of the last
// fixed line, or none.
func (w *familyWork) lastEntry() string {
	id := ""
	for _, l := range w.fixed {
		if p := w.posted[l.Key]; p.last > 0 {
			id = entryID(l.Key, p.last)
		}
	}
	return id
}
