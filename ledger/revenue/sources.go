package revenue

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/commission"
)

// opportunityRow is what working out a source reads of an opportunity.
type opportunityRow struct {
	ID           string              `db:"id"`
	Name         string              `db:"name"`
	AccountID    string              `db:"account_id"`
	CustomerID   string              `db:"customer_id"`
	SpaceID      string              `db:"space_id"`
	Amount       decimal.NullDecimal `db:"amount"`
	Currency     string              `db:"currency"`
	CloseDate    clock.Date          `db:"close_date"`
	IsWon        bool                `db:"is_won"`
	IsDeleted    bool                `db:"is_deleted"`
	ServiceStart clock.Date          `db:"service_start"`
	ServiceEnd   clock.Date          `db:"service_end"`
}

// Sources gives, for opportunities by id, what the engine works on. Days are
// those of the company zone. An id that is no opportunity is left out.
func Sources(ctx context.Context, q sqlx.QueryerContext, ids []string, zone *time.Location) (_ []commission.Source, err error) {
	defer errs.Wrap(&err, "read %d sources", len(ids))
	var rows []opportunityRow
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select id, name, account_id, customer_id, space_id, amount, currency, close_date, is_won, is_deleted,
			service_start, service_end
		from ledger.opportunity where id = any($1) order by id`, pq.Array(ids)); err != nil {
		return nil, err
	}
	spaces, err := readSpaces(ctx, q, rows)
	if err != nil {
		return nil, err
	}
	out := make([]commission.Source, len(rows))
	for i, r := range rows {
		out[i] = r.source(spaces, zone)
	}
	return out, nil
}

func (r opportunityRow) source(all *spaceIndex, zone *time.Location) commission.Source {
	s := commission.Source{
		ID: r.ID, Name: r.Name, AccountID: r.AccountID, Currency: money.Currency(r.Currency),
		CloseDate: r.CloseDate, IsRevenue: r.IsWon && !r.IsDeleted, Start: r.ServiceStart, End: r.ServiceEnd,
		NamedSpace: r.SpaceID,
	}
	if r.Amount.Valid {
		s.Amount = &r.Amount.Decimal
	}
	chosen, how := choose(r.SpaceID, r.CloseDate, zone, all.ofCustomer(r.CustomerID, r.AccountID), all.get)
	for _, sp := range chosen {
		s.Spaces = append(s.Spaces, commission.Space{ID: sp.id, Name: sp.name, How: how})
	}
	if len(chosen) > 0 {
		s.Holders = stretches(chosen, zone)
	}
	return s
}

// spaceIndex finds the Spaces of a batch of opportunities.
type spaceIndex struct {
	byID       map[string]space
	byCustomer map[string][]string
	byAccount  map[string][]string
}

func (x *spaceIndex) get(id string) (space, bool) { s, ok := x.byID[id]; return s, ok }

// ofCustomer gives the Spaces that share the Account by which the opportunity
// finds its Space; where there is none, those of the Account that it names now.
func (x *spaceIndex) ofCustomer(customer, account string) []space {
	ids := x.byCustomer[customer]
	if len(ids) == 0 {
		ids = x.byAccount[account]
	}
	out := make([]space, len(ids))
	for i, id := range ids {
		out[i] = x.byID[id]
	}
	return out
}

func readSpaces(ctx context.Context, q sqlx.QueryerContext, rows []opportunityRow) (*spaceIndex, error) {
	var named, accounts []string
	for _, r := range rows {
		if r.SpaceID != "" {
			named = append(named, r.SpaceID)
		} else if r.CustomerID != "" {
			accounts = append(accounts, r.CustomerID, r.AccountID)
		}
	}
	var found []struct {
		ID         string    `db:"id"`
		Name       string    `db:"name"`
		AccountID  string    `db:"account_id"`
		CustomerID string    `db:"customer_id"`
		CreatedAt  time.Time `db:"created_at"`
	}
	if err := sqlx.SelectContext(ctx, q, &found, `
		select id, name, account_id, customer_id, created_at from ledger.space where id = any($1)
		union select id, name, account_id, customer_id, created_at from ledger.space
			where customer_id = any($2) and customer_id <> ''
		union select id, name, account_id, customer_id, created_at from ledger.space
			where account_id = any($2) and account_id <> ''`, pq.Array(named), pq.Array(accounts)); err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	for i, f := range found {
		ids[i] = f.ID
	}
	histories, err := attribution.SpaceHistories(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	x := &spaceIndex{
		byID: make(map[string]space, len(found)), byCustomer: map[string][]string{}, byAccount: map[string][]string{},
	}
	for _, f := range found {
		s := space{id: f.ID, name: f.Name, createdAt: f.CreatedAt}
		for _, h := range histories[f.ID] {
			s.changes = append(s.changes, change{
				at: h.At, partnerID: h.PartnerID, malformed: h.Malformed, cause: h.Cause.String(), rules: h.Cause.Rules(),
			})
		}
		x.byID[f.ID] = s
		if f.CustomerID != "" {
			x.byCustomer[f.CustomerID] = append(x.byCustomer[f.CustomerID], f.ID)
		}
		if f.AccountID != "" {
			x.byAccount[f.AccountID] = append(x.byAccount[f.AccountID], f.ID)
		}
	}
	return x, nil
}
