package commission_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

func TestR6_5_RewardsThatCannotBeUsedAreRefusedWithEveryFault(t *testing.T) {
	byValue := func(bands ...commission.Band) commission.Reward {
		return tiered(commission.TierByValue, commission.PerMonth, "", bands)
	}
	band := func(from, to, rate string) commission.Band {
		b := commission.Band{From: dec(from)}
		if to != "" {
			b.To = pdec(to)
		}
		if rate != "" {
			b.Rate = pdec(rate)
		}
		return b
	}
	both := band("0", "", "0.1")
	both.Amount = pdec("1")
	capped := percentReward("0.1")
	capped.Caps, capped.PaidConversions, capped.Months = []commission.Cap{{Amount: dec("1.001"), Currency: "USD"}, {Amount: dec("-1"), Currency: "USD"}}, -1, -1
	for name, c := range map[string]struct {
		r    commission.Reward
		want []string
	}{
		"no kind":               {commission.Reward{}, []string{`kind "" is none of`}},
		"flat without anything": {commission.Reward{Kind: "flat"}, []string{"a flat reward needs an amount", `a flat reward: "" is not a currency`}},
		"negative, unlisted":    {flatReward("-0.01", "XQZ"), []string{"negative amount, -0.01", `"XQZ" is not a currency that ISO 4217 lists`}},
		"no rate":               {commission.Reward{Kind: "percent"}, []string{"a percent reward needs a rate"}},
		"more than the whole":   {percentReward("1.0001"), []string{"a rate of 100.01 %, which is not between 0 % and 100 %"}},
		"less than nothing":     {percentReward("-0.1"), []string{"a rate of -10 %"}},
		"no bands":              {commission.Reward{Kind: "tiered"}, []string{`measure ""`, `period ""`, "at least one band"}},
		"not from zero":         {byValue(band("1", "", "0.1")), []string{"band 1 starts at 1; the first band starts at zero"}},
		"a gap":                 {byValue(band("0", "10", "0.1"), band("11", "", "0.2")), []string{"band 2 starts at 11, but band 1 ends at 10: there is a gap"}},
		"an overlap":            {byValue(band("0", "10", "0.1"), band("9", "", "0.2")), []string{"they overlap"}},
		"the last one closed":   {byValue(band("0", "10", "0.1")), []string{"band 1 ends at 10; the last band is open"}},
		"an open one before":    {byValue(band("0", "", "0.1"), band("10", "", "0.1")), []string{"band 1 has no end; only the last band is open"}},
		"backwards":             {byValue(band("0", "0", "0.1"), band("0", "", "0.1")), []string{"band 1 ends at 0, which is not after 0"}},
		"everything at once": {byValue(band("-1", "-2", "2"), band("3", "9", "")), []string{
			"band 1 starts at -1", "band 1 ends at -2, which is not after -1", "a rate of 200 %", "there is a gap", "band 2 ends at 9; the last", "band 2 needs a rate",
		}},
		"both":           {byValue(both), []string{"band 1 has both a rate and an amount"}},
		"amounts split":  {tiered("value", "month", "", amountBands("", "1")), []string{"bands by value cannot split", "is not a currency code"}},
		"mixed":          {tiered("count", "month", "", append(bandsOf("1", "0.1"), commission.Band{From: dec("1"), Amount: pdec("1")})), []string{"band 2 does not pay as band 1 does"}},
		"half an item":   {tiered("count", "month", "", bandsOf("1.5", "0.1", "", "0.2")), []string{"band 1 has a limit that is not a whole number", "band 2 has a limit"}},
		"unknown words":  {tiered("weight", "week", "sideways", bandsOf("", "0.1")), []string{`measure "weight"`, `period "week"`, `mode "sideways"`}},
		"limits":         {capped, []string{"paid conversions -1", "months -1", `cap period ""`, "cap 1 of 1.001 is not a whole number", "cap 2 has a negative amount", `cap 2 is a second one in "USD"`}},
		"stray":          {commission.Reward{Kind: "flat", Amount: pdec("1"), Currency: "USD", Rate: pdec("1"), Mode: "marginal"}, []string{"only a percent reward has a rate", "only a tiered reward has"}},
		"stray currency": {commission.Reward{Kind: "percent", Rate: pdec("1"), Currency: "USD", CapPeriod: "month"}, []string{"no currency of its own", "without a cap"}},
		"digits":         {percentReward("0.0000000000001"), []string{"too many digits"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.r.Check()
			if errs.KindOf(err) != errs.Invalid || errs.HintOf(err) == "" {
				t.Fatalf("got %v, want it refused with a hint", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v\ndoes not say %q", err, w)
				}
			}
		})
	}
}

