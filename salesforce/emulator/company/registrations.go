package company

import (
	"fmt"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Of 1000 opportunities, and of 1000 renewals, so many have been registered by some
// partner.
const (
	registered         = 80
	registeredRenewals = 200
)

// candidate is an opportunity that a partner has registered.
type candidate struct {
	c              *client
	opportunity    *store.Record
	created, close time.Time
	stage          string
}

// registration is one on its way.
type registration struct {
	partner     *partnerFirm
	c           *client
	status      string
	involvement string
	reason      string
	share       string // per cent, as Salesforce has it; "" outside of a share group
	submitted   time.Time
	decided     time.Time     // zero while undecided
	names       *store.Record // the opportunity that it names; nil for none
	speculative bool
	// byDomain: it has no Account yet, only an e-mail domain.
	byDomain bool
}

var (
	registrationReasons = map[string][]string{
		"Rejected": {"We already talk to this customer", "The customer does not know of the project", "Nothing happened for a year"},
		"Conflict": {"Another partner has registered this customer"},
		"Revoked":  {"The customer says that another firm did the work", "The partner asked for it"},
	}
	sharePairs = [][2]string{{"50", "50"}, {"60", "40"}, {"70", "30"}, {"66.666667", "33.333333"}}

	projects  = []string{"Move off spreadsheets", "Replace the old CRM", "Roll out in two more countries", "Consolidate three orgs", "Self-service for resellers"}
	useCases  = []string{"Quoting", "Renewals", "Field service", "Partner onboarding", "Forecasting"}
	outcomes  = []string{"Quotes in a day instead of a week", "A tenth fewer lapsed renewals", "One list of customers", "Less time on reports"}
	roles     = []string{"decides", "pays", "uses it daily", "champion", "against it so far"}
	workKinds = []string{"Meeting", "Call", "Demo", "Workshop", "Other"}
)

// registrations makes the deals that partners registered: most of them for
// opportunities that exist, some for opportunities that may come.
func (g *generator) registrations() error {
	for _, d := range g.candidates {
		if err := g.register(d); err != nil {
			return err
		}
	}
	for _, c := range g.clients {
		if g.chance(50) {
			if err := g.speculate(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// register makes the registrations of one opportunity, in one of the ways in
// which that goes.
func (g *generator) register(d candidate) error {
	r := g.firstRegistration(d)
	switch way := g.rnd.IntN(100); {
	case way < 52:
		return g.approvedRegistration(d, r)
	case way < 62:
		return g.contested(d, r)
	case way < 74:
		return g.shared(d, r)
	case way < 82:
		r.status, r.reason = "Rejected", pick(g, registrationReasons["Rejected"])
	case way < 88:
		r.status, r.decided = "Submitted", time.Time{}
	case way < 91:
		r.status = "Withdrawn"
	case way < 94:
		r.status, r.submitted, r.decided = "Draft", time.Time{}, time.Time{}
	case way < 97:
		r.status, r.reason = "Revoked", pick(g, registrationReasons["Revoked"])
	default: // sent in when the deal was closed already: it never links
		r.status, r.submitted = "Submitted", d.close.AddDate(0, 0, 2+g.rnd.IntN(20))
		if r.decided = r.submitted.AddDate(0, 0, 3); r.decided.Before(g.end) {
			r.status = "Approved"
		}
	}
	return g.keepRegistration(d, r)
}

// firstRegistration is an approved one, sent in about when the opportunity was made.
func (g *generator) firstRegistration(d candidate) registration {
	r := registration{partner: pick(g, g.firms), c: d.c, status: "Approved", involvement: "Referred"}
	if g.chance(600) {
		r.involvement = "Engaged"
	}
	r.submitted = g.between(d.created.AddDate(0, 0, -45), d.created)
	if g.chance(300) {
		r.submitted = g.between(d.created, g.past(d.close))
	}
	r.submitted = g.past(r.submitted)
	r.decided = g.past(r.submitted.AddDate(0, 0, 1+g.rnd.IntN(15)).Add(time.Duration(g.rnd.IntN(8*3600)) * time.Second))
	return r
}

func (g *generator) approvedRegistration(d candidate, r registration) error {
	switch {
	case d.stage == "Closed Won" && g.chance(200):
		r.status = "Won"
	case d.stage == "Closed Lost" && g.chance(500):
		r.status = "Lost"
	}
	return g.keepRegistration(d, r)
}

// contested makes two partners claim one customer: the second waits in conflict,
// or was turned down for it.
func (g *generator) contested(d candidate, r registration) error {
	if err := g.keepRegistration(d, r); err != nil {
		return err
	}
	second := g.rival(d, r)
	second.status, second.reason, second.decided = "Conflict", registrationReasons["Conflict"][0], time.Time{}
	if g.chance(300) {
		second.status, second.decided = "Rejected", g.past(second.submitted.AddDate(0, 0, 5))
	}
	return g.keepRegistration(d, second)
}

// shared makes two partners share one opportunity. A few pairs do not add up.
func (g *generator) shared(d candidate, r registration) error {
	shares := pick(g, sharePairs)
	if g.chance(80) {
		shares = [2]string{"60", "30"}
	}
	r.names, r.share = d.opportunity, shares[0]
	if err := g.keepRegistration(d, r); err != nil {
		return err
	}
	second := g.rival(d, r)
	second.names, second.share = d.opportunity, shares[1]
	return g.keepRegistration(d, second)
}

// rival is another partner's registration for the same opportunity, a little later.
func (g *generator) rival(d candidate, first registration) registration {
	second := g.firstRegistration(d)
	for n := 0; second.partner == first.partner && n < 10; n++ {
		second.partner = pick(g, g.firms)
	}
	second.submitted = g.past(first.submitted.Add(time.Duration(1+g.rnd.IntN(5*24)) * time.Hour))
	second.decided = g.past(second.submitted.AddDate(0, 0, 2+g.rnd.IntN(8)))
	return second
}

// speculate registers a customer for an opportunity that may come.
func (g *generator) speculate(c *client) error {
	r := registration{partner: pick(g, g.firms), c: c, status: "Approved", involvement: "Referred", speculative: true,
		submitted: g.between(g.end.AddDate(-1, 0, 0), g.end)}
	r.decided = g.past(r.submitted.AddDate(0, 0, 4))
	if g.chance(300) {
		r.status, r.decided = "Submitted", time.Time{}
	}
	_, err := g.putRegistration(r)
	return err
}

// keepRegistration makes the record, its link to the opportunity, and the evidence
// that the partner took part.
func (g *generator) keepRegistration(d candidate, r registration) error {
	named := false
	switch way := g.rnd.IntN(100); {
	case r.share != "":
	case way < 40:
		named = true
	case way < 65:
		r.names = d.opportunity
	default:
		r.byDomain = g.chance(350) // the link has to be found
	}
	made, err := g.putRegistration(r)
	if err != nil || made == nil {
		return err
	}
	if named && d.opportunity != nil && d.opportunity.Text(g.store.Tables["Opportunity"].Object, "Partner_Registration__c") == "" {
		g.restate("Opportunity", d.opportunity, "Partner_Registration__c", made.ID, time.Unix(made.Created, 0).Add(time.Hour))
	}
	if r.involvement != "Engaged" || r.status == "Draft" {
		return nil
	}
	return g.engagements(d, made)
}

func (g *generator) putRegistration(r registration) (*store.Record, error) {
	status := r.status
	if g.chance(4) {
		status = "In Review" // a word of the company's own, which no rule knows
	}
	key := ""
	if g.chance(400) {
		g.registrationKeys++
		key = fmt.Sprintf("PRM-%05d", g.registrationKeys)
	}
	created := r.submitted
	if created.IsZero() {
		created = r.c.since.AddDate(0, 1, 0)
	}
	changed := created
	if !r.decided.IsZero() {
		changed = g.touched(r.decided)
	}
	v := values{"Registration_Key__c", key, "Partner_ID__c", g.disorder(r.partner.id), "Customer_Name__c", g.accountName(r.c.account),
		"Involvement__c", r.involvement, "Status__c", status, "Decision_Reason__c", r.reason, "Share__c", r.share,
		"Opportunity__c", idOf(r.names), "Speculative__c", r.speculative,
		"Project__c", pick(g, projects), "Use_Case__c", pick(g, useCases), "Business_Outcome__c", pick(g, outcomes),
		"Key_People__c", fmt.Sprintf("%s %s (%s)", pick(g, givenNames), pick(g, familyNames), pick(g, roles)),
		"Timeframe__c", fmt.Sprintf("%d months", 1+g.rnd.IntN(12)), "Priority__c", pick(g, []string{"Low", "Medium", "High"})}
	domain := r.c.domain
	if g.chance(50) {
		domain = "gmail.com" // a public mail domain identifies nobody
	}
	v = append(v, "Email_Domain__c", domain)
	if !r.byDomain {
		v = append(v, "Account__c", idOf(r.c.account))
	}
	if !r.submitted.IsZero() {
		v = append(v, "Submitted_At__c", r.submitted)
	}
	if !r.decided.IsZero() {
		v = append(v, "Decided_At__c", r.decided)
	}
	if len(r.c.spaces) > 0 && g.chance(300) {
		v = append(v, "Space__c", idOf(r.c.spaces[0]))
	}
	return g.put("Partner_Registration__c", created, changed, v)
}

// engagements dates what the partner did against the CloseDate: mostly inside the
// sixty days before it, sometimes on the first or the last of them, sometimes too
// early, and now and then not at all.
func (g *generator) engagements(d candidate, of *store.Record) error {
	if g.chance(80) {
		return nil
	}
	for range 1 + g.rnd.IntN(3) {
		before := g.rnd.IntN(61)
		switch n := g.rnd.IntN(100); {
		case n < 5:
			before = 60
		case n < 8:
			before = 0
		case n < 11:
			before = 61
		case n < 30:
			before = 62 + g.rnd.IntN(90)
		}
		on := d.close.AddDate(0, 0, -before)
		if on.After(g.end) {
			continue // an open opportunity's day has not come yet
		}
		if _, err := g.put("Partner_Engagement__c", on, g.touched(on), values{"Partner_Registration__c", idOf(of), "Engaged_On__c", day(on),
			"Kind__c", pick(g, workKinds), "Notes__c", "With " + pick(g, familyNames), "Confirmed__c", g.chance(700)}); err != nil {
			return err
		}
	}
	return nil
}
