package commission_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

// dealEngine knows two consulting partners beside those of engine, and the default
// terms of registrations.
func dealEngine(asOf string) *commission.Engine {
	e := engine(asOf)
	consulting := []commission.KindSince{{From: day("2016-01-01"), Kind: "consulting"}}
	e.Partners["CN0001"] = commission.Partner{Key: "tailspin", Name: "Tailspin", JoinedOn: day("2019-01-01"), Kinds: consulting}
	e.Partners["CN0002"] = commission.Partner{Key: "wingtip", Name: "Wingtip", JoinedOn: day("2023-01-01"), Kinds: consulting}
	for _, id := range []string{"FG3877", "AB1234", "LT2022", "SU0001"} {
		p := e.Partners[id]
		p.Kinds = []commission.KindSince{{From: p.JoinedOn, Kind: "registered"}}
		e.Partners[id] = p
	}
	plan := &e.Plans[0]
	plan.Registration = commission.RegistrationTerms{
		ReferralRate: dec("0.1"), NetNewRate: dec("0.25"), RemainderRate: dec("0.1"), EngagementDays: 60, WindowDays: 90,
	}
	plan.RenewalDays = 90
	plan.SaleTypes = map[string]commission.SaleType{
		"new business": commission.NewBusiness, "existing business": commission.Expansion, "renewal": commission.Renewal,
	}
	return e
}

// claim is a registration that is approved and linked.
func claim(id, partnerID string, involvement commission.Involvement) commission.Claim {
	return commission.Claim{
		RegistrationID: "a05000000000" + id + "AAA", Name: "REG-" + id, PartnerID: partnerID, State: commission.Won,
		SubmittedAt: at("2026-01-10T09:00:00Z"), DecidedAt: at("2026-01-12T15:00:00Z"), Involvement: involvement,
		IsLinked: true, How: "named by the opportunity",
	}
}

func engagedOn(c commission.Claim, days ...string) commission.Claim {
	for i, d := range days {
		c.Engagements = append(c.Engagements, commission.Engagement{ID: "a0600000000000" + string(rune('1'+i)) + "AAA", On: day(d), Kind: "workshop", Counts: true})
	}
	return c
}

func shared(c commission.Claim, share string) commission.Claim {
	d := dec(share)
	c.Share = &d
	return c
}

// sold is a won opportunity of the customer, with the one of s first.
func sold(id, amount, closes, start, end, typ string) commission.Sale {
	a := dec(amount)
	out := commission.Sale{
		ID: id, Name: "Deal " + id[len(id)-5:], Amount: &a, Currency: "USD", CloseDate: day(closes), Type: typ,
		Customers: []commission.Tenure{{Account: "001000000000001AAA"}},
	}
	if start != "" {
		out.Start, out.End = day(start), day(end)
	}
	return out
}

// renewal is worked example 6: 50,000 for 365 days, of 40,000 that ended the day before.
func renewal() *commission.Source {
	s := term(source("50000", "2026-03-20", held("2020-01-01", "FG3877")), "2026-04-01", "2027-03-31")
	s.Type = "Renewal"
	s.Claims = []commission.Claim{engagedOn(claim("0001", "CN0001", commission.Engaged), "2026-02-03")}
	s.Sales = []commission.Sale{
		sold(s.ID, "50000", "2026-03-20", "2026-04-01", "2027-03-31", "Renewal"),
		sold("006000000000002AAA", "40000", "2025-03-20", "2025-04-01", "2026-03-31", "New Business"),
	}
	return s
}

// slices gives "payee slice" → amount or, of what is not accrued, status and reason,
// of the registration regime.
func slicesOf(ls []commission.Line) map[string]string {
	out := map[string]string{}
	for _, l := range ls {
		if l.Regime != commission.RegimeRegistration {
			continue
		}
		text := l.Currency.Format(l.Amount)
		if l.Status == commission.OnHold {
			text += " on hold"
		}
		out[l.PayeeID+" "+l.Slice] = strings.TrimSpace(text + " " + l.Reason)
	}
	return out
}

