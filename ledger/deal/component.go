package deal

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
)

// keys are ids by which registrations and opportunities are asked for.
type keys struct {
	registrations, opportunities, accounts, domains, groups []string
}

// set is keys of one sort, of which some still wait to be asked for.
type set struct {
	known   map[string]bool
	waiting []string
}

func (s *set) add(keys ...string) {
	if s.known == nil {
		s.known = map[string]bool{}
	}
	for _, k := range keys {
		if k != "" && !s.known[k] {
			s.known[k] = true
			s.waiting = append(s.waiting, k)
		}
	}
}

// take gives the keys that wait, which then wait no more.
func (s *set) take() []string {
	out := s.waiting
	s.waiting = nil
	return out
}

// gathering reads whole components: from what is asked for, step by step, to
// everything that it can have to do with. More than that does no harm: what is not
// connected does not influence each other.
type gathering struct {
	q     sqlx.QueryerContext
	facts facts
	// kinOf and accountsOf wait for their kin, and for the Accounts that have them;
	// the other five for the registrations that they lead to.
	kinOf, accountsOf                                       set
	registrations, opportunities, accounts, domains, groups set
	seenRegistrations, seenOpportunities                    map[string]bool
	// A registration links to nothing that closed before it was submitted, so the
	// opportunities of Accounts are read from the day of the first submission on.
	first clock.Date
	// ofRegistrations and ofOpportunities are the keys by which opportunities are still
	// to be asked for; asked are the Accounts by which they were.
	ofRegistrations, ofOpportunities []string
	asked                            map[string]bool
}

// gather reads the components of some keys.
func gather(ctx context.Context, q sqlx.QueryerContext, k keys) (_ facts, err error) {
	defer errs.Wrap(&err, "gather registrations with their opportunities")
	g := &gathering{
		q: q, first: forever, seenRegistrations: map[string]bool{}, seenOpportunities: map[string]bool{}, asked: map[string]bool{},
		facts: facts{accounts: map[string]account{}, partners: map[string]issued{}, partnerDomains: map[string]bool{}},
	}
	var domains []string
	if err := sqlx.SelectContext(ctx, q, &domains, `select distinct unnest(domains) from ledger.partner`); err != nil {
		return facts{}, err
	}
	for _, d := range domains {
		g.facts.partnerDomains[d] = true
	}
	g.registrations.add(k.registrations...)
	g.opportunities.add(k.opportunities...)
	g.ofOpportunities = slices.Clone(k.opportunities)
	g.kinOf.add(k.accounts...)
	for more := true; more; {
		if more, err = g.step(ctx); err != nil {
			return facts{}, err
		}
	}
	if err := g.readPartners(ctx); err != nil {
		return facts{}, err
	}
	return g.facts, nil
}

// step asks for what waits, and says whether there was anything.
func (g *gathering) step(ctx context.Context) (more bool, err error) {
	for len(g.kinOf.waiting)+len(g.accountsOf.waiting) > 0 {
		if err := g.readKin(ctx); err != nil {
			return false, err
		}
	}
	k := keys{
		registrations: g.registrations.take(), opportunities: g.opportunities.take(), accounts: g.accounts.take(),
		domains: g.domains.take(), groups: g.groups.take(),
	}
	more = len(k.registrations)+len(k.opportunities)+len(k.accounts)+len(k.domains)+len(k.groups) > 0
	if more {
		rs, err := readRegistrations(ctx, g.q, k)
		if err != nil {
			return false, err
		}
		g.keepRegistrations(rs)
	}
	of := keys{registrations: g.ofRegistrations, opportunities: g.ofOpportunities, accounts: g.registered()}
	if len(of.registrations)+len(of.opportunities)+len(of.accounts) == 0 {
		return more, nil
	}
	g.ofRegistrations, g.ofOpportunities = nil, nil
	os, err := readOpportunities(ctx, g.q, of, g.first)
	if err != nil {
		return false, err
	}
	g.keepOpportunities(os)
	return true, nil
}

