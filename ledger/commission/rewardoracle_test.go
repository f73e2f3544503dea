package commission_test

import (
	"fmt"
	"math/big"
	"sort"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

// TestR6_5_RewardsAreThoseOfTheOracle tries random programs on random histories against
// an oracle that counts values out unit by unit, from the start for every line.
func TestR6_5_RewardsAreThoseOfTheOracle(t *testing.T) {
	manyChecks(t, 12_000)
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		cs := make([]commission.Conversion, len(w.items))
		for i, it := range w.items {
			cs[i] = it.conv
		}
		got, err := w.engine.Results(cs)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, l := range commission.RewardLines(got) {
			if _, twice := all[l.SourceID+" "+l.Slice]; twice {
				t.Fatalf("two lines of %s", l.Key)
			}
			all[l.SourceID+" "+l.Slice] = fmt.Sprint(l.Currency.Format(l.Amount), " ", l.Status, " ", l.Reason)
		}
		if d := cmp.Diff(newRewardOracle(w).lines(), all); d != "" {
			t.Fatalf("oracle (-) and engine (+) differ:\n%s", d)
		}
		// In any order, and each payee by itself, to the byte (R7.7).
		again, err := w.engine.Results(rapid.Permutation(cs).Draw(t, "order"))
		if err != nil {
			t.Fatal(err)
		}
		if rewardBytes(t, again) != rewardBytes(t, got) {
			t.Fatal("another order gives other bytes")
		}
		apart := []commission.ConversionResult{}
		for _, payee := range []string{"AB1234", "SU0001"} {
			var of []commission.Conversion
			for _, c := range cs {
				if c.PayeeID == payee {
					of = append(of, c)
				}
			}
			rs, err := w.engine.Results(of)
			if err != nil {
				t.Fatal(err)
			}
			apart = append(apart, rs...)
		}
		sort.Slice(apart, func(i, j int) bool { return apart[i].ConversionID < apart[j].ConversionID })
		if rewardBytes(t, apart) != rewardBytes(t, got) {
			t.Fatal("each payee by itself gives other bytes")
		}
	})
}

// rewardOracle works histories out as slowly as it can.
type rewardOracle struct {
	w       *rewardWorld
	counted []*countedItem
	out     map[string]string
}

type countedItem struct {
	worldItem
	rule   int
	paid   bool
	earned []sliceAmount // in order
}

type sliceAmount struct {
	currency money.Currency
	amount   *big.Rat
}

func newRewardOracle(w *rewardWorld) *rewardOracle {
	return &rewardOracle{w: w, out: map[string]string{}}
}

func (o *rewardOracle) lines() map[string]string {
	items := append([]worldItem(nil), o.w.items...)
	sort.Slice(items, func(i, j int) bool {
		a, b := items[i], items[j]
		return a.at.Before(b.at) || a.at.Equal(b.at) && a.conv.ID < b.conv.ID
	})
	for _, it := range items {
		o.add(it)
	}
	return o.out
}

func (o *rewardOracle) ruleOf(it worldItem) int {
	found := 0
	for i, r := range o.w.rules {
		if !it.at.Before(r.from) {
			found = i
		}
	}
	return found
}

