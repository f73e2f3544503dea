package mapping

import "slices"

// Kind is a kind of fact.
type Kind string

// The kinds of facts.
const (
	Customer       Kind = "customer"
	Install        Kind = "install"
	Connection     Kind = "connection"
	Space          Kind = "space"
	Profile        Kind = "profile"
	Invitation     Kind = "invitation"
	SpaceHistory   Kind = "space_history"
	ProfileHistory Kind = "profile_history"
	Opportunity    Kind = "opportunity"
	Registration   Kind = "registration"
	Engagement     Kind = "engagement"
)

// Kinds lists the kinds in the order in which they are pulled and reconciled:
// what is referred to comes before what refers to it. An opportunity and its
// registration refer to each other; neither waits for the other.
func Kinds() []Kind {
	return []Kind{
		Customer, Install, Connection, Space, Profile, Invitation, SpaceHistory, ProfileHistory, Opportunity,
		Registration, Engagement,
	}
}

// IsHistory says whether the facts of this kind are rows of a history object.
// Those have no SystemModstamp and never change: their stamp is CreatedDate.
func (k Kind) IsHistory() bool { return k == SpaceHistory || k == ProfileHistory }

// tracks is the kind whose Partner ID field the history kind follows.
func (k Kind) tracks() Kind {
	if k == ProfileHistory {
		return Profile
	}
	return Space
}

// Type is the type of a fact's field.
type Type string

// The types. Each is read from the JSON that the REST API sends for it.
const (
	IDType       Type = "id"       // a Salesforce id, completed to 18 characters (R1.3)
	TextType     Type = "text"     // as received
	TimeType     Type = "time"     // an instant
	DateType     Type = "date"     // a calendar date, without a zone
	DecimalType  Type = "decimal"  // an exact number
	PercentType  Type = "percent"  // a part of a whole; as a fact, 0.6 is sixty per cent
	BoolType     Type = "bool"     // a checkbox
	CurrencyType Type = "currency" // an ISO 4217 code
)

// FieldDef defines a field of a fact or of a target.
type FieldDef struct {
	Name string
	Type Type
	// IsNeeded says that a mapping cannot leave the field out: without it the
	// fact would be none.
	IsNeeded bool
}

var facts = map[Kind][]FieldDef{
	Customer: {
		{"name", TextType, true}, {"website", TextType, false}, {"master_account_id", IDType, false},
	},
	Install: {
		{"org_id", IDType, true}, {"status", TextType, false}, {"installed_on", DateType, false},
		{"expires_on", DateType, false}, {"is_sandbox", BoolType, true}, {"account_id", IDType, false},
		{"lead_email", TextType, false},
	},
	Connection: {
		{"space_id", IDType, true}, {"org_id", IDType, true}, {"connected_at", TimeType, false},
		{"disconnected_at", TimeType, false},
	},
	Space: {
		{"space_key", TextType, false}, {"name", TextType, false}, {"account_id", IDType, false},
		{"created_via", TextType, false}, {"creator_email", TextType, false}, {"created_at", TimeType, true},
		{"quickstart_org_id", IDType, false}, {"partner_id", TextType, true}, {"recorded_at", TimeType, false},
	},
	Profile: {
		{"email", TextType, true}, {"registered_at", TimeType, true}, {"partner_id", TextType, true},
		{"recorded_at", TimeType, false},
	},
	Invitation: {
		{"space_id", IDType, true}, {"email", TextType, true}, {"invited_at", TimeType, true},
	},
	SpaceHistory:   historyFields,
	ProfileHistory: historyFields,
	Opportunity: {
		{"name", TextType, false}, {"account_id", IDType, true}, {"space_id", IDType, false},
		{"amount", DecimalType, true}, {"currency", CurrencyType, false}, {"close_date", DateType, true},
		{"stage", TextType, false}, {"is_closed", BoolType, true}, {"is_won", BoolType, true},
		{"type", TextType, false}, {"created_at", TimeType, true}, {"service_start", DateType, false},
		{"service_end", DateType, false}, {"net_new_amount", DecimalType, false},
		{"registration_id", IDType, false},
	},
	Registration: {
		{"registration_key", TextType, false}, {"partner_id", TextType, true}, {"customer_name", TextType, false},
		{"email_domain", TextType, false}, {"account_id", IDType, false}, {"opportunity_id", IDType, false},
		{"space_id", IDType, false}, {"involvement", TextType, true}, {"status", TextType, true},
		{"submitted_at", TimeType, true}, {"decided_at", TimeType, true}, {"decision_reason", TextType, false},
		{"share", PercentType, false}, {"project", TextType, false}, {"key_people", TextType, false},
		{"use_case", TextType, false}, {"business_outcome", TextType, false}, {"timeframe", TextType, false},
		{"priority", TextType, false}, {"is_speculative", BoolType, false},
	},
	Engagement: {
		{"registration_id", IDType, true}, {"engaged_on", DateType, true}, {"kind", TextType, false},
		{"notes", TextType, false},
	},
}

var historyFields = []FieldDef{
	{"record_id", IDType, true}, {"field", TextType, true}, {"old_value", TextType, true},
	{"new_value", TextType, true}, {"at", TimeType, true},
}

// Fields lists what a fact of the kind is made of; nil for an unknown kind.
func (k Kind) Fields() []FieldDef { return slices.Clone(facts[k]) }

// index gives the place of a field in the kind's list, or -1.
func (k Kind) index(name string) int {
	return slices.IndexFunc(facts[k], func(d FieldDef) bool { return d.Name == name })
}
