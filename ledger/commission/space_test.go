package commission_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

var update = flag.Bool("update", false, "write the golden files anew")

func day(s string) clock.Date {
	d, err := clock.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// engine knows two partners of old, one who joined late, and the default plan.
func engine(asOf string) *commission.Engine {
	return &commission.Engine{
		Partners: map[string]commission.Partner{
			"FG3877": {Name: "Northwind", JoinedOn: day("2016-05-01")},
			"AB1234": {Name: "Contoso", JoinedOn: day("2018-01-15")},
			"LT2022": {Name: "Fabrikam", JoinedOn: day("2022-02-01")},
			"SU0001": {Name: "Suspended Ltd", JoinedOn: day("2015-01-01"), Suspended: true},
		},
		Plans: []commission.Plan{
			{Name: "default", EffectiveFrom: day("2010-01-01"), SpaceRate: dec("0.1"), JoinedBefore: day("2021-01-01")},
		},
		AsOf: day(asOf), TermThrough: day(asOf),
	}
}

const spaceID = "a01000000000001AAA"

// held is a history of one Space: pairs of first day and ID.
func held(pairs ...string) []commission.Stretch {
	var out []commission.Stretch
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, commission.Stretch{
			From: day(pairs[i]), PartnerID: pairs[i+1], SpaceID: spaceID, At: at(pairs[i] + "T09:00:00Z"),
			Cause: "it was changed in Salesforce (history row 017000000000001AAA)", Rules: []string{"R2.5"},
		})
	}
	return out
}

func source(amount, closes string, holders []commission.Stretch) *commission.Source {
	a := dec(amount)
	return &commission.Source{
		ID: "006000000000001AAA", Name: "Acme renewal", AccountID: "001000000000001AAA", Currency: "USD",
		Amount: &a, CloseDate: day(closes), IsRevenue: true, Holders: holders,
		Spaces: []commission.Space{{ID: spaceID, Name: "Acme", How: "named by the opportunity"}},
	}
}

func term(s *commission.Source, start, end string) *commission.Source {
	s.Start, s.End = day(start), day(end)
	return s
}

// amounts gives "payee period" → amount.
func amounts(ls []commission.Line) map[string]string {
	out := map[string]string{}
	for _, l := range ls {
		out[l.PayeeID+" "+l.Period.String()] = l.Amount.StringFixed(2)
	}
	return out
}

func total(ls []commission.Line, payee string) string {
	sum := decimal.Zero
	for _, l := range ls {
		if l.PayeeID == payee && l.Status == commission.Accrued {
			sum = sum.Add(l.Amount)
		}
	}
	return sum.StringFixed(2)
}

func TestR7_2_WorkedExample1_TermByMonth(t *testing.T) {
	s := term(source("12000", "2025-12-20", held("2020-01-01", "FG3877")), "2026-01-01", "2026-12-31")
	got := engine("2027-01-31").Lines(s)
	a := amounts(got.Lines)
	if a["FG3877 2026-01"] != "101.92" || a["FG3877 2026-02"] != "92.05" {
		t.Errorf("January %s and February %s, want 101.92 and 92.05", a["FG3877 2026-01"], a["FG3877 2026-02"])
	}
	if len(got.Lines) != 12 || total(got.Lines, "FG3877") != "1200.00" {
		t.Errorf("%d lines sum to %s, want 12 and 1200.00", len(got.Lines), total(got.Lines, "FG3877"))
	}
	if want := "FG3877/space/006000000000001AAA/referral/2026-01"; got.Lines[0].Key != want {
		t.Errorf("key %s, want %s", got.Lines[0].Key, want)
	}
}

func TestR2_5_R3_4_WorkedExample2_Takeover(t *testing.T) {
	s := term(source("12000", "2025-12-20", held("2020-01-01", "FG3877", "2026-07-01", "AB1234")), "2026-01-01", "2026-12-31")
	got := engine("2027-01-31").Lines(s)
	if a, b := total(got.Lines, "FG3877"), total(got.Lines, "AB1234"); a != "595.07" || b != "604.93" {
		t.Errorf("FG3877 %s and AB1234 %s, want 595.07 and 604.93", a, b)
	}
}

