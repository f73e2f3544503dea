package commission

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
)

// netNew is what R3.5 says of a source: how much of its Amount is new, exactly, with
// the arithmetic; or why nobody can tell yet.
type netNew struct {
	amount *big.Rat
	steps  []string // the arithmetic, step by step
	facts  []Fact
	hold   *Finding // in place of an amount
}

// netNew works out how much of the source's Amount is net-new (R3.5). The source has
// an Amount that is not negative.
func (e *Engine) netNew(s *Source, plan Plan) netNew {
	if s.StatedNetNew != nil {
		amount := clamp(s.StatedNetNew.Rat(), s.Amount.Rat())
		n := netNew{amount: amount}
		n.facts = []Fact{{Name: "Net-new amount", Value: s.money(*s.StatedNetNew), ID: s.ID}}
		if amount.Cmp(s.StatedNetNew.Rat()) != 0 {
			n.steps = []string{fmt.Sprintf("Net-new: %s is stated; it counts as %s, between nothing and the Amount",
				s.money(*s.StatedNetNew), s.exactly(amount))}
		}
		return n
	}
	fact := []Fact{{Name: "Type", Value: s.Type, ID: s.ID}}
	switch sold := plan.SaleTypes[FoldType(s.Type)]; sold {
	case NewBusiness:
		return netNew{amount: s.Amount.Rat(), facts: fact}
	case Expansion:
		return netNew{amount: s.Amount.Rat(), facts: fact}
	case Renewal:
		n := e.renewal(s, plan)
		n.facts = append(fact, n.facts...)
		return n
	default:
		return netNew{facts: fact, hold: &Finding{
			Kind: ReasonUnmappedType, Rule: "R3.5", IsHold: true,
			Detail: fmt.Sprintf("Opportunity %s is of the Type %q, of which the plan %s does not say whether it is new business, an expansion or a renewal. "+
				"Correct its Type, state its net-new amount, or name the Type in the plan.", s.label(), s.Type, plan),
		}}
	}
}

// renewal works out what a renewal adds to what it renews.
func (e *Engine) renewal(s *Source, plan Plan) netNew {
	self, ok := s.sale()
	if !ok {
		return netNew{hold: s.renewedUnknown(fmt.Sprintf("no term of its customer ended within %d days before", plan.RenewalDays))}
	}
	terms := e.renewedBy(s, self, plan)
	if len(terms) == 0 {
		return netNew{hold: s.renewedUnknown(fmt.Sprintf("no term of its customer ended within %d days before it starts, or runs on the day before", plan.RenewalDays))}
	}
	n := netNew{}
	renewed := new(big.Rat)
	for _, t := range terms {
		if t.Amount == nil || t.Amount.IsNegative() {
			return netNew{hold: s.renewedUnknown(fmt.Sprintf("the term that it renews, %s, has no Amount", t.label()))}
		}
		part, shared := e.partOf(s, t, plan)
		worth := part.Rat()
		n.facts = append(n.facts, Fact{Name: "Renews", ID: t.ID, Value: fmt.Sprintf("%s, %s to %s, %s", t.label(), t.Start, t.End, s.money(*t.Amount))})
		if shared {
			n.steps = append(n.steps, fmt.Sprintf("Of %s, which several renewals share in proportion to their Amounts, this one renews %s", t.label(), s.money(part)))
		}
		if self.isTerm() {
			worth.Mul(worth, big.NewRat(int64(self.days()), int64(t.days())))
			n.steps = append(n.steps, fmt.Sprintf("Renewed of %s: %s ÷ %d × %d days = %s", t.label(), s.money(part), t.days(), self.days(), s.exactly(worth)))
		} else {
			n.steps = append(n.steps, fmt.Sprintf("Renewed of %s: %s, whole, as this one has no term", t.label(), s.money(part)))
		}
		renewed.Add(renewed, worth)
	}
	n.amount = clamp(new(big.Rat).Sub(s.Amount.Rat(), renewed), s.Amount.Rat())
	n.steps = append(n.steps, fmt.Sprintf("Net-new: %s − %s = %s", s.money(*s.Amount), s.exactly(renewed), s.netNewText(n.amount, renewed)))
	return n
}

func (s *Source) netNewText(amount, renewed *big.Rat) string {
	if renewed.Cmp(s.Amount.Rat()) > 0 {
		return s.exactly(amount) + ", as it is never below nothing"
	}
	return s.exactly(amount)
}

