package commission_test

import (
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/commission"
)

// netNewOf is what an engaged consulting partner earns on net-new, and what is said
// about the arithmetic.
func netNewOf(t *testing.T, e *commission.Engine, s *commission.Source) (amount, arithmetic string) {
	t.Helper()
	got := e.Lines(s)
	for _, l := range got.Lines {
		if l.Slice == commission.SliceNetNew {
			arithmetic = strings.Join(l.Explanation.Arithmetic, "\n")
		}
	}
	return slicesOf(got.Lines)["CN0001 net_new"], arithmetic
}

func TestR3_5_ByType(t *testing.T) {
	for typ, want := range map[string]string{
		"New Business": "12500.00 USD", " existing BUSINESS ": "12500.00 USD", "Renewal": "2500.00 USD",
		"Swap": "0.00 USD on hold unmapped_type", "": "0.00 USD on hold unmapped_type",
	} {
		s := renewal()
		s.Type = typ
		s.Sales[0].Type = typ
		if got, _ := netNewOf(t, dealEngine("2027-01-31"), s); got != want {
			t.Errorf("%q: %s, want %s", typ, got, want)
		}
	}
}

func TestR3_5_StatedNetNewComesFirstAndIsBetweenNothingAndTheAmount(t *testing.T) {
	for stated, want := range map[string]string{"12345.67": "3086.42 USD", "-5": "0.00 USD amounts_to_nothing", "60000": "12500.00 USD"} {
		s, d := renewal(), dec(stated)
		s.StatedNetNew, s.Type = &d, "Swap"
		if got, _ := netNewOf(t, dealEngine("2027-01-31"), s); got != want {
			t.Errorf("%s stated: %s, want %s", stated, got, want)
		}
	}
}

func TestR3_5_AnUnmappedTypeHoldsOnlyASliceThatNeedsNetNew(t *testing.T) {
	s := renewal()
	s.Type = "Swap"
	s.Claims[0].Involvement = commission.Referred
	got := dealEngine("2027-01-31").Lines(s)
	differ(t, map[string]string{"CN0001 referral": "5000.00 USD"}, slicesOf(got.Lines))
	if len(got.Findings) != 0 {
		t.Errorf("found %+v, want nothing: no slice needs net-new", got.Findings)
	}
}

