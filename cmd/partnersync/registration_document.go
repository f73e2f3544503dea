package main

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/ledger/deal"
)

// registrationDocument is a registration as --output json gives it. Instants are in
// UTC; a share is a fraction.
type registrationDocument struct {
	ID              string `json:"id"`
	Key             string `json:"key,omitempty"`
	Origin          string `json:"origin"`
	State           string `json:"state"` // "" if nobody can tell
	StatedStatus    string `json:"stated_status,omitempty"`
	Reason          string `json:"reason,omitempty"`
	PartnerID       string `json:"partner_id"`
	Customer        string `json:"customer"`
	Domain          string `json:"domain,omitempty"`
	Account         string `json:"account,omitempty"`
	Space           string `json:"space,omitempty"`
	Opportunity     string `json:"opportunity,omitempty"` // that it names
	Involvement     string `json:"involvement,omitempty"`
	SubmittedAt     string `json:"submitted_at,omitempty"`
	DecidedAt       string `json:"decided_at,omitempty"`
	WindowEnd       string `json:"window_end,omitempty"`
	ExclusiveFrom   string `json:"exclusive_from,omitempty"`
	ExclusiveUntil  string `json:"exclusive_until,omitempty"`
	Linked          string `json:"linked,omitempty"` // the opportunity that it covers
	LinkedName      string `json:"linked_name,omitempty"`
	How             string `json:"how,omitempty"`
	Share           string `json:"share,omitempty"`
	ShareFault      string `json:"share_fault,omitempty"`
	Project         string `json:"project,omitempty"`
	KeyPeople       string `json:"key_people,omitempty"`
	UseCase         string `json:"use_case,omitempty"`
	BusinessOutcome string `json:"business_outcome,omitempty"`
	Timeframe       string `json:"timeframe,omitempty"`
	Priority        string `json:"priority,omitempty"`
	Speculative     bool   `json:"speculative"`
	IsUnreadable    bool   `json:"unreadable,omitempty"`

	Rivals      []string             `json:"rivals,omitempty"`
	Journal     []eventDocument      `json:"journal,omitempty"`
	Engagements []engagementDocument `json:"engagements,omitempty"`
}

// eventDocument is something that happened to a registration.
type eventDocument struct {
	State     string `json:"state"`
	At        string `json:"at"`
	Actor     string `json:"actor"`
	Reason    string `json:"reason,omitempty"`
	LearnedAt string `json:"learned_at"`
}

// engagementDocument is evidence that a partner took part.
type engagementDocument struct {
	ID          string `json:"id"`
	On          string `json:"on"`
	Kind        string `json:"kind"`
	Notes       string `json:"notes,omitempty"`
	RecordedBy  string `json:"recorded_by"`
	Actor       string `json:"actor,omitempty"`
	ConfirmedBy string `json:"confirmed_by,omitempty"`
	ConfirmedAt string `json:"confirmed_at,omitempty"`
}

func registrationDocumentOf(v deal.View) registrationDocument {
	out := registrationDocument{
		ID: v.ID, Key: v.Key, Origin: v.Origin, State: string(v.State), StatedStatus: v.Status, Reason: v.Reason,
		PartnerID: v.PartnerID, Customer: v.CustomerName, Domain: v.EmailDomain, Account: v.AccountID, Space: v.SpaceID,
		Opportunity: v.OpportunityID, Involvement: v.Involvement, SubmittedAt: instantText(v.SubmittedAt), DecidedAt: instantText(v.DecidedAt),
		WindowEnd: v.WindowEnd.String(), ExclusiveFrom: instantText(v.ExclusiveFrom), ExclusiveUntil: instantText(v.ExclusiveUntil),
		Linked: v.Linked, LinkedName: v.LinkedName, How: v.How, ShareFault: v.ShareFault, Project: v.Project, KeyPeople: v.KeyPeople,
		UseCase: v.UseCase, BusinessOutcome: v.BusinessOutcome, Timeframe: v.Timeframe, Priority: v.Priority,
		Speculative: v.Speculative, IsUnreadable: v.IsUnreadable, Rivals: v.Rivals,
	}
	if v.Share != nil {
		out.Share = v.Share.String()
	}
	for _, e := range v.Journal {
		out.Journal = append(out.Journal, eventDocument{string(e.State), instantText(e.At), e.Actor, e.Reason, instantText(e.LearnedAt)})
	}
	for _, e := range v.Engagements {
		out.Engagements = append(out.Engagements, engagementDocument{
			ID: e.ID, On: e.On.String(), Kind: e.Kind, Notes: e.Notes, RecordedBy: e.RecordedBy, Actor: e.Actor,
			ConfirmedBy: e.ConfirmedBy, ConfirmedAt: instantText(e.ConfirmedAt),
		})
	}
	return out
}

// instantText writes an instant for machines; "" for none.
func instantText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// instantOf writes an instant for a person; "" for none.
func instantOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return instant(t)
}

// dayIn writes the day of an instant in a zone; "" for none.
func dayIn(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(time.DateOnly)
}

// shareText writes 0.6 as 60 %; "" for none.
func shareText(share *decimal.Decimal) string {
	if share == nil {
		return ""
	}
	return share.Shift(2).String() + " %"
}

// stateOf says where a registration stands, or what it states instead.
func stateOf(v deal.View) string {
	switch {
	case v.State != "":
		return string(v.State)
	case v.Status == "":
		return "no status"
	}
	return "status " + v.Status + "?"
}

// ownKey is the key that people gave it, where that is not its id.
func ownKey(v deal.View) string {
	if v.Key == v.ID {
		return ""
	}
	return v.Key
}

// customerOf is the customer's name, or what else there is of it.
func customerOf(v deal.View) string {
	for _, s := range []string{v.CustomerName, v.EmailDomain, v.AccountID} {
		if s != "" {
			return s
		}
	}
	return ""
}

// linkedTo names the opportunity that a registration covers.
func linkedTo(v deal.View) string {
	if v.LinkedName == "" {
		return v.Linked
	}
	return v.LinkedName + " " + v.Linked
}
