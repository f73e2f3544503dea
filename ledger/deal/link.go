package deal

import (
	"fmt"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/commission"
)

// link says which opportunity a registration covers, and by what.
type link struct {
	opportunity string
	how         string // "named by the opportunity"
}

// How registrations are linked, for explanations (R5.5).
const (
	howNamed  = "named by the opportunity"
	howNames  = "it names the opportunity"
	howSame   = "the earliest free registration of the same Account"
	howDomain = "the earliest free registration of the same domain"
)

// link says which registrations cover which opportunities (R5.5). Then it asks which
// opportunities those would have had that were ended, so that what each of them
// missed can be told: revoked ones, had they stood beside those that stand; rejected
// and withdrawn ones, had they all stood until their decision.
func (w *world) link() {
	w.links = w.linkAmong((*claimant).isLive)
	w.byOpp = map[string][]string{}
	for _, c := range w.claimants {
		if l, ok := w.links[c.ID]; ok {
			w.byOpp[l.opportunity] = append(w.byOpp[l.opportunity], c.ID)
		}
	}
	w.shadows, w.missed = map[string]link{}, map[string][]*claimant{}
	var revoked, ended bool
	for _, c := range w.claimants {
		revoked = revoked || c.base == commission.Revoked
		ended = ended || !c.isLive() && c.base != commission.Revoked
	}
	if revoked {
		w.shadow(commission.Revoked, func(c *claimant) bool { return c.isLive() || c.base == commission.Revoked })
	}
	if ended {
		everybody := func(*claimant) bool { return true }
		w.shadow(commission.Rejected, everybody)
		w.shadow(commission.Withdrawn, everybody)
	}
}

// shadow notes what the registrations of a state would have had, had they been
// among those that may have anything.
func (w *world) shadow(state commission.State, among func(*claimant) bool) {
	for id, l := range w.linkAmong(among) {
		if w.byID[id].base == state {
			w.shadows[id] = l
			w.missed[l.opportunity] = append(w.missed[l.opportunity], w.byID[id])
		}
	}
}

// linking is one working out of links.
type linking struct {
	*world
	among func(*claimant) bool
	links map[string]link
	taken map[string]bool // opportunities
	gone  map[*claimant]bool
}

// linkAmong links the registrations that among lets take part: what opportunities
// name, over all; then what registrations name, over all; then the rest by
// inference.
func (w *world) linkAmong(among func(*claimant) bool) map[string]link {
	l := &linking{world: w, among: among, links: map[string]link{}, taken: map[string]bool{}, gone: map[*claimant]bool{}}
	for i := range w.opportunities {
		o := &w.opportunities[i]
		if c := w.byID[o.registrationID]; c != nil && c.claims() && l.isFree(c, o) {
			l.take(o, c, howNamed)
		}
	}
	for _, c := range w.claimants {
		if o := w.oppByID[c.OpportunityID]; o != nil && !l.taken[o.id] && l.isFree(c, o) {
			l.take(o, c, howNames)
		}
	}
	for i := range w.opportunities {
		if o := &w.opportunities[i]; !l.taken[o.id] {
			l.infer(o)
		}
	}
	return l.links
}

// isFree says whether a registration may have an opportunity as far as nobody else
// has it: submitted by the end of its CloseDate, and not linked already.
func (l *linking) isFree(c *claimant, o *opportunity) bool {
	return l.among(c) && !l.gone[c] && !l.isLate(c, o)
}

// isLate says whether a registration was submitted after an opportunity closed, so
// that it never links.
func (w *world) isLate(c *claimant, o *opportunity) bool { return c.submittedOn.After(o.closeDate) }

// take links a registration, and with it its whole share group, to an opportunity.
// A member that was submitted too late is not linked, and not free any more either.
func (l *linking) take(o *opportunity, c *claimant, how string) {
	l.taken[o.id] = true
	l.gone[c] = true
	l.links[c.ID] = link{opportunity: o.id, how: how}
	if c.group == nil {
		return
	}
	for _, m := range c.group.members {
		if l.gone[m] || !l.among(m) {
			continue
		}
		l.gone[m] = true
		if !l.isLate(m, o) {
			l.links[m.ID] = link{opportunity: o.id, how: fmt.Sprintf("it shares with %s, %s", c.label(), how)}
		}
	}
}

// infer gives an opportunity the earliest free registration of its Account, else of
// its domain, whose window holds its CreatedDate or its CloseDate.
func (l *linking) infer(o *opportunity) {
	for _, c := range l.ofAccount(o) {
		if l.isFree(c, o) && l.holds(c, o) {
			l.take(o, c, howSame)
			return
		}
	}
	for _, c := range l.ofDomain(o) {
		if l.isFree(c, o) && l.holds(c, o) {
			l.take(o, c, howDomain)
			return
		}
	}
}

// ofAccount gives the registrations of an opportunity's Account as the merges stood
// at the end of its CloseDate, in the order of submission.
func (w *world) ofAccount(o *opportunity) []*claimant {
	if o.customerID == "" {
		return nil
	}
	var out []*claimant
	account := w.accountOn(o.customerID, o.closeDate)
	for _, c := range w.byRoot[w.accountOn(o.customerID, forever)] {
		if w.accountOn(c.customerID, o.closeDate) == account {
			out = append(out, c)
		}
	}
	return out
}

// ofDomain gives the registrations of the domain of an opportunity's Account, as
// merges and websites stood at the end of its CloseDate, in the order of submission.
func (w *world) ofDomain(o *opportunity) []*claimant {
	domain := w.oppDomain(o)
	if domain == "" {
		return nil
	}
	var out []*claimant
	for _, c := range w.byDomain[domain] {
		if w.domainOn(c, o.closeDate) == domain {
			out = append(out, c)
		}
	}
	return out
}

func (w *world) oppDomain(o *opportunity) string {
	if o.customerID == "" {
		return ""
	}
	return w.accountDomain(o.customerID, o.closeDate)
}

// holds says whether a registration's window holds the day on which an opportunity
// was created, or the day on which it closed.
func (w *world) holds(c *claimant, o *opportunity) bool {
	holds := func(d clock.Date) bool {
		return !d.Before(c.submittedOn) && (c.windowEnd.IsZero() || !d.After(c.windowEnd))
	}
	return holds(w.day(o.createdAt)) || holds(o.closeDate)
}
