package deal

import (
	"testing"

	"github.com/partnersync/partnersync/ledger/commission"
)

func TestR5_4_WithinAnothersExclusivity(t *testing.T) {
	for _, c := range []struct {
		name, first, submitted, want string
	}{
		{"while the other is undecided", "", "2028-01-01", commissionConflict},
		{"at the same instant, by id", "", "2026-01-01T12:00:00Z", commissionConflict},
		{"on the last day of the other's window", "approved 2026-01-31", "2026-05-01T23:59:59Z", commissionConflict},
		{"the day after", "approved 2026-01-31", "2026-05-02T00:00:00Z", "submitted"},
		{"before the other was rejected", "rejected 2026-01-31", "2026-01-31T11:59:59Z", commissionConflict},
		{"when the other was rejected", "rejected 2026-01-31", "2026-01-31T12:00:00Z", "submitted"},
		{"after the other was withdrawn", "withdrawn 2026-01-31", "2026-02-01", "submitted"},
		{"after the other was revoked", "revoked 2026-01-31", "2026-02-01", "submitted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tell().reg("R1", "FG3877", "2026-01-01", c.first, of("C1")).reg("R2", "AB1234", c.submitted, "", of("C1"))
			if got := string(s.world().state(s.world().byID["R2"])); got != c.want {
				t.Errorf("R2 is %s, want %s", got, c.want)
			}
		})
	}
}

const commissionConflict = string(commission.Conflict)

func TestR5_4_TheSameCustomerOrTheSameDomain(t *testing.T) {
	for _, c := range []struct {
		name, want string
		first      []func(*record)
		second     []func(*record)
	}{
		{"Account", "R1 submitted, R2 conflict", []func(*record){of("C1")}, []func(*record){of("C1")}},
		{"other Account, same domain", "R1 submitted, R2 conflict", []func(*record){of("C1"), domain("d.example")}, []func(*record){of("C2"), domain("www.d.example")}},
		{"Account's domain", "R1 submitted, R2 conflict", []func(*record){of("C1")}, []func(*record){domain("ana@c1.example")}},
		{"other domain", "R1 submitted, R2 submitted", []func(*record){domain("c1.example")}, []func(*record){domain("c2.example")}},
		{"public mail", "R1 submitted, R2 submitted", []func(*record){domain("gmail.com")}, []func(*record){domain("gmail.com")}},
		{"neither", "R1 submitted, R2 submitted", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			tell().reg("R1", "FG3877", "2026-01-01", "", c.first...).reg("R2", "AB1234", "2026-01-02", "", c.second...).wantStates(t, c.want)
		})
	}
	tell().merge("C1", "C2", "2026-06-01"). // and it does not matter when they merged
						reg("R1", "FG3877", "2026-01-01", "", of("C1")).reg("R2", "AB1234", "2026-01-02", "", of("C2")).
						wantStates(t, "R1 submitted, R2 conflict")
}

func TestR5_4_AnotherPartnerNotAnotherID(t *testing.T) {
	same := func(second string) *story {
		return tell().reg("R1", "FG3877", "2026-01-01", "", of("C1")).reg("R2", second, "2026-01-02", "", of("C1"))
	}
	same("FG4001").wantStates(t, "R1 submitted, R2 submitted")
	same(" fg3877 ").wantStates(t, "R1 submitted, R2 submitted")
	same("ZZ9999").wantStates(t, "R1 submitted, R2 conflict") // unknown: its own
	same("not one").wantStates(t, "R1 submitted, R2 conflict")
	same("").wantStates(t, "R1 submitted, R2 conflict")
	s := same("AB1234")
	s.wantStates(t, "R1 submitted, R2 conflict")
	s.partners["AB1234"] = issued{"south", "north"} // it merged (R1.1)
	s.wantStates(t, "R1 submitted, R2 submitted")
}

func TestR5_3_ExclusivityLastsWhileTheOpportunityIsOpen(t *testing.T) {
	for _, c := range []struct{ stage, closed, submitted, want string }{
		{"open", "2026-03-01", "2029-01-01", "conflict"},
		{"won", "2026-08-01", "2026-08-01T23:00:00Z", "conflict"}, // the window ended on 2026-05-01
		{"won", "2026-08-01", "2026-08-02T00:00:00Z", "submitted"},
		{"won", "2026-03-01", "2026-05-01", "conflict"}, // won, but the window goes on
		{"lost", "2026-03-01", "2026-03-01T23:00:00Z", "conflict"},
		{"lost", "2026-03-01", "2026-03-02T00:00:00Z", "submitted"}, // it ends at the loss
	} {
		s := tell().
			reg("R1", "FG3877", "2026-01-01", "approved 2026-01-31", of("C1"), names("O1")).
			reg("R2", "AB1234", c.submitted, "", domain("c1.example")).
			opp("O1", "C1", "2026-02-01", c.closed, c.stage)
		if got := string(s.world().state(s.world().byID["R2"])); got != c.want {
			t.Errorf("%s on %s: R2, submitted at %s, is %s, want %s", c.stage, c.closed, c.submitted, got, c.want)
		}
	}
}

