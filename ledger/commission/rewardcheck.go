package commission

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// Bounds of what is taken for meant.
const (
	mostBands  = 100
	mostCaps   = 200
	mostMonths = 1200
	mostPaid   = 1_000_000
)

// Check says what keeps a reward from being saved (R6.5): an errs.Invalid that names
// every fault, or nil.
func (r Reward) Check() error { return refusal("the reward cannot be used", r.faults()) }

// refusal makes one error of faults, or none.
func refusal(what string, faults []string) error {
	if len(faults) == 0 {
		return nil
	}
	return errs.New(errs.Invalid, "%s: %s", what, strings.Join(faults, "; ")).
		WithHint("Correct what is named and save it again.")
}

// faults lists what is wrong with a reward, in the order of its fields.
func (r Reward) faults() []string {
	var out []string
	switch r.Kind {
	case RewardFlat:
		out = append(out, r.flatFaults()...)
	case RewardPercent:
		out = append(out, rateFaults("a percent reward", r.Rate)...)
	case RewardTiered:
		out = append(out, r.tierFaults()...)
	default:
		out = append(out, fmt.Sprintf("kind %q is none of flat, percent and tiered", r.Kind))
	}
	return append(append(out, r.strayFaults()...), r.limitFaults()...)
}

func (r Reward) flatFaults() []string {
	return append(amountFaults("a flat reward", r.Amount), currencyFaults("a flat reward", r.Currency)...)
}

// tierFaults lists what is wrong with a tiered reward's own terms.
func (r Reward) tierFaults() []string {
	var out []string
	if r.Measure != TierByCount && r.Measure != TierByValue {
		out = append(out, fmt.Sprintf("measure %q is neither count nor value", r.Measure))
	}
	if !r.Period.isKnown() {
		out = append(out, fmt.Sprintf("period %q is none of month, quarter and year", r.Period))
	}
	if m := r.mode(); m != TierMarginal && m != TierRetroactive {
		out = append(out, fmt.Sprintf("mode %q is neither marginal nor retroactive", r.Mode))
	}
	switch n := len(r.Bands); {
	case n == 0:
		return append(out, "a tiered reward needs at least one band")
	case n > mostBands:
		return append(out, fmt.Sprintf("%d bands are more than %d", n, mostBands))
	}
	for i := range r.Bands {
		out = append(out, r.bandFaults(i)...)
	}
	if r.paysAmounts() {
		out = append(out, currencyFaults("a reward whose bands pay amounts", r.Currency)...)
	}
	return out
}

// bandFaults lists what is wrong with a band, by itself and beside its neighbours.
func (r Reward) bandFaults(i int) []string {
	b, name := r.Bands[i], fmt.Sprintf("band %d", i+1)
	out := r.limitsOfBand(i, name)
	switch {
	case b.Rate != nil && b.Amount != nil:
		return append(out, name+" has both a rate and an amount")
	case b.Amount == nil:
		out = append(out, rateFaults(name, b.Rate)...)
	default:
		out = append(out, amountFaults(name, b.Amount)...)
		if r.Measure == TierByValue {
			out = append(out, name+" pays an amount for each conversion, which bands by value cannot split")
		}
	}
	if first := r.Bands[0]; i > 0 && (first.Amount == nil) != (b.Amount == nil) {
		out = append(out, name+" does not pay as band 1 does: all bands pay a rate, or all an amount")
	}
	return out
}

// limitsOfBand lists what is wrong with where a band begins and ends.
func (r Reward) limitsOfBand(i int, name string) []string {
	b := r.Bands[i]
	if !isMeant(b.From) || b.To != nil && !isMeant(*b.To) {
		return []string{name + " has a limit with too many digits"}
	}
	var out []string
	if i == 0 && !b.From.IsZero() {
		out = append(out, fmt.Sprintf("band 1 starts at %s; the first band starts at zero", b.From))
	}
	if i > 0 {
		out = append(out, r.seamFaults(i)...)
	}
	last := i == len(r.Bands)-1
	switch {
	case last && b.To != nil:
		out = append(out, fmt.Sprintf("%s ends at %s; the last band is open", name, b.To))
	case !last && b.To == nil:
		out = append(out, name+" has no end; only the last band is open")
	}
	if b.To != nil && !b.To.GreaterThan(b.From) {
		out = append(out, fmt.Sprintf("%s ends at %s, which is not after %s, where it starts", name, b.To, b.From))
	}
	if r.Measure == TierByCount && (!b.From.IsInteger() || b.To != nil && !b.To.IsInteger()) {
		out = append(out, name+" has a limit that is not a whole number of conversions")
	}
	return out
}

