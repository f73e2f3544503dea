package statement

import (
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
)

// Holder is whose a statement is: a partner, or a payee id that is no partner's.
type Holder struct {
	// Partner is the key of the partner that is paid; "" where ID stands for itself.
	Partner string
	// ID is a Partner ID that was issued to nobody, or an individual's payee id; ""
	// where a partner is paid.
	ID string
}

// Statement is what a holder was owed in a month, in one currency.
type Statement struct {
	// Key is the statement's, in Salesforce too: bluefin/2026-10/USD.
	Key string `json:"key"`
	// Partner is the key of the partner; "" if the statement is of an ID that was
	// issued to nobody, or of an individual.
	Partner string `json:"partner"`
	// Name is the partner's name as it is now; "" where Partner is.
	Name string `json:"name"`
	// IDs are the payee ids that the statement is over, in order; PrimaryID is the
	// partner's primary Partner ID, or the id that stands for itself.
	IDs       []string `json:"ids"`
	PrimaryID string   `json:"primary_id"`

	Period   clock.Month    `json:"period"`
	Currency money.Currency `json:"currency"`
	// IsClosed says that the month is closed (R8.4): no figure changes any more.
	// ClosedAt is when, of a closed month.
	IsClosed bool      `json:"is_closed"`
	ClosedAt time.Time `json:"closed_at,omitzero"`

	Opening     Amount `json:"opening"`
	Transferred Amount `json:"transferred"`
	Movements
	Closing Amount `json:"closing"`

	// Of Closing: what is not approved, what is approved, and what is on a bill.
	ClosingAccrued   Amount `json:"closing_accrued"`
	ClosingPayable   Amount `json:"closing_payable"`
	ClosingInPayment Amount `json:"closing_in_payment"`

	// Entries is the number of entries of the month.
	Entries int `json:"entries"`
	// Lines are those that have an entry of the month, in the order of their keys.
	// List leaves them out.
	Lines []Line `json:"lines,omitempty"`
}

// Movements are the sums of a month's entries, by what they did; see the package
// comment. ClawedBack is never positive, Paid is what was paid.
type Movements struct {
	Accrued    Amount `json:"accrued"`
	Adjusted   Amount `json:"adjusted"`
	ClawedBack Amount `json:"clawed_back"`
	BroughtIn  Amount `json:"brought_in"`
	Imported   Amount `json:"imported"`
	Approved   Amount `json:"approved"`
	Exported   Amount `json:"exported"`
	Paid       Amount `json:"paid"`
}

// Earned is what the movements add to what the partner earns with the company: what
// accrued, corrected, and what was brought in.
func (m Movements) Earned() Amount {
	return Amount{m.Accrued.Minor + m.Adjusted.Minor + m.ClawedBack.Minor + m.BroughtIn.Minor, m.Accrued.Currency}
}

// Line is a line with what its entries of the month did.
type Line struct {
	Key         string      `json:"key"`
	PayeeID     string      `json:"payee_id"`
	Regime      string      `json:"regime"`
	SourceID    string      `json:"source_id"`
	Opportunity string      `json:"opportunity,omitempty"` // its name; "" if the source is none
	AccountID   string      `json:"account_id,omitempty"`
	Account     string      `json:"account,omitempty"` // its name
	Slice       string      `json:"slice"`
	Period      clock.Month `json:"period"`            // of the line
	Adjusts     string      `json:"adjusts,omitempty"` // the month that it adjusts
	Corrects    string      `json:"corrects,omitempty"`
	Movements
	// Status, Reason and Sentence are what the line says now.
	Status   string `json:"status"`
	Reason   string `json:"reason,omitempty"`
	Sentence string `json:"sentence"`
}

// IsBlank says that there was nothing to state: no balance in any account, before or
// after, and no entry.
func (s *Statement) IsBlank() bool {
	return s.Entries == 0 && s.Opening.IsZero() && s.Transferred.IsZero() &&
		s.ClosingAccrued.IsZero() && s.ClosingPayable.IsZero() && s.ClosingInPayment.IsZero()
}
