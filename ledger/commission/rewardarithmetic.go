package commission

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/money"
)

// arithmetic gives the formula of a line with its numbers.
func (w *rewardWork) arithmetic(it *rewardItem, d *rewardDraft) []string {
	var out []string
	if it.refunded.IsPositive() && !it.isRefunded {
		out = append(out, fmt.Sprintf("%s − %s refunded = %s", inCurrency(*it.Value, it.Currency),
			inCurrency(it.refunded, it.Currency), inCurrency(it.value, it.Currency)))
	}
	switch {
	case d.step == nil:
		out = w.trueUpArithmetic(it, d)
	case it.rule.Reward.Kind == RewardTiered:
		out = append(out, w.tierArithmetic(it, d)...)
	default:
		out = append(out, it.simple(d))
	}
	if d.cap != nil {
		out = append(out, d.cap.arithmetic(d.earned))
	}
	return out
}

// simple is the formula of a reward without tiers.
func (it *rewardItem) simple(d *rewardDraft) string {
	formula := inCurrency(d.step.base, it.earnsIn)
	if r := it.rule.Reward.Rate; r != nil {
		formula += " × " + percent(*r)
	}
	if it.converts() {
		formula += fmt.Sprintf(" × %s %s/%s", it.factor, it.paidIn, it.earnsIn)
	}
	exact := d.step.base.Mul(d.step.rate).Mul(it.factor)
	return fmt.Sprintf("%s = %s, rounded to %s", formula, exact, d.Currency.Format(d.step.cum))
}

// arithmetic shows what the cap leaves of an amount.
func (u *capUse) arithmetic(earned decimal.Decimal) string {
	format := u.cap.Currency.Format
	if earned.IsNegative() {
		return fmt.Sprintf("%s, of which %s come off what the cap had kept back, leaves %s", format(earned), format(u.left.Sub(earned)), format(u.left))
	}
	return fmt.Sprintf("Cap of %s, less %s for what came before it, leaves %s of %s", format(u.cap.Amount), format(u.before), format(u.left), format(earned))
}

// product writes a tier's sum × what its band pays = exact, rounded: "10000.00 USD × 10 %
// = 1000, rounded to 1000.00 USD". Of a sum that was converted, it says from what.
func (it *rewardItem) product(sum tierSum, pay Band, rounded decimal.Decimal, c money.Currency) string {
	var formula string
	switch isConverted := c != it.earnsIn; {
	case pay.Amount != nil && isConverted:
		formula = fmt.Sprintf("%s × %s %s/%s (the sum of the rates of %s)", inCurrency(*pay.Amount, it.earnsIn), sum.weight, c, it.earnsIn,
			plural(int(sum.base.IntPart()), "conversion"))
	case pay.Amount != nil:
		formula = fmt.Sprintf("%s × %s", sum.base, inCurrency(*pay.Amount, it.earnsIn))
	case isConverted:
		formula = fmt.Sprintf("%s (%s, each conversion at the rate of its day) × %s", inCurrency(sum.weight, c), inCurrency(sum.base, it.earnsIn),
			percent(*pay.Rate))
	default:
		formula = fmt.Sprintf("%s × %s", inCurrency(sum.base, it.earnsIn), percent(*pay.Rate))
	}
	return fmt.Sprintf("%s = %s, rounded to %s", formula, sum.weight.Mul(pay.factor()), c.Format(rounded))
}

// tierArithmetic shows where the step lies and how its tier's sum grows by it.
func (w *rewardWork) tierArithmetic(it *rewardItem, d *rewardDraft) []string {
	r, s := &it.rule.Reward, d.step
	total := w.group(it).totals[r.Period]
	reached := total.with(it)
	out := make([]string, 0, 3)
	if r.Measure == TierByCount {
		out = append(out, fmt.Sprintf("Conversions in %s: %d + 1 = %d", total.span, total.count, reached.count))
	} else {
		out = append(out, fmt.Sprintf("Value in %s: %s + %s = %s", total.span, inCurrency(total.value, it.earnsIn), inCurrency(it.countedValue(), it.earnsIn),
			inCurrency(reached.value, it.earnsIn)))
	}
	out = append(out, fmt.Sprintf("%s, %s: %s", d.Slice, r.bandName(s.band, it),
		it.product(s.sum, r.Bands[s.band], s.cum, d.Currency)))
	if !s.before.IsZero() {
		out = append(out, fmt.Sprintf("%s less %s for what came before it = %s", d.Currency.Format(s.cum), d.Currency.Format(s.before), d.Currency.Format(d.earned)))
	}
	return out
}

// trueUpArithmetic shows what came before at the new rate, less the same at the old one.
func (w *rewardWork) trueUpArithmetic(it *rewardItem, d *rewardDraft) []string {
	var out []string
	for _, t := range d.ratings {
		r := &t.stream.rule.Reward
		now, old := r.Bands[t.to], r.Bands[t.from]
		format := d.Currency.Format
		out = append(out,
			it.product(t.sum, now, t.cum, d.Currency),
			it.product(t.sum, old, t.before, d.Currency),
			fmt.Sprintf("%s less %s = %s", format(t.cum), format(t.before), format(t.cum.Sub(t.before))))
	}
	if len(d.ratings) > 1 {
		out = append(out, "Together "+d.Currency.Format(d.earned))
	}
	return out
}
