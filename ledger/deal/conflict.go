package deal

import (
	"fmt"
	"strings"
	"time"

	"github.com/partnersync/partnersync/ledger/commission"
)

// exclusivity gives the instants from and to which a registration keeps other
// partners off its customer, and whether it has no end yet (R5.3).
func (w *world) exclusivity(c *claimant) (from, to time.Time, isOpen bool) {
	from = c.SubmittedAt
	switch c.base {
	case commission.Rejected, commission.Withdrawn, commission.Revoked:
		if c.DecidedAt.Before(from) {
			return from, from, false
		}
		to = c.DecidedAt
		if end := c.windowEnd.End(w.terms.Zone); end.Before(to) {
			to = end
		}
		return from, to, false
	}
	o := w.oppByID[w.links[c.ID].opportunity]
	switch {
	case o != nil && !o.isClosed, o == nil && c.windowEnd.IsZero():
		return from, time.Time{}, true
	case o != nil && !o.isWon: // it ends at the loss
		return from, o.closeDate.End(w.terms.Zone), false
	case c.windowEnd.IsZero():
		return from, time.Time{}, true
	}
	to = c.windowEnd.End(w.terms.Zone)
	if o != nil {
		if won := o.closeDate.End(w.terms.Zone); won.After(to) {
			to = won // it went on while the opportunity was open
		}
	}
	return from, to, false
}

// rivals gives the registrations of other partners within whose exclusivity, for
// the same customer, a registration was submitted (R5.4). Of two that were submitted
// at one instant, the one with the smaller id was first.
func (w *world) rivals(c *claimant) []*claimant {
	var out []*claimant
	for _, o := range w.near(c) {
		if bySubmission(o, c) > 0 || o.holder == c.holder || !w.isOneCustomer(o, c, forever) {
			continue
		}
		if _, to, isOpen := w.exclusivity(o); isOpen || c.SubmittedAt.Before(to) {
			out = append(out, o)
		}
	}
	return out
}

// state gives where a registration stands (R5.2): what was decided, and what follows
// from it on the as-of day. It is "" if nobody can tell.
func (w *world) state(c *claimant) commission.State {
	if !c.claims() {
		return c.base
	}
	switch c.base {
	case commission.Submitted:
		if len(w.rivals(c)) > 0 {
			return commission.Conflict
		}
	case commission.Approved:
		o := w.oppByID[w.links[c.ID].opportunity]
		switch {
		case o == nil && w.terms.AsOf.After(c.windowEnd):
			return commission.Expired
		case o == nil || !o.isClosed:
			return commission.Approved
		case o.isWon:
			return commission.Won
		}
		return commission.Lost
	}
	return c.base
}

// reason gives why a registration stands where it stands, as far as there is more
// to say than its state: what whoever decided wrote, or with whom it is in conflict.
func (w *world) reason(c *claimant) string {
	if w.state(c) != commission.Conflict {
		return c.DecisionReason
	}
	var with []string
	for _, r := range w.rivals(c) {
		with = append(with, fmt.Sprintf("%s of %s, submitted on %s", r.label(), r.whose(), r.submittedOn))
	}
	return "in conflict with " + strings.Join(with, ", and with ")
}

// whose is the Partner ID, or what stands in its place.
func (c *claimant) whose() string {
	if c.partnerID == "" {
		return "nobody"
	}
	return c.partnerID
}
