package commission_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/commission"
)

func TestR10_RewardExplanations(t *testing.T) {
	type history struct {
		engine      *commission.RewardEngine
		conversions []commission.Conversion
	}
	c1, c2 := conversion("c1", "2026-03-05", "8000"), conversion("c2", "2026-03-10", "4000")
	c2.On, c2.At, c2.OpportunityID = clock.Date{}, at("2026-03-10T16:30:00Z"), "006000000000001AAA"
	byCount := tiered(commission.TierByCount, commission.PerQuarter, commission.TierRetroactive, amountBands("1", "10", "", "12.5"))
	byCount.Currency = "USD"
	capped := percentReward("0.1")
	capped.Caps, capped.CapPeriod = []commission.Cap{{Amount: dec("1000"), Currency: "USD"}}, commission.PerYear
	capped.PaidConversions, capped.Months = 3, 2
	inEuros := func(mode commission.TierMode) *commission.RewardEngine {
		r := rewardRule(example10(mode))
		r.PayoutCurrency = "EUR"
		e := rewards(r)
		e.Rate = commission.RatesOn([]commission.ExchangeRate{{From: "USD", To: "EUR", On: day("2026-03-01"), Rate: dec("0.92")}})
		return e
	}
	gold := rewardRule(percentReward("0.125"))
	gold.Tier, gold.Name = "gold", "Gold"
	tierRule := conversion("c1", "2026-03-05", "10.20")
	tierRule.Tier = "gold"
	signup := conversion("c1", "2026-03-05", "0")
	signup.Value, signup.Currency, signup.Action = nil, "", "signup"
	suspended, unknown, held := c1, c1, c1
	suspended.PayeeID, unknown.PayeeID = "SU0001", "ZZ9999"
	held.Hold = &commission.ConversionHold{Reason: "self_referral", Rule: "R6.3", Why: "the referred contact has the referrer's own domain"}
	superseded := c1
	superseded.SupersededBy = "the registration REG-1"
	noValue := c1
	noValue.Value = nil
	sameReferral := func(id, on, value string) commission.Conversion {
		c := conversion(id, on, value)
		c.ReferralID = "ref-c1"
		return c
	}
	live := rewards(rewardRule(example10(commission.TierRetroactive)))
	live.GoLive = day("2026-03-10")
	spans := rewardRule(percentReward("0.2"))
	spans.EffectiveFrom, spans.Name = day("2026-03-08"), "New"
	backwards := tiered(commission.TierByValue, commission.PerMonth, commission.TierRetroactive, bandsOf("1000", "0.2", "", "0.1"))
	backwards.Caps, backwards.CapPeriod = []commission.Cap{{Amount: dec("150"), Currency: "USD"}}, commission.PerMonth
	yen := conversion("c1", "2026-03-05", "3")
	yen.Currency = "JPY"
	for name, h := range map[string]history{
		"marginal":      {rewards(rewardRule(example10(""))), []commission.Conversion{c1, c2}},
		"retroactive":   {rewards(rewardRule(example10(commission.TierRetroactive))), []commission.Conversion{c1, c2}},
		"refunded":      {rewards(rewardRule(example10(""))), []commission.Conversion{refunded(c1, "3000", "5000"), refunded(c2, "1000")}},
		"count":         {rewards(rewardRule(byCount)), []commission.Conversion{c1, c2}},
		"limits":        {rewards(rewardRule(capped)), []commission.Conversion{c1, c2, sameReferral("c3", "2026-04-01", "1"), sameReferral("c4", "2026-05-05", "1")}},
		"payout":        {inEuros(""), []commission.Conversion{c1, c2}},
		"payout_retro":  {inEuros(commission.TierRetroactive), []commission.Conversion{c1, c2}},
		"missing_rate":  {inEuros(""), []commission.Conversion{conversion("c1", "2026-02-28", "8000")}},
		"partner_tier":  {rewards(rewardRule(percentReward("0.1")), gold), []commission.Conversion{tierRule}},
		"flat":          {rewards(rewardRule(flatReward("50", "EUR"))), []commission.Conversion{signup}},
		"holds":         {rewards(rewardRule(percentReward("0.1"))), []commission.Conversion{suspended}},
		"unknown":       {rewards(rewardRule(percentReward("0.1"))), []commission.Conversion{unknown}},
		"self_referral": {rewards(rewardRule(percentReward("0.1"))), []commission.Conversion{held}},
		"superseded":    {rewards(rewardRule(percentReward("0.1"))), []commission.Conversion{superseded}},
		"no_value":      {rewards(rewardRule(percentReward("0.1"))), []commission.Conversion{noValue}},
		"go_live":       {live, []commission.Conversion{c1, c2}},
		"two_versions":  {rewards(rewardRule(example10(commission.TierRetroactive)), spans), []commission.Conversion{c1, c2}},
		"cap_true_up":   {rewards(rewardRule(backwards)), []commission.Conversion{conversion("c1", "2026-03-01", "1000"), conversion("c2", "2026-03-02", "100")}},
		"nothing":       {rewards(rewardRule(percentReward("0.1"))), []commission.Conversion{yen}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			for _, l := range rewardLines(t, h.engine, h.conversions...) {
				raw, err := json.MarshalIndent(l.Explanation, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				out.WriteString(l.Key + " " + l.Currency.Format(l.Amount) + " " + string(l.Status) + "\n" + string(raw) + "\n")
			}
			golden(t, "reward_"+name, out.String())
		})
	}
}
