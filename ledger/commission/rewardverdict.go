package commission

import "fmt"

// The regime of programs and its slices (R7.1); those of tiers are tier1, tier2 and so on.
const (
	RegimeProgram = "program"
	SliceFlat     = string(RewardFlat)
	SlicePercent  = string(RewardPercent)
	SliceTrueUp   = "true_up"
)

// Reasons of holds and zero lines of programs.
const (
	ReasonRefunded        = "refunded"
	ReasonCapReached      = "cap_reached"
	ReasonPaidConversions = "paid_conversions_reached"
	ReasonRewardOver      = "reward_period_over"
	ReasonBadRefund       = "bad_refund"         // more than there is, say
	ReasonBadCurrency     = "bad_currency"       // that ISO does not list
	ReasonNoCap           = "no_cap_in_currency" // the rule has caps, but none in the line's currency
)

// RewardFindingKinds lists every kind that the reward engine may find, so that whoever
// keeps discrepancies knows which ones to resolve when they are gone.
func RewardFindingKinds() []string {
	return []string{
		ReasonNoPlan, ReasonNoAmount, ReasonNegativeAmount, ReasonTooLarge, ReasonBadCurrency, ReasonBadRefund, ReasonNoCap, ReasonMissingRate,
	}
}

// decide says whether an item is paid, held or zero, as far as its amounts do not
// decide it. What stands before the program, what nothing is left of and what the rule
// does not reward counts for nothing; what another system paid counts as if it had been
// paid here.
func (w *rewardWork) decide(it *rewardItem) rewardVerdict {
	zero := func(reason, rule, why string) rewardVerdict {
		return rewardVerdict{status: Zero, reason: reason, rule: rule, why: why}
	}
	if it.SupersededBy != "" {
		return zero(ReasonByRegistration, "R4.1", it.SupersededBy+" stands before the program here")
	}
	if it.isRefunded {
		return zero(ReasonRefunded, "R8.7", fmt.Sprintf("all of its %s were refunded", inCurrency(it.refunded, it.Currency)))
	}
	if reason, why := w.overLimit(it); reason != "" {
		return zero(reason, "R6.7", why)
	}
	if w.e.GoLive.After(it.on) {
		v := zero(ReasonBeforeGoLive, "R4.5", fmt.Sprintf("what is before %s was paid by another system", w.e.GoLive))
		v.counts = true
		return v
	}
	return w.hold(it)
}

// overLimit says which limit of its referral ends the item's reward (R6.7), or "".
func (w *rewardWork) overLimit(it *rewardItem) (reason, why string) {
	if it.rule == nil {
		return "", ""
	}
	r, st := &it.rule.Reward, w.referrals[it.referral()]
	if r.Months > 0 && !st.first.IsZero() {
		if end := monthsLater(st.first, r.Months); !it.on.Before(end) {
			return ReasonRewardOver, fmt.Sprintf("a referral is rewarded for %s from its first conversion on, which was on %s, so until %s",
				plural(r.Months, "month"), st.first, end.AddDays(-1))
		}
	}
	if r.PaidConversions > 0 && st.paid >= r.PaidConversions {
		return ReasonPaidConversions, fmt.Sprintf("%s of a referral %s paid, and its referral has had %d",
			plural(r.PaidConversions, "conversion"), isOrAre(r.PaidConversions), st.paid)
	}
	return "", ""
}

// hold says for what an item that is otherwise to be paid waits, if it does.
func (w *rewardWork) hold(it *rewardItem) rewardVerdict {
	held := func(reason, rule, why string) rewardVerdict {
		return rewardVerdict{status: OnHold, reason: reason, rule: rule, why: why, counts: true}
	}
	p, issued := w.e.Payees[it.PayeeID]
	switch {
	case it.fault != nil:
		v := held(it.fault.Kind, it.fault.Rule, it.fault.Detail)
		v.finding, v.frozen = it.fault, true
		return v
	case it.Hold != nil:
		v := held(it.Hold.Reason, it.Hold.Rule, it.Hold.Why)
		v.counts = false
		return v
	case !issued:
		return held(ReasonUnknownID, "R2.8", fmt.Sprintf("the ID %s has been issued to nobody", it.PayeeID))
	case it.lacksRate:
		v := held(ReasonMissingRate, "R7.5", fmt.Sprintf("no exchange rate from %s to %s is known for %s, when it converted", it.earnsIn, it.paidIn, it.on))
		v.finding = &Finding{Kind: ReasonMissingRate, Rule: "R7.5", IsHold: true, Detail: fmt.Sprintf(
			"The conversion %s is paid in %s, and no exchange rate from %s is known for %s. Add the rate.", it.label(), it.paidIn, it.earnsIn, it.on)}
		return v
	}
	if r := &it.rule.Reward; len(r.Caps) > 0 {
		if _, ok := r.capIn(it.paidIn); !ok {
			v := held(ReasonNoCap, "R6.7", fmt.Sprintf("the rule %s limits what a payee is paid, and does not say how much in %s", it.rule, it.paidIn))
			v.finding = &Finding{Kind: ReasonNoCap, Rule: "R6.7", IsHold: true, Detail: fmt.Sprintf(
				"The rule %s has a cap, but none in %s, in which the conversion %s is paid. Apply a version with a cap in it.", it.rule, it.paidIn, it.label())}
			return v
		}
	}
	if p.Suspended {
		return held(ReasonSuspended, "R2.11", fmt.Sprintf("the partner %s is suspended", p.Name))
	}
	return rewardVerdict{status: Accrued, counts: true}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
