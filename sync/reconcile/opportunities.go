package reconcile

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/staging"
)

func (b *batch) opportunities(ctx context.Context) error {
	facts := make([]revenue.Opportunity, 0, len(b.records))
	ids := make([]string, 0, len(b.records))
	var unreadable []string
	for _, r := range b.records {
		ids = append(ids, r.ID)
		o, ok := b.opportunity(r)
		if !ok {
			unreadable = append(unreadable, r.ID)
			continue
		}
		facts = append(facts, o)
	}
	return b.relinking(ctx, deal.Reached{Opportunities: ids}, func() error {
		changed, err := revenue.SaveOpportunities(ctx, b.tx, facts)
		if err != nil {
			return err
		}
		frozen, err := revenue.MarkUnreadable(ctx, b.tx, unreadable)
		if err != nil {
			return err
		}
		changed = append(changed, frozen...)
		if err := revenue.FindCustomers(ctx, b.tx, changed); err != nil {
			return err
		}
		if _, err := revenue.FindSpaces(ctx, b.tx, changed); err != nil {
			return err
		}
		return book.MarkDue(ctx, b.tx, changed, b.now)
	})
}

// opportunity reads a record; one that cannot be read is a discrepancy.
func (b *batch) opportunity(r staging.Record) (_ revenue.Opportunity, ok bool) {
	f, ok := b.read(r, "close_date")
	if !ok {
		return revenue.Opportunity{}, false
	}
	currency := b.Currency
	if f.Has("currency") {
		var err error
		if currency, err = money.ParseCurrency(f.Text("currency")); err != nil {
			b.unreadable(r, err.Error())
			return revenue.Opportunity{}, false
		}
	}
	closes, _ := f.Date("close_date")
	created, _ := f.Time("created_at")
	return revenue.Opportunity{
		ID: r.ID, Name: f.Text("name"), AccountID: f.ID("account_id"), SpaceID: f.ID("space_id"),
		Amount: amount(f, "amount"), Currency: currency, CloseDate: closes, Stage: f.Text("stage"),
		IsClosed: f.Bool("is_closed"), IsWon: f.Bool("is_won"), Type: f.Text("type"), CreatedAt: created,
		ServiceStart: date(f, "service_start"), ServiceEnd: date(f, "service_end"),
		NetNewAmount: amount(f, "net_new_amount"), RegistrationID: f.ID("registration_id"),
		IsDeleted: r.IsDeleted, Modstamp: r.Modstamp, SeenAt: r.PulledAt,
	}, true
}

func amount(f mapping.Record, field string) *decimal.Decimal {
	d, ok := f.Decimal(field)
	if !ok {
		return nil
	}
	return &d
}

func date(f mapping.Record, field string) clock.Date {
	d, ok := f.Date(field)
	if !ok {
		return clock.Date{}
	}
	return d
}
