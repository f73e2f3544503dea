package commission_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
)

func TestR6_7_CapPerPayeeAndPeriod(t *testing.T) {
	r := percentReward("0.1")
	r.Caps, r.CapPeriod = []commission.Cap{{Amount: dec("100"), Currency: "USD"}}, commission.PerQuarter
	e := rewards(rewardRule(r))
	got := rewardLines(t, e, conversion("c1", "2026-01-31", "600"), conversion("c2", "2026-02-01", "600"), conversion("c3", "2026-03-31", "10"),
		conversion("c4", "2026-04-01", "10"))
	wantRewards(t, got, "c1 percent 60.00 USD", "c2 percent 40.00 USD", "c3 percent 0.00 USD zero cap_reached", "c4 percent 1.00 USD")
	eur := conversion("c1", "2026-01-31", "600")
	eur.Currency = "EUR"
	res := rewardResults(t, e, eur)
	wantRewards(t, commission.RewardLines(res), "c1 percent 60.00 EUR on_hold no_cap_in_currency")
	if len(res[0].Findings) != 1 || res[0].Findings[0].Kind != "no_cap_in_currency" {
		t.Errorf("got %+v", res[0].Findings)
	}
}

func TestR6_7_WhatATrueUpTakesAwayComesOffWhatTheCapKeptBack(t *testing.T) {
	r := tiered(commission.TierByValue, commission.PerMonth, commission.TierRetroactive, bandsOf("1000", "0.2", "", "0.1"))
	r.Caps, r.CapPeriod = []commission.Cap{{Amount: dec("150"), Currency: "USD"}}, commission.PerMonth
	got := rewardLines(t, rewards(rewardRule(r)), conversion("c1", "2026-03-01", "1000"), conversion("c2", "2026-03-02", "100"), conversion("c3", "2026-03-03", "600"))
	// It earns 200, capped to 150; then 10 more and 100 less: 110 in all; then 60: 150.
	wantRewards(t, got, "c1 tier1 150.00 USD", "c2 tier2 0.00 USD zero cap_reached", "c2 true_up -40.00 USD", "c3 tier2 40.00 USD")
}

func TestR6_7_PaidConversionsOfAReferral(t *testing.T) {
	r := percentReward("0.1")
	r.PaidConversions = 2
	same := func(c commission.Conversion) commission.Conversion { c.ReferralID = "ref"; return c }
	c1, c2, c3 := same(conversion("c1", "2026-01-01", "10")), same(conversion("c2", "2026-02-01", "10")), same(conversion("c3", "2026-03-01", "10"))
	nil0 := same(conversion("c0", "2025-12-01", "0"))
	e := rewards(rewardRule(r))
	wantRewards(t, rewardLines(t, e, nil0, c1, c2, c3, conversion("c4", "2026-03-01", "10")),
		"c0 percent 0.00 USD zero amounts_to_nothing", "c1 percent 1.00 USD", "c2 percent 1.00 USD",
		"c3 percent 0.00 USD zero paid_conversions_reached", "c4 percent 1.00 USD")
	wantRewards(t, rewardLines(t, e, refunded(c1, "10"), c2, c3), "c1 percent 0.00 USD zero refunded", "c2 percent 1.00 USD", "c3 percent 1.00 USD")
}

func TestR6_7_MonthsOfARecurringReward(t *testing.T) {
	r := percentReward("0.1")
	r.Months = 1
	same := func(c commission.Conversion) commission.Conversion { c.ReferralID = "ref"; return c }
	e := rewards(rewardRule(r))
	wantRewards(t, rewardLines(t, e, same(conversion("c1", "2026-01-15", "10")), same(conversion("c2", "2026-02-14", "10")), same(conversion("c3", "2026-02-15", "10"))),
		"c1 percent 1.00 USD", "c2 percent 1.00 USD", "c3 percent 0.00 USD zero reward_period_over")
	// February has no 31st: the month lasts until it ends.
	wantRewards(t, rewardLines(t, e, same(conversion("c1", "2026-01-31", "10")), same(conversion("c2", "2026-02-28", "10")), same(conversion("c3", "2026-03-01", "10"))),
		"c1 percent 1.00 USD", "c2 percent 1.00 USD", "c3 percent 0.00 USD zero reward_period_over")
	// What is not rewarded carries nobody from band to band.
	r = tiered(commission.TierByCount, commission.PerYear, "", bandsOf("2", "0.1", "", "0.2"))
	r.Months = 1
	wantRewards(t, rewardLines(t, rewards(rewardRule(r)), same(conversion("c1", "2026-01-15", "10")), same(conversion("c2", "2026-03-01", "10")),
		conversion("c3", "2026-03-02", "10"), conversion("c4", "2026-03-03", "10")),
		"c1 tier1 1.00 USD", "c2 tier1 0.00 USD zero reward_period_over", "c3 tier1 1.00 USD", "c4 tier2 2.00 USD")
}