func TestR6_5_RewardsThatCanBeUsed(t *testing.T) {
	amounts := tiered("count", "year", "retroactive", amountBands("2", "0", "", "10"))
	amounts.Currency = "KWD"
	capped := percentReward("1")
	capped.Caps, capped.CapPeriod = []commission.Cap{{Amount: dec("100"), Currency: "JPY"}}, "quarter"
	for _, r := range []commission.Reward{
		percentReward("0"), percentReward("1"), flatReward("0", "JPY"), example10(""), example10("retroactive"), amounts, capped,
		tiered("count", "quarter", "", bandsOf("", "0.1")),
	} {
		if err := r.Check(); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestR4_4_RulesThatCannotBeUsedAreRefused(t *testing.T) {
	r := commission.RewardRule{PayeeID: "AB1234", Tier: "gold", PayoutCurrency: "XQZ", Reward: percentReward("2")}
	err := r.Check()
	for _, w := range []string{"no program", "no name", "of a payee and of a partner tier", "no effective date", "XQZ", "200 %"} {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%v\ndoes not say %q", err, w)
		}
	}
	ends := rewardRule(percentReward("0.1"))
	ends.EffectiveTo = ends.EffectiveFrom
	if err := ends.Check(); err == nil || !strings.Contains(err.Error(), "not after") {
		t.Errorf("got %v, want an end that is not after the beginning refused", err)
	}
}

// FuzzRewardCheck: whatever is saved, Check neither fails nor takes long, it refuses
// what a plain reading of R6.5 refuses, and what it lets pass can be worked with.
func FuzzRewardCheck(f *testing.F) {
	for _, r := range []commission.Reward{
		percentReward("0.1"), flatReward("5", "USD"), example10(""), example10("retroactive"),
		tiered("count", "year", "", amountBands("2", "1", "", "2")), tiered("count", "quarter", "retroactive", bandsOf("1", "0.1", "3", "0.2", "", "0")),
	} {
		raw, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"Kind":"percent","Rate":"1e2000000000"}`))
	f.Add([]byte(`{"Kind":"tiered","Measure":"value","Period":"month","Bands":[{"From":"-1e-2000000000","Rate":"1e-2000000000"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r commission.Reward
		if json.Unmarshal(raw, &r) != nil {
			return
		}
		err := r.Check()
		if fault := plainFault(r); fault != "" && err == nil {
			t.Fatalf("%s passes, but %s", raw, fault)
		}
		if err != nil {
			return
		}
		var cs []commission.Conversion
		for i, v := range []string{"0", "0.01", "9999.99", "123456789"} {
			c := conversion("c"+string(rune('0'+i)), "2026-03-05", v)
			if i == 3 {
				c.Currency = "KWD"
			}
			cs = append(cs, c)
		}
		res, err := rewards(rewardRule(r)).Results(cs)
		if err != nil {
			t.Fatalf("%s passes, but %v", raw, err)
		}
		for _, c := range res {
			if len(c.Result.Lines) == 0 {
				t.Fatalf("%s gives no line for %s", raw, c.ConversionID)
			}
			for _, l := range c.Result.Lines {
				if _, err := l.Currency.Minor(l.Amount); err != nil || l.Explanation.Sentence == "" {
					t.Fatalf("%s gives %+v (%v)", raw, l, err)
				}
			}
		}
	})
}

// plainFault reads R6.5 once more: it names a fault that a reward has, or "".
func plainFault(r commission.Reward) string {
	isSane := func(ds ...*decimal.Decimal) bool {
		for _, d := range ds {
			if d != nil && (d.Exponent() > 100 || d.Exponent() < -100) {
				return false
			}
		}
		return true
	}
	badRate := func(d *decimal.Decimal) bool {
		return d == nil || d.Rat().Sign() < 0 || d.Rat().Cmp(big.NewRat(1, 1)) > 0
	}
	badMoney := func(d *decimal.Decimal, c money.Currency) bool {
		_, err := money.ParseCurrency(string(c))
		return d == nil || d.Rat().Sign() < 0 || err != nil
	}
	if !isSane(r.Rate, r.Amount) {
		return "a number is out of all proportion"
	}
	switch r.Kind {
	case "flat":
		if badMoney(r.Amount, r.Currency) {
			return "the amount or its currency is wrong"
		}
		return ""
	case "percent":
		if badRate(r.Rate) {
			return "the rate is wrong"
		}
		return ""
	case "tiered":
	default:
		return "there is no such kind"
	}
	if len(r.Bands) == 0 {
		return "there is no band"
	}
	at := new(big.Rat)
	for i, b := range r.Bands {
		last := i == len(r.Bands)-1
		switch {
		case !isSane(&b.From, b.To, b.Rate, b.Amount):
			return "a number is out of all proportion"
		case b.From.Rat().Cmp(at) != 0:
			return "a band does not start where the one before ends, or at zero"
		case last != (b.To == nil):
			return "the last band is not open, or another is"
		case b.Amount == nil && badRate(b.Rate), b.Amount != nil && badMoney(b.Amount, r.Currency):
			return "a band's pay is wrong"
		}
		if !last {
			if b.To.Rat().Cmp(at) <= 0 {
				return "a band has no width"
			}
			at = b.To.Rat()
		}
	}
	return ""
}