func TestR3_2_WorkedExample3_PointRevenue(t *testing.T) {
	s := source("5000", "2026-03-15", held("2020-01-01", "FG3877", "2026-03-15", "AB1234"))
	got := engine("2027-01-31").Lines(s)
	if d := cmp.Diff(map[string]string{"AB1234 2026-03": "500.00"}, amounts(got.Lines)); d != "" {
		t.Error(d)
	}
}

func TestR4_3_WorkedExample9_JoinedAfterCutoff(t *testing.T) {
	s := source("5000", "2026-03-15", held("2022-03-01", "LT2022"))
	got := engine("2027-01-31").Lines(s)
	if len(got.Lines) != 1 || got.Lines[0].Status != commission.Zero || got.Lines[0].Reason != "joined_after_cutoff" ||
		!got.Lines[0].Amount.IsZero() {
		t.Errorf("got %+v, want one zero line, joined_after_cutoff", got.Lines)
	}
	// One line also for a term of many months, in its first (R7.6).
	got = engine("2027-01-31").Lines(term(s, "2026-05-10", "2027-05-09"))
	if len(got.Lines) != 1 || got.Lines[0].Period.String() != "2026-05" {
		t.Errorf("got %+v, want one zero line in 2026-05", got.Lines)
	}
}

func TestR3_1_HoldsOfASource(t *testing.T) {
	holders := held("2020-01-01", "FG3877")
	for _, c := range []struct {
		name   string
		reason string
		change func(*commission.Source, *commission.Engine)
	}{
		{"no Amount", "no_amount", func(s *commission.Source, _ *commission.Engine) { s.Amount = nil }},
		{"negative Amount", "negative_amount", func(s *commission.Source, _ *commission.Engine) { a := dec("-1"); s.Amount = &a }},
		{"an Amount of 19 digits", "amount_too_large", func(s *commission.Source, _ *commission.Engine) { a := dec("1234567890123456789"); s.Amount = &a }},
		{"three hundred years", "bad_term", func(s *commission.Source, _ *commission.Engine) { term(s, "1990-01-01", "2290-01-01") }},
		{"start alone", "bad_term", func(s *commission.Source, _ *commission.Engine) { s.Start = day("2026-01-01") }},
		{"end alone", "bad_term", func(s *commission.Source, _ *commission.Engine) { s.End = day("2026-01-01") }},
		{"start after end", "bad_term", func(s *commission.Source, _ *commission.Engine) { term(s, "2026-02-01", "2026-01-31") }},
		{"no plan yet", "no_plan", func(_ *commission.Source, e *commission.Engine) { e.Plans[0].EffectiveFrom = day("2026-03-16") }},
		{"no plan at all", "no_plan", func(_ *commission.Source, e *commission.Engine) { e.Plans = nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, e := source("5000", "2026-03-15", holders), engine("2026-12-31")
			c.change(s, e)
			got := e.Lines(s)
			if !got.Frozen || len(got.Findings) != 1 || got.Findings[0].Kind != c.reason || !got.Findings[0].IsHold {
				t.Fatalf("got %+v, want a hold %s", got, c.reason)
			}
			if len(got.Lines) != 1 || got.Lines[0].Status != commission.OnHold || got.Lines[0].Reason != c.reason {
				t.Errorf("got %+v, want one line on hold", got.Lines)
			}
		})
	}
}

func TestR3_3_NoSpaceHoldsTheSourceAsAWhole(t *testing.T) {
	s := source("5000", "2026-03-15", nil)
	s.Spaces = nil
	got := engine("2026-12-31").Lines(s)
	if !got.Frozen || got.Reason != "opportunity_without_space" || len(got.Findings) != 1 || len(got.Lines) != 0 {
		t.Errorf("got %+v, want the source on hold", got)
	}
}

func TestAnUnreadableRecordHoldsWhatItEarned(t *testing.T) {
	s := source("5000", "2026-03-15", held("2020-01-01", "FG3877"))
	s.IsUnreadable = true
	got := engine("2026-12-31").Lines(s)
	if !got.Frozen || got.Reason != "unreadable_record" || len(got.Findings) != 0 {
		t.Errorf("got %+v, want it on hold without a finding of its own: reconcile has one", got)
	}
}

