package commission_test

import (
	"fmt"
	"math/big"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

// rewardUnit is what values and limits are made of, so that the oracle can count them out one
// by one. It is finer than the minor unit of any currency that is drawn.
var rewardUnit = big.NewRat(37211, 100000)

var decimalsOf = map[money.Currency]int64{"USD": 100, "EUR": 100, "JPY": 1, "KWD": 1000}

func ofUnits(n int) decimal.Decimal { return decimal.NewFromInt(int64(n)).Mul(dec("0.37211")) }

// rewardWorld is a history with what the oracle needs to know of it, in its own terms.
type rewardWorld struct {
	engine *commission.RewardEngine
	items  []worldItem
	rules  []worldRule
	capped bool
	capPer string
	caps   map[money.Currency]*big.Rat
	goLive time.Time
}

type worldItem struct {
	conv     commission.Conversion
	at       time.Time // the instant, UTC being the company zone
	units    int       // of value, refunds taken away
	refunded bool
}

type worldRule struct {
	from                time.Time
	kind, measure, span string
	retro               bool
	limits              []int // in units, or conversions; the last band has none
	pays                []*big.Rat
	currency            money.Currency // of amounts
	payout              money.Currency
	paidConversions     int
	months              int
}

// rateOf is the exchange rate of a day, made up.
func rateOf(t time.Time) *big.Rat { return big.NewRat(int64(80+t.YearDay()%40), 100) }

func drawWorld(t *rapid.T) *rewardWorld {
	w := &rewardWorld{caps: map[money.Currency]*big.Rat{}}
	e := rewards()
	e.AsOf = day("2030-01-01")
	e.Rate = func(from, to money.Currency, on clock.Date) (commission.ExchangeRate, bool) {
		r := rateOf(on.Start(time.UTC))
		return commission.ExchangeRate{From: from, To: to, On: on, Rate: decimal.NewFromBigRat(r, 2)}, true
	}
	w.engine = e
	if rapid.IntRange(0, 3).Draw(t, "go-live?") == 0 {
		e.GoLive = day("2025-11-01").AddDays(rapid.IntRange(0, 120).Draw(t, "go-live"))
		w.goLive = e.GoLive.Start(time.UTC)
	}
	var caps []commission.Cap
	if w.capped = rapid.IntRange(0, 2).Draw(t, "capped") == 0; w.capped {
		w.capPer = rapid.SampledFrom([]string{"month", "quarter", "year"}).Draw(t, "cap period")
		for _, c := range []money.Currency{"USD", "JPY", "KWD", "EUR"} {
			n := int64(rapid.IntRange(0, 8).Draw(t, "cap"))
			caps = append(caps, commission.Cap{Amount: decimal.NewFromInt(n), Currency: c})
			w.caps[c] = big.NewRat(n, 1)
		}
	}
	from := day("2025-01-01")
	for i := range rapid.IntRange(1, 3).Draw(t, "versions") {
		r, o := drawReward(t)
		if w.capped {
			r.Caps, r.CapPeriod = caps, commission.RewardPeriod(w.capPer)
		}
		rr := commission.RewardRule{Program: "refer", Name: fmt.Sprint("v", i), EffectiveFrom: from, PayoutCurrency: o.payout, Reward: r}
		o.from = from.Start(time.UTC)
		w.rules, e.Rules = append(w.rules, o), append(e.Rules, rr)
		if from.Before(day("2025-11-01")) {
			from = day("2025-11-10")
		}
		from = from.AddDays(rapid.IntRange(1, 60).Draw(t, "version after"))
	}
	for i := range rapid.IntRange(0, 14).Draw(t, "conversions") {
		w.items = append(w.items, drawItem(t, i))
	}
	return w
}

func drawReward(t *rapid.T) (commission.Reward, worldRule) {
	o := worldRule{
		kind:            rapid.SampledFrom([]string{"flat", "percent", "tiered", "tiered", "tiered", "tiered"}).Draw(t, "kind"),
		paidConversions: max(0, rapid.IntRange(-4, 3).Draw(t, "paid conversions")),
		months:          max(0, rapid.IntRange(-4, 3).Draw(t, "months")),
	}
	if rapid.IntRange(0, 4).Draw(t, "payout") == 0 {
		o.payout = "EUR"
	}
	r := commission.Reward{Kind: commission.RewardKind(o.kind), PaidConversions: o.paidConversions, Months: o.months}
	rate := func() *big.Rat { return big.NewRat(int64(rapid.IntRange(0, 200).Draw(t, "rate")), 1000) }
	asDec := func(r *big.Rat) *decimal.Decimal { d := decimal.NewFromBigRat(r, 6); return &d }
	switch o.kind {
	case "flat":
		o.currency = rapid.SampledFrom([]money.Currency{"USD", "JPY", "KWD"}).Draw(t, "flat currency")
		o.pays = []*big.Rat{rate()}
		r.Amount, r.Currency = asDec(o.pays[0]), o.currency
		return r, o
	case "percent":
		o.pays = []*big.Rat{rate()}
		r.Rate = asDec(o.pays[0])
		return r, o
	}
	o.measure = rapid.SampledFrom([]string{"count", "value"}).Draw(t, "measure")
	o.span = rapid.SampledFrom([]string{"month", "quarter", "year"}).Draw(t, "span")
	o.retro = rapid.Bool().Draw(t, "retroactive")
	amounts := o.measure == "count" && rapid.Bool().Draw(t, "amounts")
	if amounts {
		o.currency = rapid.SampledFrom([]money.Currency{"USD", "JPY", "KWD"}).Draw(t, "band currency")
		r.Currency = o.currency
	}
	r.Measure, r.Period, r.Mode = commission.TierMeasure(o.measure), commission.RewardPeriod(o.span), commission.TierMarginal
	if o.retro {
		r.Mode = commission.TierRetroactive
	}
	limit := 0
	n := rapid.IntRange(1, 4).Draw(t, "bands")
	for i := range n {
		b := commission.Band{From: ofLimit(o.measure, limit)}
		o.pays = append(o.pays, rate())
		if i < n-1 {
			limit += rapid.IntRange(1, map[string]int{"count": 3, "value": 25}[o.measure]).Draw(t, "limit")
			o.limits = append(o.limits, limit)
			to := ofLimit(o.measure, limit)
			b.To = &to
		}
		if amounts {
			b.Amount = asDec(o.pays[i])
		} else {
			b.Rate = asDec(o.pays[i])
		}
		r.Bands = append(r.Bands, b)
	}
	return r, o
}

func ofLimit(measure string, n int) decimal.Decimal {
	if measure == "count" {
		return decimal.NewFromInt(int64(n))
	}
	return ofUnits(n)
}

func drawItem(t *rapid.T, i int) worldItem {
	id := fmt.Sprintf("c%02d", rapid.IntRange(0, 49).Draw(t, "id")*50+i)
	value := rapid.IntRange(0, 30).Draw(t, "units")
	on := day("2025-10-20").AddDays(rapid.IntRange(0, 170).Draw(t, "day"))
	c := conversion(id, on.String(), "0")
	*c.Value = ofUnits(value)
	c.PayeeID = rapid.SampledFrom([]string{"AB1234", "AB1234", "AB1234", "SU0001"}).Draw(t, "payee")
	c.Currency = rapid.SampledFrom([]money.Currency{"USD", "USD", "JPY", "KWD"}).Draw(t, "currency")
	c.ReferralID = fmt.Sprint(c.PayeeID, rapid.IntRange(1, 4).Draw(t, "referral"))
	it := worldItem{at: on.Start(time.UTC), units: value}
	if rapid.Bool().Draw(t, "has an hour") {
		it.at = it.at.Add(time.Duration(rapid.IntRange(0, 24*3600-1).Draw(t, "second")) * time.Second)
		c.On, c.At = clock.Date{}, it.at
	}
	for j := range rapid.IntRange(-3, 2).Draw(t, "refunds") {
		if it.units == 0 {
			break
		}
		n := rapid.IntRange(1, it.units).Draw(t, "refunded")
		it.units -= n
		it.refunded = it.units == 0
		c.Refunds = append(c.Refunds, commission.Refund{ID: fmt.Sprint(id, j), Amount: ofUnits(n), Currency: c.Currency, At: it.at})
	}
	if it.refunded {
		it.units = value
	}
	it.conv = c
	return it
}