func TestR3_5_WhatARenewalRenews(t *testing.T) {
	start := day("2026-04-01")
	ends := func(d clock.Date) func(*commission.Source) {
		return func(s *commission.Source) { s.Sales[1].End, s.Sales[1].Start = d, d.AddDays(-364) }
	}
	for _, c := range []struct {
		name   string
		change func(*commission.Source)
		want   string
	}{
		{"ended the day before", ends(start.AddDays(-1)), "2500.00 USD"},
		{"ended 90 days before", ends(start.AddDays(-90)), "2500.00 USD"},
		{"ended 91 days before", ends(start.AddDays(-91)), "0.00 USD on hold renewed_unknown"},
		{"runs on the day before", ends(start.AddDays(100)), "2500.00 USD"},
		{"starts with it", func(s *commission.Source) { s.Sales[1].Start, s.Sales[1].End = start, start.AddDays(364) }, "0.00 USD on hold renewed_unknown"},
		{"in another currency", func(s *commission.Source) { s.Sales[1].Currency = "EUR" }, "0.00 USD on hold renewed_unknown"},
		{"of another Space", func(s *commission.Source) { s.Sales[0].SpaceID, s.Sales[1].SpaceID = "a", "b" }, "0.00 USD on hold renewed_unknown"},
		{"one of them without a Space", func(s *commission.Source) { s.Sales[0].SpaceID = "a" }, "2500.00 USD"},
		{"of another customer", func(s *commission.Source) {
			s.Sales[1].Customers = []commission.Tenure{{Account: "001000000000009AAA"}}
		}, "0.00 USD on hold renewed_unknown"},
		{"of a customer merged by then", func(s *commission.Source) {
			s.Sales[1].Customers = []commission.Tenure{{Account: "001000000000009AAA"}, {From: s.CloseDate, Account: "001000000000001AAA"}}
		}, "2500.00 USD"},
		{"of a customer merged later", func(s *commission.Source) {
			s.Sales[1].Customers = []commission.Tenure{{Account: "001000000000009AAA"}, {From: s.CloseDate.AddDays(1), Account: "001000000000001AAA"}}
		}, "0.00 USD on hold renewed_unknown"},
		{"without an Amount", func(s *commission.Source) { s.Sales[1].Amount = nil }, "0.00 USD on hold renewed_unknown"},
		{"not revenue yet", func(s *commission.Source) { s.Sales[1].CloseDate = day("2027-02-01") }, "0.00 USD on hold renewed_unknown"},
		{"half as long", func(s *commission.Source) { // 40,000 ÷ 365 × 730 days
			s.End, s.Sales[0].End = start.AddDays(729), start.AddDays(729)
		}, "0.00 USD amounts_to_nothing"},
		{"it has no term itself", func(s *commission.Source) { // CloseDate, 20 March: the other runs on the day before
			s.Start, s.End, s.Sales[0].Start, s.Sales[0].End = clock.Date{}, clock.Date{}, clock.Date{}, clock.Date{}
		}, "2500.00 USD"},
		{"two terms", func(s *commission.Source) {
			s.Sales = append(s.Sales, sold("006000000000003AAA", "3650", "2025-12-01", "2026-01-01", "2026-03-31", "Expansion"))
		}, "0.00 USD amounts_to_nothing"}, // 3650 ÷ 90 × 365 = 14,802.77
		{"an ended one before a running one", func(s *commission.Source) {
			s.Sales = append(s.Sales, sold("006000000000003AAA", "999999", "2025-12-01", "2026-01-01", "2026-12-31", "Expansion"))
		}, "2500.00 USD"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := renewal()
			c.change(s)
			if got, how := netNewOf(t, dealEngine("2027-01-31"), s); got != c.want {
				t.Errorf("%s, want %s\n%s", got, c.want, how)
			}
		})
	}
}

func TestR3_5_SeveralRenewalsShareATermByLargestRemainder(t *testing.T) {
	s := renewal()
	two := sold("006000000000003AAA", "25000", "2026-03-21", "2026-04-01", "2027-03-31", "Renewal")
	s.Sales = append(s.Sales, two)
	// 40,000.00 in proportion to 50,000 and 25,000: 26,666.67 and 13,333.33.
	got, how := netNewOf(t, dealEngine("2027-01-31"), s)
	if got != "5833.33 USD" || !strings.Contains(how, "26666.67") { // 23,333.33 × 25 %
		t.Errorf("%s, want 5833.33 USD\n%s", got, how)
	}
	// Before the other closes nothing is shared, and then it has to be worked out anew.
	e := dealEngine("2026-03-20")
	if got, _ := netNewOf(t, e, s); got != "2500.00 USD" {
		t.Errorf("before the second closes %s, want 2500.00 USD", got)
	}
	if r := e.Lines(s); r.NextOn != day("2026-03-21") {
		t.Errorf("next on %s, want 2026-03-21", r.NextOn)
	}
}

func TestR3_5_NetNewIsExactUntilTheEnd(t *testing.T) {
	s := term(renewal(), "2026-04-01", "2026-10-17") // 200 days
	s.Sales[0].Start, s.Sales[0].End = s.Start, s.End
	// 50,000 − 40,000 × 200 ÷ 365 = 28,082.19178…; × 25 % = 7020.547945… → 7020.55.
	got, how := netNewOf(t, dealEngine("2027-01-31"), s)
	if got != "7020.55 USD" || !strings.Contains(how, "28082.191780…") {
		t.Errorf("%s, want 7020.55 USD\n%s", got, how)
	}
}
