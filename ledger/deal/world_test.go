package deal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/commission"
)

// at reads an instant: a day is its noon.
func at(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	if len(s) == len(time.DateOnly) {
		s += "T12:00:00Z"
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func on(s string) clock.Date {
	d, err := clock.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// story is a small world that a test tells.
type story struct {
	facts
	terms Terms
}

// tell begins a story in which FG3877 is North's, AB1234 is South's, CD5678 is
// West's, and C1 is the Account of c1.example.
func tell() *story {
	return &story{
		facts: facts{
			accounts: map[string]account{"C1": site("c1.example"), "C2": site("c2.example")},
			partners: map[string]issued{
				"FG3877": {"north", "north"}, "FG4001": {"north", "north"}, "AB1234": {"south", "south"}, "CD5678": {"west", "west"},
			},
			partnerDomains: map[string]bool{"partner.example": true},
		},
		terms: Terms{Zone: time.UTC, AsOf: on("2030-01-01")},
	}
}

// reg adds a registration; decision is "approved 2026-02-01", or "" while there is
// none; more are changes to it.
func (s *story) reg(id, partner, submitted, decision string, more ...func(*record)) *story {
	r := record{Registration: Registration{
		ID: id, Origin: OriginSalesforce, PartnerID: partner, CustomerName: "Customer", Involvement: "referred",
		Status: "Submitted", SubmittedAt: at(submitted),
	}}
	if state, day, ok := strings.Cut(decision, " "); ok {
		r.Status, r.DecidedAt = state, at(day)
	} else if decision != "" {
		r.Status = decision
	}
	for _, f := range more {
		f(&r)
	}
	s.records = append(s.records, r)
	return s
}

func of(account string) func(*record) {
	return func(r *record) { r.AccountID, r.customerID = account, account }
}
func domain(d string) func(*record) {
	return func(r *record) { r.EmailDomain, r.domain = d, customerDomain(d) }
}
func names(opp string) func(*record) { return func(r *record) { r.OpportunityID = opp } }
func group(name string) func(*record) {
	return func(r *record) { r.Origin, r.ShareGroup = OriginPortal, name }
}
func approvedAt(s string) func(*record) { return func(r *record) { r.approvedAt = at(s) } }
func share(percents string) func(*record) {
	return func(r *record) {
		d := decimal.RequireFromString(percents).Shift(-2)
		r.Share = &d
	}
}

// opp adds an opportunity of an Account; stage is won, lost or open.
func (s *story) opp(id, account, created, closed, stage string, more ...func(*opportunity)) *story {
	o := opportunity{
		id: id, customerID: account, createdAt: at(created), closeDate: on(closed), isClosed: stage != "open", isWon: stage == "won",
	}
	for _, f := range more {
		f(&o)
	}
	s.opportunities = append(s.opportunities, o)
	return s
}

func naming(registration string) func(*opportunity) {
	return func(o *opportunity) { o.registrationID = registration }
}

func (s *story) merge(loser, survivor, day string) *story {
	a := s.accounts[loser]
	a.survivor, a.mergedAt = survivor, at(day)
	s.accounts[loser] = a
	return s
}

// site is an Account whose website has had a domain as long as anybody knows.
func site(domain string) account {
	return account{domains: []seenDomain{{domain, at("2020-01-01")}}}
}

// rebrand gives an Account another website; a day is its noon.
func (s *story) rebrand(id, domain, day string) *story {
	a := s.accounts[id]
	a.domains = append(slices.Clone(a.domains), seenDomain{domain, at(day)})
	s.accounts[id] = a
	return s
}

func (s *story) world() *world { return newWorld(s.facts, s.terms) }

// linked writes who covers what: "R1→O1 R2→O2".
func (w *world) linked() string {
	var out []string
	for id, l := range w.links {
		out = append(out, id+"→"+l.opportunity)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// states writes where everybody stands: "R1 approved, R2 conflict".
func (w *world) states() string {
	all := slices.Concat(w.claimants, w.others)
	slices.SortFunc(all, func(a, b *claimant) int { return cmp.Compare(a.ID, b.ID) })
	out := make([]string, len(all))
	for i, c := range all {
		out[i] = fmt.Sprintf("%s %s", c.ID, cmp.Or(w.state(c), "?"))
	}
	return strings.Join(out, ", ")
}

func (s *story) wantLinks(t *testing.T, want string) {
	t.Helper()
	if got := s.world().linked(); got != want {
		t.Errorf("links are %q, want %q", got, want)
	}
}

func (s *story) wantStates(t *testing.T, want string) {
	t.Helper()
	if got := s.world().states(); got != want {
		t.Errorf("states are %q, want %q", got, want)
	}
}

// wantClaims compares the claims on an opportunity, written one on a line:
// "R1 approved linked: how" or "R2 rejected: why not".
func (s *story) wantClaims(t *testing.T, opp string, want ...string) {
	t.Helper()
	var got []string
	for _, c := range s.world().claimsOn(opp) {
		got = append(got, claimText(c))
	}
	if !slices.Equal(got, want) {
		t.Errorf("claims on %s are\n  %s\nwant\n  %s", opp, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func claimText(c commission.Claim) string {
	if c.IsLinked {
		return fmt.Sprintf("%s %s linked: %s", c.RegistrationID, c.State, c.How)
	}
	return fmt.Sprintf("%s %s: %s", c.RegistrationID, c.State, c.Lost)
}
