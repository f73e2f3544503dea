package revenue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// Record is an opportunity as it is kept, for a person to look at.
type Record struct {
	Opportunity
	// CustomerID is the Account by which it finds its Space (R3.3), Customer that
	// Account's name; "" where there is none, or none is known.
	CustomerID, Customer string
	// IsUnreadable: its latest version could not be read, so what is here is old.
	IsUnreadable bool
	// IsVanished: Salesforce has it no more, and nobody has said what became of it (R9.1).
	IsVanished bool
}

// ReadRecord gives the opportunity of a Salesforce id of 18 characters; NotFound if
// there is none.
func ReadRecord(ctx context.Context, q sqlx.QueryerContext, id string) (Record, error) {
	var row struct {
		opportunityRow
		Stage          string    `db:"stage"`
		IsClosed       bool      `db:"is_closed"`
		CreatedAt      time.Time `db:"created_at"`
		RegistrationID string    `db:"registration_id"`
		Modstamp       time.Time `db:"modstamp"`
		Customer       string    `db:"customer"`
	}
	err := sqlx.GetContext(ctx, q, &row, `
		select `+opportunityColumns+`, stage, is_closed, created_at, registration_id, modstamp,
			coalesce((select c.name from ledger.customer c where c.account_id = o.customer_id), '') as customer
		from ledger.opportunity o where id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, errs.New(errs.NotFound, "there is no opportunity %s", id).
			WithHint("An opportunity appears once it was pulled and reconciled; `partnersync status` says when that last ran.")
	}
	if err != nil {
		return Record{}, fmt.Errorf("read opportunity %s: %w", id, err)
	}
	return Record{
		Opportunity: Opportunity{
			ID: row.ID, Name: row.Name, AccountID: row.AccountID, SpaceID: row.SpaceID, Amount: stated(row.Amount),
			Currency: money.Currency(row.Currency), CloseDate: row.CloseDate, Stage: row.Stage, IsClosed: row.IsClosed,
			IsWon: row.IsWon, Type: row.Type, CreatedAt: row.CreatedAt.UTC(), ServiceStart: row.ServiceStart,
			ServiceEnd: row.ServiceEnd, NetNewAmount: stated(row.NetNewAmount), RegistrationID: row.RegistrationID,
			IsDeleted: row.IsDeleted, Modstamp: row.Modstamp.UTC(),
		},
		CustomerID: row.CustomerID, Customer: row.Customer, IsUnreadable: row.IsUnreadable, IsVanished: row.IsVanished,
	}, nil
}

func stated(d decimal.NullDecimal) *decimal.Decimal {
	if !d.Valid {
		return nil
	}
	return &d.Decimal
}

// EarningDays are the first and the last day over which an opportunity's Amount is
// spread: its term, or its CloseDate where it has none that can be meant (R3.2).
func (o Opportunity) EarningDays() (first, last clock.Date) {
	if o.ServiceStart.IsZero() || o.ServiceEnd.IsZero() || o.ServiceStart.After(o.ServiceEnd) {
		return o.CloseDate, o.CloseDate
	}
	return o.ServiceStart, o.ServiceEnd
}
