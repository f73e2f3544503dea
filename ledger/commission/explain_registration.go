package commission

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// explain writes the sentence, the rules, the facts and the arithmetic of a line of
// the registration regime.
func (w *registrationWork) explain(l *Line, i int, sl slice) {
	r := w.linked[i]
	x := &l.Explanation
	x.Rules = w.rules(r, l)
	x.Facts = append(x.Facts, r.claim.fact())
	if r.isIssued {
		x.Facts = append(x.Facts, Fact{Name: "Partner", Value: fmt.Sprintf("%s, %s on %s", r.partner.Name, r.kind, w.s.CloseDate)})
	}
	x.Facts = append(x.Facts, r.engaged.facts...)
	if r.netNew {
		x.Facts = append(x.Facts, w.netNew.facts...)
	}
	x.Facts = append(x.Facts, w.payout.facts()...)
	if sl.base != nil && l.Status != Zero {
		x.Arithmetic = w.arithmetic(i, sl, l.Amount)
	}
	earned := w.earned(r, sl)
	switch l.Status {
	case Accrued:
		x.Sentence = fmt.Sprintf("%s earns %s: %s.", l.PayeeID, l.money(), earned)
	case OnHold:
		x.Sentence = fmt.Sprintf("%s is on hold for %s, because %s. It would be %s.", l.money(), l.PayeeID, w.because(r, l), earned)
		if sl.base == nil {
			x.Sentence = fmt.Sprintf("What %s earns here is on hold, because %s. It would be %s.", l.PayeeID, w.because(r, l), earned)
		}
	case Zero:
		x.Sentence = fmt.Sprintf("%s earns nothing on the %s of opportunity %s by registration %s, because %s.",
			l.PayeeID, sliceName(sl.name), w.s.label(), r.claim.label(), w.because(r, l))
	}
}

// rules are the numbers of the rules that decided, in order.
func (w *registrationWork) rules(r registrant, l *Line) []string {
	rules := map[string]string{
		ReasonBeforeGoLive: "R4.5", ReasonUndecided: "R5.2", ReasonUnclear: "R4.1", ReasonInConflict: "R5.4", ReasonUnknownID: "R2.8",
		ReasonShares: "R5.8", ReasonUnmappedType: "R3.5", ReasonRenewedUnknown: "R3.5", ReasonMissingRate: "R7.5",
		ReasonNoMoney: "R7.6", ReasonSuspended: "R2.11",
	}
	var out []string
	if first := rules[l.Reason]; first != "" {
		out = append(out, first)
	}
	out = append(out, "R4.1", "R5.5", "R5.6")
	if r.kind == KindConsulting {
		out = append(out, "R5.7")
	}
	if r.netNew {
		out = append(out, "R3.5")
	}
	if r.claim.Share != nil {
		out = append(out, "R5.8")
	}
	if w.payout.converts() {
		out = append(out, "R7.5")
	}
	return unique(append(out, "R7.4"))
}

