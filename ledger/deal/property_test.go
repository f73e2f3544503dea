package deal

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
)

// zones around which random worlds play.
var zones = []string{"UTC", "America/New_York", "Pacific/Kiritimati", "Asia/Kolkata"}

// drawStory gives a random world: few customers, merged or not, few days.
func drawStory(t *rapid.T) *story {
	zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	s := tell()
	s.terms = Terms{Zone: zone, AsOf: on("2026-01-01").AddDays(rapid.IntRange(0, 300).Draw(t, "as of"))}
	s.accounts["C3"] = site("c1.example") // another Account with the domain of C1
	s.accounts["C4"] = site("gmail.com")
	for _, id := range []string{"C1", "C2", "C3", "C4"} {
		drawRebrands(t, s, id)
	}
	for i, loser := range []string{"C1", "C2", "C3"} {
		if rapid.IntRange(0, 2).Draw(t, "merged") == 0 {
			s.merge(loser, []string{"C2", "C3", "C4"}[i], drawInstant(t, "merged at").Format(time.RFC3339))
		}
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "registrations") {
		s.records = append(s.records, drawRecord(t, i))
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "opportunities") {
		created := drawInstant(t, "created")
		o := opportunity{
			id: fmt.Sprintf("O%d", i), customerID: rapid.SampledFrom([]string{"C1", "C1", "C2", "C3", "C4", ""}).Draw(t, "account"),
			createdAt: created, closeDate: clock.DateIn(created, time.UTC).AddDays(rapid.IntRange(-5, 120).Draw(t, "takes")),
		}
		switch rapid.IntRange(0, 3).Draw(t, "stage") {
		case 0:
			o.isClosed = true
		case 1, 2:
			o.isClosed, o.isWon = true, true
		}
		if rapid.IntRange(0, 3).Draw(t, "names") == 0 {
			o.registrationID = fmt.Sprintf("R%d", rapid.IntRange(0, 6).Draw(t, "registration"))
		}
		s.opportunities = append(s.opportunities, o)
	}
	return s
}

// drawRebrands gives an Account other websites, or none: at instants that it was not
// merged at, and in the order of time.
func drawRebrands(t *rapid.T, s *story, id string) {
	last := at("2020-01-01")
	for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "rebrands") {
		when := drawInstant(t, "rebranded").Add(time.Minute)
		if !when.After(last) {
			continue
		}
		last = when
		s.rebrand(id, rapid.SampledFrom([]string{"c1.example", "c2.example", "", "gmail.com", "partner.example"}).Draw(t, "website"), when.Format(time.RFC3339))
	}
}

func drawInstant(t *rapid.T, label string) time.Time {
	return at("2026-01-01").Add(time.Duration(rapid.IntRange(0, 150*4).Draw(t, label)) * 6 * time.Hour)
}

func drawRecord(t *rapid.T, i int) record {
	r := record{Registration: Registration{
		ID: fmt.Sprintf("R%d", i), Origin: OriginSalesforce, SubmittedAt: drawInstant(t, "submitted"),
		PartnerID: rapid.SampledFrom([]string{"FG3877", "FG4001", "AB1234", "CD5678", "ZZ9999", "bad"}).Draw(t, "partner"),
		Status: rapid.SampledFrom([]string{
			"submitted", "approved", "approved", "approved", "rejected", "revoked", "withdrawn", "draft", "won",
		}).Draw(t, "status"),
	}}
	r.DecidedAt = r.SubmittedAt.Add(time.Duration(rapid.IntRange(0, 60*4).Draw(t, "decided")) * 6 * time.Hour)
	r.customerID = rapid.SampledFrom([]string{"C1", "C2", "C3", "C4", ""}).Draw(t, "account")
	r.AccountID = r.customerID
	domain(rapid.SampledFrom([]string{"", "", "c1.example", "c2.example", "gmail.com", "partner.example"}).Draw(t, "domain"))(&r)
	if rapid.IntRange(0, 4).Draw(t, "names") == 0 {
		r.OpportunityID = fmt.Sprintf("O%d", rapid.IntRange(0, 6).Draw(t, "opportunity"))
	}
	if rapid.IntRange(0, 2).Draw(t, "shares") == 0 {
		d := decimal.New(rapid.SampledFrom([]int64{5, 5, 4}).Draw(t, "share"), -1)
		r.Share = &d
	}
	return r
}

