package deal

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
)

func TestR5_5_ANewWebsiteTakesNothingBack(t *testing.T) {
	acme := func() *story {
		return tell().
			reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", domain("c1.example")).
			opp("O1", "C1", "2026-02-01", "2026-03-01", "won")
	}
	for _, c := range []struct{ name, website, day, want string }{
		{"after the close", "c1-group.example", "2026-03-02T00:00:00Z", "R1→O1"},
		{"at the last instant of the CloseDate", "c1-group.example", "2026-03-01T23:59:59Z", ""},
		{"before it", "c1-group.example", "2026-02-15", ""},
		{"taken away after it", "", "2026-03-02", "R1→O1"},
		{"taken away before it", "", "2026-02-15", ""},
		{"a partner's, after it", "partner.example", "2026-03-02", "R1→O1"},
	} {
		t.Run(c.name, func(t *testing.T) { acme().rebrand("C1", c.website, c.day).wantLinks(t, c.want) })
	}
	t.Run("there and back", func(t *testing.T) {
		acme().rebrand("C1", "c1-group.example", "2026-02-15").rebrand("C1", "c1.example", "2026-02-20").wantLinks(t, "R1→O1")
	})
	t.Run("in the company zone", func(t *testing.T) {
		s := acme().rebrand("C1", "c1-group.example", "2026-03-02T02:00:00Z") // still the first of March in New York
		s.wantLinks(t, "R1→O1")
		zone, err := time.LoadLocation("America/New_York")
		if err != nil {
			t.Fatal(err)
		}
		s.terms.Zone = zone
		s.wantLinks(t, "")
	})
}

// What is seen first holds for the days before it too (R7.7).
func TestR5_5_TheFirstWebsiteIsAFact(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", domain("c9.example")).
		opp("O1", "C9", "2026-02-01", "2026-03-01", "won").
		opp("O2", "C9", "2026-02-02", "2026-03-01", "won")
	s.accounts["C9"] = account{}
	s.rebrand("C9", "c9.example", "2026-05-01")
	s.wantLinks(t, "R1→O1")
	s.rebrand("C9", "c9-group.example", "2026-06-01")
	s.wantLinks(t, "R1→O1")
}

// A registration that states no domain goes by that of its Account on the day.
func TestR5_5_TheAccountsDomainOfTheDay(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", of("C1")).
		reg("R2", "AB1234", "2026-01-02", "approved 2026-01-05", of("C1")).
		opp("O1", "C9", "2026-02-01", "2026-02-10", "won").
		opp("O2", "C8", "2026-02-02", "2026-03-10", "won")
	s.accounts["C9"], s.accounts["C8"] = site("c1.example"), site("c1-group.example")
	s.rebrand("C1", "c1-group.example", "2026-03-01")
	s.wantLinks(t, "R1→O1 R2→O2")
	s.rebrand("C9", "elsewhere.example", "2026-03-01").rebrand("C8", "elsewhere.example", "2026-04-01")
	s.wantLinks(t, "R1→O1 R2→O2")
}

// Who stands in whose way is asked as things are now.
func TestR5_4_ConflictsGoByTheLatestWebsite(t *testing.T) {
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "", of("C1")).
		reg("R2", "AB1234", "2026-01-02", "", domain("c1-group.example"))
	s.wantStates(t, "R1 submitted, R2 submitted")
	s.rebrand("C1", "c1-group.example", "2026-03-01")
	s.wantStates(t, "R1 submitted, R2 conflict")
	s.rebrand("C1", "c1-world.example", "2026-04-01")
	s.wantStates(t, "R1 submitted, R2 submitted")
}

// The registration is in reach by each domain that the customer ever had, from every
// side.
func TestR5_5_EveryWebsiteConnects(t *testing.T) {
	db := pgtest.New(t)
	partners(t, db)
	s := tell().
		reg("R1", "FG3877", "2026-01-01", "approved 2026-01-05", domain("c1.example")).
		reg("R2", "AB1234", "2026-01-01", "approved 2026-01-05", domain("c1-group.example")).
		opp("O1", "C1", "2026-02-01", "2026-03-01", "won").opp("O2", "C1", "2026-02-02", "2026-03-20", "won").
		rebrand("C1", "c1-group.example", "2026-03-10").rebrand("C1", "c1-world.example", "2026-04-01")
	s.keep(t, db)
	check := func() {
		t.Helper()
		for _, o := range s.opportunities { // each alone
			sources := sourcesOf([]opportunity{o})
			if err := AddClaims(t.Context(), db, sources, terms); err != nil {
				t.Fatal(err)
			}
			if got, want := claimsText(sources[0].Claims), claimsText(s.world().claimsOn(o.id)); got != want || len(sources[0].Claims) == 0 {
				t.Errorf("claims on %s:\n%swant\n%s", o.id, got, want)
			}
		}
		for _, r := range []Reached{
			{Accounts: []string{"C1"}}, {Opportunities: []string{"O1"}}, {Registrations: []string{"R1"}}, {Registrations: []string{"R2"}},
		} {
			os, rs, err := Around(t.Context(), db, r)
			if err != nil || !slices.Equal(os, []string{"O1", "O2"}) || !slices.Equal(rs, []string{"R1", "R2"}) {
				t.Errorf("around %+v are %v and %v, %v", r, os, rs, err)
			}
		}
	}
	check()
	s.wantLinks(t, "R1→O1 R2→O2")
	// A night's touch of the Account adds nothing.
	inTx(t, db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := ledger.SaveCustomers(ctx, tx, []ledger.Customer{{AccountID: "C1", Name: "C1", Domain: "c1-world.example", Modstamp: at("2026-05-01")}})
		return err
	})
	check()
}
