package commission

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
)

// Version names the way in which lines are worked out and explained. It changes with
// every change after which the same facts give other bytes, so that whoever works a
// closed month out again knows whether to expect what it was (R7.7, R8.3).
const Version = "1"

// Engine works out lines. It is a value made of facts that all sources share,
// and is safe for concurrent use.
type Engine struct {
	// Partners by the Partner IDs issued to them.
	Partners map[string]Partner
	// Plans in the order of EffectiveFrom.
	Plans []Plan
	// Rates of exchange, in any order (R7.5).
	Rates []ExchangeRate
	// GoLive is the first day whose revenue accrues here; what is before it was paid by
	// another system (R4.5). No date: everything accrues.
	GoLive clock.Date
	// AsOf is the last day that counts; a CloseDate after it is not revenue yet.
	AsOf clock.Date
	// TermThrough is the last day through which term revenue is expected: the last
	// completed month, or the latest as-of that a person gave (R7.3).
	TermThrough clock.Date
	// Zone is the company zone, for the days that sentences name; nil is UTC.
	Zone *time.Location
}

// Result is all that is to say of one source.
type Result struct {
	// Lines in the order of their keys.
	Lines []Line
	// Frozen: the source is on hold, under FrozenRegime or, if that is "", as a whole;
	// what was posted for it stays as it is until the hold is gone.
	Frozen       bool
	FrozenRegime string
	Reason       string // of the hold, if Frozen
	Why          string // the same as a sentence for a person
	Findings     []Finding
	// NextOn is the first as-of on which the same facts give more; no date if none.
	NextOn clock.Date
}

// Lines works out the lines of a source: those of its registrations, else those of a
// program, else those of Space attribution (R4.1).
func (e *Engine) Lines(s *Source) Result {
	var r Result
	if !s.IsRevenue {
		return r
	}
	if s.CloseDate.After(e.AsOf) {
		r.NextOn = s.CloseDate
		return r
	}
	plan, hasPlan := PlanOn(e.Plans, s.CloseDate)
	f := s.fault(hasPlan)
	if f == nil {
		f = s.tooLarge(e.payout(s, plan))
	}
	if f != nil {
		r.freeze(*f, "", f.Kind != ReasonUnreadable && f.Kind != ReasonVanished)
		r.Lines = e.heldLines(s, plan, f)
		return r
	}
	stands := e.registrationLines(s, plan, &r)
	over := superseder{}
	switch {
	case plan.SpaceBeside:
	case stands:
		over = superseder{reason: ReasonByRegistration, why: s.standing() + " before Space attribution here"}
	case s.Program != nil && s.Program.Stands:
		over = superseder{reason: ReasonByProgram, why: fmt.Sprintf("the referral program %s stands before Space attribution here", s.Program.Program)}
	}
	e.spaceLines(s, plan, over, &r)
	if slices.ContainsFunc(r.Lines, func(l Line) bool { return l.Reason == ReasonMissingRate }) {
		r.Findings = append(r.Findings, e.missingRate(s, plan))
	}
	slices.SortFunc(r.Lines, byKey)
	r.NextOn = earliest(r.NextOn, s.nextSaleOn(e.AsOf))
	return r
}

func byKey(a, b Line) int { return cmp.Compare(a.Key, b.Key) }

// standing names the linked registrations, as the subject of a sentence.
func (s *Source) standing() string {
	var names []string
	for _, c := range s.Claims {
		if c.IsLinked {
			names = append(names, fmt.Sprintf("%s of %s", c.label(), c.PartnerID))
		}
	}
	if len(names) == 1 {
		return "the registration " + names[0] + " stands"
	}
	return "the registrations " + strings.Join(names, " and ") + " stand"
}

// superseder is the regime that stands before Space attribution; none if it has no
// reason.
type superseder struct{ reason, why string }

// spaceLines adds what the source earns under the Space regime (R4.2).
func (e *Engine) spaceLines(s *Source, plan Plan, over superseder, r *Result) {
	if len(s.Spaces) == 0 {
		if over.reason == "" {
			f := s.noSpace()
			r.freeze(*f, RegimeSpace, true)
		}
		return
	}
	w := newSpaceWork(e, s, plan, over)
	r.Findings = append(r.Findings, w.findings()...)
	for _, id := range w.payees() {
		r.Lines = append(r.Lines, w.lines(id)...)
	}
	r.NextOn = w.nextOn()
}

// freeze puts the source on hold; of several reasons the first is told.
func (r *Result) freeze(f Finding, regime string, tell bool) {
	if !r.Frozen {
		r.Frozen, r.FrozenRegime, r.Reason, r.Why = true, regime, f.Kind, f.Detail
	}
	if tell {
		r.Findings = append(r.Findings, f)
	}
}

func (e *Engine) missingRate(s *Source, plan Plan) Finding {
	p := e.payout(s, plan)
	return Finding{
		Kind: ReasonMissingRate, Rule: "R7.5", IsHold: true,
		Detail: fmt.Sprintf("What opportunity %s earns is on hold: the plan %s pays in %s, and %s. Apply one.", s.label(), plan, p.wanted, p.why(s)),
	}
}