// seamFaults says whether a band begins where the one before ends.
func (r Reward) seamFaults(i int) []string {
	before, b := r.Bands[i-1], r.Bands[i]
	if before.To == nil || !isMeant(*before.To) {
		return nil
	}
	fault := "there is a gap"
	switch b.From.Cmp(*before.To) {
	case 0:
		return nil
	case -1:
		fault = "they overlap"
	}
	return []string{fmt.Sprintf("band %d starts at %s, but band %d ends at %s: %s", i+1, b.From, i, before.To, fault)}
}

// strayFaults lists terms that another kind of reward has: whoever wrote them meant
// something that would not happen.
func (r Reward) strayFaults() []string {
	var out []string
	if r.Rate != nil && r.Kind != RewardPercent {
		out = append(out, "only a percent reward has a rate of its own")
	}
	if r.Amount != nil && r.Kind != RewardFlat {
		out = append(out, "only a flat reward has an amount of its own")
	}
	if r.Currency != "" && !r.paysAmounts() {
		out = append(out, "a reward that pays percentages has no currency of its own")
	}
	if r.Kind != RewardTiered && (len(r.Bands) > 0 || r.Measure != "" || r.Period != "" || r.Mode != "") {
		out = append(out, "only a tiered reward has a measure, a period, a mode and bands")
	}
	return out
}

// limitFaults lists what is wrong with the limits of R6.7.
func (r Reward) limitFaults() []string {
	var out []string
	if r.PaidConversions < 0 || r.PaidConversions > mostPaid {
		out = append(out, fmt.Sprintf("paid conversions %d is not between 0 and %d", r.PaidConversions, mostPaid))
	}
	if r.Months < 0 || r.Months > mostMonths {
		out = append(out, fmt.Sprintf("months %d is not between 0 and %d", r.Months, mostMonths))
	}
	switch {
	case len(r.Caps) > mostCaps:
		return append(out, fmt.Sprintf("%d caps are more than %d", len(r.Caps), mostCaps))
	case len(r.Caps) > 0 && !r.CapPeriod.isKnown():
		out = append(out, fmt.Sprintf("cap period %q is none of month, quarter and year", r.CapPeriod))
	case len(r.Caps) == 0 && r.CapPeriod != "":
		out = append(out, "a cap period is given without a cap")
	}
	seen := map[money.Currency]bool{}
	for i, c := range r.Caps {
		name := fmt.Sprintf("cap %d", i+1)
		out = append(append(out, amountFaults(name, &c.Amount)...), currencyFaults(name, c.Currency)...)
		if isMeant(c.Amount) && !c.Amount.Shift(c.Currency.Digits()).IsInteger() {
			out = append(out, fmt.Sprintf("%s of %s is not a whole number of the smallest unit of %s", name, c.Amount, c.Currency))
		}
		if seen[c.Currency] {
			out = append(out, fmt.Sprintf("%s is a second one in %q", name, c.Currency))
		}
		seen[c.Currency] = true
	}
	return out
}

func rateFaults(name string, rate *decimal.Decimal) []string {
	switch {
	case rate == nil:
		return []string{name + " needs a rate"}
	case !isMeant(*rate):
		return []string{name + " has a rate with too many digits"}
	case rate.IsNegative() || rate.GreaterThan(decimal.NewFromInt(1)):
		return []string{fmt.Sprintf("%s has a rate of %s, which is not between 0 %% and 100 %%", name, percent(*rate))}
	}
	return nil
}

func amountFaults(name string, amount *decimal.Decimal) []string {
	switch {
	case amount == nil:
		return []string{name + " needs an amount"}
	case !isMeant(*amount):
		return []string{name + " has an amount with too many digits"}
	case amount.IsNegative():
		return []string{fmt.Sprintf("%s has a negative amount, %s", name, amount)}
	}
	return nil
}

func currencyFaults(name string, c money.Currency) []string {
	if _, err := money.ParseCurrency(string(c)); err != nil {
		return []string{fmt.Sprintf("%s: %s", name, err)}
	}
	return nil
}

// isMeant says whether a number has at most 12 decimals and is at most 10^16 on either
// side of zero. What has more would make later arithmetic slow, and is a slip.
func isMeant(d decimal.Decimal) bool {
	return d.Exponent() >= -12 && hasFewDigits(d) && !d.Abs().GreaterThan(largest)
}

// hasFewDigits says whether a number can be written out: sums and products of numbers
// that are meant can.
func hasFewDigits(d decimal.Decimal) bool {
	return d.Exponent() >= -64 && d.Exponent() <= 64 && d.Coefficient().BitLen() <= 512
}