func TestR4_5_ConversionsBeforeGoLive(t *testing.T) {
	e := rewards(rewardRule(example10(commission.TierRetroactive)))
	e.GoLive = day("2026-03-10")
	// What another system paid counts in the tier; the true-up accrues when it is earned.
	wantRewards(t, rewardLines(t, e, conversion("c1", "2026-03-09", "8000"), conversion("c2", "2026-03-10", "4000")),
		"c1 tier1 0.00 USD zero before_go_live", "c2 tier2 600.00 USD", "c2 true_up 400.00 USD")
	noValue := conversion("c1", "2026-03-09", "1")
	noValue.Value = nil
	if res := rewardResults(t, e, noValue); res[0].Frozen || len(res[0].Findings) != 0 {
		t.Errorf("got %+v, want nothing to mend in what another system paid", res[0])
	}
}

func TestR2_11_SuspendedAndUnknownPayeesAreHeld(t *testing.T) {
	e := rewards(rewardRule(percentReward("0.1")))
	c1, c2 := conversion("c1", "2026-03-05", "10"), conversion("c2", "2026-03-05", "10")
	c1.PayeeID, c2.PayeeID = "SU0001", "ZZ9999"
	wantRewards(t, rewardLines(t, e, c1, c2), "c1 percent 1.00 USD on_hold partner_suspended", "c2 percent 1.00 USD on_hold unknown_partner_id")
}

func TestR4_1_ConversionRegistrationStandsBeforeTheProgram(t *testing.T) {
	c := conversion("c1", "2026-03-05", "10000")
	c.SupersededBy = "the registration REG-1"
	wantRewards(t, rewardLines(t, rewards(rewardRule(example10(""))), c, conversion("c2", "2026-03-06", "10000")),
		"c1 tier1 0.00 USD zero superseded_by_registration", "c2 tier1 1000.00 USD")
}

func TestR6_3_WhatFactsHoldCarriesNobody(t *testing.T) {
	c := conversion("c1", "2026-03-05", "8000")
	c.Hold = &commission.ConversionHold{Reason: "self_referral", Rule: "R6.3", Why: "the referred contact has the referrer's own domain"}
	wantRewards(t, rewardLines(t, rewards(rewardRule(example10(""))), c, conversion("c2", "2026-03-06", "8000")),
		"c1 tier1 800.00 USD on_hold self_referral", "c2 tier1 800.00 USD")
}

func TestR3_1_ConversionsThatCannotBeMeantAreHeld(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		change       func(*commission.Conversion)
	}{
		{"no value", "no_amount", func(c *commission.Conversion) { c.Value = nil }},
		{"negative", "negative_amount", func(c *commission.Conversion) { c.Value = pdec("-1") }},
		{"too large", "amount_too_large", func(c *commission.Conversion) { c.Value = pdec("1234567890123456789") }},
		{"a gigantic exponent", "amount_too_large", func(c *commission.Conversion) { d := decimal.New(1, 2_000_000_000); c.Value = &d }},
		{"a tiny one", "amount_too_large", func(c *commission.Conversion) { d := decimal.New(-1, -2_000_000_000); c.Value = &d }},
		{"no currency", "bad_currency", func(c *commission.Conversion) { c.Currency = "" }},
		{"no such currency", "bad_currency", func(c *commission.Conversion) { c.Currency = "XQZ" }},
		{"refunded more than there is", "bad_refund", func(c *commission.Conversion) { *c = refunded(*c, "8000.01") }},
		{"a negative refund", "bad_refund", func(c *commission.Conversion) { *c = refunded(*c, "-1") }},
		{"a refund of nothing", "bad_refund", func(c *commission.Conversion) { *c = refunded(*c, "0") }},
		{"a gigantic refund", "bad_refund", func(c *commission.Conversion) {
			*c = refunded(*c, "1")
			c.Refunds[0].Amount = decimal.New(1, 2_000_000_000)
		}},
		{"a refund in another currency", "bad_refund", func(c *commission.Conversion) { *c = refunded(*c, "1"); c.Refunds[0].Currency = "EUR" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := conversion("c1", "2026-03-05", "8000")
			c.change(&bad)
			res := rewardResults(t, rewards(rewardRule(example10(""))), bad, conversion("c2", "2026-03-06", "4000"))
			r := res[0]
			if !r.Frozen || r.Reason != c.reason || len(r.Findings) != 1 || r.Findings[0].Kind != c.reason || !r.Findings[0].IsHold ||
				!slices.Contains(commission.RewardFindingKinds(), r.Reason) {
				t.Fatalf("got %+v, want a hold %s", r.Result, c.reason)
			}
			for _, l := range r.Result.Lines {
				if l.Status != commission.OnHold || l.Reason != c.reason {
					t.Errorf("got %+v, want it on hold", l)
				}
			}
			want := []string{"c2 tier1 400.00 USD"}
			if c.reason == "bad_refund" { // the value itself is not in doubt, so nothing else moves
				want = []string{"c2 tier1 200.00 USD", "c2 tier2 300.00 USD"}
			}
			wantRewards(t, res[1].Result.Lines, want...)
		})
	}
}

