package commission

import (
	"fmt"

	"github.com/shopspring/decimal"
)

// explain writes the sentence, the rules, the facts and the arithmetic of a line
// (rulebook 10).
func (w *rewardWork) explain(it *rewardItem, d *rewardDraft, v rewardVerdict) {
	x := &d.Explanation
	x.Plan, x.Facts, x.Rules = d.Plan, it.facts(d), w.rules(it, d, v)
	switch d.Status {
	case Accrued:
		x.Sentence = fmt.Sprintf("%s earns %s for %s from the program %s: %s.", d.PayeeID, d.money(), monthName(d.Period), it.programLabel(), w.earned(it, d))
		if d.Amount.IsNegative() {
			x.Sentence = fmt.Sprintf("%s comes off what %s earns for %s from the program %s: %s.",
				d.Currency.Format(d.Amount.Neg()), d.PayeeID, monthName(d.Period), it.programLabel(), w.earned(it, d))
		}
		x.Arithmetic = w.arithmetic(it, d)
	case OnHold:
		x.Sentence = fmt.Sprintf("%s for %s from the program %s is on hold for %s, because %s. It would be %s.",
			d.money(), monthName(d.Period), it.programLabel(), d.PayeeID, v.why, w.earned(it, d))
		x.Arithmetic = w.arithmetic(it, d)
		if v.frozen {
			x.Sentence = fmt.Sprintf("What %s earns here is on hold. %s", d.PayeeID, v.why)
			x.Arithmetic = nil
		}
	case Zero:
		x.Sentence = fmt.Sprintf("%s earns nothing %s the conversion %s of %s in the program %s, because %s.",
			d.PayeeID, d.from(), it.label(), it.on, it.programLabel(), v.why)
		if d.Reason == ReasonNoMoney || d.Reason == ReasonCapReached {
			x.Arithmetic = w.arithmetic(it, d)
		}
	}
}

// from says what of a conversion a zero line is about.
func (d *rewardDraft) from() string {
	switch {
	case d.Slice == SliceTrueUp:
		return "by the true-up that comes with"
	case d.step != nil && d.Slice != SliceFlat && d.Slice != SlicePercent:
		return fmt.Sprintf("in the slice %s from", d.Slice)
	}
	return "from"
}

// rules are the numbers of the rules that decided, in order.
func (w *rewardWork) rules(it *rewardItem, d *rewardDraft, v rewardVerdict) []string {
	var out []string
	if v.rule != "" {
		out = append(out, v.rule)
	}
	out = append(out, "R6.5")
	if it.rule != nil && it.rule.scope() != (rewardScope{program: it.Program}) {
		out = append(out, "R6.6")
	}
	if d.cap != nil {
		out = append(out, "R6.7")
	}
	out = append(out, "R4.4")
	if it.converts() {
		out = append(out, "R7.5")
	}
	return unique(append(out, "R7.4"))
}

// facts lists what a line rests on: the conversion, its refunds and its rate. What came
// before it in a tier is told by the arithmetic.
func (it *rewardItem) facts(d *rewardDraft) []Fact {
	out := []Fact{{Name: "Conversion", Value: it.label(), ID: it.ID, At: instant(it.at)}}
	if it.Value != nil {
		out = append(out, Fact{Name: "Value", Value: inCurrency(*it.Value, it.Currency), ID: it.ID})
	}
	for _, r := range it.sortedRefunds() {
		out = append(out, Fact{Name: "Refund", Value: inCurrency(r.Amount, r.Currency), ID: r.ID, At: instant(r.At)})
	}
	if it.ReferralID != "" {
		out = append(out, Fact{Name: "Referral", Value: it.ReferralID, ID: it.ReferralID})
	}
	if it.OpportunityID != "" {
		out = append(out, Fact{Name: "Opportunity", Value: it.OpportunityID, ID: it.OpportunityID})
	}
	if it.rule != nil && it.rule.Tier != "" {
		out = append(out, Fact{Name: "Partner tier", Value: it.Tier})
	}
	if it.converts() && d.step != nil {
		out = append(out, Fact{
			Name: "Exchange rate", Value: fmt.Sprintf("1 %s = %s %s", it.earnsIn, it.factor, it.paidIn),
			At: it.rate.On.String(), From: "the rate in effect when it converted",
		})
	}
	return out
}

// nothing says why a line comes to nothing.
func (w *rewardWork) nothing(it *rewardItem, d *rewardDraft) string {
	if d.step != nil && d.step.base.Mul(d.step.rate).IsZero() {
		return w.formula(it, d.step) + " is nothing"
	}
	if d.step == nil || !d.step.before.IsZero() {
		return fmt.Sprintf("it changes the rounded sum of what earns with it by less than the smallest unit of %s", d.Currency)
	}
	return fmt.Sprintf("%s comes to less than half of the smallest unit of %s", w.formula(it, d.step), d.Currency)
}

