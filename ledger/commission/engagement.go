package commission

import (
	"fmt"

	"github.com/partnersync/partnersync/internal/clock"
)

// engagement is the outcome of the test of R5.7: whether a partner was engaged, and
// in words by what, or what failed.
type engagement struct {
	passed bool
	why    string
	facts  []Fact
}

// engaged tests whether a registration's partner was engaged in a source: it says
// so, and at least one engagement that counts lies within so many days before
// CloseDate, both ends counting (R5.7).
func (c Claim) engaged(s *Source, days int) engagement {
	first := s.CloseDate.AddDays(-days)
	if c.Involvement != Engaged {
		return engagement{why: "the registration says referred, not engaged"}
	}
	var passing, nearest, uncounted *Engagement
	for i := range c.Engagements {
		g := &c.Engagements[i]
		inside := !g.On.Before(first) && !g.On.After(s.CloseDate)
		switch {
		case g.Counts && inside:
			passing = g // the last of them: they come in the order of days
		case g.Counts && (nearest == nil || outside(g.On, first, s.CloseDate) < outside(nearest.On, first, s.CloseDate)):
			nearest = g
		case !g.Counts && inside:
			uncounted = g
		}
	}
	if passing != nil {
		return engagement{
			passed: true,
			why:    fmt.Sprintf("%s on %s lies %s before it closed", passing.label(), passing.On, inDays(s.CloseDate.DaysSince(passing.On))),
			facts:  []Fact{passing.fact()},
		}
	}
	out := engagement{why: fmt.Sprintf("no engagement is recorded in the %s before it closed", inDays(days))}
	if nearest != nil {
		out.why = fmt.Sprintf("%s were allowed between the last engagement and the close, and the nearest, on %s, was %s", inDays(days), nearest.On, distance(nearest.On, s.CloseDate))
		out.facts = append(out.facts, nearest.fact())
	}
	if uncounted != nil {
		out.why += fmt.Sprintf("; one on %s does not count, because %s", uncounted.On, uncounted.WhyNot)
		out.facts = append(out.facts, uncounted.fact())
	}
	return out
}

// outside is by how many days a day lies outside of first to last.
func outside(d, first, last clock.Date) int {
	if d.After(last) {
		return d.DaysSince(last)
	}
	return first.DaysSince(d)
}

func distance(d, closeDate clock.Date) string {
	if d.After(closeDate) {
		return inDays(d.DaysSince(closeDate)) + " after"
	}
	return inDays(closeDate.DaysSince(d)) + " before"
}

func (g Engagement) label() string {
	if g.Kind == "" {
		return "an engagement"
	}
	return "an engagement (" + g.Kind + ")"
}

func (g Engagement) fact() Fact {
	f := Fact{Name: "Engagement", Value: g.On.String(), ID: g.ID, From: g.Kind}
	if !g.Counts {
		f.Name = "Engagement that does not count"
	}
	return f
}

// fact is what an explanation tells of a registration.
func (c Claim) fact() Fact {
	value := fmt.Sprintf("%s by %s, %s", c.label(), c.PartnerID, c.Involvement)
	if !c.DecidedAt.IsZero() {
		value += fmt.Sprintf(", %s at %s", c.decision(), instant(c.DecidedAt))
	}
	return Fact{Name: "Registration", Value: value, ID: c.RegistrationID, At: instant(c.SubmittedAt), From: c.How}
}

// decision is what was decided of it.
func (c Claim) decision() string {
	switch c.State {
	case Rejected, Withdrawn, Revoked:
		return string(c.State)
	}
	return string(Approved)
}

func (c Claim) label() string {
	if c.Name == "" {
		return c.RegistrationID
	}
	return c.Name
}