func TestR5_3_ExpiredIsComputed(t *testing.T) {
	s := tell().reg("R1", "FG3877", "2026-01-01", "approved 2026-01-31", of("C1"))
	s.terms.AsOf = on("2026-05-01")
	s.wantStates(t, "R1 approved")
	s.terms.AsOf = on("2026-05-02")
	s.wantStates(t, "R1 expired")
	s.opp("O1", "C1", "2026-05-01", "2026-09-01", "open") // a late fact inside the window undoes it
	s.wantStates(t, "R1 approved")
	s = tell().reg("R1", "FG3877", "2026-01-01", "approved 2026-01-31", of("C1")).
		opp("O1", "C1", "2026-08-01", "2026-09-01", "open", naming("R1")) // an explicit link too
	s.wantStates(t, "R1 approved")
}

func TestR5_2_WonAndLostFollowTheOpportunity(t *testing.T) {
	s := tell().reg("R1", "FG3877", "2026-01-01", "approved 2026-01-31", of("C1"), names("O1")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won")
	s.wantStates(t, "R1 won")
	s.opportunities[0].isWon = false
	s.wantStates(t, "R1 lost")
	s.opportunities[0].isClosed = false
	s.wantStates(t, "R1 approved")
	s.records[0].Status = "Expired" // computed, whatever a record says
	s.wantStates(t, "R1 approved")
	s.records[0].Status = "Conflict"
	s.wantStates(t, "R1 submitted")
}

func TestR5_2_ApprovedWithoutADateIsUndecided(t *testing.T) {
	s := tell().reg("R1", "FG3877", "2026-01-01", "Approved", of("C1")).opp("O1", "C1", "2026-02-01", "2026-03-01", "won")
	s.wantStates(t, "R1 submitted")
	found := s.world().findings(s.world().byID["R1"])
	if len(found) != 1 || found[0].Kind != KindWithoutDate || !found[0].IsHold {
		t.Errorf("found %+v", found)
	}
}

func TestR5_2_WhatMayFollow(t *testing.T) {
	all := []commission.State{
		commission.Draft, commission.Submitted, commission.Conflict, commission.Approved, commission.Rejected,
		commission.Withdrawn, commission.Won, commission.Lost, commission.Expired, commission.Revoked,
	}
	want := map[string]string{
		"draft": "submitted ", "submitted": "conflict approved rejected withdrawn ", "conflict": "approved rejected withdrawn ",
		"approved": "won lost expired revoked ", "won": "revoked ",
	}
	for _, from := range all {
		got := ""
		for _, to := range all {
			if MayFollow(from, to) {
				got += string(to) + " "
			}
		}
		if got != want[string(from)] {
			t.Errorf("after %s may come %q, want %q", from, got, want[string(from)])
		}
	}
	for _, s := range []string{"", " ", "Pending", "approved!"} {
		if state, ok := ParseStatus(s); ok {
			t.Errorf("%q is taken for %s", s, state)
		}
	}
	if s, ok := ParseStatus(" Approved "); !ok || s != commission.Approved {
		t.Errorf("Approved is taken for %q", s)
	}
}

func TestR5_4_ApprovedBesideAnotherWithoutSharesIsNoted(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1")).
		reg("R2", "AB1234", "2026-01-02", "approved 2026-01-06", of("C1"))
	noted := func() int {
		w := s.world()
		found := w.findings(w.byID["R2"])
		if len(found) > 0 && (found[0].Kind != KindConflict || found[0].IsHold) {
			t.Errorf("found %+v", found)
		}
		return len(found)
	}
	if noted() != 1 {
		t.Error("not noted where nobody has an opportunity yet")
	}
	s.opp("O1", "C1", "2026-02-01", "2026-03-01", "won")
	if noted() != 1 {
		t.Error("not noted where one has the opportunity")
	}
	s.opp("O2", "C1", "2026-02-02", "2026-03-01", "won")
	if noted() != 0 {
		t.Error("noted although each has its own")
	}
	share("50")(&s.records[0])
	share("50")(&s.records[1])
	s.opportunities = s.opportunities[:1]
	if noted() != 0 {
		t.Error("noted although they share")
	}
}
