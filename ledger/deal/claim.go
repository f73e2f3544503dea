package deal

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/ledger/commission"
)

// claimsOn gives all registrations that claim an opportunity, in the order of
// submission, without their engagements: those that are linked to it; those that
// stand and lost it to another; those that were ended and would have had it.
func (w *world) claimsOn(id string) []commission.Claim {
	o := w.oppByID[id]
	if o == nil {
		return nil
	}
	var out []commission.Claim
	for _, c := range w.mayClaim(o) {
		cl := w.claim(c)
		l, linked := w.links[c.ID]
		if cl.IsLinked = linked && l.opportunity == o.id; cl.IsLinked {
			cl.How, cl.Unclear = l.how, c.unclear
			out = append(out, cl)
			continue
		}
		why, isClaim := w.whyNot(c, o)
		if cl.Lost = why; isClaim {
			out = append(out, cl)
		}
	}
	if len(w.byOpp[o.id]) == 0 {
		out = append(out, w.unclear(o)...)
	}
	return out
}

// unclear gives the registrations that an opportunity names, or that name it, and of
// which nobody can tell what they claim. Nobody else was given the opportunity, and
// as long as it may be theirs nobody is (R4.1).
func (w *world) unclear(o *opportunity) []commission.Claim {
	var out []commission.Claim
	for _, c := range w.others {
		isNamed := o.registrationID == c.ID
		if c.IsDeleted || c.base == commission.Draft || !isNamed && c.OpportunityID != o.id {
			continue
		}
		cl := w.claim(c)
		cl.IsLinked, cl.How, cl.Unclear = true, howNames, c.unclear
		if isNamed {
			cl.How = howNamed
		}
		out = append(out, cl)
	}
	if o.registrationID != "" && w.byID[o.registrationID] == nil {
		out = append(out, commission.Claim{
			RegistrationID: o.registrationID, Malformed: true, IsLinked: true, How: howNamed,
			Unclear: "no pull has seen it; check whether the integration user may read it",
		})
	}
	slices.SortFunc(out, func(a, b commission.Claim) int { return cmp.Compare(a.RegistrationID, b.RegistrationID) })
	return out
}

// mayClaim gives the registrations that can have anything to do with an opportunity,
// in the order of submission.
func (w *world) mayClaim(o *opportunity) []*claimant {
	out := slices.Concat(w.ofAccount(o), w.ofDomain(o), w.missed[o.id])
	if c := w.byID[o.registrationID]; c != nil && c.claims() {
		out = append(out, c)
	}
	out = append(out, w.naming[o.id]...)
	for _, id := range w.byOpp[o.id] {
		if c := w.byID[id]; c.group != nil {
			out = append(out, c.group.members...)
		} else {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, bySubmission)
	return slices.Compact(out)
}

// claim gives what a registration brings to any opportunity.
func (w *world) claim(c *claimant) commission.Claim {
	cl := commission.Claim{
		RegistrationID: c.ID, Name: c.label(), PartnerID: c.partnerID, Malformed: c.malformed,
		State: w.state(c), Reason: w.reason(c), SubmittedAt: c.SubmittedAt, Involvement: involvement(c.Involvement),
	}
	if c.base != commission.Submitted { // a record may still state when it was decided before
		cl.DecidedAt = c.DecidedAt
	}
	if c.group != nil {
		cl.Share, cl.ShareFault = c.Share, c.group.fault()
	}
	return cl
}

// whyNot says why a registration is not linked to an opportunity, as a clause, and
// whether it claims the opportunity at all.
func (w *world) whyNot(c *claimant, o *opportunity) (why string, isClaim bool) {
	isNamed := slices.Contains(w.explicit(c), o.id)
	if !c.isLive() {
		shadow, had := w.shadows[c.ID]
		return w.ended(c), isNamed || had && shadow.opportunity == o.id
	}
	elsewhere, isElsewhere := w.links[c.ID]
	isMember := c.group != nil && slices.ContainsFunc(w.byOpp[o.id], func(id string) bool { return w.byID[id].group == c.group })
	switch {
	case !isNamed && !isMember && (isElsewhere || !w.holds(c, o) || len(w.byOpp[o.id]) == 0 || w.isLate(c, o)):
		return "", false
	case w.isLate(c, o):
		return fmt.Sprintf("it was submitted on %s, after the opportunity closed on %s", c.submittedOn, o.closeDate), true
	case isElsewhere:
		return fmt.Sprintf("it covers another opportunity, %s (%s)", w.oppByID[elsewhere.opportunity].label(), elsewhere.how), true
	case len(w.byOpp[o.id]) > 0:
		return "the opportunity went to " + w.winner(c, o), true
	}
	return "its share group covers another opportunity", true
}

// ended says what ended a registration.
func (w *world) ended(c *claimant) string {
	if c.DecidedAt.IsZero() {
		return fmt.Sprintf("it was %s", c.base)
	}
	return fmt.Sprintf("it was %s on %s", c.base, w.day(c.DecidedAt))
}

// winner names the registration that has an opportunity instead of c.
func (w *world) winner(c *claimant, o *opportunity) string {
	first := w.byID[w.byOpp[o.id][0]]
	how := w.links[first.ID].how
	if bySubmission(first, c) < 0 && (how == howSame || how == howDomain) {
		return fmt.Sprintf("%s, submitted earlier, on %s", first.label(), first.submittedOn)
	}
	return fmt.Sprintf("%s (%s)", first.label(), how)
}

func (o *opportunity) label() string {
	if o.name == "" {
		return o.id
	}
	return fmt.Sprintf("%q", o.name)
}

// involvement reads what part a partner says it has. Whatever is not engaged is no
// more than referred.
func involvement(stated string) commission.Involvement {
	if s := commission.Involvement(strings.ToLower(strings.TrimSpace(stated))); s == commission.Engaged {
		return s
	}
	return commission.Referred
}