func spaceLines(ls []commission.Line) map[string]string {
	out := map[string]string{}
	for _, l := range ls {
		if l.Regime == commission.RegimeSpace {
			out[l.PayeeID+" "+l.Period.String()] = strings.TrimSpace(l.Currency.Format(l.Amount) + " " + l.Reason)
		}
	}
	return out
}

func differ(t *testing.T, want, got map[string]string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestR5_6_WorkedExample6_NetNewAndRemainder(t *testing.T) {
	got := dealEngine("2027-01-31").Lines(renewal())
	differ(t, map[string]string{"CN0001 net_new": "2500.00 USD", "CN0001 remainder": "4000.00 USD"}, slicesOf(got.Lines))
}

func TestR5_7_WorkedExample7_EngagementTooLongAgo(t *testing.T) {
	s := renewal()
	s.Claims[0].Engagements[0].On = s.CloseDate.AddDays(-61)
	got := dealEngine("2027-01-31").Lines(s)
	differ(t, map[string]string{"CN0001 referral": "5000.00 USD"}, slicesOf(got.Lines))
	for _, l := range got.Lines {
		if l.Regime == commission.RegimeRegistration && (!strings.Contains(l.Explanation.Sentence, "60 days were allowed") ||
			!strings.Contains(l.Explanation.Sentence, "was 61 days before")) {
			t.Errorf("the sentence does not say what failed: %s", l.Explanation.Sentence)
		}
	}
}

func TestR5_6_WorkedExample8_RegisteredPartner(t *testing.T) {
	s := source("20000", "2026-03-20", nil)
	s.Type = "New Business"
	s.Claims = []commission.Claim{engagedOn(claim("0001", "FG3877", commission.Engaged), "2026-03-01")}
	differ(t, map[string]string{"FG3877 referral": "2000.00 USD"}, slicesOf(dealEngine("2027-01-31").Lines(s).Lines))
}

func TestR5_8_WorkedExample11_EqualSharesByLargestRemainder(t *testing.T) {
	s := source("1000.10", "2026-03-20", nil)
	s.Claims = []commission.Claim{
		shared(claim("0001", "FG3877", commission.Referred), "0.5"), shared(claim("0002", "AB1234", commission.Referred), "0.5"),
	}
	differ(t, map[string]string{"FG3877 referral": "50.01 USD", "AB1234 referral": "50.00 USD"}, slicesOf(dealEngine("2027-01-31").Lines(s).Lines))
}

func TestR5_8_UnequalRatesAreRoundedEachOnItsOwn(t *testing.T) {
	s := source("1000.10", "2026-03-20", nil)
	s.Type = "New Business"
	s.Claims = []commission.Claim{
		engagedOn(shared(claim("0001", "CN0001", commission.Engaged), "0.5"), "2026-03-01"), shared(claim("0002", "FG3877", commission.Referred), "0.5"),
	}
	differ(t, map[string]string{
		"CN0001 net_new": "125.01 USD", "CN0001 remainder": "0.00 USD amounts_to_nothing", "FG3877 referral": "50.01 USD",
	}, slicesOf(dealEngine("2027-01-31").Lines(s).Lines))
}

func TestR5_8_SharesThatAreNotWholeAreHeld(t *testing.T) {
	s := source("1000", "2026-03-20", held("2020-01-01", "FG3877"))
	s.Claims = []commission.Claim{shared(claim("0001", "FG3877", commission.Referred), "0.5"), shared(claim("0002", "AB1234", commission.Referred), "0.4")}
	for i := range s.Claims {
		s.Claims[i].ShareFault = "the shares of REG-0001 and REG-0002 sum to 90 %, not to 100 %"
	}
	got := dealEngine("2027-01-31").Lines(s)
	differ(t, map[string]string{"FG3877 referral": "50.00 USD on hold shares_not_whole", "AB1234 referral": "40.00 USD on hold shares_not_whole"}, slicesOf(got.Lines))
	differ(t, map[string]string{"FG3877 2026-03": "0.00 USD superseded_by_registration"}, spaceLines(got.Lines))
}

func TestR4_1_ARegistrationStandsBeforeSpaceAttribution(t *testing.T) {
	base := func() *commission.Source {
		s := source("1000", "2026-03-20", held("2020-01-01", "AB1234"))
		s.Claims = []commission.Claim{claim("0001", "FG3877", commission.Referred)}
		return s
	}
	e := dealEngine("2027-01-31")
	superseded := map[string]string{"AB1234 2026-03": "0.00 USD superseded_by_registration"}
	pays := map[string]string{"AB1234 2026-03": "100.00 USD"}
	for _, c := range []struct {
		state        commission.State
		linked       bool
		registration string
		space        map[string]string
	}{
		{commission.Won, true, "100.00 USD", superseded},
		{commission.Approved, true, "100.00 USD", superseded},
		{commission.Submitted, true, "100.00 USD on hold registration_submitted", superseded},
		{commission.Conflict, true, "100.00 USD on hold registration_in_conflict", superseded},
		{commission.Rejected, false, "0.00 USD registration_rejected", pays},
		{commission.Withdrawn, false, "0.00 USD registration_withdrawn", pays},
		{commission.Revoked, false, "0.00 USD registration_revoked", pays},
		{commission.Approved, false, "0.00 USD registration_not_linked", pays},
	} {
		s := base()
		s.Claims[0].State, s.Claims[0].IsLinked = c.state, c.linked
		got := e.Lines(s)
		differ(t, map[string]string{"FG3877 referral": c.registration}, slicesOf(got.Lines))
		differ(t, c.space, spaceLines(got.Lines))
	}
	t.Run("a claim on hold stands", func(t *testing.T) {
		s := base()
		s.Claims[0].PartnerID = "ZZ9999"
		got := e.Lines(s)
		differ(t, map[string]string{"ZZ9999 referral": "100.00 USD on hold unknown_partner_id"}, slicesOf(got.Lines))
		differ(t, superseded, spaceLines(got.Lines))
	})
	t.Run("one that comes to zero does not", func(t *testing.T) {
		s := base()
		tiny := dec("0.06")
		s.Amount = &tiny
		s.Claims[0].PartnerID, s.Claims[0].Share = "FG3877", nil
		e := dealEngine("2027-01-31")
		e.Plans[0].Registration.ReferralRate = dec("0.05")
		got := e.Lines(s)
		differ(t, map[string]string{"FG3877 referral": "0.00 USD amounts_to_nothing"}, slicesOf(got.Lines))
		differ(t, map[string]string{"AB1234 2026-03": "0.01 USD"}, spaceLines(got.Lines))
	})
	t.Run("a plan may let the Space pay beside", func(t *testing.T) {
		e := dealEngine("2027-01-31")
		e.Plans[0].SpaceBeside = true
		got := e.Lines(base())
		differ(t, map[string]string{"FG3877 referral": "100.00 USD"}, slicesOf(got.Lines))
		differ(t, pays, spaceLines(got.Lines))
	})
	t.Run("then a program, then the Space", func(t *testing.T) {
		s := base()
		s.Claims, s.Program = nil, &commission.ProgramClaim{ConversionID: "CV-000001", Program: "Friends", PayeeID: "R000001", Stands: true}
		differ(t, map[string]string{"AB1234 2026-03": "0.00 USD superseded_by_program"}, spaceLines(e.Lines(s).Lines))
		s.Program.Stands = false
		differ(t, pays, spaceLines(e.Lines(s).Lines))
	})
	t.Run("an opportunity without a Space is paid by its registration", func(t *testing.T) {
		s := base()
		s.Spaces, s.Holders = nil, nil
		got := e.Lines(s)
		if got.Frozen || len(got.Findings) != 0 {
			t.Errorf("got %+v, want nothing on hold", got)
		}
		differ(t, map[string]string{"FG3877 referral": "100.00 USD"}, slicesOf(got.Lines))
		s.Claims[0].IsLinked, s.Claims[0].State = false, commission.Revoked
		if got = e.Lines(s); !got.Frozen || got.FrozenRegime != commission.RegimeSpace {
			t.Errorf("got %+v, want only the Space regime on hold", got)
		}
	})
}

func TestR5_6_KindOfThePartnerAtTheEndOfCloseDate(t *testing.T) {
	for becomes, want := range map[string]map[string]string{
		"2026-03-20": {"CN0001 net_new": "2500.00 USD", "CN0001 remainder": "4000.00 USD"},
		"2026-03-21": {"CN0001 referral": "5000.00 USD"},
	} {
		e, s := dealEngine("2027-01-31"), renewal()
		p := e.Partners["CN0001"]
		p.Kinds = []commission.KindSince{{From: day("2019-01-01"), Kind: "registered"}, {From: day(becomes), Kind: "consulting"}}
		e.Partners["CN0001"] = p
		differ(t, want, slicesOf(e.Lines(s).Lines))
	}
}

func TestR5_7_EngagementsThatCount(t *testing.T) {
	paid, failed := "CN0001 net_new", "CN0001 referral"
	for _, c := range []struct {
		name   string
		change func(*commission.Claim)
		want   string
		says   string
	}{
		{"60 days before", func(c *commission.Claim) { c.Engagements[0].On = day("2026-01-19") }, paid, "60 days before it closed"},
		{"on CloseDate", func(c *commission.Claim) { c.Engagements[0].On = day("2026-03-20") }, paid, "0 days before it closed"},
		{"61 days before", func(c *commission.Claim) { c.Engagements[0].On = day("2026-01-18") }, failed, "was 61 days before"},
		{"the day after", func(c *commission.Claim) { c.Engagements[0].On = day("2026-03-21") }, failed, "was 1 day after"},
		{"not confirmed", func(c *commission.Claim) {
			c.Engagements[0].Counts, c.Engagements[0].WhyNot = false, "the partner logged it and no staff has confirmed it"
		}, failed, "no staff has confirmed it"},
		{"referred", func(c *commission.Claim) { c.Involvement = commission.Referred }, failed, "says referred, not engaged"},
		{"none", func(c *commission.Claim) { c.Engagements = nil }, failed, "no engagement is recorded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := renewal()
			c.change(&s.Claims[0])
			got := dealEngine("2027-01-31").Lines(s)
			if _, ok := slicesOf(got.Lines)[c.want]; !ok {
				t.Errorf("got %v, want %s", slicesOf(got.Lines), c.want)
			}
			for _, l := range got.Lines {
				if l.Regime == commission.RegimeRegistration && !strings.Contains(l.Explanation.Sentence, c.says) {
					t.Errorf("%q does not say %q", l.Explanation.Sentence, c.says)
				}
			}
		})
	}
}

