package main

import (
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// explainedClaim is a registration that claims an opportunity, or claimed it in vain.
type explainedClaim struct {
	RegistrationID string `json:"registration_id"`
	Name           string `json:"name"`
	PartnerID      string `json:"partner_id"` // the raw text if malformed
	Malformed      bool   `json:"malformed,omitempty"`
	Partner        string `json:"partner,omitempty"`
	State          string `json:"state"`
	Reason         string `json:"reason,omitempty"`
	Involvement    string `json:"involvement"`
	SubmittedAt    string `json:"submitted_at"`
	DecidedAt      string `json:"decided_at,omitempty"`
	Linked         bool   `json:"linked"`
	How            string `json:"how,omitempty"`
	// WhyLost says why it is not linked.
	WhyLost     string                `json:"why_lost,omitempty"`
	Share       string                `json:"share,omitempty"` // a fraction
	ShareFault  string                `json:"share_fault,omitempty"`
	Engagements []explainedEngagement `json:"engagements,omitempty"`
}

// explainedEngagement is dated evidence of a partner's part (R5.7).
type explainedEngagement struct {
	ID     string `json:"id"`
	On     string `json:"on"`
	Kind   string `json:"kind,omitempty"`
	Counts bool   `json:"counts"`
	WhyNot string `json:"why_not,omitempty"`
}

// explainedHolder is a run of days, both ends counting, on which one Partner ID, or
// nobody's, was on the Space by which an opportunity earns.
type explainedHolder struct {
	First string `json:"first"`
	Last  string `json:"last"`
	Days  int    `json:"days"`
	// PartnerID is "" for nobody's, and the raw text if Malformed.
	PartnerID string `json:"partner_id"`
	Malformed bool   `json:"malformed,omitempty"`
	// Disagree: its several Spaces hold different ones (R3.3).
	Disagree bool     `json:"disagree,omitempty"`
	Partner  string   `json:"partner,omitempty"`
	SpaceID  string   `json:"space_id,omitempty"`
	Since    string   `json:"since,omitempty"`
	Because  string   `json:"because,omitempty"`
	Rules    []string `json:"rules,omitempty"`
}

func claimsOf(s commission.Source, names map[string]string) []explainedClaim {
	out := make([]explainedClaim, len(s.Claims))
	for i, c := range s.Claims {
		e := explainedClaim{
			RegistrationID: c.RegistrationID, Name: c.Name, PartnerID: c.PartnerID, Malformed: c.Malformed, Partner: names[c.PartnerID],
			State: string(c.State), Reason: c.Reason, Involvement: string(c.Involvement), SubmittedAt: rfc3339(c.SubmittedAt),
			DecidedAt: rfc3339(c.DecidedAt), Linked: c.IsLinked, How: c.How, ShareFault: c.ShareFault,
		}
		if !c.IsLinked {
			e.WhyLost = c.Lost
		}
		if c.Share != nil {
			e.Share = c.Share.String()
		}
		for _, g := range c.Engagements {
			e.Engagements = append(e.Engagements, explainedEngagement{g.ID, g.On.String(), g.Kind, g.Counts, g.WhyNot})
		}
		out[i] = e
	}
	return out
}

// holdersOf cuts the days over which an opportunity's Amount is spread into the runs
// on which one Partner ID counts.
func holdersOf(r revenue.Record, s commission.Source, names map[string]string) []explainedHolder {
	first, last := r.EarningDays()
	out := []explainedHolder{}
	add := func(from, to clock.Date, h explainedHolder) {
		if from, to = clock.MaxDate(from, first), clock.MinDate(to, last); to.Before(from) {
			return
		}
		h.First, h.Last, h.Days = from.String(), to.String(), to.DaysSince(from)+1
		out = append(out, h)
	}
	if len(s.Holders) > 0 {
		add(first, s.Holders[0].From.AddDays(-1), explainedHolder{Because: "the Space did not exist yet"})
	}
	for i, h := range s.Holders {
		to := last
		if i+1 < len(s.Holders) {
			to = s.Holders[i+1].From.AddDays(-1)
		}
		e := explainedHolder{
			PartnerID: h.PartnerID, Malformed: h.Malformed, Disagree: h.Disagree, Partner: names[h.PartnerID],
			SpaceID: h.SpaceID, Since: rfc3339(h.At), Because: h.Cause, Rules: h.Rules,
		}
		if h.Disagree {
			e.Because = "its Spaces hold different Partner IDs"
		}
		add(h.From, to, e)
	}
	return out
}

// rfc3339 writes an instant for JSON, in UTC; "" for none.
func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
