package deal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/commission"
)

// shareGroup is some registrations that share an opportunity (R5.4, R5.8). One that
// was revoked keeps its place, so that nobody else's share grows by it.
type shareGroup struct {
	members []*claimant // in the order of submission
}

// whole is what the shares of a group sum to.
var whole = decimal.NewFromInt(1)

// fault says what is wrong with the shares, as a clause, or gives "".
func (g *shareGroup) fault() string {
	var sum decimal.Decimal
	parts := make([]string, len(g.members))
	for i, c := range g.members {
		switch {
		case c.Share == nil:
			return fmt.Sprintf("the registration %s is in a share group and states no share", c.label())
		case c.Share.IsNegative() || c.Share.GreaterThan(whole):
			return fmt.Sprintf("the share of the registration %s, %s, is not between 0 and 100 %%", c.label(), percent(*c.Share))
		}
		sum = sum.Add(*c.Share)
		parts[i] = fmt.Sprintf("%s of %s", percent(*c.Share), c.label())
	}
	if sum.Equal(whole) {
		return ""
	}
	return fmt.Sprintf("the shares (%s) come to %s, not to 100 %%", strings.Join(parts, ", "), percent(sum))
}

func percent(fraction decimal.Decimal) string { return fraction.Shift(2).String() + " %" }

// label is what people call a registration.
func (r *record) label() string {
	if r.Key != "" {
		return r.Key
	}
	return r.ID
}

// mayShare says whether a registration can be in a share group: it was approved
// with a share.
func (c *claimant) mayShare() bool {
	return (c.base == commission.Approved || c.base == commission.Revoked) && (c.Share != nil || c.ShareGroup != "")
}

// findGroups puts registrations together that share. It joins pairs, so it does
// not matter in which order they come.
func (w *world) findGroups() {
	named := map[string]*claimant{}
	for _, c := range w.claimants {
		if !c.mayShare() {
			continue
		}
		if c.group == nil {
			c.group = &shareGroup{members: []*claimant{c}}
		}
		if c.ShareGroup != "" {
			if first := named[c.ShareGroup]; first != nil {
				join(first, c)
			} else {
				named[c.ShareGroup] = c
			}
		}
		for _, o := range w.mayShareWith(c) {
			if o.group != nil && w.isPair(o, c) {
				join(o, c)
			}
		}
	}
	for _, c := range w.claimants {
		if c.group != nil {
			slices.SortFunc(c.group.members, bySubmission)
		}
	}
}

// mayShareWith gives the registrations that c may make a pair with: those near it,
// and those that have an opportunity in common with it.
func (w *world) mayShareWith(c *claimant) []*claimant {
	out := w.near(c)
	for _, id := range w.explicit(c) {
		out = append(out, w.naming[id]...)
		if o := w.oppByID[id]; o != nil && w.byID[o.registrationID] != nil {
			out = append(out, w.byID[o.registrationID])
		}
	}
	return slices.DeleteFunc(out, func(o *claimant) bool { return o == c })
}

// explicit gives the opportunities that a registration names, or that name it.
func (w *world) explicit(c *claimant) []string {
	out := slices.Clone(w.namedBy[c.ID])
	if c.OpportunityID != "" {
		out = append(out, c.OpportunityID)
	}
	return out
}

// isPair says whether two approved registrations, at least one of them Salesforce's,
// share: they have an opportunity in common; or they are for one customer, of
// different partners, with windows that overlap, and nobody says that they are
// about different opportunities.
func (w *world) isPair(a, b *claimant) bool {
	if a.Share == nil || b.Share == nil || a.original == b.original {
		return false
	}
	if a.Origin == OriginPortal && b.Origin == OriginPortal {
		return false // whoever approved them said so, or did not
	}
	ofA, ofB := w.explicit(a), w.explicit(b)
	if slices.ContainsFunc(ofA, func(id string) bool { return slices.Contains(ofB, id) }) {
		return true
	}
	if len(ofA) > 0 && len(ofB) > 0 {
		return false
	}
	endA, endB := w.sharedUntil(a), w.sharedUntil(b)
	if a.submittedOn.After(endB) || b.submittedOn.After(endA) {
		return false
	}
	// As of the later approval: a merge after it changes nothing that was posted.
	return w.isOneCustomer(a, b, clock.MaxDate(w.approvedOn(a), w.approvedOn(b)))
}

// approvedOn is the day of an approval; of a revoked registration whose approval
// nobody saw, the day of its revocation.
func (w *world) approvedOn(c *claimant) clock.Date {
	switch {
	case c.base == commission.Revoked && !c.approvedAt.IsZero():
		return w.day(c.approvedAt)
	case c.DecidedAt.IsZero():
		return c.submittedOn
	}
	return w.day(c.DecidedAt)
}

// sharedUntil is the last day of a window as it was approved; a revocation does not
// take a registration out of its group.
func (w *world) sharedUntil(c *claimant) clock.Date {
	return w.approvedOn(c).AddDays(w.terms.windowDays(c.submittedOn))
}

func join(a, b *claimant) {
	if a.group == b.group {
		return
	}
	a.group.members = append(a.group.members, b.group.members...)
	for _, c := range b.group.members {
		c.group = a.group
	}
}
