package commission

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/money"
)

// registrationWork is one source under the registration regime: the claims that are
// linked to it, and what each earns by slices (R5.6–R5.8).
type registrationWork struct {
	e      *Engine
	s      *Source
	plan   Plan
	payout payout
	netNew netNew
	linked []registrant
	// needsNetNew: some registrant earns on net-new.
	needsNetNew bool
}

// registrant is a linked claim with what decides its slices.
type registrant struct {
	claim    Claim
	partner  Partner
	isIssued bool
	kind     string // of the partner at the end of CloseDate
	engaged  engagement
	netNew   bool // it earns on net-new and the rest, not on the Amount
}

// slice is a part of the revenue on which registrants earn.
type slice struct {
	name string
	base *big.Rat // nil while net-new is unknown
	rate decimal.Decimal
}

// registrationLines adds the lines of the source's claims, and says whether the
// regime stands before the lower ones: it pays something, is on hold, or was paid by
// another system (R4.1, R4.5).
func (e *Engine) registrationLines(s *Source, plan Plan, r *Result) (stands bool) {
	w := &registrationWork{e: e, s: s, plan: plan, payout: e.payout(s, plan)}
	for _, c := range s.Claims {
		stands = w.take(c, r) || stands
	}
	if w.needsNetNew {
		if w.netNew = e.netNew(s, plan); w.netNew.hold != nil {
			r.Findings = append(r.Findings, *w.netNew.hold)
		}
	}
	for i := range w.linked {
		r.Lines = append(r.Lines, w.lines(i)...)
	}
	for _, l := range r.Lines {
		stands = stands || l.Status != Zero || l.Reason == ReasonBeforeGoLive
	}
	for _, c := range s.Claims {
		earns := slices.ContainsFunc(r.Lines, func(l Line) bool { return l.PayeeID == c.PartnerID })
		if !c.Malformed && !earns {
			r.Lines = append(r.Lines, w.lostLine(c))
		}
	}
	return stands
}

// take takes a claim in. One that is linked and cannot be read holds the regime, and
// stands.
func (w *registrationWork) take(c Claim, r *Result) (stands bool) {
	switch {
	case c.Unclear != "":
		r.freeze(w.s.unclearClaim(c), RegimeRegistration, true)
		stands = true
	case c.Malformed && c.IsLinked:
		r.freeze(w.s.malformedClaim(c), RegimeRegistration, true)
		stands = true
	case c.Malformed:
		r.Findings = append(r.Findings, w.s.malformedClaim(c))
	}
	if c.IsLinked && !c.Malformed {
		w.add(c)
	}
	return stands
}

// add takes a linked claim. A Partner ID can be paid once for a slice, so a second
// claim of one is a fault of their group.
func (w *registrationWork) add(c Claim) {
	if i := slices.IndexFunc(w.linked, func(r registrant) bool { return r.claim.PartnerID == c.PartnerID }); i >= 0 {
		w.linked[i].claim.ShareFault = fmt.Sprintf("the registrations %s and %s, which share it, are of the same Partner ID", w.linked[i].claim.label(), c.label())
		return
	}
	r := registrant{claim: c}
	r.partner, r.isIssued = w.e.Partners[c.PartnerID]
	r.kind = r.partner.KindOn(w.s.CloseDate)
	r.engaged = c.engaged(w.s, w.plan.Registration.EngagementDays)
	r.netNew = r.kind == KindConsulting && r.engaged.passed
	w.needsNetNew = w.needsNetNew || r.netNew
	w.linked = append(w.linked, r)
}

// slicesOf gives the slices on which a registrant earns (R5.6).
func (w *registrationWork) slicesOf(r registrant) []slice {
	terms := w.plan.Registration
	if !r.netNew {
		return []slice{{SliceReferral, w.s.Amount.Rat(), terms.ReferralRate}}
	}
	out := []slice{{SliceNetNew, w.netNew.amount, terms.NetNewRate}, {SliceRemainder, nil, terms.RemainderRate}}
	if w.netNew.amount != nil {
		out[1].base = new(big.Rat).Sub(w.s.Amount.Rat(), w.netNew.amount)
	}
	return out
}

// lines gives the lines of a registrant, one for each slice.
func (w *registrationWork) lines(i int) []Line {
	r := w.linked[i]
	var out []Line
	for _, sl := range w.slicesOf(r) {
		l := w.s.line(r.claim.PartnerID, RegimeRegistration, sl.name, w.s.CloseDate.Month(), w.plan, w.s.facts())
		l.Rate, l.Currency, l.SpaceID = sl.rate, w.payout.currency, w.s.onlySpace()
		l.Base = decimal.Zero
		if sl.base != nil {
			l.Base = readable(sl.base, w.s.Currency)
			l.Amount = w.amount(i, sl)
		}
		l.Status, l.Reason = w.standing(r, sl, l.Amount)
		if l.Status == Zero {
			l.Amount = decimal.Zero
		}
		w.explain(&l, i, sl)
		out = append(out, l)
	}
	return out
}

