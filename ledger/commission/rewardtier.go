package commission

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/money"
)

// tierKey is whose conversions carry a tier: those of one payee in one program that
// earn and are paid in the same currencies (R6.5).
type tierKey struct {
	program, payeeID string
	earnsIn, paidIn  money.Currency
}

// tierGroup is where a payee stands: what the running month, quarter and year have
// brought so far, by all conversions, whichever rule version governs them; and what
// each version's own conversions of its running period have earned. Conversions come in
// their order, so a period that is over never comes back.
type tierGroup struct {
	totals  map[RewardPeriod]tierTotal
	streams []*tierStream
}

// tierTotal is what the counted conversions of a period come to.
type tierTotal struct {
	span  rewardSpan
	count int64
	value decimal.Decimal
}

// of gives the position that a measure makes of the total.
func (t tierTotal) of(m TierMeasure) decimal.Decimal {
	if m == TierByCount {
		return decimal.NewFromInt(t.count)
	}
	return t.value
}

// tierStream is what the conversions that one version governs have brought in one of
// its periods: by bands where it is marginal, in sums[0] where it is retroactive.
type tierStream struct {
	rule *RewardRule
	span rewardSpan
	sums []tierSum
	// lacksRate: some of them wait for an exchange rate, and are not in the sums.
	lacksRate bool
}

// tierSum adds up what a band's rate or amount works on.
type tierSum struct {
	base   decimal.Decimal // value, or a number of conversions
	weight decimal.Decimal // the same, each at its own exchange rate
}

// rewardStep is what a conversion earns in one slice: a cumulative less the one before.
type rewardStep struct {
	slice string
	band  int // of a tiered reward
	// base and rate are those of the line: base × rate is what this part earns by
	// itself, unrounded and unconverted.
	base, rate decimal.Decimal
	added      tierSum
	sum        tierSum // with added; without a tier, added alone
	cum        decimal.Decimal
	before     decimal.Decimal
}

// rerating is what a crossing adds to the earlier conversions of a retroactive tier.
type rerating struct {
	stream      *tierStream
	from, to    int // bands
	sum         tierSum
	position    decimal.Decimal // with the crossing conversion
	cum, before decimal.Decimal
}

// enter begins the periods that a day is in, and forgets those that are over.
func (g *tierGroup) enter(it *rewardItem) {
	for _, p := range []RewardPeriod{PerMonth, PerQuarter, PerYear} {
		if span := p.spanOf(it.on); g.totals[p].span != span {
			g.totals[p] = tierTotal{span: span}
		}
	}
	kept := g.streams[:0]
	for _, st := range g.streams {
		if g.totals[st.span.period].span == st.span {
			kept = append(kept, st)
		}
	}
	clear(g.streams[len(kept):])
	g.streams = kept
}

// with gives a total with one more conversion.
func (t tierTotal) with(it *rewardItem) tierTotal {
	t.count++
	t.value = t.value.Add(it.countedValue())
	return t
}

// stream gives what the item's rule has brought in the running period; where there is
// nothing yet, an empty stream that is not kept.
func (g *tierGroup) stream(rule *RewardRule) *tierStream {
	for _, st := range g.streams {
		if st.rule == rule {
			return st
		}
	}
	return &tierStream{rule: rule, span: g.totals[rule.Reward.Period].span, sums: make([]tierSum, len(rule.Reward.Bands))}
}

// steps gives what the item earns by its rule, slice by slice. Nothing is changed.
func (g *tierGroup) steps(it *rewardItem) []rewardStep {
	if it.rule == nil || it.fault != nil && it.fault.Kind == ReasonBadCurrency {
		return nil
	}
	one := decimal.NewFromInt(1)
	switch r := &it.rule.Reward; r.Kind {
	case RewardFlat:
		return []rewardStep{it.step(SliceFlat, 0, *r.Amount, one, tierSum{}, one, *r.Amount)}
	case RewardPercent:
		return []rewardStep{it.step(SlicePercent, 0, it.value, *r.Rate, tierSum{}, it.value, *r.Rate)}
	}
	return g.tierSteps(it)
}

