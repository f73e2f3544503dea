package commission

import (
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
)

// referralKey is a referral of a program; a conversion without one stands for its own.
type referralKey struct{ program, referralID, conversionID string }

func (it *rewardItem) referral() referralKey {
	if it.ReferralID == "" {
		return referralKey{program: it.Program, conversionID: it.ID}
	}
	return referralKey{program: it.Program, referralID: it.ReferralID}
}

// referralState is how far a referral has been rewarded (R6.7).
type referralState struct {
	first clock.Date // the day of its first conversion that counts
	paid  int        // conversions that came to more than nothing
}

// capKey is whose running total a cap looks at.
type capKey struct {
	program, payeeID string
	currency         money.Currency
	period           RewardPeriod
}

// capState is what the lines of a period come to so far, and what caps have kept back.
type capState struct {
	span           rewardSpan
	paid, withheld decimal.Decimal
}

// take gives what a cap leaves of an amount. What was kept back is never paid later,
// but what a true-up takes away again is taken from it first.
func (s *capState) take(amount, limit decimal.Decimal) decimal.Decimal {
	out := amount
	if amount.IsNegative() {
		absorbed := decimal.Min(s.withheld, amount.Neg())
		out = amount.Add(absorbed)
	} else if room := decimal.Max(limit.Sub(s.paid), decimal.Zero); amount.GreaterThan(room) {
		out = room
	}
	s.paid, s.withheld = s.paid.Add(out), s.withheld.Add(amount).Sub(out)
	return out
}

// capUse says what a cap left of a line.
type capUse struct {
	cap    Cap
	span   rewardSpan
	before decimal.Decimal // what the lines before it come to
	left   decimal.Decimal // of this line
}

// capStates gives the running totals that an item's lines in a currency add to.
func (w *rewardWork) capStates(it *rewardItem, c money.Currency) map[RewardPeriod]capState {
	out := map[RewardPeriod]capState{}
	for _, p := range []RewardPeriod{PerMonth, PerQuarter, PerYear} {
		out[p] = w.caps[capKey{it.Program, it.PayeeID, c, p}]
		if span := p.spanOf(it.on); out[p].span != span {
			out[p] = capState{span: span}
		}
	}
	return out
}

// limit applies the rule's cap to the drafts of an item, in their order, and lets them
// count for what comes after if the item counts.
func (w *rewardWork) limit(it *rewardItem, drafts []*rewardDraft, counts bool) {
	if it.rule == nil || it.lacksRate {
		return
	}
	states := w.capStates(it, it.paidIn)
	limit, hasCap := it.rule.Reward.capIn(it.paidIn)
	for _, d := range drafts {
		left := d.earned
		if hasCap {
			st := states[it.rule.Reward.CapPeriod]
			use := &capUse{cap: limit, span: st.span, before: st.paid}
			left = st.take(d.earned, limit.Amount)
			use.left = left
			if !left.Equal(d.earned) {
				d.cap = use
			}
			d.Amount = left
		}
		for p, st := range states {
			st.paid, st.withheld = st.paid.Add(left), st.withheld.Add(d.earned).Sub(left)
			states[p] = st
		}
	}
	if !counts {
		return
	}
	for p, st := range states {
		w.caps[capKey{it.Program, it.PayeeID, it.paidIn, p}] = st
	}
}

// commitReferral lets the item count for its referral's later conversions.
func (w *rewardWork) commitReferral(it *rewardItem, drafts []*rewardDraft) {
	st, known := w.referrals[it.referral()]
	if !known {
		st.first = it.on
	}
	own := decimal.Zero
	for _, d := range drafts {
		if d.step != nil {
			own = own.Add(d.Amount)
		}
	}
	if own.IsPositive() {
		st.paid++
	}
	w.referrals[it.referral()] = st
}