// TestR7_7_TheOrderOfFactsMakesNoDifference: links, states and claims are the same
// in whatever order facts are listed.
func TestR7_7_TheOrderOfFactsMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawStory(rt)
		want := s.world().String()
		s.records = rapid.Permutation(s.records).Draw(rt, "records")
		s.opportunities = rapid.Permutation(s.opportunities).Draw(rt, "opportunities")
		if got := s.world().String(); got != want {
			rt.Fatalf("in one order:\n%s\nin another:\n%s", want, got)
		}
	})
}

// String writes everything that a world says.
func (w *world) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, w.linked(), "|", w.states())
	for _, o := range w.opportunities {
		fmt.Fprintln(&b, "claims on", o.id)
		for _, c := range w.claimsOn(o.id) {
			fmt.Fprintf(&b, "  %s by %s, share %v %s, %s\n", claimText(c), c.PartnerID, c.Share, c.ShareFault, c.Reason)
		}
	}
	return b.String()
}

// TestR5_5_LinksAreThoseOfANaiveReading: in random worlds without shares, links are
// those that a person finds who goes through the rule's text with a pencil.
func TestR5_5_LinksAreThoseOfANaiveReading(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawStory(rt)
		for i := range s.records {
			s.records[i].Share = nil
		}
		if got, want := s.world().linked(), naiveLinks(s); got != want {
			rt.Fatalf("links are %q, by the text %q\n%+v", got, want, s)
		}
	})
}