func TestR7_3_ConversionsAfterTheAsOfWait(t *testing.T) {
	e := rewards(rewardRule(percentReward("0.1")))
	e.AsOf = day("2026-03-05")
	res := rewardResults(t, e, conversion("c1", "2026-03-05", "10"), conversion("c2", "2026-03-06", "10"))
	if len(res[0].Result.Lines) != 1 || len(res[1].Result.Lines) != 0 || res[1].NextOn != day("2026-03-06") {
		t.Errorf("got %+v", res)
	}
}

func TestR7_4_ATierIsRoundedOnceForItsPeriod(t *testing.T) {
	e := rewards(rewardRule(tiered(commission.TierByValue, commission.PerMonth, "", bandsOf("", "0.1"))))
	got := rewardLines(t, e, conversion("c1", "2026-03-01", "0.04"), conversion("c2", "2026-03-02", "0.04"), conversion("c3", "2026-03-03", "0.04"))
	// 0.004, 0.008 and 0.012 in all: 0.00, 0.01 and 0.01.
	wantRewards(t, got, "c1 tier1 0.00 USD zero amounts_to_nothing", "c2 tier1 0.01 USD", "c3 tier1 0.00 USD zero amounts_to_nothing")
}

func TestR7_5_ConversionsInAPayoutCurrency(t *testing.T) {
	r := rewardRule(example10(commission.TierRetroactive))
	r.PayoutCurrency = "EUR"
	e := rewards(r)
	e.Rate = commission.RatesOn([]commission.ExchangeRate{
		{From: "USD", To: "EUR", On: day("2026-03-07"), Rate: dec("0.8")},
		{From: "USD", To: "EUR", On: day("2026-01-01"), Rate: dec("0.9")},
		{From: "JPY", To: "EUR", On: day("2026-03-06"), Rate: dec("0.006")},
	})
	c1, c2 := conversion("c1", "2026-03-05", "8000"), conversion("c2", "2026-03-10", "4000")
	// Each at the rate of its own day; the limit of the band is in the conversion's currency.
	wantRewards(t, rewardLines(t, e, c1, c2), "c1 tier1 720.00 EUR", "c2 tier2 480.00 EUR", "c2 true_up 360.00 EUR")
	yen := c1
	yen.Currency = "JPY"
	res := rewardResults(t, e, yen)
	wantRewards(t, commission.RewardLines(res), "c1 tier1 800 JPY on_hold missing_rate")
	if res[0].Frozen || len(res[0].Findings) != 1 || res[0].Findings[0].Kind != "missing_rate" {
		t.Errorf("got %+v", res[0].Result)
	}
	// A true-up waits for the rate of what it re-rates.
	late := yen
	late.ID, late.On, late.Value = "c2", day("2026-03-06"), pdec("4000")
	wantRewards(t, rewardLines(t, e, yen, late), "c1 tier1 800 JPY on_hold missing_rate", "c2 tier2 3.60 EUR", "c2 true_up 0.00 EUR on_hold missing_rate")
	e.Rate = nil
	wantRewards(t, rewardLines(t, e, c1), "c1 tier1 800.00 USD on_hold missing_rate")
}

func TestResultsRefusesWhatTheTablesRuleOut(t *testing.T) {
	bad := rewardRule(percentReward("1.1"))
	twice := []commission.RewardRule{rewardRule(percentReward("0.1")), rewardRule(percentReward("0.2"))}
	both := conversion("c1", "2026-03-05", "1")
	both.At = at("2026-03-05T00:00:00Z")
	for name, c := range map[string]struct {
		e  *commission.RewardEngine
		cs []commission.Conversion
	}{
		"a rule that fails its check": {rewards(bad), nil},
		"two rules of one day":        {rewards(twice...), nil},
		"a conversion twice":          {rewards(), []commission.Conversion{conversion("c1", "2026-03-05", "1"), conversion("c1", "2026-03-05", "1")}},
		"no id":                       {rewards(), []commission.Conversion{conversion("", "2026-03-05", "1")}},
		"two times":                   {rewards(), []commission.Conversion{both}},
	} {
		_, err := c.e.Results(c.cs)
		if errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v, want it refused", name, err)
		}
		var e *errs.Error
		if errors.As(err, &e) && strings.TrimSpace(e.Error()) == "" {
			t.Errorf("%s: an error without words", name)
		}
	}
}