func TestR4_5_GoLive(t *testing.T) {
	e := dealEngine("2027-01-31")
	e.GoLive = day("2026-04-11")
	t.Run("a term accrues from go-live on", func(t *testing.T) {
		s := term(source("36500", "2026-01-10", held("2020-01-01", "FG3877")), "2026-02-01", "2027-01-31")
		a := amounts(e.Lines(s).Lines)
		if a["FG3877 2026-03"] != "" || a["FG3877 2026-04"] != "200.00" || a["FG3877 2026-05"] != "310.00" {
			t.Errorf("got %v, want nothing before April, 200.00 for its last 20 days, 310.00 for May", a)
		}
	})
	t.Run("what closed later accrues later", func(t *testing.T) {
		s := term(source("36500", "2026-05-10", held("2020-01-01", "FG3877")), "2026-02-01", "2027-01-31")
		if a := amounts(e.Lines(s).Lines); a["FG3877 2026-05"] != "1200.00" { // 120 days to 31 May
			t.Errorf("got %v, want 1200.00 in May", a)
		}
	})
	t.Run("what came to its end before is a zero line", func(t *testing.T) {
		s := source("5000", "2026-04-10", held("2020-01-01", "FG3877"))
		differ(t, map[string]string{"FG3877 2026-04": "0.00 USD before_go_live"}, spaceLines(e.Lines(s).Lines))
		s.CloseDate = day("2026-04-11")
		differ(t, map[string]string{"FG3877 2026-04": "500.00 USD"}, spaceLines(e.Lines(s).Lines))
	})
	t.Run("registrations pay by CloseDate", func(t *testing.T) {
		s := renewal()
		differ(t, map[string]string{
			"CN0001 net_new": "0.00 USD before_go_live", "CN0001 remainder": "0.00 USD before_go_live",
		}, slicesOf(e.Lines(s).Lines))
	})
}

