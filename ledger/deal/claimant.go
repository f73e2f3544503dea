package deal

import (
	"cmp"
	"fmt"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

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
