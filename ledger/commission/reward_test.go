package commission_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

func pdec(s string) *decimal.Decimal { d := dec(s); return &d }

// bandsOf makes bands from their upper limits and what each pays: "10000", "0.1", "", "0.15".
func bandsOf(pairs ...string) []commission.Band {
	var out []commission.Band
	from := decimal.Zero
	for i := 0; i < len(pairs); i += 2 {
		b := commission.Band{From: from, Rate: pdec(pairs[i+1])}
		if pairs[i] != "" {
			b.To = pdec(pairs[i])
			from = *b.To
		}
		out = append(out, b)
	}
	return out
}

func amountBands(pairs ...string) []commission.Band {
	out := bandsOf(pairs...)
	for i := range out {
		out[i].Amount, out[i].Rate = out[i].Rate, nil
	}
	return out
}

func percentReward(rate string) commission.Reward {
	return commission.Reward{Kind: commission.RewardPercent, Rate: pdec(rate)}
}

func flatReward(amount string, c money.Currency) commission.Reward {
	return commission.Reward{Kind: commission.RewardFlat, Amount: pdec(amount), Currency: c}
}

func tiered(measure commission.TierMeasure, period commission.RewardPeriod, mode commission.TierMode, bands []commission.Band) commission.Reward {
	return commission.Reward{Kind: commission.RewardTiered, Measure: measure, Period: period, Mode: mode, Bands: bands}
}

// example10 is the reward of worked example 10.
func example10(mode commission.TierMode) commission.Reward {
	return tiered(commission.TierByValue, commission.PerMonth, mode, bandsOf("10000", "0.1", "", "0.15"))
}

func rewardRule(r commission.Reward) commission.RewardRule {
	return commission.RewardRule{Program: "refer", Name: "Standard", EffectiveFrom: day("2020-01-01"), Reward: r}
}

func rewards(rules ...commission.RewardRule) *commission.RewardEngine {
	return &commission.RewardEngine{
		Rules: rules,
		Payees: map[string]commission.Partner{
			"AB1234": {Name: "Contoso"}, "R000001": {Name: "Ana"}, "SU0001": {Name: "Suspended Ltd", Suspended: true},
		},
		AsOf: day("2027-01-31"),
	}
}

func conversion(id, on, value string) commission.Conversion {
	return commission.Conversion{
		ID: id, PayeeID: "AB1234", Program: "refer", ProgramName: "Refer a friend", Action: "purchase",
		Value: pdec(value), Currency: "USD", On: day(on), ReferralID: "ref-" + id,
	}
}

func refunded(c commission.Conversion, amounts ...string) commission.Conversion {
	c.Refunds = nil
	for i, a := range amounts {
		c.Refunds = append(c.Refunds, commission.Refund{
			ID: fmt.Sprintf("%s-refund%d", c.ID, i+1), Amount: dec(a), Currency: c.Currency, At: at("2026-05-02T08:00:00Z").AddDate(0, 0, i),
		})
	}
	return c
}