func TestR7_5_PayoutCurrency(t *testing.T) {
	e := dealEngine("2027-01-31")
	e.Plans[0].PayoutCurrency = "JPY"
	rate := func(on, r string) commission.ExchangeRate {
		return commission.ExchangeRate{From: "USD", To: "JPY", On: day(on), Rate: dec(r)}
	}
	e.Rates = []commission.ExchangeRate{rate("2026-03-16", "999"), rate("2026-03-15", "150.5"), rate("2025-01-01", "1"), {From: "USD", To: "EUR", On: day("2026-03-15"), Rate: dec("7")}}
	s := term(source("1000.55", "2026-03-15", held("2020-01-01", "FG3877")), "2026-04-01", "2026-04-30")
	got := e.Lines(s)
	differ(t, map[string]string{"FG3877 2026-04": "15058 JPY"}, spaceLines(got.Lines)) // 100.055 × 150.5 = 15058.2775
	if f := got.Lines[0].Explanation.Facts; f[len(f)-1].Value != "1 USD = 150.5 JPY" || f[len(f)-1].At != "2026-03-15" {
		t.Errorf("the explanation keeps %+v of the rate", f[len(f)-1])
	}
	e.Rates = e.Rates[:1]
	got = e.Lines(s)
	if len(got.Lines) != 1 || got.Lines[0].Status != commission.OnHold || got.Lines[0].Reason != "missing_rate" || len(got.Findings) != 1 {
		t.Errorf("got %+v, want a hold for the missing rate", got)
	}
}

