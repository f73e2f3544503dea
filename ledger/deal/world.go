package deal

import (
	"cmp"
	"slices"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger"
)

// record is a registration as it is kept.
type record struct {
	Registration
	// customerID is the Account by which it is found: the one named when first seen,
	// also after a merge moved it; the one named now, if a person corrected it.
	customerID string
	// domain is the registrable domain of EmailDomain, or "" (R1.4).
	domain string
	// approvedAt is when it was approved, as far as anybody saw; also of one that has
	// been revoked since.
	approvedAt time.Time
	// seenSubmittedAt is the latest submission that any version stated while its status
	// was known.
	seenSubmittedAt time.Time
	isUnreadable    bool
	// isVanished: Salesforce has it no more, and nobody has said what became of it;
	// isUnproven: that is so of an engagement of it (R9.1).
	isVanished, isUnproven bool
}

// opportunity is what linking needs of an opportunity.
type opportunity struct {
	id, name       string
	customerID     string
	registrationID string // that it names, known or not
	createdAt      time.Time
	closeDate      clock.Date
	isClosed       bool
	isWon          bool
}

// account is what linking needs of a customer.
type account struct {
	// domains are those of its website as they were seen, in the order of time; the
	// first one is not blank.
	domains  []seenDomain
	survivor string // of its merge, or ""
	mergedAt time.Time
}

// seenDomain is a domain that a website had from an instant on; "" where it had none
// any more.
type seenDomain struct {
	domain string
	at     time.Time
}

// issued says to whom a Partner ID was issued, and who is paid for it: where
// partners merged, the survivor (R1.1).
type issued struct {
	partner, survivor string
}

// facts are what is known of one component or several.
type facts struct {
	records        []record
	opportunities  []opportunity
	accounts       map[string]account
	partners       map[string]issued // by Partner ID
	partnerDomains map[string]bool
}

// world is one component or several, ready to be asked about.
type world struct {
	facts
	terms Terms
	// claimants in the order of submission, then of ids. Only those that claim
	// anything: not drafts, not deleted ones.
	claimants []*claimant
	byID      map[string]*claimant
	others    []*claimant // drafts and what nobody can read
	// byRoot and byDomain find claimants, in their order, by the last survivor of
	// their Account and by the domains that they may go by.
	byRoot   map[string][]*claimant
	byDomain map[string][]*claimant
	oppByID  map[string]*opportunity
	namedBy  map[string][]string    // opportunities that name a registration
	naming   map[string][]*claimant // registrations that name an opportunity
	links    map[string]link        // of live registrations, by their ids
	byOpp    map[string][]string    // registrations linked to an opportunity, in order
	shadows  map[string]link        // of those that were ended, by their ids; see link
	missed   map[string][]*claimant // those whose shadow is an opportunity
}

// forever is a day after every merge.
var forever = clock.NewDate(9999, 12, 31)

// newWorld works out everything that follows from facts. The order in which they
// are listed makes no difference (R7.7).
func newWorld(f facts, t Terms) *world {
	w := &world{
		facts: f, terms: t, byID: map[string]*claimant{}, byRoot: map[string][]*claimant{},
		byDomain: map[string][]*claimant{}, oppByID: map[string]*opportunity{}, namedBy: map[string][]string{},
		naming: map[string][]*claimant{},
	}
	w.opportunities = slices.Clone(f.opportunities)
	slices.SortFunc(w.opportunities, func(a, b opportunity) int {
		return cmp.Or(a.createdAt.Compare(b.createdAt), cmp.Compare(a.id, b.id))
	})
	for i := range w.opportunities {
		o := &w.opportunities[i]
		w.oppByID[o.id] = o
		if o.registrationID != "" {
			w.namedBy[o.registrationID] = append(w.namedBy[o.registrationID], o.id)
		}
	}
	for i := range f.records {
		c := w.claimant(&f.records[i])
		w.byID[c.ID] = c
		if c.claims() {
			w.claimants = append(w.claimants, c)
		} else {
			w.others = append(w.others, c)
		}
	}
	slices.SortFunc(w.claimants, bySubmission)
	for _, c := range w.claimants {
		w.index(c)
	}
	w.findGroups()
	w.link()
	return w
}

func (w *world) day(t time.Time) clock.Date { return clock.DateIn(t, w.terms.Zone) }

// index makes a claimant findable.
func (w *world) index(c *claimant) {
	if c.OpportunityID != "" {
		w.naming[c.OpportunityID] = append(w.naming[c.OpportunityID], c)
	}
	if c.customerID != "" {
		root := w.accountOn(c.customerID, forever)
		w.byRoot[root] = append(w.byRoot[root], c)
	}
	for _, d := range w.domains(c) {
		w.byDomain[d] = append(w.byDomain[d], c)
	}
}

// accountOn gives the Account that an Account is at the end of a day: itself, or
// whoever survived it by then (R9.2).
func (w *world) accountOn(id string, d clock.Date) string {
	for range len(w.accounts) + 1 {
		a := w.accounts[id]
		if a.survivor == "" || w.day(a.mergedAt).After(d) {
			return id
		}
		id = a.survivor
	}
	return id // a circle, which Salesforce cannot make
}

// identifying gives a domain if it may identify a customer, else "" (R1.4).
func (w *world) identifying(domain string) string {
	if domain == "" || w.partnerDomains[domain] || ledger.IsPublicMailDomain(domain) {
		return ""
	}
	return domain
}

// domainOn gives the domain by which a registration is found on a day: the one that
// it states, else that of its Account on that day.
func (w *world) domainOn(c *claimant, d clock.Date) string {
	if stated := w.identifying(c.domain); stated != "" || c.customerID == "" {
		return stated
	}
	return w.accountDomain(c.customerID, d)
}

// accountDomain gives the domain by which an Account, or whoever survived it, is found
// on a day: the last that was seen by its end, else the first one that ever was,
// because what was first seen is a fact (R7.7). A later website changes nothing.
func (w *world) accountDomain(id string, d clock.Date) string {
	var domain string
	for i, s := range w.accounts[w.accountOn(id, d)].domains {
		if i > 0 && w.day(s.at).After(d) {
			break
		}
		domain = s.domain
	}
	return w.identifying(domain)
}

// domains gives all domains by which it may be found on one day or another.
func (w *world) domains(c *claimant) []string {
	if stated := w.identifying(c.domain); stated != "" {
		return []string{stated}
	}
	var out []string
	id := c.customerID
	for range len(w.accounts) + 1 {
		if id == "" {
			break
		}
		for _, s := range w.accounts[id].domains {
			if d := w.identifying(s.domain); d != "" && !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
		id = w.accounts[id].survivor
	}
	return out
}

// isOneCustomer says whether two registrations are for one customer as things stand
// at the end of a day: the same Account, or the same domain (R5.4).
func (w *world) isOneCustomer(a, b *claimant, d clock.Date) bool {
	if a.customerID != "" && b.customerID != "" && w.accountOn(a.customerID, d) == w.accountOn(b.customerID, d) {
		return true
	}
	domain := w.domainOn(a, d)
	return domain != "" && domain == w.domainOn(b, d)
}

// near gives the other claimants that may be for the customer of c on some day, in
// their order.
func (w *world) near(c *claimant) []*claimant {
	var out []*claimant
	if c.customerID != "" {
		out = append(out, w.byRoot[w.accountOn(c.customerID, forever)]...)
	}
	for _, d := range w.domains(c) {
		out = append(out, w.byDomain[d]...)
	}
	slices.SortFunc(out, bySubmission)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(o *claimant) bool { return o == c })
}
