package commission

import (
	"fmt"
	"sort"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
)

// Engine works out lines. It is a value made of facts that all sources share,
// and is safe for concurrent use.
type Engine struct {
	// Partners by the Partner IDs issued to them.
	Partners map[string]Partner
	// Plans in the order of EffectiveFrom.
	Plans []Plan
	// AsOf is the last day that counts; a CloseDate after it is not revenue yet.
	AsOf clock.Date
	// TermThrough is the last day through which term revenue is expected: the last
	// completed month, or the latest as-of that a person gave (R7.3).
	TermThrough clock.Date
}

// Result is all that is to say of one source.
type Result struct {
	// Lines in the order of their keys.
	Lines []Line
	// Frozen: the source as a whole is on hold; what was posted for it stays as it
	// is until the hold is gone.
	Frozen   bool
	Reason   string // of the hold, if Frozen
	Why      string // the same as a sentence for a person
	Findings []Finding
	// NextOn is the first as-of on which the same facts give more; no date if none.
	NextOn clock.Date
}

// Lines works out the lines of a source under the Space regime (R4.2).
func (e *Engine) Lines(s *Source) Result {
	var r Result
	if !s.IsRevenue {
		return r
	}
	if s.CloseDate.After(e.AsOf) {
		r.NextOn = s.CloseDate
		return r
	}
	plan, hasPlan := e.planOn(s.CloseDate)
	if f := s.fault(hasPlan); f != nil {
		r.Frozen, r.Reason, r.Why = true, f.Kind, f.Detail
		if f.Kind != ReasonUnreadable {
			r.Findings = append(r.Findings, *f)
		}
		r.Lines = e.heldLines(s, plan, f)
		return r
	}
	w := newSpaceWork(e, s, plan)
	r.Findings = append(r.Findings, w.findings()...)
	for _, id := range w.payees() {
		r.Lines = append(r.Lines, w.lines(id)...)
	}
	sort.Slice(r.Lines, func(i, j int) bool { return r.Lines[i].Key < r.Lines[j].Key })
	r.NextOn = w.nextOn()
	return r
}

// planOn gives the plan version in effect on a CloseDate (R4.4).
func (e *Engine) planOn(d clock.Date) (Plan, bool) {
	i := sort.Search(len(e.Plans), func(i int) bool { return e.Plans[i].EffectiveFrom.After(d) })
	if i == 0 {
		return Plan{}, false
	}
	return e.Plans[i-1], true
}

// Limits of what is taken for meant: an amount in minor units, and a term in days.
var largest = decimal.New(1, 16)

const longestTerm = 36525

// noSpace is the hold of a source that has found no Space.
func (s *Source) noSpace() *Finding {
	f := &Finding{Kind: ReasonNoSpace, Rule: "R3.3", IsHold: true}
	f.Detail = fmt.Sprintf("Opportunity %s is won, but names no Space, and its customer has none. Name its Space.", s.label())
	if s.NamedSpace != "" {
		f.Detail = fmt.Sprintf("Opportunity %s is won and names the Space %s, which no pull has seen. Check whether the integration user may read it.",
			s.label(), s.NamedSpace)
	}
	return f
}

// fault gives what keeps the whole source from being worked out, or nil.
func (s *Source) fault(hasPlan bool) *Finding {
	hold := func(kind, rule, format string, args ...any) *Finding {
		return &Finding{Kind: kind, Rule: rule, IsHold: true, Detail: fmt.Sprintf(format, args...)}
	}
	switch {
	case s.IsUnreadable:
		return hold(ReasonUnreadable, "R3.1",
			"Opportunity %s cannot be read as Salesforce has it now. Its discrepancy says what to correct.", s.label())
	case s.Amount == nil:
		return hold(ReasonNoAmount, "R3.1",
			"Opportunity %s is won but states no Amount. Fill in its Amount.", s.label())
	case s.Amount.IsNegative():
		return hold(ReasonNegativeAmount, "R3.1",
			"Opportunity %s is won with a negative Amount, %s. Correct its Amount.", s.label(), s.money(*s.Amount))
	case s.Amount.Shift(s.Currency.Digits()).GreaterThan(largest):
		return hold(ReasonTooLarge, "R3.1",
			"Opportunity %s is won with an Amount of %s, which is larger than the book can hold. Correct its Amount.",
			s.label(), s.money(*s.Amount))
	case s.Start.IsZero() != s.End.IsZero():
		return hold(ReasonBadTerm, "R3.2",
			"Opportunity %s has only one end of its service period (start %s, end %s). Fill in both or neither.",
			s.label(), orNone(s.Start), orNone(s.End))
	case s.Start.After(s.End):
		return hold(ReasonBadTerm, "R3.2",
			"Opportunity %s has a service period that starts on %s, after its end on %s. Correct the dates.",
			s.label(), s.Start, s.End)
	case s.End.DaysSince(s.Start) > longestTerm:
		return hold(ReasonBadTerm, "R3.2",
			"Opportunity %s has a service period from %s to %s, more than a hundred years. Correct the dates.",
			s.label(), s.Start, s.End)
	case len(s.Spaces) == 0:
		return s.noSpace()
	case !hasPlan:
		return hold(ReasonNoPlan, "R4.4",
			"No plan version is in effect on %s, when opportunity %s closed. Apply one whose effective_from is not later.",
			s.CloseDate, s.label())
	}
	return nil
}

// heldLines gives, for a source that is on hold as a whole, a line without an
// amount for whoever holds its close date, so that the partner sees it waiting.
func (e *Engine) heldLines(s *Source, plan Plan, f *Finding) []Line {
	h, ok := s.holderOn(s.CloseDate)
	if !ok || h.PartnerID == "" || h.Malformed || h.Disagree {
		return nil
	}
	l := s.line(h.PartnerID, s.CloseDate.Month(), plan)
	l.SpaceID, l.Status, l.Reason = h.SpaceID, OnHold, f.Kind
	l.Explanation.Rules = []string{f.Rule}
	l.Explanation.Sentence = fmt.Sprintf("What %s earns here is on hold. %s", h.PartnerID, f.Detail)
	return []Line{l}
}

// holderOn gives the stretch that a day is in.
func (s *Source) holderOn(d clock.Date) (Stretch, bool) {
	i := sort.Search(len(s.Holders), func(i int) bool { return s.Holders[i].From.After(d) })
	if i == 0 {
		return Stretch{}, false
	}
	return s.Holders[i-1], true
}

// isTerm says whether it is term revenue (R3.2).
func (s *Source) isTerm() bool { return !s.Start.IsZero() }

// line starts a line of the source with what all its lines share.
func (s *Source) line(payeeID string, period clock.Month, plan Plan) Line {
	l := Line{
		Key:       Key(payeeID, RegimeSpace, s.ID, SliceReferral, period),
		PayeeID:   payeeID,
		Regime:    RegimeSpace,
		SourceID:  s.ID,
		Slice:     SliceReferral,
		Period:    period,
		Currency:  s.Currency,
		Rate:      plan.SpaceRate,
		AccountID: s.AccountID,
	}
	if s.Amount != nil {
		l.Base = *s.Amount
	}
	if !plan.EffectiveFrom.IsZero() {
		l.Plan = plan.String()
	}
	l.Explanation = Explanation{Plan: l.Plan, Facts: s.facts()}
	return l
}

func orNone(d clock.Date) string {
	if d.IsZero() {
		return "none"
	}
	return d.String()
}
