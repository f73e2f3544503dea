package commission_test

import (
	"testing"

	"github.com/partnersync/partnersync/ledger/commission"
)

// A member of a share group that is not linked, because it was revoked, leaves its
// share to nobody.
func TestR5_8_NobodysShareGrowsByAnothersEnd(t *testing.T) {
	s := source("1000.10", "2026-03-20", nil)
	s.Claims = []commission.Claim{shared(claim("0001", "FG3877", commission.Referred), "0.6"), shared(claim("0002", "AB1234", commission.Referred), "0.4")}
	s.Claims[0].IsLinked, s.Claims[0].State = false, commission.Revoked
	differ(t, map[string]string{"FG3877 referral": "0.00 USD registration_revoked", "AB1234 referral": "40.00 USD"},
		slicesOf(dealEngine("2027-01-31").Lines(s).Lines))
}

// What a registration earned before go-live was paid by another system, so the Space
// does not pay the rest of the term again.
func TestR4_5_R4_1_ARegistrationPaidBeforeGoLiveStands(t *testing.T) {
	e := dealEngine("2027-01-31")
	e.GoLive = day("2026-07-01")
	s := term(source("12000", "2025-12-20", held("2020-01-01", "FG3877")), "2026-01-01", "2026-12-31")
	s.Claims = []commission.Claim{claim("0001", "AB1234", commission.Referred)}
	got := e.Lines(s)
	differ(t, map[string]string{"AB1234 referral": "0.00 USD before_go_live"}, slicesOf(got.Lines))
	differ(t, map[string]string{"FG3877 2026-01": "0.00 USD superseded_by_registration"}, spaceLines(got.Lines))
}

// A later plan version changes nothing of what an earlier one governs, its neighbours
// included.
func TestR4_4_R3_5_NeighboursAreReadByTheSourcesOwnPlan(t *testing.T) {
	e, s := dealEngine("2027-01-31"), renewal()
	s.Sales = append(s.Sales, sold("006000000000003AAA", "25000", "2026-07-01", "2026-04-01", "2027-03-31", "Prolongation"))
	before, _ := netNewOf(t, e, s)
	later := e.Plans[0]
	later.EffectiveFrom = day("2026-07-01")
	later.SaleTypes = map[string]commission.SaleType{"renewal": commission.Renewal, "prolongation": commission.Renewal}
	e.Plans = append(e.Plans, later)
	if after, _ := netNewOf(t, e, s); after != before || before != "2500.00 USD" {
		t.Errorf("%s before the version of July, %s after it; want 2500.00 USD both", before, after)
	}
}

func TestR3_1_R7_5_TooLargeInTheCurrencyThatIsPaid(t *testing.T) {
	e := dealEngine("2027-01-31")
	e.Plans[0].PayoutCurrency = "IDR"
	e.Rates = []commission.ExchangeRate{{From: "USD", To: "IDR", On: day("2020-01-01"), Rate: dec("16300")}}
	got := e.Lines(source("99999999999999", "2026-03-15", held("2020-01-01", "FG3877")))
	if !got.Frozen || got.Reason != commission.ReasonTooLarge {
		t.Errorf("got %+v, want it held as too large", got)
	}
}

// Where a linked claim cannot be read, what was posted for the registration stays as
// it is.
func TestR5_2_WhatIsUnclearFreezesTheRegime(t *testing.T) {
	unclear, malformed := renewal(), renewal()
	unclear.Claims[0].Unclear = "its status, \"Perhaps\", is none of those that a registration can have"
	malformed.Claims[0].Malformed, malformed.Claims[0].PartnerID = true, "CN-1"
	for reason, s := range map[string]*commission.Source{
		commission.ReasonUnclear: unclear, commission.ReasonMalformedID: malformed,
	} {
		got := dealEngine("2027-01-31").Lines(s)
		if !got.Frozen || got.FrozenRegime != commission.RegimeRegistration || got.Reason != reason || len(got.Findings) != 1 || !got.Findings[0].IsHold {
			t.Errorf("%s: got %+v, want the registration regime on hold", reason, got)
		}
		differ(t, map[string]string{"FG3877 2026-04": "0.00 USD superseded_by_registration"}, spaceLines(got.Lines))
	}
}