func TestR2_8_UnknownPartnerIDIsHeldAndReleased(t *testing.T) {
	s, e := source("5000", "2026-03-15", held("2020-01-01", "ZZ9999")), engine("2026-12-31")
	got := e.Lines(s)
	if len(got.Lines) != 1 || got.Lines[0].Status != commission.OnHold || got.Lines[0].Reason != "unknown_partner_id" ||
		got.Lines[0].Amount.StringFixed(2) != "500.00" {
		t.Fatalf("got %+v, want 500.00 on hold", got.Lines)
	}
	e.Partners["ZZ9999"] = commission.Partner{Name: "Late Ltd", JoinedOn: day("2019-01-01")}
	if got = e.Lines(s); len(got.Lines) != 1 || got.Lines[0].Status != commission.Accrued {
		t.Errorf("got %+v, want it accrued once the ID is issued", got.Lines)
	}
}

func TestR1_1_MalformedPartnerIDPaysNobody(t *testing.T) {
	h := held("2020-01-01", "FG3877", "2026-03-01", "FG-3877")
	h[1].Malformed = true
	got := engine("2026-12-31").Lines(source("5000", "2026-03-15", h))
	if len(got.Lines) != 0 || len(got.Findings) != 1 || got.Findings[0].Kind != "malformed_partner_id" {
		t.Errorf("got %+v, want no line and a hold", got)
	}
}

func TestR2_11_SuspendedPartnerIsHeld(t *testing.T) {
	got := engine("2026-12-31").Lines(source("5000", "2026-03-15", held("2020-01-01", "SU0001")))
	if len(got.Lines) != 1 || got.Lines[0].Status != commission.OnHold || got.Lines[0].Reason != "partner_suspended" {
		t.Errorf("got %+v, want it on hold", got.Lines)
	}
}

func TestR3_3_DaysOnWhichSpacesDifferAreHeld(t *testing.T) {
	h := held("2020-01-01", "FG3877", "2026-07-01", "")
	h[1].Disagree = true
	s := term(source("365", "2026-01-01", h), "2026-01-01", "2026-12-31")
	got := engine("2027-01-31").Lines(s)
	if total(got.Lines, "FG3877") != "18.10" { // 36.5 × 181 ÷ 365
		t.Errorf("FG3877 %s, want 18.10 for the 181 days on which they agree", total(got.Lines, "FG3877"))
	}
	if len(got.Findings) != 1 || got.Findings[0].Kind != "opportunity_without_space" {
		t.Errorf("got %+v, want opportunity_without_space", got.Findings)
	}
}

func TestR7_2_NothingBeforeCloseDate(t *testing.T) {
	// It closes in March for a term that began in January: March takes 90 days.
	s := term(source("36500", "2026-03-10", held("2020-01-01", "FG3877")), "2026-01-01", "2026-12-31")
	a := amounts(engine("2027-01-31").Lines(s).Lines)
	if a["FG3877 2026-01"] != "" || a["FG3877 2026-03"] != "900.00" || a["FG3877 2026-04"] != "300.00" {
		t.Errorf("got %v, want nothing before March, 900.00 in March, 300.00 in April", a)
	}
	// It closes after its term is over: everything falls into the month of CloseDate.
	s = term(source("36500", "2027-01-10", held("2020-01-01", "FG3877")), "2026-01-01", "2026-12-31")
	if d := cmp.Diff(map[string]string{"FG3877 2027-01": "3650.00"}, amounts(engine("2027-01-31").Lines(s).Lines)); d != "" {
		t.Error(d)
	}
}

func TestR7_3_TermRevenueWaitsForTheEndOfTheMonth(t *testing.T) {
	s := term(source("12000", "2025-12-20", held("2020-01-01", "FG3877")), "2026-01-01", "2026-12-31")
	e := engine("2026-02-27")
	e.TermThrough = day("2026-01-31")
	got := e.Lines(s)
	if d := cmp.Diff(map[string]string{"FG3877 2026-01": "101.92"}, amounts(got.Lines)); d != "" {
		t.Error(d)
	}
	if got.NextOn != day("2026-02-28") {
		t.Errorf("next on %s, want 2026-02-28", got.NextOn)
	}
	// An explicit as-of goes into the month.
	e.AsOf, e.TermThrough = day("2026-02-10"), day("2026-02-10")
	if a := amounts(e.Lines(s).Lines)["FG3877 2026-02"]; a != "32.87" { // 1200 × 41 ÷ 365 = 134.79, less 101.92
		t.Errorf("February through the 10th %s, want 32.87", a)
	}
}