// unique drops what comes again, in place.
func unique(rules []string) []string {
	out := rules[:0]
	for _, r := range rules {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// because says in words why a line is on hold or zero.
func (w *registrationWork) because(r registrant, l *Line) string {
	switch l.Reason {
	case ReasonBeforeGoLive:
		return w.e.beforeGoLive()
	case ReasonUndecided:
		return fmt.Sprintf("the registration %s is submitted and not decided yet", r.claim.label())
	case ReasonInConflict:
		return fmt.Sprintf("the registration %s is %s, and not decided yet", r.claim.label(), cmp.Or(r.claim.Reason, "in conflict with another partner's"))
	case ReasonUnclear:
		return r.claim.Unclear
	case ReasonUnknownID:
		return fmt.Sprintf("the Partner ID %s has been issued to nobody", l.PayeeID)
	case ReasonShares:
		return r.claim.ShareFault
	case ReasonUnmappedType, ReasonRenewedUnknown:
		return "its net-new amount is unknown (" + strings.TrimSuffix(w.netNew.hold.Detail, ".") + ")"
	case ReasonMissingRate:
		return w.payout.why(w.s)
	case ReasonNoMoney:
		return "that comes to less than half of the smallest unit of " + string(l.Currency)
	case ReasonSuspended:
		return fmt.Sprintf("the partner %s is suspended", r.partner.Name)
	}
	return "the registration was " + string(r.claim.State)
}

// earned says what the amount is a share of, and why at this rate.
func (w *registrationWork) earned(r registrant, sl slice) string {
	what := w.s.money(*w.s.Amount)
	switch sl.name {
	case SliceNetNew:
		what = "the net-new part of " + what
	case SliceRemainder:
		what = "what is not net-new of " + what
	}
	if sl.base != nil && sl.name != SliceReferral {
		what = fmt.Sprintf("%s, %s", w.s.exactly(sl.base), what)
	}
	out := fmt.Sprintf("%s of %s (opportunity %s, closed on %s), which %s registered with %s on %s",
		percent(sl.rate), what, w.s.label(), w.s.CloseDate, r.claim.PartnerID, r.claim.label(), r.claim.SubmittedAt.In(w.e.zone()).Format(time.DateOnly))
	if r.claim.Share != nil {
		out += fmt.Sprintf(", of which its share is %s", percent(*r.claim.Share))
	}
	return out + "; " + w.rateReason(r)
}

// rateReason says why this registrant earns at these rates (R5.6, R5.7).
func (w *registrationWork) rateReason(r registrant) string {
	switch {
	case !r.isIssued:
		return "the kind of the partner is unknown"
	case r.kind != KindConsulting:
		return fmt.Sprintf("%s was a registered partner when it closed", r.partner.Name)
	case r.netNew:
		return fmt.Sprintf("%s was a consulting partner and engaged: %s", r.partner.Name, r.engaged.why)
	}
	return fmt.Sprintf("%s was a consulting partner, but not engaged: %s", r.partner.Name, r.engaged.why)
}

// arithmetic gives the formula with its numbers.
func (w *registrationWork) arithmetic(i int, sl slice, amount decimal.Decimal) []string {
	r := w.linked[i]
	var out []string
	if r.netNew {
		out = append(out, w.netNew.steps...)
	}
	if sl.name == SliceRemainder {
		out = append(out, fmt.Sprintf("Remainder: %s − %s = %s", w.s.money(*w.s.Amount), w.s.exactly(w.netNew.amount), w.s.exactly(sl.base)))
	}
	exact := new(big.Rat).Mul(sl.base, sl.rate.Rat())
	formula := fmt.Sprintf("%s × %s", w.s.exactly(sl.base), percent(sl.rate))
	share := r.claim.Share
	if share != nil && !w.allEarn(sl) {
		exact.Mul(exact, share.Rat())
		formula += " × " + percent(*share)
	}
	whole := w.payout.round(exact)
	if w.payout.converts() {
		exact = new(big.Rat).Mul(exact, w.payout.rate.Rat())
	}
	out = append(out, fmt.Sprintf("%s%s = %s, rounded to %s", formula, w.payout.times(),
		fraction(exact, w.payout.currency.Digits()+4), w.payout.currency.Format(whole)))
	if share != nil && w.allEarn(sl) {
		out = append(out, fmt.Sprintf("%s of %s, allotted by largest remainder: %s", percent(*share),
			w.payout.currency.Format(whole), w.payout.currency.Format(amount)))
	}
	return out
}

func sliceName(s string) string {
	switch s {
	case SliceNetNew:
		return "net-new amount"
	case SliceRemainder:
		return "remainder"
	}
	return "Amount"
}

// exactly writes a fraction of the source's currency: with the decimals of the
// currency at least, and cut where it does not end.
func (s *Source) exactly(r *big.Rat) string {
	if d := readable(r, s.Currency); d.Rat().Cmp(r) == 0 {
		return s.money(d)
	}
	return fraction(r, s.Currency.Digits()+4) + " " + string(s.Currency)
}

// fraction writes r with as few decimals as it needs, cut after some with an
// ellipsis if it needs more.
func fraction(r *big.Rat, places int32) string {
	return quotient(decimal.NewFromBigInt(r.Num(), 0), decimal.NewFromBigInt(r.Denom(), 0), places)
}

// money is the line's amount in its own currency.
func (l *Line) money() string { return l.Currency.Format(l.Amount) }