func TestR7_5_TheCumulativeIsConvertedBeforeItIsRounded(t *testing.T) {
	e := dealEngine("2027-01-31")
	e.Plans[0].PayoutCurrency = "EUR"
	e.Rates = []commission.ExchangeRate{{From: "USD", To: "EUR", On: day("2020-01-01"), Rate: dec("0.5")}}
	s := term(source("0.70", "2026-03-15", held("2020-01-01", "FG3877")), "2026-03-01", "2026-04-30")
	// 0.07 × 0.5 = 0.035 → 0.04 in all; by the end of March 31/61 of it, 0.0177… → 0.02.
	differ(t, map[string]string{"FG3877 2026-03": "0.02 EUR", "FG3877 2026-04": "0.02 EUR"}, spaceLines(e.Lines(s).Lines))
}

// TestR5_6_NoOpportunityPaysMoreThanTheHighestRate: whatever the shares, the rates
// and the amounts, all that registrations pay is at most the highest rate on the
// Amount and half a minor unit for each line, and equal shares sum to the whole.
func TestR5_6_NoOpportunityPaysMoreThanTheHighestRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		currency := rapid.SampledFrom([]money.Currency{"USD", "JPY", "KWD"}).Draw(t, "currency")
		amount := decimal.New(rapid.Int64Range(0, 99_999_999).Draw(t, "amount"), -currency.Digits())
		s := source("0", "2026-03-20", held("2020-01-01", "AB1234"))
		s.Amount, s.Currency, s.Type = &amount, currency, "Renewal"
		stated := decimal.New(rapid.Int64Range(-10, 199_999_999).Draw(t, "net-new"), -currency.Digits())
		s.StatedNetNew = &stated
		ids := []string{"FG3877", "CN0001", "CN0002"}
		n, left := rapid.IntRange(1, 3).Draw(t, "registrations"), int64(1000)
		allReferral := true
		for i := range n {
			c := claim("000"+string(rune('1'+i)), ids[i], commission.Referred)
			if rapid.Bool().Draw(t, "engaged") {
				c = engagedOn(c, "2026-03-01")
				c.Involvement = commission.Engaged
				allReferral = allReferral && ids[i] == "FG3877"
			}
			if n > 1 {
				part := left
				if i < n-1 {
					part = rapid.Int64Range(0, left).Draw(t, "share")
				}
				left -= part
				share := decimal.New(part, -3)
				c.Share = &share
			}
			s.Claims = append(s.Claims, c)
		}
		lines := dealEngine("2027-01-31").Lines(s).Lines
		sum, paying := decimal.Zero, 0
		seen := map[string]bool{}
		for _, l := range lines {
			if seen[l.Key] {
				t.Fatalf("the key %s comes twice", l.Key)
			}
			seen[l.Key] = true
			if l.Status == commission.Accrued {
				sum, paying = sum.Add(l.Amount), paying+1
			}
		}
		most := amount.Mul(dec("0.25"))
		if allReferral {
			most = amount.Mul(dec("0.1"))
			if whole := currency.Round(most.Rat()); sum.Sign() > 0 && n > 1 && !sum.Equal(whole) {
				t.Fatalf("equal rates sum to %s, want the rounded whole %s", sum, whole)
			}
		}
		half := decimal.New(5, -currency.Digits()-1).Mul(decimal.NewFromInt(int64(paying)))
		if sum.GreaterThan(most.Add(half)) {
			t.Fatalf("%s of %s is paid in all, more than %s and half a unit for each of %d lines", sum, amount, most, paying)
		}
	})
}