func (o *rewardOracle) add(it worldItem) {
	c := &countedItem{worldItem: it, rule: o.ruleOf(it)}
	status, reason, counts := o.standing(c)
	type line struct {
		slice string
		sliceAmount
		own bool
	}
	var lines []line
	with := append(append([]*countedItem(nil), o.counted...), c)
	r := o.w.rules[c.rule]
	own := func(slice string, amount *big.Rat) {
		lines = append(lines, line{slice, sliceAmount{o.paidIn(c), amount}, true})
	}
	switch r.kind {
	case "flat":
		own("flat", o.round(c, o.times(c, r.pays[0])))
	case "percent":
		own("percent", o.round(c, o.times(c, new(big.Rat).Mul(unitsWorth(c.units), r.pays[0]))))
	default:
		for _, k := range o.bandsOfLast(c.rule, with) {
			sum := func(cs []*countedItem) *big.Rat { return o.round(c, o.bandSum(c.rule, k, cs, c)) }
			if r.retro {
				sum = func(cs []*countedItem) *big.Rat {
					return o.round(c, new(big.Rat).Mul(r.pays[k], o.wholeSum(c.rule, cs, c)))
				}
			}
			own(fmt.Sprintf("tier%d", k+1), new(big.Rat).Sub(sum(with), sum(o.counted)))
		}
	}
	trueUp, is := new(big.Rat), false
	for v, r := range o.w.rules {
		if !r.retro {
			continue
		}
		before, after := r.band(o.position(v, o.counted, c)), r.band(o.position(v, with, c))
		sum := o.wholeSum(v, o.counted, c)
		if r.pays[before].Cmp(r.pays[after]) == 0 || sum.Sign() == 0 {
			continue
		}
		is = true
		trueUp.Add(trueUp, o.round(c, new(big.Rat).Mul(r.pays[after], sum)))
		trueUp.Sub(trueUp, o.round(c, new(big.Rat).Mul(r.pays[before], sum)))
	}
	if is {
		lines = append(lines, line{"true_up", sliceAmount{o.paidIn(c), trueUp}, false})
	}
	for _, l := range lines {
		status, reason := status, reason
		left := o.underCap(c, l.sliceAmount)
		c.earned = append(c.earned, l.sliceAmount)
		if l.own && left.Sign() > 0 {
			c.paid = true
		}
		if left.Sign() == 0 && (status == "accrued" || reason == "partner_suspended") {
			status, reason = "zero", "amounts_to_nothing"
			if l.amount.Sign() != 0 {
				reason = "cap_reached"
			}
		}
		if status == "zero" {
			left = new(big.Rat)
		}
		text := left.FloatString(len(fmt.Sprint(decimalsOf[l.currency])) - 1)
		o.out[c.conv.ID+" "+l.slice] = fmt.Sprintf("%s %s %s %s", text, l.currency, status, reason)
	}
	if counts {
		o.counted = append(o.counted, c)
	}
}

func (o *rewardOracle) standing(c *countedItem) (status, reason string, counts bool) {
	r := o.w.rules[c.rule]
	var first time.Time
	paid := 0
	for _, e := range o.counted {
		if e.conv.ReferralID == c.conv.ReferralID {
			if first.IsZero() {
				first = e.at
			}
			if e.paid {
				paid++
			}
		}
	}
	switch {
	case c.refunded:
		return "zero", "refunded", false
	case r.months > 0 && !first.IsZero() && o.isOver(first, c.at, r.months):
		return "zero", "reward_period_over", false
	case r.paidConversions > 0 && paid >= r.paidConversions:
		return "zero", "paid_conversions_reached", false
	case c.at.Before(o.w.goLive):
		return "zero", "before_go_live", true
	case c.conv.PayeeID == "SU0001":
		return "on_hold", "partner_suspended", true
	}
	return "accrued", "", true
}

// isOver walks from the first day to the last, and counts a month when the day of the
// month comes round again, or when a month without it has ended.
func (o *rewardOracle) isOver(first, at time.Time, months int) bool {
	n := 0
	for d := first.Truncate(24*time.Hour).AddDate(0, 0, 1); !d.After(at); d = d.AddDate(0, 0, 1) {
		yesterday := d.AddDate(0, 0, -1)
		skipped := d.Day() == 1 && yesterday.Day() < first.Day()
		if d.Day() == first.Day() || skipped {
			n++
		}
	}
	return n >= months
}

func (o *rewardOracle) earnsIn(c *countedItem) money.Currency {
	if r := o.w.rules[c.rule]; r.currency != "" {
		return r.currency
	}
	return c.conv.Currency
}

func (o *rewardOracle) paidIn(c *countedItem) money.Currency {
	if r := o.w.rules[c.rule]; r.payout != "" {
		return r.payout
	}
	return o.earnsIn(c)
}

// together are the items that count in a tier of version v with c, in c's period.
func (o *rewardOracle) together(v int, cs []*countedItem, c *countedItem) []*countedItem {
	var out []*countedItem
	for _, e := range cs {
		if e.conv.PayeeID == c.conv.PayeeID && o.earnsIn(e) == o.earnsIn(c) && o.paidIn(e) == o.paidIn(c) &&
			spanName(o.w.rules[v].span, e.at) == spanName(o.w.rules[v].span, c.at) {
			out = append(out, e)
		}
	}
	return out
}

func spanName(span string, t time.Time) string {
	switch span {
	case "month":
		return t.Format("2006-01")
	case "quarter":
		return fmt.Sprint(t.Year(), "Q", (int(t.Month())+2)/3)
	}
	return fmt.Sprint(t.Year())
}