// step rounds the cumulative before and after units are added to what is there.
func (it *rewardItem) step(slice string, band int, base, rate decimal.Decimal, there tierSum, units, factor decimal.Decimal) rewardStep {
	if it.lacksRate { // by itself: what is there is in another currency
		there = tierSum{}
	}
	digits := it.currency().Digits()
	s := rewardStep{slice: slice, band: band, base: base, rate: rate, added: tierSum{units, units.Mul(it.factor)}}
	s.sum = there.plus(s.added)
	s.cum = s.sum.weight.Mul(factor).Round(digits)
	s.before = there.weight.Mul(factor).Round(digits)
	return s
}

// currency is that of the item's lines: as long as a rate is missing, that in which the
// reward is reckoned.
func (it *rewardItem) currency() money.Currency {
	if it.lacksRate {
		return it.earnsIn
	}
	return it.paidIn
}

func (s tierSum) plus(o tierSum) tierSum { return tierSum{s.base.Add(o.base), s.weight.Add(o.weight)} }

// tierSteps gives the parts of an item that lie in the bands of its rule.
func (g *tierGroup) tierSteps(it *rewardItem) []rewardStep {
	r := &it.rule.Reward
	st, total := g.stream(it.rule), g.totals[r.Period]
	after := total.with(it)
	if r.mode() == TierRetroactive {
		return []rewardStep{st.step(it, r.bandAt(after.of(r.Measure)), 0, it.value)}
	}
	if r.Measure == TierByCount {
		k := r.bandAt(after.of(TierByCount))
		return []rewardStep{st.step(it, k, k, it.value)}
	}
	var out []rewardStep
	for k, part := range r.parts(total.value, it.value) {
		if part.IsPositive() {
			out = append(out, st.step(it, k, k, part))
		}
	}
	if len(out) == 0 {
		k := r.bandAt(total.value)
		out = append(out, st.step(it, k, k, decimal.Zero))
	}
	return out
}

// parts cuts a value that begins after a position along the bands.
func (r *Reward) parts(position, value decimal.Decimal) []decimal.Decimal {
	out := make([]decimal.Decimal, len(r.Bands))
	end := position.Add(value)
	for k, b := range r.Bands {
		first, last := decimal.Max(position, b.From), end
		if b.To != nil {
			last = decimal.Min(end, *b.To)
		}
		out[k] = decimal.Max(last.Sub(first), decimal.Zero)
	}
	return out
}

// step is that of a value, or of one conversion, in a band. The stream's sum is taken
// from its place.
func (st *tierStream) step(it *rewardItem, band, place int, value decimal.Decimal) rewardStep {
	b, one := st.rule.Reward.Bands[band], decimal.NewFromInt(1)
	slice := fmt.Sprintf("tier%d", band+1)
	if b.Amount != nil {
		return it.step(slice, band, *b.Amount, one, st.sums[place], one, *b.Amount)
	}
	return it.step(slice, band, value, *b.Rate, st.sums[place], value, *b.Rate)
}

// reratings gives what the item, by bringing the period into another band, adds to the
// earlier conversions of every retroactive version. Nothing is changed.
func (g *tierGroup) reratings(it *rewardItem) []rerating {
	var out []rerating
	for _, st := range g.streams {
		r := &st.rule.Reward
		if r.mode() != TierRetroactive {
			continue
		}
		total := g.totals[r.Period]
		after := total.with(it).of(r.Measure)
		from, to := r.bandAt(total.of(r.Measure)), r.bandAt(after)
		old, now := r.Bands[from].factor(), r.Bands[to].factor()
		if old.Equal(now) || st.sums[0].weight.IsZero() && !st.lacksRate {
			continue
		}
		digits, sum := it.paidIn.Digits(), st.sums[0]
		out = append(out, rerating{
			stream: st, from: from, to: to, sum: sum, position: after,
			cum: sum.weight.Mul(now).Round(digits), before: sum.weight.Mul(old).Round(digits),
		})
	}
	return out
}

// commit lets the item count for what comes after it.
func (g *tierGroup) commit(it *rewardItem, steps []rewardStep) {
	for p, t := range g.totals {
		g.totals[p] = t.with(it)
	}
	if it.rule == nil || it.rule.Reward.Kind != RewardTiered || len(steps) == 0 {
		return
	}
	st := g.stream(it.rule)
	if !slices.Contains(g.streams, st) {
		g.streams = append(g.streams, st)
	}
	if it.lacksRate {
		st.lacksRate = true
		return
	}
	for _, s := range steps {
		place := s.band
		if it.rule.Reward.mode() == TierRetroactive {
			place = 0
		}
		st.sums[place] = st.sums[place].plus(s.added)
	}
}
