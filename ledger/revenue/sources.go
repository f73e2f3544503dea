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
	IsUnreadable bool                `db:"is_unreadable"`
	IsVanished   bool                `db:"is_vanished"`
	Type         string              `db:"type"`
	NetNewAmount decimal.NullDecimal `db:"net_new_amount"`
	Registration string              `db:"registration_id"`
}

const opportunityColumns = `id, name, account_id, customer_id, space_id, amount, currency, close_date, is_won, is_deleted,
	service_start, service_end, is_unreadable, type, net_new_amount, registration_id,
	exists (select from ledger.vanished v where v.record_id = o.id and v.is_held) as is_vanished`

// Sources gives, for opportunities by id, what the engine works on. Days are
// those of the company zone. An id that is no opportunity is left out.
func Sources(ctx context.Context, q sqlx.QueryerContext, ids []string, zone *time.Location) (_ []commission.Source, err error) {
	defer errs.Wrap(&err, "read %d sources", len(ids))
	var rows []opportunityRow
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select `+opportunityColumns+` from ledger.opportunity o where id = any((select $1::text[])::text[]) order by id`, pq.Array(ids)); err != nil {
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
		NamedSpace: r.SpaceID, IsUnreadable: r.IsUnreadable, IsVanished: r.IsVanished, Type: r.Type,
		NamedRegistration: r.Registration,
	}
	if r.Amount.Valid {
		s.Amount = &r.Amount.Decimal
	}
	if r.NetNewAmount.Valid {
		s.StatedNetNew = &r.NetNewAmount.Decimal
	}
	chosen, how := choose(r.SpaceID, r.CloseDate, zone, all.ofCustomer(r.CustomerID), all.get)
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
	merges     merges
}

func (x *spaceIndex) get(id string) (space, bool) { s, ok := x.byID[id]; return s, ok }

// ofCustomer gives the Spaces of an Account and of those that merges have made one
// customer with it, each with the instant at which it joined.
func (x *spaceIndex) ofCustomer(account string) []space {
	var out []space
	for _, kin := range x.merges.kin(account) {
		met := x.merges.met(account, kin)
		for _, id := range x.byCustomer[kin] {
			s := x.byID[id]
			s.joinedAt = s.createdAt
			if met.After(s.joinedAt) {
				s.joinedAt = met
			}
			out = append(out, s)
		}
	}
	return out
}

func readSpaces(ctx context.Context, q sqlx.QueryerContext, rows []opportunityRow) (*spaceIndex, error) {
	var named, accounts []string
	for _, r := range rows {
		if r.SpaceID != "" {
			named = append(named, r.SpaceID)
		} else if r.CustomerID != "" {
			accounts = append(accounts, r.CustomerID)
		}
	}
	x := &spaceIndex{byID: map[string]space{}, byCustomer: map[string][]string{}}
	var err error
	if x.merges, err = readMerges(ctx, q, accounts); err != nil {
		return nil, err
	}
	var found []struct {
		ID         string    `db:"id"`
		Name       string    `db:"name"`
		CustomerID string    `db:"customer_id"`
		CreatedAt  time.Time `db:"created_at"`
	}
	if err := sqlx.SelectContext(ctx, q, &found, `
		select id, name, customer_id, created_at from ledger.space where id = any((select $1::text[])::text[])
		union
		select id, name, customer_id, created_at from ledger.space where customer_id = any((select $2::text[])::text[]) and customer_id <> ''`,
		pq.Array(named), pq.Array(x.merges.accounts(accounts))); err != nil {
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
	}
	return x, nil
}