// earliest gives the earlier of two days, of which either may be none.
func earliest(a, b clock.Date) clock.Date {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (e *Engine) zone() *time.Location {
	if e.Zone == nil {
		return time.UTC
	}
	return e.Zone
}

// beforeGoLive says why what is before go-live is not paid here (R4.5).
func (e *Engine) beforeGoLive() string {
	return fmt.Sprintf("what would accrue before the go-live on %s was paid by another system", e.GoLive)
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
	case s.IsVanished:
		return hold(ReasonVanished, "R9.1",
			"Opportunity %s is gone from Salesforce, and nobody saw it deleted. Until somebody says what became of it, what it earned stays as it is.", s.label())
	case s.IsUnreadable:
		return hold(ReasonUnreadable, "R3.1",
			"Opportunity %s cannot be read as Salesforce has it now. Its discrepancy says what to correct.", s.label())
	case s.Amount == nil:
		return hold(ReasonNoAmount, "R3.1",
			"Opportunity %s is won but states no Amount. Fill in its Amount.", s.label())
	case s.Amount.IsNegative():
		return hold(ReasonNegativeAmount, "R3.1",
			"Opportunity %s is won with a negative Amount, %s. Correct its Amount.", s.label(), s.money(*s.Amount))
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
	case !hasPlan:
		return hold(ReasonNoPlan, "R4.4",
			"No plan version is in effect on %s, when opportunity %s closed. Apply one whose effective_from is not later.",
			s.CloseDate, s.label())
	}
	return nil
}

// heldLines gives, for a source that is on hold as a whole, a line without an
// amount for each linked registration, or else for whoever holds days of it, so that
// the partner sees it waiting.
func (e *Engine) heldLines(s *Source, plan Plan, f *Finding) []Line {
	var out []Line
	hold := func(payeeID, regime, spaceID string) {
		l := s.line(payeeID, regime, SliceReferral, s.CloseDate.Month(), plan, s.facts())
		l.SpaceID, l.Status, l.Reason, l.Rate = spaceID, OnHold, f.Kind, plan.SpaceRate
		if regime == RegimeRegistration {
			l.Rate = plan.Registration.ReferralRate
		}
		l.Explanation.Rules = []string{f.Rule}
		l.Explanation.Sentence = fmt.Sprintf("What %s earns here is on hold. %s", payeeID, f.Detail)
		out = append(out, l)
	}
	for _, c := range s.Claims {
		if c.IsLinked && !c.Malformed && !slices.ContainsFunc(out, func(l Line) bool { return l.PayeeID == c.PartnerID }) {
			hold(c.PartnerID, RegimeRegistration, s.onlySpace())
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, h := range s.heldBy() {
		if !slices.ContainsFunc(out, func(l Line) bool { return l.PayeeID == h.PartnerID }) {
			hold(h.PartnerID, RegimeSpace, h.SpaceID)
		}
	}
	return out
}

// heldBy gives the stretches of days of the source that somebody holds: of its term,
// or of its close date where it has none, or none that makes sense.
func (s *Source) heldBy() []Stretch {
	first, last := s.CloseDate, s.CloseDate
	if !s.Start.IsZero() && !s.End.Before(s.Start) {
		first, last = s.Start, s.End
	}
	var out []Stretch
	for i, h := range s.Holders {
		ends := i+1 < len(s.Holders) && !s.Holders[i+1].From.After(first)
		if h.PartnerID != "" && !h.Malformed && !h.Disagree && !ends && !h.From.After(last) {
			out = append(out, h)
		}
	}
	return out
}

// isTerm says whether it is term revenue (R3.2).
func (s *Source) isTerm() bool { return !s.Start.IsZero() }

// line starts a line of the source with what all its lines share, facts among it.
func (s *Source) line(payeeID, regime, slice string, period clock.Month, plan Plan, facts []Fact) Line {
	l := Line{
		Key:       Key(payeeID, regime, s.ID, slice, period),
		PayeeID:   payeeID,
		Regime:    regime,
		SourceID:  s.ID,
		Slice:     slice,
		Period:    period,
		Currency:  s.Currency,
		AccountID: s.AccountID,
		TermStart: s.Start, TermEnd: s.End, Sale: plan.SaleTypes[FoldType(s.Type)],
	}
	if s.Amount != nil {
		l.Base = *s.Amount
	}
	if !plan.EffectiveFrom.IsZero() {
		l.Plan = plan.String()
	}
	l.Explanation = Explanation{Plan: l.Plan, Facts: facts}
	return l
}

// tooLarge gives the hold of an Amount that is larger than the book can hold, in its
// own currency or in that in which it is paid, or nil.
func (s *Source) tooLarge(p payout) *Finding {
	paid := s.Amount.Mul(p.rate).Shift(p.currency.Digits())
	if !s.Amount.Shift(s.Currency.Digits()).GreaterThan(largest) && !paid.GreaterThan(largest) {
		return nil
	}
	return &Finding{
		Kind: ReasonTooLarge, Rule: "R3.1", IsHold: true,
		Detail: fmt.Sprintf("Opportunity %s is won with an Amount of %s, which is larger than the book can hold. Correct its Amount.",
			s.label(), s.money(*s.Amount)),
	}
}

func orNone(d clock.Date) string {
	if d.IsZero() {
		return "none"
	}
	return d.String()
}
