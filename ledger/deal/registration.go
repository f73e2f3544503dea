package deal

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/commission"
)

// Where registrations come from. The origin owns what a registration says and what
// is decided of it.
const (
	OriginSalesforce = "salesforce"
	OriginPortal     = "portal"
)

// Registration is what a record states (R5.1).
type Registration struct {
	ID     string // Salesforce id, or REG-000001 of one that was made here
	Origin string // salesforce or portal
	Key    string // what people call it
	// PartnerID is as received; it may be malformed, unknown or blank (R1.1).
	PartnerID    string
	CustomerName string
	// EmailDomain is as received: a domain, a web address or an e-mail address.
	EmailDomain   string
	AccountID     string
	OpportunityID string
	SpaceID       string
	// Involvement is as received: referred or engaged.
	Involvement string
	// Status is as received; see ParseStatus.
	Status string
	// SubmittedAt and DecidedAt are the zero Time where none is stated. DecidedAt is
	// the instant of the latest decision: an approval, say, or its revocation.
	SubmittedAt    time.Time
	DecidedAt      time.Time
	DecisionReason string
	// Share is its part of its share group as a fraction, 0.5 for a half; nil outside
	// of one (R5.8).
	Share *decimal.Decimal
	// ShareGroup names the group of registrations that were made here; those of
	// Salesforce have none and find each other by their shares.
	ShareGroup string
	Project    string
	// KeyPeople are the people of the customer, with their roles and their relation to
	// the opportunity, as free text.
	KeyPeople       string
	UseCase         string
	BusinessOutcome string
	Timeframe       string
	Priority        string
	// Speculative: there is no opportunity yet, and the partner says so.
	Speculative bool
	IsDeleted   bool
	Modstamp    time.Time
}

// Who records engagements.
const (
	ByStaff      = "staff"
	ByPartner    = "partner"
	BySalesforce = "salesforce"
)

// Engagement is dated evidence that a registration's partner took part (R5.7).
type Engagement struct {
	ID             string // Salesforce id, or ENG-000001 of one that was made here
	RegistrationID string
	On             clock.Date
	Kind           string
	Notes          string
	RecordedBy     string // staff, partner or salesforce
	Actor          string // who recorded it, where we know
	// ConfirmedBy and ConfirmedAt say who of the staff confirmed it, and when; blank
	// and zero if nobody did. One that staff or Salesforce recorded needs nobody.
	ConfirmedBy string
	ConfirmedAt time.Time
	IsDeleted   bool
	Modstamp    time.Time
}

// counts says whether it counts, or why it does not (R5.7).
func (e Engagement) counts() (ok bool, whyNot string) {
	if e.RecordedBy == ByPartner && e.ConfirmedBy == "" {
		return false, "the partner logged it and nobody of the staff has confirmed it"
	}
	return true, ""
}

// evidence gives the form in which commission takes it.
func (e Engagement) evidence() commission.Engagement {
	ok, whyNot := e.counts()
	return commission.Engagement{ID: e.ID, On: e.On, Kind: e.Kind, Counts: ok, WhyNot: whyNot}
}

// Event is something that happened to a registration (R5.2).
type Event struct {
	State  commission.State
	Actor  string
	At     time.Time // when it took effect
	Reason string
	// LearnedAt is when the ledger learned of it.
	LearnedAt time.Time
}

// Terms are what deals are judged by.
type Terms struct {
	// Zone is the company zone, in which days are meant.
	Zone *time.Location
	// AsOf is the last completed day; on it a window may be over (R5.3).
	AsOf clock.Date
	// Plans in the order of EffectiveFrom; the version on the day of a submission says
	// how long its window is.
	Plans []commission.Plan
}

// defaultWindow is how many days a window lasts where no plan says otherwise (R5.3).
const defaultWindow = 90

// windowDays gives how many days after its approval a registration submitted on a
// day stays exclusive and may find its opportunity (R5.3, R5.5).
func (t Terms) windowDays(submitted clock.Date) int {
	plan, ok := commission.PlanOn(t.Plans, submitted)
	if !ok || plan.Registration.WindowDays <= 0 {
		return defaultWindow
	}
	return plan.Registration.WindowDays
}

// By says who does something, when, and by which terms.
type By struct {
	Actor string
	Now   time.Time
	Terms Terms
}
