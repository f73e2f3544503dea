package deal

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
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

// claimant is a registration with what follows from it and its terms alone.
type claimant struct {
	*record
	// base is what was decided of it: draft, submitted, approved, rejected, withdrawn
	// or revoked; "" if nobody can tell.
	base commission.State
	// unclear says why nobody can tell what it claims, as a clause: its latest version
	// cannot be read, or lacks what decides. What it was known to claim before, it
	// claims on, on hold; "" if it is clear.
	unclear string
	// isUndated: its latest version does not say when it was submitted.
	isUndated bool
	// partnerID is the ID in its proper form; the raw text if malformed.
	partnerID string
	malformed bool
	// holder and original tell partners apart: by who is paid, and by whom the ID was
	// issued to.
	holder, original string
	submittedOn      clock.Date
	// windowEnd is the last day of its window; no date while it is undecided (R5.5).
	windowEnd clock.Date
	group     *shareGroup
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

// bySubmission is the order in which registrations come: by submission, then by id.
func bySubmission(a, b *claimant) int {
	return cmp.Or(a.SubmittedAt.Compare(b.SubmittedAt), cmp.Compare(a.ID, b.ID))
}

func (w *world) claimant(kept *record) *claimant {
	r := *kept
	c := &claimant{record: &r}
	c.clarify()
	// Without the day of its approval nobody knows its window: it counts as undecided
	// until somebody states it.
	if c.base == commission.Approved && r.DecidedAt.IsZero() {
		c.base = commission.Submitted
	}
	w.identify(c)
	if !r.SubmittedAt.IsZero() {
		c.submittedOn = w.day(r.SubmittedAt)
		c.windowEnd = w.windowEnd(c)
	}
	return c
}

// clarify reads what was decided of it. Where its latest version does not say, or not
// when it was submitted, what an earlier one said goes on.
func (c *claimant) clarify() {
	stated, known := ParseStatus(c.Status)
	switch {
	case known:
		c.base = decided(stated)
	case !c.approvedAt.IsZero():
		c.base, c.DecidedAt = commission.Approved, c.approvedAt
	case !c.seenSubmittedAt.IsZero():
		c.base = commission.Submitted
	}
	c.isUndated = c.SubmittedAt.IsZero()
	if c.isUndated {
		c.SubmittedAt = c.seenSubmittedAt
	}
	switch {
	case c.isVanished:
		c.unclear = "it is gone from Salesforce, and nobody has said what became of it"
	case c.isUnproven:
		c.unclear = "an engagement of it is gone from Salesforce, and nobody has said what became of that"
	case c.isUnreadable:
		c.unclear = "its latest version cannot be read; its discrepancy says what to correct"
	case !known:
		c.unclear = fmt.Sprintf("its status, %q, is none of those that a registration can have", c.Status)
	case c.base != commission.Draft && c.isUndated:
		c.unclear = "it does not say when it was submitted"
	}
}

// identify says whose registration it is.
func (w *world) identify(c *claimant) {
	id, ok := ledger.ParsePartnerID(c.PartnerID)
	c.partnerID, c.malformed = id, !ok || id == ""
	who, known := w.partners[id]
	switch {
	case id == "":
		c.holder = "registration " + c.ID
		c.original = c.holder
	case c.malformed || !known:
		c.holder, c.original = "id "+id, "id "+id
	default:
		c.holder, c.original = "partner "+who.survivor, "partner "+who.partner
	}
}

// windowEnd gives the last day of a window: so many days after the approval, and
// never after a decision that ended it (R5.5).
func (w *world) windowEnd(c *claimant) clock.Date {
	switch c.base {
	case commission.Approved:
		return w.day(c.DecidedAt).AddDays(w.terms.windowDays(c.submittedOn))
	case commission.Rejected, commission.Withdrawn, commission.Revoked:
		if c.DecidedAt.IsZero() {
			return c.submittedOn
		}
		end := w.day(c.DecidedAt)
		if c.base == commission.Revoked && !c.approvedAt.IsZero() {
			end = clock.MinDate(end, w.day(c.approvedAt).AddDays(w.terms.windowDays(c.submittedOn)))
		}
		return end
	}
	return clock.Date{}
}

// claims says whether a registration claims anything: it was submitted, somebody
// can tell when and what became of it, and it was not deleted.
func (c *claimant) claims() bool {
	return !c.IsDeleted && c.base != "" && c.base != commission.Draft && !c.SubmittedAt.IsZero()
}

// isLive says whether it may have an opportunity: it is submitted, in conflict,
// approved or won (R5.5).
func (c *claimant) isLive() bool {
	return c.base == commission.Submitted || c.base == commission.Approved
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