// standing says whether a registrant's slice is paid, held or zero.
func (w *registrationWork) standing(r registrant, sl slice, amount decimal.Decimal) (status Status, reason string) {
	switch {
	case w.e.GoLive.After(w.s.CloseDate):
		return Zero, ReasonBeforeGoLive
	case r.claim.Unclear != "":
		return OnHold, ReasonUnclear
	case r.claim.State == Submitted:
		return OnHold, ReasonUndecided
	case r.claim.State == Conflict:
		return OnHold, ReasonInConflict
	case r.claim.State != Approved && r.claim.State != Won:
		return Zero, "registration_" + string(r.claim.State)
	case !r.isIssued:
		return OnHold, ReasonUnknownID
	case r.claim.ShareFault != "":
		return OnHold, ReasonShares
	case sl.base == nil:
		return OnHold, w.netNew.hold.Kind
	case w.payout.missing:
		return OnHold, ReasonMissingRate
	case amount.IsZero():
		return Zero, ReasonNoMoney
	case r.partner.Suspended:
		return OnHold, ReasonSuspended
	}
	return Accrued, ""
}

// amount is base × rate, or the registrant's share of it. Where everybody of a group
// earns on the slice at one rate, its whole is rounded and allotted; else each share
// is rounded on its own (R5.8). What belongs to members that are not linked, because
// they were revoked, say, is nobody's.
func (w *registrationWork) amount(i int, sl slice) decimal.Decimal {
	exact := new(big.Rat).Mul(sl.base, sl.rate.Rat())
	share := w.linked[i].claim.Share
	if share == nil {
		return w.payout.round(exact)
	}
	if !w.allEarn(sl) {
		return w.payout.round(exact.Mul(exact, share.Rat()))
	}
	return money.Allot(w.payout.round(exact), -w.payout.currency.Digits(), w.shares())[i]
}

// allEarn says whether every linked claim shares and earns on a slice at its rate.
func (w *registrationWork) allEarn(sl slice) bool {
	for _, r := range w.linked {
		earns := slices.ContainsFunc(w.slicesOf(r), func(o slice) bool { return o.name == sl.name && o.rate.Equal(sl.rate) })
		if !earns || r.claim.Share == nil || r.claim.ShareFault != "" {
			return false
		}
	}
	return true
}

// shares gives the shares of the linked claims, and behind them what is left of the
// whole.
func (w *registrationWork) shares() []*big.Rat {
	out := make([]*big.Rat, len(w.linked), len(w.linked)+1)
	rest := big.NewRat(1, 1)
	for i, r := range w.linked {
		out[i] = r.claim.Share.Rat()
		rest.Sub(rest, out[i])
	}
	return append(out, clamp(rest, big.NewRat(1, 1)))
}

// lostLine is the zero line of a claim that earns nothing here (R7.6).
func (w *registrationWork) lostLine(c Claim) Line {
	l := w.s.line(c.PartnerID, RegimeRegistration, SliceReferral, w.s.CloseDate.Month(), w.plan, w.s.facts())
	l.Rate, l.SpaceID, l.Currency = w.plan.Registration.ReferralRate, w.s.onlySpace(), w.payout.currency
	l.Status, l.Reason = Zero, ReasonNotLinked
	switch c.State {
	case Rejected, Withdrawn, Revoked:
		l.Reason = "registration_" + string(c.State)
	}
	l.Explanation.Rules = []string{"R5.2", "R5.5", "R7.6"}
	l.Explanation.Facts = append(l.Explanation.Facts, c.fact())
	l.Explanation.Sentence = fmt.Sprintf("%s earns nothing from opportunity %s by registration %s, because %s.",
		c.PartnerID, w.s.label(), c.label(), c.whyLost())
	return l
}

// whyLost says why a claim that is not linked earns nothing.
func (c Claim) whyLost() string {
	why := c.Lost
	if why == "" {
		why = "it was " + string(c.State)
	}
	if c.Reason != "" {
		why += " (" + c.Reason + ")"
	}
	return why
}

// unclearClaim is the hold of an opportunity whose registration nobody can read.
func (s *Source) unclearClaim(c Claim) Finding {
	return Finding{
		Kind: ReasonUnclear, Rule: "R4.1", IsHold: true,
		Detail: fmt.Sprintf("Opportunity %s is linked to the registration %s, but %s. Until that is mended nobody is paid for it.", s.label(), c.label(), c.Unclear),
	}
}

func (s *Source) malformedClaim(c Claim) Finding {
	return Finding{
		Kind: ReasonMalformedID, Rule: "R1.1", IsHold: c.IsLinked,
		Detail: fmt.Sprintf("Opportunity %s is claimed by the registration %s under %q, which is not a Partner ID. Correct it on the registration.",
			s.label(), c.label(), c.PartnerID),
	}
}

// onlySpace is the Space that the source earns by, where it is one.
func (s *Source) onlySpace() string {
	if len(s.Spaces) == 1 {
		return s.Spaces[0].ID
	}
	return ""
}

// readable gives a fraction as a decimal for people to read: exact where it can be,
// else cut four decimals behind the minor unit.
func readable(r *big.Rat, c money.Currency) decimal.Decimal {
	return decimal.NewFromBigInt(r.Num(), 0).DivRound(decimal.NewFromBigInt(r.Denom(), 0), c.Digits()+4)
}
