package commission

import (
	"fmt"
	"slices"
	"sort"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// RewardRule is a version of what a program pays, in a scope (R6.6). It governs the
// conversions whose day is in [EffectiveFrom, EffectiveTo), for good (R4.4).
type RewardRule struct {
	// Program is the program's key.
	Program string
	// Name is what people call the rule: "Refer a friend, gold tier".
	Name string
	// PayeeID makes it one payee's rule, Tier a partner tier's; with neither it is the
	// program's.
	PayeeID, Tier string
	EffectiveFrom clock.Date
	// EffectiveTo is the first day that it no longer governs; no date means that it
	// governs until the next version of its scope.
	EffectiveTo clock.Date
	// PayoutCurrency is that in which lines are paid; "" is the conversion's own (R7.5).
	PayoutCurrency money.Currency
	Reward         Reward
}

// String names the version.
func (r RewardRule) String() string { return r.Name + " from " + r.EffectiveFrom.String() }

// Check says what keeps a rule from being saved: an errs.Invalid that names every
// fault, or nil.
func (r RewardRule) Check() error {
	var faults []string
	if r.Program == "" {
		faults = append(faults, "it names no program")
	}
	if r.Name == "" {
		faults = append(faults, "it has no name")
	}
	if r.PayeeID != "" && r.Tier != "" {
		faults = append(faults, "it is of a payee and of a partner tier at once")
	}
	if r.EffectiveFrom.IsZero() {
		faults = append(faults, "it has no effective date")
	}
	if !r.EffectiveTo.IsZero() && !r.EffectiveTo.After(r.EffectiveFrom) {
		faults = append(faults, fmt.Sprintf("it ends on %s, which is not after %s, when it begins", r.EffectiveTo, r.EffectiveFrom))
	}
	if r.PayoutCurrency != "" {
		faults = append(faults, currencyFaults("its payout currency", r.PayoutCurrency)...)
	}
	return refusal(fmt.Sprintf("the rule %q cannot be used", r.Name), append(faults, r.Reward.faults()...))
}

// rewardScope is whose conversions a rule governs.
type rewardScope struct{ program, payeeID, tier string }

func (r *RewardRule) scope() rewardScope { return rewardScope{r.Program, r.PayeeID, r.Tier} }

// rewardRules finds the rule that governs a conversion.
type rewardRules map[rewardScope][]*RewardRule

// newRewardRules orders the versions of each scope and refuses what nobody could choose
// between. The rules are those of the caller, which must leave them as they are.
func newRewardRules(rules []RewardRule) (rewardRules, error) {
	out := rewardRules{}
	for i := range rules {
		if err := rules[i].Check(); err != nil {
			return nil, err
		}
		out[rules[i].scope()] = append(out[rules[i].scope()], &rules[i])
	}
	for _, versions := range out {
		slices.SortStableFunc(versions, func(a, b *RewardRule) int { return a.EffectiveFrom.DaysSince(b.EffectiveFrom) })
		for i := 1; i < len(versions); i++ {
			if versions[i].EffectiveFrom == versions[i-1].EffectiveFrom {
				return nil, errs.New(errs.Invalid, "the rules %q and %q are of one scope and begin on the same day, %s",
					versions[i-1].Name, versions[i].Name, versions[i].EffectiveFrom)
			}
		}
	}
	return out, nil
}

// on gives the rule that governs a conversion on its day: the payee's before the
// partner tier's before the program's (R6.6), or nil.
func (rr rewardRules) on(c *Conversion, d clock.Date) *RewardRule {
	if r := rr.inScope(rewardScope{program: c.Program, payeeID: c.PayeeID}, d); r != nil {
		return r
	}
	if c.Tier != "" {
		if r := rr.inScope(rewardScope{program: c.Program, tier: c.Tier}, d); r != nil {
			return r
		}
	}
	return rr.inScope(rewardScope{program: c.Program}, d)
}

// inScope gives the scope's latest version that has begun, if it has not ended.
func (rr rewardRules) inScope(s rewardScope, d clock.Date) *RewardRule {
	versions := rr[s]
	i := sort.Search(len(versions), func(i int) bool { return versions[i].EffectiveFrom.After(d) })
	if i == 0 {
		return nil
	}
	r := versions[i-1]
	if !r.EffectiveTo.IsZero() && !d.Before(r.EffectiveTo) {
		return nil
	}
	return r
}