// naiveLinks reads R5.5 aloud.
func naiveLinks(s *story) string {
	regs := slices.Clone(s.records)
	slices.SortFunc(regs, func(a, b record) int { return cmp.Or(a.SubmittedAt.Compare(b.SubmittedAt), cmp.Compare(a.ID, b.ID)) })
	opps := slices.Clone(s.opportunities)
	slices.SortFunc(opps, func(a, b opportunity) int { return cmp.Or(a.createdAt.Compare(b.createdAt), cmp.Compare(a.id, b.id)) })
	links, taken := map[string]string{}, map[string]bool{}
	try := func(r record, o opportunity) bool {
		stands := map[string]bool{"submitted": true, "approved": true, "won": true}[r.Status]
		if !stands || links[r.ID] != "" || taken[o.id] || !r.SubmittedAt.Before(o.closeDate.End(s.terms.Zone)) {
			return false
		}
		links[r.ID], taken[o.id] = o.id, true
		return true
	}
	for _, o := range opps {
		for _, r := range regs {
			if o.registrationID == r.ID {
				try(r, o)
			}
		}
	}
	for _, r := range regs {
		for _, o := range opps {
			if r.OpportunityID == o.id {
				try(r, o)
			}
		}
	}
	for _, o := range opps {
		for _, sameAs := range []func(*story, record, opportunity) bool{naiveAccount, naiveDomain} {
			for _, r := range regs {
				if !taken[o.id] && sameAs(s, r, o) && naiveWindow(s, r, o) {
					try(r, o)
				}
			}
		}
	}
	var out []string
	for r, o := range links {
		out = append(out, r+"→"+o)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// accountBy is the Account that an Account was at the last instant of a day.
func accountBy(s *story, id string, d clock.Date) string {
	if a := s.accounts[id]; a.survivor != "" && a.mergedAt.Before(d.End(s.terms.Zone)) {
		return accountBy(s, a.survivor, d)
	}
	return id
}

func naiveAccount(s *story, r record, o opportunity) bool {
	return r.customerID != "" && o.customerID != "" && accountBy(s, r.customerID, o.closeDate) == accountBy(s, o.customerID, o.closeDate)
}

func naiveDomain(s *story, r record, o opportunity) bool {
	usable := map[string]bool{"c1.example": true, "c2.example": true}
	own := r.EmailDomain
	if !usable[own] {
		own = naiveWebsite(s, r.customerID, o.closeDate)
	}
	return usable[own] && own == naiveWebsite(s, o.customerID, o.closeDate)
}

// naiveWebsite is the website that an Account, or whoever had survived it, had at the
// last instant of a day; before anybody saw one, the first one that was seen.
func naiveWebsite(s *story, id string, d clock.Date) string {
	domain := ""
	for i, v := range s.accounts[accountBy(s, id, d)].domains {
		if i == 0 || v.at.Before(d.End(s.terms.Zone)) {
			domain = v.domain
		}
	}
	return domain
}

func naiveWindow(s *story, r record, o opportunity) bool {
	day := func(t time.Time) string { return t.In(s.terms.Zone).Format(time.DateOnly) }
	from, to := day(r.SubmittedAt), "9999-12-31"
	if r.Status != "submitted" {
		to = r.DecidedAt.In(s.terms.Zone).AddDate(0, 0, 90).Format(time.DateOnly)
	}
	inside := func(d string) bool { return from <= d && d <= to }
	return inside(day(o.createdAt)) || inside(o.closeDate.String())
}

// TestR5_5_OneRegistrationOneOpportunity: an opportunity has one registration, or
// one share group; what has one stands and was submitted in time; what is linked is
// told, and nothing is told twice.
func TestR5_5_OneRegistrationOneOpportunity(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawStory(rt).world()
		linked := map[string]bool{}
		for _, o := range w.opportunities {
			ids := w.byOpp[o.id]
			for _, id := range ids {
				c := w.byID[id]
				switch {
				case linked[id]:
					rt.Fatalf("%s covers two opportunities", id)
				case !c.SubmittedAt.Before(o.closeDate.End(w.terms.Zone)):
					rt.Fatalf("%s was submitted after %s closed", id, o.id)
				case !c.isLive():
					rt.Fatalf("%s is %s and covers %s", id, c.base, o.id)
				case len(ids) > 1 && (c.group == nil || c.group != w.byID[ids[0]].group):
					rt.Fatalf("%v cover %s and are no group", ids, o.id)
				}
				linked[id] = true
			}
			told := map[string]bool{}
			for _, c := range w.claimsOn(o.id) {
				if c.Unclear != "" { // it covers nothing that anybody can tell
					if len(ids) > 0 {
						rt.Fatalf("%s is unclear beside %v", c.RegistrationID, ids)
					}
					continue
				}
				if told[c.RegistrationID] || c.IsLinked != slices.Contains(ids, c.RegistrationID) || !c.IsLinked && c.Lost == "" || c.IsLinked && c.How == "" {
					rt.Fatalf("%s claims %s: %+v", c.RegistrationID, o.id, c)
				}
				told[c.RegistrationID] = true
			}
			for _, id := range ids {
				if !told[id] {
					rt.Fatalf("nobody tells that %s covers %s", id, o.id)
				}
			}
		}
		if len(linked) != len(w.links) || len(linked) != len(slices.Collect(maps.Keys(w.links))) {
			rt.Fatalf("%d linked, %d links", len(linked), len(w.links))
		}
	})
}

// TestR5_4_ConflictsAreOneSided: of two registrations, only the later one can be
// within the other's exclusivity, and of one partner none is.
func TestR5_4_ConflictsAreOneSided(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawStory(rt).world()
		for _, c := range w.claimants {
			for _, r := range w.rivals(c) {
				from, to, isOpen := w.exclusivity(r)
				inside := !c.SubmittedAt.Before(from) && (isOpen || c.SubmittedAt.Before(to))
				if !inside || r.holder == c.holder || slices.Contains(w.rivals(r), c) {
					rt.Fatalf("%s is in conflict with %s", c.ID, r.ID)
				}
			}
		}
	})
}

// TestR5_8_GroupsShareWholeOrAreHeld: whoever is linked with a share and without a
// fault is in a group whose shares come to the whole.
func TestR5_8_GroupsShareWholeOrAreHeld(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawStory(rt).world()
		for _, o := range w.opportunities {
			for _, c := range w.claimsOn(o.id) {
				if c.Share == nil || c.ShareFault != "" {
					continue
				}
				var sum decimal.Decimal
				for _, m := range w.byID[c.RegistrationID].group.members {
					sum = sum.Add(*m.Share)
				}
				if !sum.Equal(decimal.NewFromInt(1)) {
					rt.Fatalf("the group of %s comes to %s", c.RegistrationID, sum)
				}
			}
		}
	})
}