// steps is how many positions an item takes: units of value, or one.
func (o *rewardOracle) steps(v int, e *countedItem) int {
	switch {
	case o.w.rules[v].measure == "count":
		return 1
	case e.conv.Currency != o.earnsIn(e):
		return 0
	}
	return e.units
}

func (o *rewardOracle) position(v int, cs []*countedItem, c *countedItem) int {
	n := 0
	for _, e := range o.together(v, cs, c) {
		n += o.steps(v, e)
	}
	return n
}

// band gives the band of a position, one after the other.
func (r worldRule) band(position int) int {
	k := 0
	for k < len(r.limits) && position > r.limits[k] {
		k++
	}
	return k
}

// bandsOfLast gives the bands in which the last item has a part.
func (o *rewardOracle) bandsOfLast(v int, cs []*countedItem) []int {
	r, c := o.w.rules[v], cs[len(cs)-1]
	before, after := o.position(v, cs[:len(cs)-1], c), o.position(v, cs, c)
	if r.retro || before == after {
		return []int{r.band(after)}
	}
	var out []int
	for p := before + 1; p <= after; p++ {
		if k := r.band(p); len(out) == 0 || out[len(out)-1] != k {
			out = append(out, k)
		}
	}
	return out
}

// bandSum adds up, unit by unit, what version v's own items earn in band k.
func (o *rewardOracle) bandSum(v, k int, cs []*countedItem, c *countedItem) *big.Rat {
	r, sum, position := o.w.rules[v], new(big.Rat), 0
	for _, e := range o.together(v, cs, c) {
		for range o.steps(v, e) {
			position++
			if e.rule != v || r.band(position) != k {
				continue
			}
			one := rewardUnit
			if r.measure == "count" {
				one = o.basis(v, e)
			}
			sum.Add(sum, o.times(e, new(big.Rat).Mul(one, r.pays[k])))
		}
	}
	return sum
}

// basis is what a band of version v pays for in an item.
func (o *rewardOracle) basis(v int, e *countedItem) *big.Rat {
	if o.w.rules[v].currency != "" {
		return big.NewRat(1, 1)
	}
	return unitsWorth(e.units)
}

// wholeSum adds up what version v's own items of the period are rated on.
func (o *rewardOracle) wholeSum(v int, cs []*countedItem, c *countedItem) *big.Rat {
	sum := new(big.Rat)
	for _, e := range o.together(v, cs, c) {
		if e.rule == v {
			sum.Add(sum, o.times(e, o.basis(v, e)))
		}
	}
	return sum
}

// underCap is what the cap leaves of an amount: the capped total with it, less that
// without it.
func (o *rewardOracle) underCap(c *countedItem, a sliceAmount) *big.Rat {
	if !o.w.capped {
		return a.amount
	}
	total := new(big.Rat)
	sum := func(e *countedItem) {
		for _, s := range e.earned {
			if s.currency == a.currency && e.conv.PayeeID == c.conv.PayeeID && spanName(o.w.capPer, e.at) == spanName(o.w.capPer, c.at) {
				total.Add(total, s.amount)
			}
		}
	}
	for _, e := range o.counted {
		sum(e)
	}
	sum(c)
	least := func(a, b *big.Rat) *big.Rat {
		if a.Cmp(b) < 0 {
			return a
		}
		return b
	}
	limit := o.w.caps[a.currency]
	before := least(limit, total)
	return new(big.Rat).Sub(least(limit, new(big.Rat).Add(total, a.amount)), before)
}

// times converts an amount of an item at the rate of its day.
func (o *rewardOracle) times(e *countedItem, r *big.Rat) *big.Rat {
	if o.paidIn(e) == o.earnsIn(e) {
		return r
	}
	return new(big.Rat).Mul(r, rateOf(e.at))
}

func unitsWorth(units int) *big.Rat { return new(big.Rat).Mul(rewardUnit, big.NewRat(int64(units), 1)) }

// round is half away from zero, to the minor unit of the currency of c's lines.
func (o *rewardOracle) round(c *countedItem, r *big.Rat) *big.Rat {
	scale := decimalsOf[o.paidIn(c)]
	n := new(big.Rat).Add(new(big.Rat).Mul(r, big.NewRat(scale, 1)), big.NewRat(1, 2))
	whole := new(big.Int).Div(n.Num(), n.Denom()) // sums are never negative
	return new(big.Rat).SetFrac(whole, big.NewInt(scale))
}
