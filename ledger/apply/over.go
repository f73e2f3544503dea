package apply

import (
	"slices"

	"github.com/partnersync/partnersync/ledger/commission"
)

// Over lays a file's plan versions and exchange rates over those that are in force,
// as Apply would, and gives what would then be in force: a version supersedes the
// one of its day, a rate that of its currencies and day, and a rate of zero takes
// one back. Nothing is written, so a version that Apply would refuse because it
// governs what is posted is laid over all the same. Versions that overlap or leave a
// gap are refused; errs.Invalid.
func (f File) Over(plans []commission.Plan, rates []commission.ExchangeRate) ([]commission.Plan, []commission.ExchangeRate, error) {
	if err := meet(f.Plans, plans); err != nil {
		return nil, nil, err
	}
	plans = slices.DeleteFunc(slices.Clone(plans), func(p commission.Plan) bool {
		return slices.ContainsFunc(f.Plans, func(v Version) bool { return v.EffectiveFrom == p.EffectiveFrom })
	})
	for _, v := range f.Plans {
		plans = append(plans, v.Plan)
	}
	slices.SortFunc(plans, func(a, b commission.Plan) int { return a.EffectiveFrom.DaysSince(b.EffectiveFrom) })
	rates = slices.DeleteFunc(slices.Clone(rates), func(r commission.ExchangeRate) bool {
		return slices.ContainsFunc(f.Rates, func(o commission.ExchangeRate) bool { return rateName(o) == rateName(r) })
	})
	for _, r := range f.Rates {
		if !r.Rate.IsZero() {
			rates = append(rates, r)
		}
	}
	return plans, rates, nil
}
