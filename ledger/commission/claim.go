package commission

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
)

// State is where a registration stands (R5.2).
type State string

// The states of a registration.
const (
	Draft     State = "draft"
	Submitted State = "submitted"
	Conflict  State = "conflict"
	Approved  State = "approved"
	Rejected  State = "rejected"
	Withdrawn State = "withdrawn"
	Won       State = "won"
	Lost      State = "lost"
	Expired   State = "expired"
	Revoked   State = "revoked"
)

// Involvement is what part the partner says it has in an opportunity (R5.1).
type Involvement string

// The involvements.
const (
	Referred Involvement = "referred"
	Engaged  Involvement = "engaged"
)

// Claim is a registration that claims a source, with what decides whether and
// what it pays (R5.5–R5.8).
type Claim struct {
	RegistrationID string // Salesforce id, or our own of one that was made here
	Name           string // what people call it: its key
	PartnerID      string // the raw text if Malformed
	Malformed      bool
	State          State
	Reason         string // of a rejection, a conflict or a revocation
	SubmittedAt    time.Time
	DecidedAt      time.Time // zero while undecided
	Involvement    Involvement
	// IsLinked: it is the registration of this opportunity, or one of its share
	// group. How says by what: "named by the opportunity".
	IsLinked bool
	How      string
	// Lost says, where it is not linked, why not: "the opportunity is linked to …".
	Lost string
	// Unclear says why nobody can tell what it claims, where it is linked all the same:
	// its status is none that is known, say. What it is linked to is on hold.
	Unclear string
	// Share is its part of its share group (R5.8): 0.5 is a half; nil outside of one.
	Share *decimal.Decimal
	// ShareFault says what is wrong with the shares of its group, or is "": they do
	// not sum to 100 %.
	ShareFault string
	// Engagements in the order of days, then of ids; those that do not count too.
	Engagements []Engagement
}

// Engagement is dated evidence that a partner took part (R5.7).
type Engagement struct {
	ID   string
	On   clock.Date
	Kind string
	// Counts: recorded by staff or in Salesforce, or confirmed by staff. WhyNot says
	// why it does not.
	Counts bool
	WhyNot string
}

// ProgramClaim is a program's conversion that is bound to an opportunity (R4.1).
type ProgramClaim struct {
	ConversionID string
	Program      string // the program's name
	PayeeID      string
	// Stands: it pays something, or is on hold. One that comes to zero does not stand
	// before Space attribution.
	Stands bool
}

// Sale is a won opportunity of a customer, as far as net-new needs it (R3.5).
type Sale struct {
	ID         string
	Name       string
	Amount     *decimal.Decimal
	Currency   string
	CloseDate  clock.Date
	Start, End clock.Date // the service period; no dates for point revenue
	Type       string     // as received
	// SpaceID is the one Space that it earns by (R3.3); "" if there is none, or if
	// there are several.
	SpaceID string
	// Customers are the Accounts that its customer was, each from a day on: its own
	// first, with no date, then the survivors of merges (R9.2).
	Customers []Tenure
}

// Tenure says that a customer was an Account from a day on, at its end at the latest.
type Tenure struct {
	From    clock.Date
	Account string
}

// CustomerOn is the Account that the sale's customer was at the end of a day.
func (r Sale) CustomerOn(d clock.Date) string {
	account := ""
	for _, t := range r.Customers {
		if !t.From.After(d) {
			account = t.Account
		}
	}
	return account
}