func TestR10_ExplanationsOfRegistrations(t *testing.T) {
	shares := source("1000.10", "2026-03-20", nil)
	shares.Claims = []commission.Claim{
		shared(claim("0001", "FG3877", commission.Referred), "0.5"), shared(claim("0002", "AB1234", commission.Referred), "0.5"),
	}
	late := renewal()
	late.Claims[0].Engagements[0].On = day("2026-01-18")
	lost := source("1000", "2026-03-20", held("2020-01-01", "AB1234"))
	lost.Claims = []commission.Claim{claim("0001", "FG3877", commission.Referred), claim("0002", "CN0002", commission.Referred)}
	lost.Claims[0].State, lost.Claims[0].IsLinked, lost.Claims[0].Reason = commission.Rejected, false, "the customer was ours before"
	lost.Claims[1].IsLinked, lost.Claims[1].Lost = false, "the opportunity went to REG-0003, submitted earlier"
	undecided := source("1000", "2026-03-20", held("2020-01-01", "AB1234"))
	undecided.Claims = []commission.Claim{claim("0001", "FG3877", commission.Referred)}
	undecided.Claims[0].State = commission.Submitted
	unmapped := renewal()
	unmapped.Type = "Replacement"
	for name, s := range map[string]*commission.Source{
		"net_new": renewal(), "not_engaged": late, "shares": shares, "lost": lost, "undecided": undecided, "unmapped": unmapped,
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			for _, l := range dealEngine("2026-04-30").Lines(s).Lines {
				raw, err := json.MarshalIndent(l.Explanation, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				out.WriteString(l.Key + "\n" + string(raw) + "\n")
			}
			golden(t, "registration_"+name, out.String())
		})
	}
}