// earned says what the amount is a share of, and why at this rate.
func (w *rewardWork) earned(it *rewardItem, d *rewardDraft) string {
	var out string
	switch {
	case d.step == nil:
		out = w.trueUp(it, d)
	case it.rule.Reward.Kind == RewardTiered:
		out = w.formula(it, d.step) + ", " + w.place(it, d.step)
	default:
		out = w.formula(it, d.step)
	}
	switch {
	case d.cap == nil:
	case d.earned.IsNegative():
		out += fmt.Sprintf("; of the %s that this takes away, %s had been kept back by %s", d.Currency.Format(d.earned.Neg()), d.Currency.Format(d.Amount.Sub(d.earned)), d.cap)
	default:
		out += fmt.Sprintf("; that would be %s, of which %s leaves %s", d.Currency.Format(d.earned), d.cap, d.Currency.Format(d.Amount))
	}
	return out
}

// formula says of what a step is a share: "10 % of 2000.00 USD, which is a part of …".
func (w *rewardWork) formula(it *rewardItem, s *rewardStep) string {
	r := &it.rule.Reward
	if r.paysAmounts() {
		return fmt.Sprintf("%s for %s", inCurrency(s.base, it.earnsIn), it.named())
	}
	if s.base.Equal(it.value) {
		return fmt.Sprintf("%s of %s (%s%s)", percent(s.rate), inCurrency(s.base, it.earnsIn), it.named(), it.lessRefunds())
	}
	return fmt.Sprintf("%s of %s out of %s (%s%s)", percent(s.rate), inCurrency(s.base, it.earnsIn),
		inCurrency(it.value, it.earnsIn), it.named(), it.lessRefunds())
}

// named names the conversion with its day.
func (it *rewardItem) named() string { return fmt.Sprintf("%s of %s", it.label(), it.on) }

func (it *rewardItem) lessRefunds() string {
	if it.refunded.IsZero() || it.isRefunded {
		return ""
	}
	return fmt.Sprintf(", %s less %s refunded", inCurrency(*it.Value, it.Currency), inCurrency(it.refunded, it.Currency))
}

// place says where in its tier a step lies.
func (w *rewardWork) place(it *rewardItem, s *rewardStep) string {
	r := &it.rule.Reward
	g := w.group(it)
	total := g.totals[r.Period]
	reached := total.with(it)
	band := r.bandName(s.band, it)
	switch {
	case r.Measure == TierByCount:
		return fmt.Sprintf("conversion number %d of %s, in the band %s", reached.count, total.span, band)
	case r.mode() == TierRetroactive:
		return fmt.Sprintf("as it brings %s to %s, in the band %s", total.span, inCurrency(reached.value, it.earnsIn), band)
	}
	out := fmt.Sprintf("which lies in the band %s of what %s brings", band, total.span)
	if !s.base.Equal(it.value) {
		out = fmt.Sprintf("the part that lies in the band %s of what %s brings", band, total.span)
	}
	if !total.value.IsZero() {
		out += ", after " + inCurrency(total.value, it.earnsIn)
	}
	return out
}

// bandName writes a band's limits.
func (r *Reward) bandName(k int, it *rewardItem) string {
	write := func(d decimal.Decimal) string {
		if r.Measure == TierByCount {
			return d.String()
		}
		return inCurrency(d, it.earnsIn)
	}
	b := r.Bands[k]
	switch {
	case b.To == nil && k == 0:
		return "from zero on"
	case b.To == nil:
		return "above " + write(b.From)
	case k == 0:
		return "up to " + write(*b.To)
	}
	return fmt.Sprintf("above %s, up to %s", write(b.From), write(*b.To))
}

// trueUp says what a crossing adds to what came before it.
func (w *rewardWork) trueUp(it *rewardItem, d *rewardDraft) string {
	out := ""
	for i, t := range d.ratings {
		r := &t.stream.rule.Reward
		position := inCurrency(t.position, it.earnsIn)
		if r.Measure == TierByCount {
			position = "conversion number " + t.position.String()
		}
		if i > 0 {
			out += "; and "
		}
		out += fmt.Sprintf("%s brings %s to %s, in the band %s, so what came before it under the rule %s (%s) earns %s instead of %s",
			it.named(), t.stream.span, position, r.bandName(t.to, it), t.stream.rule, w.rated(it, t),
			w.pays(it, r.Bands[t.to]), w.pays(it, r.Bands[t.from]))
	}
	return out
}

// rated names what a true-up rates anew.
func (w *rewardWork) rated(it *rewardItem, t rerating) string {
	if t.stream.rule.Reward.paysAmounts() {
		return plural(int(t.sum.base.IntPart()), "conversion")
	}
	return inCurrency(t.sum.base, it.earnsIn)
}

// pays writes what a band pays.
func (w *rewardWork) pays(it *rewardItem, b Band) string {
	if b.Amount != nil {
		return inCurrency(*b.Amount, it.earnsIn) + " each"
	}
	return percent(*b.Rate)
}

// String names the cap: "the cap of 1000.00 USD for March 2026".
func (u *capUse) String() string {
	return fmt.Sprintf("the cap of %s for %s", u.cap.Currency.Format(u.cap.Amount), u.span)
}

// reached says that the cap leaves nothing.
func (u *capUse) reached() string {
	return fmt.Sprintf("%s is reached: what came before it comes to %s", u, u.cap.Currency.Format(u.before))
}
