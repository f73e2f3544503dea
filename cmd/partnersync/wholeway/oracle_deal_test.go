package wholeway_test

import (
	"math/big"
	"slices"
	"sort"
	"strings"
	"time"
)

// claim is a registration as it stands in the end.
type claim struct {
	version
	payee     string // by R1.1
	state     string
	submitted time.Time
	decided   time.Time
	customer  string
	domain    string
	share     *big.Rat // nil: it states none
	linked    *sold
}

// isOpen says whether a decision is still to come, and so holds what it is linked
// to.
func (c *claim) isOpen() bool { return c.state == "submitted" || c.state == "conflict" }

// pays says whether it is approved.
func (c *claim) pays() bool { return c.state == "approved" || c.state == "won" }

func (c *claim) isMalformed() bool { return c.payee == "" || strings.HasPrefix(c.payee, badID) }

// readClaims reads the registrations, the earliest submission first.
func (s *simulation) readClaims() {
	for _, f := range s.records("Partner_Registration__c") {
		v := f.now()
		c := &claim{version: v, payee: readID(v.str("Partner_ID__c")), state: strings.ToLower(v.str("Status__c")),
			customer: s.survivor(f.first().str("Account__c")), domain: s.domainOf(v.str("Email_Domain__c"))}
		if v.flag("IsDeleted") || c.state == "draft" || readDeadClaimLinksNothing && !c.isOpen() && !c.pays() {
			continue
		}
		c.submitted = v.instant("Submitted_At__c")
		if v.str("Decided_At__c") != "" {
			c.decided = v.instant("Decided_At__c")
		}
		if n := v.number("Share__c"); n != "" {
			c.share = times(exact(n), big.NewRat(1, 100))
		}
		s.claims = append(s.claims, c)
	}
	sort.SliceStable(s.claims, func(i, j int) bool { return s.claims[i].submitted.Before(s.claims[j].submitted) })
}

// domainOf gives the registrable domain of a domain or an address of the web; ""
// if it identifies no customer (R1.4).
func (s *simulation) domainOf(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	_, rest, isURL := strings.Cut(text, "://")
	if isURL {
		text = rest
	}
	text, _, _ = strings.Cut(text, "/")
	labels := strings.Split(text, ".")
	n := 2
	if strings.HasSuffix(text, ".co.uk") {
		n = 3
	}
	if len(labels) < n {
		return ""
	}
	domain := strings.Join(labels[len(labels)-n:], ".")
	if domain == "gmail.com" || domain == "outlook.com" {
		return ""
	}
	for _, p := range s.partners {
		if slices.Contains(p.domains, domain) {
			return ""
		}
	}
	return domain
}

// websiteOf gives the domain of a customer.
func (s *simulation) websiteOf(customer string) string {
	for _, f := range s.records("Account") {
		if v := f.now(); v.id == customer {
			return s.domainOf(v.str("Website"))
		}
	}
	return ""
}

// link is R5.5: explicit links first, then by inference.
func (s *simulation) link() {
	s.readClaims()
	inOrder := slices.Clone(s.sales)
	slices.SortFunc(inOrder, func(a, b *sold) int {
		if n := a.instant("CreatedDate").Compare(b.instant("CreatedDate")); n != 0 {
			return n
		}
		return strings.Compare(a.id, b.id)
	})
	inOrder = slices.DeleteFunc(inOrder, func(o *sold) bool { return o.flag("IsDeleted") })
	for _, o := range inOrder { // the opportunity names the registration
		for _, c := range s.claims {
			if c.id == o.str("Partner_Registration__c") && c.linked == nil {
				s.bind(o, c)
			}
		}
	}
	for _, c := range s.claims { // the registration names the opportunity
		for _, o := range inOrder {
			if o.id == c.str("Opportunity__c") && c.linked == nil {
				if len(o.claims) == 0 || o.claims[0].share != nil && c.share != nil {
					s.bind(o, c)
				}
			}
		}
	}
	for _, o := range inOrder {
		s.infer(o)
	}
}

// bind links, unless the registration came after CloseDate.
func (s *simulation) bind(o *sold, c *claim) {
	if civilIn(c.submitted, s.terms.zone) > o.close {
		return
	}
	c.linked = o
	o.claims = append(o.claims, c)
	sort.SliceStable(o.claims, func(i, j int) bool { return o.claims[i].submitted.Before(o.claims[j].submitted) })
}

// infer links a sale to the earliest free registration whose window it meets.
func (s *simulation) infer(o *sold) {
	if len(o.claims) > 0 {
		return
	}
	domain := s.websiteOf(o.customer)
	for _, same := range []func(*claim) bool{
		func(c *claim) bool { return c.customer != "" && c.customer == o.customer },
		func(c *claim) bool { return c.domain != "" && c.domain == domain },
	} {
		for _, c := range s.claims {
			if c.linked == nil && (c.isOpen() || c.pays()) && same(c) && s.isInWindow(o, c) {
				if s.bind(o, c); c.linked != nil {
					s.joinGroup(o, c)
					return
				}
			}
		}
	}
}

// joinGroup links the others of a share group along with the one that was
// inferred (R5.4).
func (s *simulation) joinGroup(o *sold, c *claim) {
	for _, other := range s.claims {
		if c.isGroupedWith(other) && other.linked == nil {
			s.bind(o, other)
		}
	}
}

// isGroupedWith says whether two registrations share: both state a share, of the
// same opportunity.
func (c *claim) isGroupedWith(other *claim) bool {
	return c != other && c.share != nil && other.share != nil && c.str("Opportunity__c") == other.str("Opportunity__c")
}

// isTorn says whether a sale has only a part of a share group, because the others
// were submitted after its CloseDate. What the part earns then, its share or the
// whole, the rulebook leaves open.
func (s *simulation) isTorn(o *sold) bool {
	for _, c := range o.claims {
		for _, other := range s.claims {
			if c.isGroupedWith(other) && other.linked != o {
				return true
			}
		}
	}
	return false
}

// isInWindow says whether a sale was created or closed in a registration's window.
func (s *simulation) isInWindow(o *sold, c *claim) bool {
	from, to := civilIn(c.submitted, s.terms.zone), civilOf(9999, 1, 1)
	if c.pays() {
		to = civilIn(c.decided, s.terms.zone) + civil(s.terms.windowOf(from))
	}
	created := civilIn(o.instant("CreatedDate"), s.terms.zone)
	return from <= created && created <= to || from <= o.close && o.close <= to
}

// windowOf gives the days of the window of what was submitted on a day.
func (t *terms) windowOf(submitted civil) int {
	days, from := 90, never
	for _, p := range t.plans {
		if p.from <= submitted && p.from > from {
			days, from = p.deal.window, p.from
		}
	}
	return days
}
