package deal

import (
	"testing"

	"github.com/partnersync/partnersync/ledger/commission"
)

// pair is two registrations with shares for one opportunity.
func pair(first, second string, more ...func(*record)) *story {
	return tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", append(more, of("C1"), share(first))...).
		reg("R2", "AB1234", "2026-01-02", "approved 2026-01-06", append(more, of("C1"), share(second))...).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won")
}

func TestR5_8_AShareGroupIsLinkedAsOne(t *testing.T) {
	for name, s := range map[string]*story{
		"of Salesforce":        pair("50", "50"),
		"made here":            pair("50", "50", group("R1+R2")),
		"by domain":            pair("50", "50", domain("c1.example")),
		"one here, one theirs": mixed(),
	} {
		t.Run(name, func(t *testing.T) {
			s.wantLinks(t, "R1→O1 R2→O1")
			for _, c := range s.world().claimsOn("O1") {
				if c.Share == nil || c.Share.String() != "0.5" || c.ShareFault != "" || c.State != commission.Won {
					t.Errorf("%+v", c)
				}
			}
		})
	}
}

func mixed() *story {
	s := pair("50", "50")
	s.records[1].Origin, s.records[1].ShareGroup = OriginPortal, "R1+R2"
	return s
}

func TestR5_8_SharesThatDoNotComeToTheWholeAreHeld(t *testing.T) {
	for _, c := range []struct{ first, second, want string }{
		{"50", "40", "the shares (50 % of R1, 40 % of R2) come to 90 %, not to 100 %"},
		{"50", "50.01", "the shares (50 % of R1, 50.01 % of R2) come to 100.01 %, not to 100 %"},
		{"150", "-50", "the share of the registration R1, 150 %, is not between 0 and 100 %"},
	} {
		s := pair(c.first, c.second)
		s.wantLinks(t, "R1→O1 R2→O1")
		for _, claim := range s.world().claimsOn("O1") {
			if claim.ShareFault != c.want {
				t.Errorf("%s: %q, want %q", claim.RegistrationID, claim.ShareFault, c.want)
			}
		}
	}
	s := tell().reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1"), share("60")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won")
	if c := s.world().claimsOn("O1"); len(c) != 1 || c[0].ShareFault != "the shares (60 % of R1) come to 60 %, not to 100 %" {
		t.Errorf("alone: %+v", c)
	}
}

func TestR5_8_ARevokedMemberKeepsItsPlace(t *testing.T) {
	s := pair("60", "40")
	s.records[0].Status, s.records[0].DecidedAt, s.records[0].approvedAt = "revoked", at("2026-04-01"), at("2026-01-05")
	s.wantLinks(t, "R2→O1")
	for _, c := range s.world().claimsOn("O1") {
		if c.ShareFault != "" || c.Share == nil {
			t.Errorf("%+v", c)
		}
	}
	s.wantClaims(t, "O1", "R1 revoked: it was revoked on 2026-04-01", "R2 won linked: the earliest free registration of the same Account")
}

func TestR5_8_AMemberSubmittedTooLateIsNotLinked(t *testing.T) {
	s := pair("60", "40")
	s.records[1].SubmittedAt, s.records[1].DecidedAt = at("2026-03-02"), at("2026-03-03")
	s.wantLinks(t, "R1→O1")
	s.wantClaims(t, "O1", "R1 won linked: the earliest free registration of the same Account",
		"R2 expired: it was submitted on 2026-03-02, after the opportunity closed on 2026-03-01")
}

func TestR5_8_WhoSharesAndWhoDoesNot(t *testing.T) {
	for _, c := range []struct {
		name  string
		turn  func(s *story)
		links string
	}{
		{"windows that do not overlap", func(s *story) {
			s.records[1].SubmittedAt, s.records[1].DecidedAt = at("2026-04-06"), at("2026-04-07")
		}, "R1→O1"},
		{"the last day of one, the first of the other", func(s *story) {
			s.records[1].SubmittedAt, s.records[1].DecidedAt = at("2026-04-05"), at("2026-04-07")
			s.opportunities[0].closeDate = on("2026-05-01")
		}, "R1→O1 R2→O1"},
		{"two IDs of one partner", func(s *story) { s.records[1].PartnerID = "FG4001" }, "R1→O1"},
		{"partners that merged since", func(s *story) { s.partners["AB1234"] = issued{"south", "north"} }, "R1→O1 R2→O1"},
		{"another customer", func(s *story) { s.records[1].customerID = "C2" }, "R1→O1"},
		{"the same opportunity, whatever the customer", func(s *story) {
			s.records[1].customerID = "C2"
			s.records[0].OpportunityID, s.records[1].OpportunityID = "O1", "O1"
		}, "R1→O1 R2→O1"},
		{"different opportunities", func(s *story) {
			s.records[0].OpportunityID, s.records[1].OpportunityID = "O1", "O2"
			s.opp("O2", "C1", "2026-02-01", "2026-03-01", "won")
		}, "R1→O1 R2→O2"},
		{"one without a share", func(s *story) { s.records[1].Share = nil }, "R1→O1"},
		{"one that is undecided", func(s *story) { s.records[1].Status = "submitted" }, "R1→O1"},
		{"customers that merged after both were approved", func(s *story) {
			s.records[1].customerID = "C2"
			s.merge("C2", "C1", "2026-01-07")
		}, "R1→O1"},
		{"customers that merged before", func(s *story) {
			s.records[1].customerID = "C2"
			s.merge("C2", "C1", "2026-01-06")
		}, "R1→O1 R2→O1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := pair("50", "50")
			c.turn(s)
			s.wantLinks(t, c.links)
		})
	}
}
