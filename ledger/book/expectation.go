package book

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
)

// StatusVoid is that of a line which was expected once and is no longer; its
// amount is zero, and what was posted for it is taken back (R8.5).
const (
	StatusVoid      = "void"
	ReasonNotDueNow = "no_longer_due"
	sentenceOfVoid  = "What this line rested on has changed; nothing is due under it any more."
	statusOnHold    = string(commission.OnHold)
	statusAccrued   = string(commission.Accrued)
)

// The statuses of a line that a person has approved (R8.5).
const (
	StatusApproved = "approved"
	StatusExported = "exported"
	StatusPaid     = "paid"
)

// Expectation is what is expected of one source.
type Expectation struct {
	SourceID string
	Lines    []commission.Line
	// Frozen: the source is on hold, under FrozenRegime or, if that is "", as a whole,
	// so what was posted stays posted.
	Frozen       bool
	FrozenRegime string
	// Reason of the hold, if Frozen, and Why as a sentence for a person.
	Reason, Why string
}

// Expect gives what the engine says of a source as an Expectation.
func Expect(source string, r commission.Result) Expectation {
	return Expectation{SourceID: source, Lines: r.Lines, Frozen: r.Frozen, FrozenRegime: r.FrozenRegime, Reason: r.Reason, Why: r.Why}
}

// next gives the source's lines as they are to be, from those that it has and what is
// posted for them by key. What is posted under a hold of the source stays; what was
// only expected does not, so that it makes no difference what was expected before
// (R7.7).
func (e Expectation) next(before map[string]Line, posted map[string]posted, f fixity, now time.Time) ([]Line, error) {
	if f.touches(e, before) {
		return e.families(before, posted, f, now)
	}
	expected := make([]Line, 0, len(e.Lines)+len(before))
	for i := range e.Lines {
		row, err := asRow(&e.Lines[i], now)
		if err != nil {
			return nil, err
		}
		expected = append(expected, row)
	}
	return e.plain(expected, before, posted, now)
}

// plain is next for lines that all take their own differences.
func (e Expectation) plain(expected []Line, before map[string]Line, posted map[string]posted, now time.Time) ([]Line, error) {
	out := expected
	is := make(map[string]bool, len(expected))
	for i := range out {
		row := &out[i]
		is[row.Key] = true
		if old, ok := before[row.Key]; ok && row.Status == statusOnHold && e.freezes(row.Regime) && posted[row.Key].stands() {
			row.AmountMinor, row.Currency, row.Base, row.Rate = old.AmountMinor, old.Currency, old.Base, old.Rate
		}
	}
	for key, old := range before {
		if is[key] {
			continue
		}
		switch stays := e.freezes(old.Regime) && posted[key].stands(); {
		case stays && old.Status == statusAccrued:
			if err := old.hold(e.Reason, e.Why, now); err != nil {
				return nil, err
			}
		case stays:
		case old.Status != StatusVoid:
			if err := old.void(now); err != nil {
				return nil, err
			}
		}
		out = append(out, old)
	}
	return out, nil
}

// freezes says whether what was posted under a regime stays as it is.
func (e Expectation) freezes(regime string) bool {
	return e.Frozen && (e.FrozenRegime == "" || e.FrozenRegime == regime)
}

// hold puts a line that was accrued on hold as it is. Its explanation says so
// before it says what was worked out (rulebook 10).
func (l *Line) hold(reason, why string, now time.Time) error {
	var ex commission.Explanation
	if err := json.Unmarshal(l.Explanation, &ex); err != nil {
		return errs.New(errs.Unknown, "explanation of %s: %w", l.Key, err)
	}
	ex.Sentence = heldSentence(why) + ex.Sentence
	raw, err := json.Marshal(ex)
	l.Status, l.Reason, l.Explanation, l.ComputedAt = statusOnHold, reason, raw, now
	return err
}

// void takes the line back.
func (l *Line) void(now time.Time) error {
	ex := commission.Explanation{Sentence: sentenceOfVoid, Rules: []string{"R8.1", "R8.5"}, Facts: []commission.Fact{}}
	raw, err := json.Marshal(ex)
	l.AmountMinor, l.Status, l.Reason, l.Explanation, l.ComputedAt = 0, StatusVoid, ReasonNotDueNow, raw, now
	return err
}

// asRow gives an expected line as it is kept.
func asRow(l *commission.Line, now time.Time) (Line, error) {
	minor, err := l.Currency.Minor(l.Amount)
	if err != nil {
		return Line{}, errs.New(errs.Invalid, "line %s: %w", l.Key, err)
	}
	raw, err := json.Marshal(&l.Explanation)
	if err != nil {
		return Line{}, errs.New(errs.Unknown, "explanation of %s: %w", l.Key, err)
	}
	return Line{
		Key: l.Key, PayeeID: l.PayeeID, Regime: l.Regime, SourceID: l.SourceID, Slice: l.Slice, Period: l.Period,
		Currency: l.Currency, Base: l.Base, Rate: l.Rate, AmountMinor: minor, Status: string(l.Status),
		Reason: l.Reason, AccountID: l.AccountID, SpaceID: l.SpaceID, Plan: l.Plan, Explanation: raw, ComputedAt: now,
		TermStart: l.TermStart, TermEnd: l.TermEnd, Sale: string(l.Sale),
	}, nil
}

// same says whether two states of a line differ in nothing but when they were computed.
func (l *Line) same(o *Line) bool {
	return l.PayeeID == o.PayeeID && l.Currency == o.Currency && l.Base.Equal(o.Base) && l.Rate.Equal(o.Rate) &&
		l.AmountMinor == o.AmountMinor && l.Status == o.Status && l.Reason == o.Reason && l.AccountID == o.AccountID &&
		l.SpaceID == o.SpaceID && l.Plan == o.Plan && l.TermStart == o.TermStart && l.TermEnd == o.TermEnd && l.Sale == o.Sale && bytes.Equal(l.Explanation, o.Explanation)
}