func (s *Source) renewedUnknown(why string) *Finding {
	return &Finding{
		Kind: ReasonRenewedUnknown, Rule: "R3.5", IsHold: true,
		Detail: fmt.Sprintf("Opportunity %s is a renewal, but %s. State its net-new amount, or correct its dates or those of what it renews.", s.label(), why),
	}
}

// renewedBy gives the terms that a renewal renews, in the order of ids: those that
// ended within so many days before it starts; if there are none, those that run on
// the day before. The plan is that of the source that asks, for all its neighbours:
// a version of later never changes what it says (R4.4).
func (e *Engine) renewedBy(s *Source, r Sale, plan Plan) []Sale {
	start := r.Start
	if !r.isTerm() {
		start = r.CloseDate
	}
	before := start.AddDays(-1)
	var ended, running []Sale
	for _, t := range s.Sales {
		if t.ID == r.ID || !t.isTerm() || t.CloseDate.After(e.AsOf) || !r.sameCustomer(t) {
			continue
		}
		switch {
		case !t.End.After(before) && !t.End.Before(start.AddDays(-plan.RenewalDays)):
			ended = append(ended, t)
		case !t.Start.After(before) && t.End.After(before):
			running = append(running, t)
		}
	}
	if len(ended) > 0 {
		return ended
	}
	return running
}

// partOf gives how much of a term's Amount the source's renewal renews: all of it,
// or its part where several renewals share it.
func (e *Engine) partOf(s *Source, t Sale, plan Plan) (part decimal.Decimal, shared bool) {
	var weights []*big.Rat
	at := -1
	for _, r := range s.Sales {
		if !e.isRenewal(r, plan) || r.ID == t.ID {
			continue
		}
		if !slices.ContainsFunc(e.renewedBy(s, r, plan), func(o Sale) bool { return o.ID == t.ID }) {
			continue
		}
		if r.ID == s.ID {
			at = len(weights)
		}
		weights = append(weights, r.Amount.Rat())
	}
	if at < 0 || len(weights) == 1 {
		return *t.Amount, false
	}
	exp := min(-money.Currency(t.Currency).Digits(), t.Amount.Exponent())
	return money.Allot(*t.Amount, exp, weights)[at], true
}

// isRenewal says whether a sale is a renewal that counts by now.
func (e *Engine) isRenewal(r Sale, plan Plan) bool {
	if r.Amount == nil || r.Amount.IsNegative() || r.CloseDate.After(e.AsOf) || r.Start.IsZero() != r.End.IsZero() || r.Start.After(r.End) {
		return false
	}
	return plan.SaleTypes[FoldType(r.Type)] == Renewal
}

// sale gives the source among the sales of its customer.
func (s *Source) sale() (Sale, bool) {
	i := slices.IndexFunc(s.Sales, func(o Sale) bool { return o.ID == s.ID })
	if i < 0 {
		return Sale{}, false
	}
	return s.Sales[i], true
}

// sameCustomer says whether a renewal could renew the other: one customer when the
// renewal closed, one currency, one Space where both have one.
func (r Sale) sameCustomer(t Sale) bool {
	customer := r.CustomerOn(r.CloseDate)
	return customer != "" && customer == t.CustomerOn(r.CloseDate) && r.Currency == t.Currency &&
		(r.SpaceID == "" || t.SpaceID == "" || r.SpaceID == t.SpaceID)
}

func (r Sale) isTerm() bool { return !r.Start.IsZero() && !r.End.IsZero() && !r.Start.After(r.End) }

func (r Sale) days() int { return r.End.DaysSince(r.Start) + 1 }

func (r Sale) label() string {
	if r.Name == "" {
		return r.ID
	}
	return "“" + r.Name + "”"
}

// nextSaleOn is the first CloseDate after the as-of among the customer's sales: from
// then on there may be another that shares what the source renews.
func (s *Source) nextSaleOn(asOf clock.Date) clock.Date {
	var next clock.Date
	for _, r := range s.Sales {
		if r.CloseDate.After(asOf) && (next.IsZero() || r.CloseDate.Before(next)) {
			next = r.CloseDate
		}
	}
	return next
}

// clamp gives r, but nothing below zero and nothing above most.
func clamp(r, most *big.Rat) *big.Rat {
	switch {
	case r.Sign() < 0:
		return new(big.Rat)
	case r.Cmp(most) > 0:
		return new(big.Rat).Set(most)
	}
	return r
}
