package commission

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
)

// Source is what earns: an opportunity, with the facts that decide about it.
type Source struct {
	ID        string // Salesforce id of the opportunity
	Name      string
	AccountID string // as the record names it now
	Currency  money.Currency
	// Amount is nil where the record states none.
	Amount    *decimal.Decimal
	CloseDate clock.Date
	// IsRevenue: Closed-Won and not deleted (R3.1).
	IsRevenue bool
	// IsUnreadable: the record's latest version could not be read, so what is known
	// of it is known to be old.
	IsUnreadable bool
	// IsVanished: Salesforce has the record no more, nobody saw it deleted, and nobody
	// has said what became of it (R9.1).
	IsVanished bool `json:",omitempty"` // closes that were made before know nothing of it
	// Start and End are the service period, both ends counting; neither of them
	// makes it point revenue, one alone is wrong (R3.2).
	Start, End clock.Date
	// NamedSpace is the Space that the record names, known or not; it may be "".
	NamedSpace string
	// Spaces are those by which it finds its holder (R3.3), for explanations.
	Spaces []Space
	// Holders says whose ID counts from which day on (R3.4), in order of days.
	Holders []Stretch
	// Type is the record's Type, as received.
	Type string
	// StatedNetNew is the net-new amount that the org states, or nil (R3.5).
	StatedNetNew *decimal.Decimal
	// NamedRegistration is the registration that the record names, known or not; it may
	// be "".
	NamedRegistration string
	// Claims are the registrations that claim it: those that are linked to it, and
	// those that might have been, in the order of submission, then of id (R5.5).
	Claims []Claim
	// Sales are the won opportunities of its customer and of the customers that
	// merges made one with it, itself included, in the order of ids. They are needed
	// to tell what a renewal renews (R3.5), so only where there are Claims.
	Sales []Sale
	// Program is the program's conversion that is bound to it, or nil (R4.1).
	Program *ProgramClaim
}

// Space names a Space that a source earns by.
type Space struct {
	ID, Name string
	// How says how the source found it: "named by the opportunity", say.
	How string
}

// Stretch is a run of days, from From until the next Stretch, on which one
// Partner ID, or nobody's, counts.
type Stretch struct {
	From      clock.Date
	PartnerID string // "" for nobody; the raw text if Malformed
	Malformed bool
	// Disagree: the source has several Spaces, which differ on these days (R3.3).
	Disagree bool
	SpaceID  string
	At       time.Time // the instant at which the ID came to the Space
	Cause    string    // what brought it there, for a person
	Rules    []string  // the numbers of the rules by which it came
}

// String names the version.
func (p Plan) String() string { return p.Name + " from " + p.EffectiveFrom.String() }

// Line is an expected line (R7.1).
type Line struct {
	Key         string
	PayeeID     string
	Regime      string
	SourceID    string
	Slice       string
	Period      clock.Month
	Currency    money.Currency
	Base        decimal.Decimal // the Amount on which the rate works
	Rate        decimal.Decimal
	Amount      decimal.Decimal // rounded; on hold, what it would be
	Status      Status
	Reason      string
	AccountID   string
	SpaceID     string
	Plan        string
	Explanation Explanation
	// TermStart and TermEnd are the first and last day of a term, none for point
	// revenue; Sale is what kind of sale it was, "" if the plan knows no such type.
	TermStart, TermEnd clock.Date
	Sale               SaleType
}

// Status says whether a line's amount counts.
type Status string

// The statuses of an expected line.
const (
	Accrued Status = "accrued"
	OnHold  Status = "on_hold" // nothing is posted until a person or a fact releases it
	Zero    Status = "zero"    // could have been expected, and came to nothing (R7.6)
)

// Finding is something about a source that asks a person to look.
type Finding struct {
	Kind   string // a discrepancy's kind: no_amount
	Rule   string
	Detail string
	// IsHold: the money is stopped as well.
	IsHold bool
}

// FindingKinds lists every kind that the engine may find, so that whoever keeps
// discrepancies knows which ones to resolve when they are gone.
func FindingKinds() []string {
	return []string{
		ReasonNoAmount, ReasonNegativeAmount, ReasonTooLarge, ReasonBadTerm, ReasonNoPlan, ReasonNoSpace, ReasonMalformedID,
		ReasonUnmappedType, ReasonRenewedUnknown, ReasonMissingRate, ReasonUnclear,
	}
}

// Reasons of holds and zero lines, in the rulebook's words.
const (
	ReasonNoAmount       = "no_amount"
	ReasonNegativeAmount = "negative_amount"
	ReasonBadTerm        = "bad_term"
	ReasonNoPlan         = "no_plan"
	ReasonNoSpace        = "opportunity_without_space"
	ReasonMalformedID    = "malformed_partner_id"
	ReasonUnknownID      = "unknown_partner_id"
	ReasonSuspended      = "partner_suspended"
	ReasonJoinedLate     = "joined_after_cutoff"
	ReasonBeforeGoLive   = "before_go_live"
	ReasonByRegistration = "superseded_by_registration"
	ReasonByProgram      = "superseded_by_program"
	ReasonUndecided      = "registration_submitted"
	ReasonInConflict     = "registration_in_conflict"
	ReasonUnclear        = "registration_unclear"
	ReasonNotLinked      = "registration_not_linked" // another registration took the opportunity
	ReasonShares         = "shares_not_whole"
	ReasonUnmappedType   = "unmapped_type"
	ReasonRenewedUnknown = "renewed_unknown"
	ReasonMissingRate    = "missing_rate"
	ReasonNoMoney        = "amounts_to_nothing"     // the commission rounds to zero
	ReasonTooLarge       = "amount_too_large"       // larger than the book can hold
	ReasonUnreadable     = "unreadable_record"      // found, and settled, by reconcile
	ReasonVanished       = "vanished_in_salesforce" // found by a recount, and settled by reconcile
)

// Regimes and slices (R7.1).
const (
	RegimeSpace        = "space"
	RegimeRegistration = "registration"
	SliceReferral      = "referral"
	SliceNetNew        = "net_new"
	SliceRemainder     = "remainder"
)

// Key gives the key of a line (R7.1).
func Key(payeeID, regime, sourceID, slice string, period clock.Month) string {
	return payeeID + "/" + regime + "/" + sourceID + "/" + slice + "/" + period.String()
}