// readKin reads the Accounts that wait with all their kin, and those of the domains
// that wait.
func (g *gathering) readKin(ctx context.Context) error {
	ids, domains := g.kinOf.take(), g.accountsOf.take()
	found, err := readAccounts(ctx, g.q, ids, domains)
	if err != nil {
		return err
	}
	maps.Copy(g.facts.accounts, found)
	g.accounts.add(ids...)
	for id, a := range found {
		g.accounts.add(id)
		g.kinOf.known[id] = true
		for _, s := range a.domains {
			g.addDomain(s.domain)
		}
	}
	return nil
}

// addDomain follows a domain, if it may identify a customer (R1.4).
func (g *gathering) addDomain(domain string) {
	if domain != "" && !g.facts.partnerDomains[domain] && !ledger.IsPublicMailDomain(domain) {
		g.accountsOf.add(domain)
		g.domains.add(domain)
	}
}

func (g *gathering) keepRegistrations(rs []record) {
	for _, r := range rs {
		if g.seenRegistrations[r.ID] {
			continue
		}
		g.seenRegistrations[r.ID] = true
		g.facts.records = append(g.facts.records, r)
		g.kinOf.add(r.customerID)
		g.addDomain(r.domain)
		g.opportunities.add(r.OpportunityID)
		g.groups.add(r.ShareGroup)
		g.ofRegistrations = append(g.ofRegistrations, r.ID)
		if r.OpportunityID != "" {
			g.ofOpportunities = append(g.ofOpportunities, r.OpportunityID)
		}
		if r.SubmittedAt.IsZero() {
			continue
		}
		// The day before is early enough for every company zone.
		if d := clock.DateIn(r.SubmittedAt, time.UTC).AddDays(-1); d.Before(g.first) {
			g.first = d
			clear(g.asked)
		}
	}
}

// registered gives the Accounts, not asked for yet, whose opportunities a
// registration may cover: all kin of one that a registration names, or that ever had
// the domain of one.
func (g *gathering) registered() []string {
	roots, domains := map[string]bool{}, map[string]bool{}
	for _, r := range g.facts.records {
		domains[r.domain] = true
		roots[g.root(r.customerID)] = true
	}
	for id, a := range g.facts.accounts {
		if roots[g.root(id)] {
			for _, s := range a.domains {
				domains[s.domain] = true
			}
		}
	}
	for id, a := range g.facts.accounts {
		for _, s := range a.domains {
			if s.domain != "" && domains[s.domain] && g.domains.known[s.domain] {
				roots[g.root(id)] = true
			}
		}
	}
	var out []string
	for id := range g.accounts.known {
		if roots[g.root(id)] && !g.asked[id] {
			g.asked[id] = true
			out = append(out, id)
		}
	}
	return out
}

// root gives the last survivor of an Account.
func (g *gathering) root(id string) string {
	for range len(g.facts.accounts) {
		survivor := g.facts.accounts[id].survivor
		if survivor == "" {
			break
		}
		id = survivor
	}
	return id
}

func (g *gathering) keepOpportunities(os []opportunity) {
	for _, o := range os {
		if g.seenOpportunities[o.id] {
			continue
		}
		g.seenOpportunities[o.id] = true
		g.facts.opportunities = append(g.facts.opportunities, o)
		g.opportunities.add(o.id)
		g.registrations.add(o.registrationID)
		g.kinOf.add(o.customerID)
	}
}

// readPartners reads whose the Partner IDs of the registrations are.
func (g *gathering) readPartners(ctx context.Context) error {
	var ids []string
	for _, r := range g.facts.records {
		if id, ok := ledger.ParsePartnerID(r.PartnerID); ok && id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	partners, err := ledger.PartnersByID(ctx, g.q, ids)
	for _, p := range partners {
		g.facts.partners[p.ID] = issued{partner: p.PartnerKey, survivor: p.SurvivorKey}
	}
	return err
}
