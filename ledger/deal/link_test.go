package deal

import (
	"testing"
	"time"

	"github.com/partnersync/partnersync/ledger/commission"
)

func TestR5_5_TheEarliestFreeRegistrationOfTheAccount(t *testing.T) {
	tell().
		reg("R2", "AB1234", "2026-01-02", "approved 2026-01-05", of("C1")).
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-20", of("C1")).
		opp("O2", "C1", "2026-02-02", "2026-03-01", "won").
		opp("O1", "C1", "2026-02-01", "2026-04-01", "won").
		wantLinks(t, "R1→O1 R2→O2") // opportunities in the order of creation, registrations of submission
}

func TestR5_5_AtOneInstantTheSmallerIdIsFirst(t *testing.T) {
	tell().
		reg("R2", "AB1234", "2026-01-01", "", of("C1")).reg("R1", "FG3877", "2026-01-01", "", of("C1")).
		opp("O2", "C1", "2026-02-01", "2026-03-01", "won").opp("O1", "C1", "2026-02-01", "2026-04-01", "won").
		wantLinks(t, "R1→O1 R2→O2")
}

func TestR5_5_TheAccountBeforeTheDomain(t *testing.T) {
	tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", domain("c1.example")).
		reg("R2", "AB1234", "2026-01-02", "approved 2026-01-05", of("C1")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won").
		wantLinks(t, "R2→O1")
	tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", domain("https://www.C1.example/")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won").
		wantLinks(t, "R1→O1")
}

func TestR5_5_WithoutADomainThatOfItsAccount(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1")).
		opp("O1", "C9", "2026-02-01", "2026-03-01", "won") // another Account of the same domain
	s.accounts["C9"] = site("c1.example")
	s.wantLinks(t, "R1→O1")
}

func TestR1_4_PublicMailAndPartnersDomainsMatchNothing(t *testing.T) {
	for _, d := range []string{"gmail.com", "ana@outlook.com", "partner.example", "bot@mail.partner.example"} {
		s := tell().
			reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", domain(d)).
			reg("R2", "AB1234", "2026-01-02", "", domain(d)).
			opp("O1", "C1", "2026-02-01", "2026-03-01", "won")
		s.accounts["C1"] = site(customerOrStated(d))
		s.wantLinks(t, "")
		s.wantStates(t, "R1 expired, R2 submitted")
	}
}

// customerOrStated gives the domain that an Account would have with this website.
func customerOrStated(d string) string {
	switch d {
	case "gmail.com":
		return d
	case "ana@outlook.com":
		return "outlook.com"
	}
	return "partner.example"
}

func TestR5_5_WindowHoldsCreatedDateOrCloseDate(t *testing.T) {
	for _, c := range []struct {
		name, created, closed string
		want                  string
	}{
		{"created on the day of submission", "2026-01-10T00:00:00Z", "2027-01-01", "R1→O1"},
		{"created the day before, closed in the window", "2026-01-09", "2026-02-01", "R1→O1"},
		{"created the day before, closed after the window", "2026-01-09", "2026-05-02", ""},
		{"created on its last day", "2026-05-01T23:59:59Z", "2027-01-01", "R1→O1"},
		{"created the day after", "2026-05-02T00:00:00Z", "2027-01-01", ""},
		{"closed on its last day", "2025-01-01", "2026-05-01", "R1→O1"},
		{"closed on the day of submission", "2025-01-01", "2026-01-10", "R1→O1"},
		{"closed the day before", "2026-01-10", "2026-01-09", ""}, // created after it closed: never
	} {
		t.Run(c.name, func(t *testing.T) {
			tell(). // approved on 2026-01-31; 90 days after is 2026-05-01
				reg("R1", "FG3877", "2026-01-10T23:00:00Z", "approved 2026-01-31", of("C1")).
				opp("O1", "C1", c.created, c.closed, "won").
				wantLinks(t, c.want)
		})
	}
}

func TestR5_5_DaysAreThoseOfTheCompanyZone(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-03-02T03:00:00Z", "", of("C1")). // 1 March in New York
		opp("O1", "C1", "2026-01-01", "2026-03-01", "won")
	s.wantLinks(t, "")
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	s.terms.Zone = zone
	s.wantLinks(t, "R1→O1")
}

func TestR5_5_NoEndWhileUndecided(t *testing.T) {
	tell().
		reg("R1", "FG3877", "2026-01-10", "", of("C1")).opp("O1", "C1", "2029-01-01", "2029-06-01", "won").
		wantLinks(t, "R1→O1")
}

func TestR5_5_WindowDaysOfThePlanOnTheDayOfSubmission(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-01-10", "approved 2026-01-31", of("C1")).
		opp("O1", "C1", "2026-03-03", "2026-06-01", "won") // 31 days after the approval
	s.wantLinks(t, "R1→O1")
	s.terms.Plans = []commission.Plan{
		{EffectiveFrom: on("2026-01-10"), Registration: commission.RegistrationTerms{WindowDays: 30}},
		{EffectiveFrom: on("2026-01-11"), Registration: commission.RegistrationTerms{WindowDays: 60}},
	}
	s.wantLinks(t, "")
}

func TestR5_5_ExplicitLinksOverAllFirst(t *testing.T) {
	t.Run("the opportunity names the registration", func(t *testing.T) {
		tell().
			reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1")).
			reg("R2", "AB1234", "2026-01-02", "approved 2026-01-05", of("C1")).
			opp("O1", "C1", "2026-02-01", "2026-03-01", "won").
			opp("O2", "C1", "2026-02-02", "2026-03-01", "won", naming("R1")).
			wantLinks(t, "R1→O2 R2→O1")
	})
	t.Run("before a registration names the opportunity", func(t *testing.T) {
		tell().
			reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", names("O1")).
			reg("R2", "AB1234", "2026-01-02", "approved 2026-01-05").
			opp("O1", "C1", "2026-02-01", "2026-03-01", "won", naming("R2")).
			wantLinks(t, "R2→O1")
	})
	t.Run("the registration names the opportunity, before inference", func(t *testing.T) {
		tell().
			reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1"), names("O2")).
			reg("R2", "AB1234", "2026-01-02", "approved 2026-01-05", of("C1")).
			opp("O1", "C1", "2026-02-01", "2026-03-01", "won").opp("O2", "C1", "2026-02-02", "2026-03-01", "won").
			wantLinks(t, "R1→O2 R2→O1")
	})
	t.Run("of two opportunities that name one, the first created", func(t *testing.T) {
		tell().
			reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05").
			opp("O2", "C1", "2026-02-01", "2026-03-01", "won", naming("R1")).
			opp("O1", "C1", "2026-02-02", "2026-03-01", "won", naming("R1")).
			wantLinks(t, "R1→O2")
	})
	t.Run("of two registrations that name one, the first submitted", func(t *testing.T) {
		tell().
			reg("R2", "FG3877", "2026-01-01", "approved 2026-01-05", names("O1")).
			reg("R1", "AB1234", "2026-01-02", "approved 2026-01-05", names("O1")).
			opp("O1", "C1", "2026-02-01", "2026-03-01", "won").
			wantLinks(t, "R2→O1")
	})
	t.Run("of any customer, and outside of the window", func(t *testing.T) {
		tell().
			reg("R1", "FG3877", "2020-01-01", "approved 2020-01-05", of("C2"), names("O1")).
			opp("O1", "C1", "2026-02-01", "2026-03-01", "won").
			wantLinks(t, "R1→O1")
	})
}

func TestR5_5_SubmittedAfterCloseDateNeverLinks(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-03-02T00:00:00Z", "approved 2026-03-03", of("C1"), names("O1")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won", naming("R1"))
	s.wantLinks(t, "")
	s.wantClaims(t, "O1", "R1 expired: it was submitted on 2026-03-02, after the opportunity closed on 2026-03-01")
	tell(). // on its last second it does
		reg("R1", "FG3877", "2026-03-01T23:59:59Z", "approved 2026-03-03", of("C1")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won").
		wantLinks(t, "R1→O1")
}

func TestR5_5_OpenAndLostOpportunitiesTakeRegistrationsToo(t *testing.T) {
	for _, stage := range []string{"open", "lost"} {
		tell().
			reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1")).
			opp("O1", "C1", "2026-02-01", "2026-03-01", stage).
			opp("O2", "C1", "2026-02-02", "2026-03-01", "won").
			wantLinks(t, "R1→O1")
	}
}

func TestR5_5_WhatWasEndedFreesTheOpportunity(t *testing.T) {
	for _, end := range []string{"rejected", "withdrawn", "revoked"} {
		s := tell().
			reg("R1", "FG3877", "2026-01-01", end+" 2026-02-15", of("C1")).
			reg("R2", "AB1234", "2026-01-02", "approved 2026-01-05", of("C1")).
			opp("O1", "C1", "2026-02-01", "2026-03-01", "won")
		s.wantLinks(t, "R2→O1")
		s.wantClaims(t, "O1",
			"R1 "+end+": it was "+end+" on 2026-02-15",
			"R2 won linked: the earliest free registration of the same Account")
	}
}

func TestR5_5_WhatWasEndedClaimsOnlyWhatItWouldHaveHad(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "rejected 2026-01-15", of("C1")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won") // created after the decision
	s.wantClaims(t, "O1")
	s.opp("O2", "C1", "2026-01-15T20:00:00Z", "2026-06-01", "won")
	s.wantClaims(t, "O2", "R1 rejected: it was rejected on 2026-01-15")
	s.opp("O3", "C1", "2026-01-15T21:00:00Z", "2026-06-01", "won") // one registration, one opportunity
	s.wantClaims(t, "O3")
	s.opp("O4", "C1", "2026-08-15", "2026-09-01", "won", naming("R1"))
	s.wantClaims(t, "O4", "R1 rejected: it was rejected on 2026-01-15")
	// R1 and R2 both stood until they were revoked, each with its opportunity.
	s = tell().
		reg("R1", "FG3877", "2026-01-01", "revoked 2026-05-01", of("C1"), approvedAt("2026-01-02")).
		reg("R2", "AB1234", "2026-01-02", "revoked 2026-05-01", of("C1"), approvedAt("2026-01-03")).
		reg("R0", "CD5678", "2025-12-01", "rejected 2026-03-01", of("C1")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won").opp("O2", "C1", "2026-02-02", "2026-03-01", "won")
	s.wantClaims(t, "O1", "R0 rejected: it was rejected on 2026-03-01", "R1 revoked: it was revoked on 2026-05-01")
	s.wantClaims(t, "O2", "R2 revoked: it was revoked on 2026-05-01")
}

func TestR5_5_WhoLosesAnOpportunityIsToldToWhom(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1")).
		reg("R2", "AB1234", "2026-01-02", "approved 2026-01-05", of("C1")).
		reg("R3", "CD5678", "2025-12-30", "", domain("c1.example")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won")
	s.wantClaims(t, "O1",
		"R3 submitted: the opportunity went to R1 (the earliest free registration of the same Account)",
		"R1 won linked: the earliest free registration of the same Account",
		"R2 expired: the opportunity went to R1, submitted earlier, on 2026-01-01")
}

func TestR5_9_LaterOpportunitiesNeedTheirOwnRegistration(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won").opp("O2", "C1", "2026-02-02", "2026-03-01", "won")
	s.wantLinks(t, "R1→O1")
	s.wantClaims(t, "O2") // it may be paid under another regime
	s.opp("O3", "C1", "2026-02-03", "2026-03-01", "won", naming("R1"))
	s.wantLinks(t, "R1→O3")
	s.wantClaims(t, "O3", "R1 won linked: named by the opportunity")
}

func TestR5_1_DraftsAndDeletedOnesClaimNothing(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "Draft", of("C1"), names("O1")).
		reg("R2", "FG3877", "2026-01-01", "approved 2026-01-02", of("C1"), func(r *record) { r.IsDeleted = true }).
		reg("R3", "FG3877", "2026-01-01", "Pending", of("C1")).
		reg("R4", "FG3877", "", "approved 2026-01-02", of("C1")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won", naming("R2"))
	s.wantClaims(t, "O1")
}

func TestR5_5_ApprovedAfterCloseDateLinks(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-08-01", of("C1")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won")
	s.wantClaims(t, "O1", "R1 won linked: the earliest free registration of the same Account")
}

func TestR9_2_MergedAccountsCountAsOneFromTheMergeOn(t *testing.T) {
	for _, c := range []struct{ merged, want string }{
		{"2026-03-01T23:59:59Z", "R1→O1"}, // by the end of CloseDate
		{"2026-03-02T00:00:00Z", ""},      // a later merge changes nothing
	} {
		s := tell().
			reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1"), domain("c8.example")).
			opp("O1", "C2", "2026-02-01", "2026-03-01", "won").merge("C1", "C2", c.merged)
		s.wantLinks(t, c.want)
	}
	// Both were merged into a third.
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1")).
		opp("O1", "C2", "2026-02-01", "2026-03-01", "won").merge("C1", "C3", "2026-02-05").merge("C2", "C3", "2026-02-07")
	s.wantLinks(t, "R1→O1")
	// The survivor's website is the customer's from the merge on.
	s = tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", domain("c2.example")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won").merge("C1", "C2", "2026-02-05")
	s.wantLinks(t, "R1→O1")
	// A registration goes by the domain of the survivor only from the merge on.
	for merged, want := range map[string]string{"2026-02-05": "R1→O1", "2026-03-02": ""} {
		s = tell().
			reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1")).
			opp("O1", "C9", "2026-02-01", "2026-03-01", "won").merge("C1", "C2", merged)
		s.accounts["C9"] = site("c2.example")
		s.wantLinks(t, want)
	}
}