func rewardResults(t *testing.T, e *commission.RewardEngine, cs ...commission.Conversion) []commission.ConversionResult {
	t.Helper()
	out, err := e.Results(cs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func rewardLines(t *testing.T, e *commission.RewardEngine, cs ...commission.Conversion) []commission.Line {
	t.Helper()
	return commission.RewardLines(rewardResults(t, e, cs...))
}

// rewardBytes is all that is said, in bytes (R7.7).
func rewardBytes(t rapid.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// rewardSummary gives "c1 tier1 800.00 USD", with status and reason where it is not accrued.
func rewardSummary(ls []commission.Line) []string {
	var out []string
	for _, l := range ls {
		s := fmt.Sprintf("%s %s %s", l.SourceID, l.Slice, l.Currency.Format(l.Amount))
		if l.Status != commission.Accrued {
			s += fmt.Sprintf(" %s %s", l.Status, l.Reason)
		}
		out = append(out, s)
	}
	return out
}

func wantRewards(t *testing.T, got []commission.Line, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, rewardSummary(got)); d != "" {
		t.Error(d)
	}
}

func TestR6_5_WorkedExample10_Marginal(t *testing.T) {
	e := rewards(rewardRule(example10("")))
	c1, c2 := conversion("c1", "2026-03-05", "8000"), conversion("c2", "2026-03-10", "4000")
	before := rewardLines(t, e, c1, c2)
	wantRewards(t, before, "c1 tier1 800.00 USD", "c2 tier1 200.00 USD", "c2 tier2 300.00 USD")
	if want := "AB1234/program/c2/tier2/2026-03"; before[2].Key != want {
		t.Errorf("key %s, want %s", before[2].Key, want)
	}
	// The 8,000 refunded in full: what is left is 4,000 at 10 %, so −900.00 in all.
	after := rewardLines(t, e, refunded(c1, "3000", "5000"), c2)
	wantRewards(t, after, "c1 tier1 0.00 USD zero refunded", "c2 tier1 400.00 USD")
	sum := decimal.Zero
	for _, l := range after {
		sum = sum.Add(l.Amount)
	}
	for _, l := range before {
		sum = sum.Sub(l.Amount)
	}
	if sum.StringFixed(2) != "-900.00" {
		t.Errorf("expected − posted is %s, want −900.00", sum)
	}
}

func TestR6_5_WorkedExample10_Retroactive(t *testing.T) {
	e := rewards(rewardRule(example10(commission.TierRetroactive)))
	got := rewardLines(t, e, conversion("c1", "2026-03-05", "8000"), conversion("c2", "2026-03-10", "4000"))
	wantRewards(t, got, "c1 tier1 800.00 USD", "c2 tier2 600.00 USD", "c2 true_up 400.00 USD")
	if l := got[2]; !l.Base.Equal(dec("8000")) || !l.Rate.Equal(dec("0.05")) {
		t.Errorf("true-up of %s at %s, want 8000 at 0.05", l.Base, l.Rate)
	}
}

func TestR6_5_ABandEndsAtItsLimit(t *testing.T) {
	for mode, want := range map[commission.TierMode][]string{
		commission.TierMarginal:    {"c1 tier1 1000.00 USD", "c2 tier2 0.15 USD"},
		commission.TierRetroactive: {"c1 tier1 1000.00 USD", "c2 tier2 0.15 USD", "c2 true_up 500.00 USD"},
	} {
		e := rewards(rewardRule(example10(mode)))
		wantRewards(t, rewardLines(t, e, conversion("c1", "2026-03-05", "10000"), conversion("c2", "2026-03-06", "1")), want...)
	}
	// By count, the conversion whose number is the limit belongs to the lower band.
	e := rewards(rewardRule(tiered(commission.TierByCount, commission.PerMonth, "", bandsOf("2", "0.1", "", "0.2"))))
	wantRewards(t, rewardLines(t, e, conversion("c1", "2026-03-05", "10"), conversion("c2", "2026-03-06", "10"), conversion("c3", "2026-03-07", "10")),
		"c1 tier1 1.00 USD", "c2 tier1 1.00 USD", "c3 tier2 2.00 USD")
}

func TestR6_5_FlatAndPercent(t *testing.T) {
	wantRewards(t, rewardLines(t, rewards(rewardRule(percentReward("0.125"))), conversion("c1", "2026-03-05", "10.20")), "c1 percent 1.28 USD")
	c := conversion("c1", "2026-03-05", "1")
	c.Value, c.Currency = nil, "" // a signup
	wantRewards(t, rewardLines(t, rewards(rewardRule(flatReward("50", "EUR"))), c), "c1 flat 50.00 EUR")
	// A partial refund leaves a flat reward as it is.
	wantRewards(t, rewardLines(t, rewards(rewardRule(flatReward("50", "EUR"))), refunded(conversion("c1", "2026-03-05", "20"), "19.99")), "c1 flat 50.00 EUR")
	wantRewards(t, rewardLines(t, rewards(rewardRule(percentReward("0.1"))), refunded(conversion("c1", "2026-03-05", "20"), "5", "5")), "c1 percent 1.00 USD")
}

func TestR6_5_BandsByCountMayPayAmounts(t *testing.T) {
	r := tiered(commission.TierByCount, commission.PerQuarter, commission.TierRetroactive, amountBands("2", "10", "", "12.5"))
	r.Currency = "USD"
	e := rewards(rewardRule(r))
	wantRewards(t, rewardLines(t, e, conversion("c1", "2026-01-31", "1"), conversion("c2", "2026-02-05", "1"), conversion("c3", "2026-03-31", "1"),
		conversion("c4", "2026-04-01", "1")),
		"c1 tier1 10.00 USD", "c2 tier1 10.00 USD", "c3 tier2 12.50 USD", "c3 true_up 5.00 USD", "c4 tier1 10.00 USD")
}

func TestR6_5_PeriodsAreThoseOfTheCompanyZone(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	e := rewards(rewardRule(example10("")))
	e.Zone = zone
	c1, c2 := conversion("c1", "2026-03-05", "10000"), conversion("c2", "2026-03-05", "10000")
	c1.On, c1.At = clock.Date{}, at("2026-04-01T03:59:59Z") // still March there
	c2.On, c2.At = clock.Date{}, at("2026-04-01T04:00:00Z")
	got := rewardLines(t, e, c1, c2)
	wantRewards(t, got, "c1 tier1 1000.00 USD", "c2 tier1 1000.00 USD")
	if got[0].Period.String() != "2026-03" || got[1].Period.String() != "2026-04" {
		t.Errorf("periods %s and %s, want 2026-03 and 2026-04", got[0].Period, got[1].Period)
	}
}

func TestR6_5_OrderIsByInstantThenID(t *testing.T) {
	e := rewards(rewardRule(example10("")))
	a, b, c := conversion("b", "2026-03-05", "8000"), conversion("a", "2026-03-06", "4000"), conversion("c", "2026-03-05", "4000")
	c.On, c.At = clock.Date{}, at("2026-03-05T00:00:00Z") // a date counts as its start of day: a tie, so by id
	want := rewardLines(t, e, a, b, c)
	wantRewards(t, want, "a tier2 600.00 USD", "b tier1 800.00 USD", "c tier1 200.00 USD", "c tier2 300.00 USD")
	if got := rewardLines(t, e, c, b, a); rewardBytes(t, want) != rewardBytes(t, got) {
		t.Errorf("got %v in another order, want %v", got, want)
	}
}

func TestR6_5_PerPayeeProgramAndCurrency(t *testing.T) {
	other := rewardRule(example10(""))
	other.Program = "other"
	e := rewards(rewardRule(example10("")), other)
	c := func(id string, change func(*commission.Conversion)) commission.Conversion {
		c := conversion(id, "2026-03-05", "10000")
		change(&c)
		return c
	}
	wantRewards(t, rewardLines(t, e,
		c("c1", func(*commission.Conversion) {}),
		c("c2", func(c *commission.Conversion) { c.PayeeID = "R000001" }),
		c("c3", func(c *commission.Conversion) { c.Program = "other" }),
		c("c4", func(c *commission.Conversion) { c.Currency = "JPY" }),
		c("c5", func(*commission.Conversion) {})),
		"c1 tier1 1000.00 USD", "c2 tier1 1000.00 USD", "c3 tier1 1000.00 USD", "c4 tier1 1000 JPY", "c5 tier2 1500.00 USD")
}

func TestR4_4_AVersionGovernsTheConversionsOfItsDays(t *testing.T) {
	old, now := rewardRule(percentReward("0.1")), rewardRule(percentReward("0.2"))
	now.EffectiveFrom, now.Name = day("2026-03-06"), "New"
	got := rewardLines(t, rewards(now, old), conversion("c1", "2026-03-05", "10"), conversion("c2", "2026-03-06", "10"))
	wantRewards(t, got, "c1 percent 1.00 USD", "c2 percent 2.00 USD")
	if got[1].Plan != "New from 2026-03-06" {
		t.Errorf("plan %q", got[1].Plan)
	}
	ended := old
	ended.EffectiveTo = day("2026-03-06")
	res := rewardResults(t, rewards(ended), conversion("c1", "2026-03-05", "10"), conversion("c2", "2026-03-06", "10"))
	if !res[1].Frozen || res[1].Reason != "no_plan" || len(res[1].Findings) != 1 || len(res[1].Result.Lines) != 0 {
		t.Errorf("got %+v, want it on hold, no_plan", res[1])
	}
}

// TestR4_4_ATierPeriodThatSpansTwoVersions: the position counts all conversions of the
// period, each is paid by its own version, and a crossing re-rates each version's own.
func TestR4_4_ATierPeriodThatSpansTwoVersions(t *testing.T) {
	first, second := rewardRule(example10("")), rewardRule(tiered(commission.TierByValue, commission.PerMonth, "", bandsOf("9000", "0.2", "", "0.3")))
	second.EffectiveFrom = day("2026-03-10")
	c1, c2 := conversion("c1", "2026-03-05", "8000"), conversion("c2", "2026-03-10", "4000")
	wantRewards(t, rewardLines(t, rewards(first, second), c1, c2), "c1 tier1 800.00 USD", "c2 tier1 200.00 USD", "c2 tier2 900.00 USD")
	first.Reward.Mode, second.Reward.Mode = commission.TierRetroactive, commission.TierRetroactive
	wantRewards(t, rewardLines(t, rewards(first, second), c1, c2), "c1 tier1 800.00 USD", "c2 tier2 1200.00 USD", "c2 true_up 400.00 USD")
	// Both versions have something to re-rate: one line holds both.
	third := second
	third.EffectiveFrom, third.Reward = day("2026-03-20"), percentReward("0.5")
	second.Reward.Bands = bandsOf("12000", "0.2", "", "0.3")
	first.Reward.Bands = bandsOf("12000", "0.1", "", "0.15")
	wantRewards(t, rewardLines(t, rewards(first, second, third), c1, c2, conversion("c3", "2026-03-25", "1")),
		"c1 tier1 800.00 USD", "c2 tier1 800.00 USD", "c3 percent 0.50 USD", "c3 true_up 800.00 USD") // 8000 × 5 % + 4000 × 10 %
}

func TestR6_6_TheNarrowerScopeGoverns(t *testing.T) {
	program, tier, payee := rewardRule(percentReward("0.1")), rewardRule(percentReward("0.2")), rewardRule(percentReward("0.3"))
	tier.Tier, payee.PayeeID = "gold", "AB1234"
	tier.EffectiveFrom, payee.EffectiveFrom, payee.EffectiveTo = day("2026-02-01"), day("2026-03-01"), day("2026-04-01")
	e := rewards(program, tier, payee)
	c := func(id, on string) commission.Conversion {
		c := conversion(id, on, "10")
		c.Tier = "gold"
		return c
	}
	silver := conversion("c5", "2026-05-01", "10")
	wantRewards(t, rewardLines(t, e, c("c1", "2026-01-31"), c("c2", "2026-02-01"), c("c3", "2026-03-31"), c("c4", "2026-04-01"), silver),
		"c1 percent 1.00 USD", "c2 percent 2.00 USD", "c3 percent 3.00 USD", "c4 percent 2.00 USD", "c5 percent 1.00 USD")
}