func TestR7_4_RoundingFollowsTheCurrency(t *testing.T) {
	for currency, want := range map[money.Currency]string{"USD": "0.13", "JPY": "0", "KWD": "0.125"} {
		s := source("1.25", "2026-03-15", held("2020-01-01", "FG3877"))
		s.Currency = currency
		got := engine("2026-12-31").Lines(s)
		if len(got.Lines) != 1 || got.Lines[0].Amount.String() != want {
			t.Errorf("%s: got %+v, want %s", currency, got.Lines, want)
		}
		if currency == "JPY" && (got.Lines[0].Status != commission.Zero || got.Lines[0].Reason != "amounts_to_nothing") {
			t.Errorf("JPY: got %+v, want a zero line (R7.6)", got.Lines[0])
		}
	}
}

// TestR7_2_MonthsSumToTheWhole: whatever the amount, the term and the takeovers,
// each payee's months sum to round(Amount × rate × days ÷ term), worked out here
// day by day.
func TestR7_2_MonthsSumToTheWhole(t *testing.T) {
	ids := []string{"FG3877", "AB1234", ""}
	rapid.Check(t, func(t *rapid.T) {
		start := day("2023-12-01").AddDays(rapid.IntRange(0, 500).Draw(t, "start"))
		length := rapid.IntRange(1, 800).Draw(t, "length")
		end := start.AddDays(length - 1)
		closes := start.AddDays(rapid.IntRange(-60, 900).Draw(t, "closes"))
		amount := decimal.New(rapid.Int64Range(0, 9_999_999_999).Draw(t, "amount"), -2)
		var holders []commission.Stretch
		from := start.AddDays(rapid.IntRange(-100, 50).Draw(t, "first"))
		for range rapid.IntRange(1, 5).Draw(t, "takeovers") {
			holders = append(holders, commission.Stretch{From: from, PartnerID: rapid.SampledFrom(ids).Draw(t, "id"), SpaceID: spaceID})
			from = from.AddDays(rapid.IntRange(1, 300).Draw(t, "held"))
		}
		s := term(source("0", closes.String(), holders), start.String(), end.String())
		s.Amount = &amount
		lines := engine("2030-12-31").Lines(s).Lines
		for _, id := range ids[:2] {
			days := 0
			for d := start; !d.After(end); d = d.AddDays(1) {
				holder := ""
				for _, h := range holders {
					if !h.From.After(d) {
						holder = h.PartnerID
					}
				}
				if holder == id {
					days++
				}
			}
			want := amount.Mul(dec("0.1")).Mul(decimal.NewFromInt(int64(days))).DivRound(decimal.NewFromInt(int64(length)), 2)
			if got := total(lines, id); got != want.StringFixed(2) {
				t.Fatalf("%s: lines sum to %s, want %s for %d of %d days of %s", id, got, want, days, length, amount)
			}
		}
	})
}

func TestR10_Explanations(t *testing.T) {
	cases := map[string]*commission.Source{
		"term":     term(source("12000", "2025-12-20", held("2020-01-01", "FG3877")), "2026-01-01", "2026-12-31"),
		"point":    source("1234.5", "2026-03-15", held("2020-01-01", "FG3877")),
		"late":     term(source("36500", "2026-03-10", held("2020-01-01", "FG3877")), "2026-01-01", "2026-12-31"),
		"zero":     source("5000", "2026-03-15", held("2022-03-01", "LT2022")),
		"unknown":  source("5000", "2026-03-15", held("2020-01-01", "ZZ9999")),
		"no_plan":  source("5000", "2009-03-15", held("2008-01-01", "FG3877")),
		"takeover": term(source("12000", "2025-12-20", held("2020-01-01", "FG3877", "2026-01-20", "AB1234")), "2026-01-01", "2026-12-31"),
	}
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			lines := engine("2026-04-30").Lines(s).Lines
			var out strings.Builder
			for _, l := range lines[:min(3, len(lines))] {
				raw, err := json.MarshalIndent(l.Explanation, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				out.WriteString(l.Key + "\n" + string(raw) + "\n")
			}
			golden(t, name, out.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("differs from %s (-update writes it anew):\n%s", path, d)
	}
}
