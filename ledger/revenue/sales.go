package revenue

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
)

// AddSales gives sources that registrations claim the won opportunities of their
// customers, from which the engine tells what a renewal renews (R3.5). Sources
// without Claims, and those that state their net-new amount, need none.
func AddSales(ctx context.Context, q sqlx.QueryerContext, sources []commission.Source, zone *time.Location) (err error) {
	defer errs.Wrap(&err, "read the sales of customers")
	var ids []string
	for _, s := range sources {
		if s.IsRevenue && len(s.Claims) > 0 && s.StatedNetNew == nil {
			ids = append(ids, s.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var own []struct {
		ID         string `db:"id"`
		CustomerID string `db:"customer_id"`
	}
	if err := sqlx.SelectContext(ctx, q, &own,
		`select id, customer_id from ledger.opportunity where id = any((select $1::text[])::text[]) and customer_id <> ''`, pq.Array(ids)); err != nil {
		return err
	}
	customers := make(map[string]string, len(own))
	accounts := make([]string, len(own))
	for i, o := range own {
		customers[o.ID], accounts[i] = o.CustomerID, o.CustomerID
	}
	merged, err := readMerges(ctx, q, accounts)
	if err != nil {
		return err
	}
	byAccount, err := salesOf(ctx, q, merged, accounts, zone)
	if err != nil {
		return err
	}
	for i := range sources {
		if customer := customers[sources[i].ID]; customer != "" {
			sources[i].Sales = merged.sales(customer, byAccount)
		}
	}
	return nil
}

// sales gives the sales of an Account and of those that merges have made one
// customer with it, in the order of ids.
func (m merges) sales(account string, byAccount map[string][]commission.Sale) []commission.Sale {
	var out []commission.Sale
	for _, kin := range m.kin(account) {
		out = append(out, byAccount[kin]...)
	}
	slices.SortFunc(out, func(a, b commission.Sale) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// salesOf reads the won opportunities of Accounts and their kin, by Account.
func salesOf(ctx context.Context, q sqlx.QueryerContext, m merges, accounts []string, zone *time.Location) (map[string][]commission.Sale, error) {
	var rows []opportunityRow
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select `+opportunityColumns+` from ledger.opportunity o
		where customer_id = any((select $1::text[])::text[]) and customer_id <> '' and is_won and not is_deleted`, pq.Array(m.accounts(accounts))); err != nil {
		return nil, err
	}
	spaces, err := readSpaces(ctx, q, rows)
	if err != nil {
		return nil, err
	}
	out := map[string][]commission.Sale{}
	for _, r := range rows {
		s := commission.Sale{
			ID: r.ID, Name: r.Name, Currency: r.Currency, CloseDate: r.CloseDate, Start: r.ServiceStart, End: r.ServiceEnd,
			Type: r.Type, Customers: m.tenures(r.CustomerID, zone),
		}
		if r.Amount.Valid {
			s.Amount = &r.Amount.Decimal
		}
		if chosen, _ := choose(r.SpaceID, r.CloseDate, zone, spaces.ofCustomer(r.CustomerID), spaces.get); len(chosen) == 1 {
			s.SpaceID = chosen[0].id
		}
		out[r.CustomerID] = append(out[r.CustomerID], s)
	}
	return out, nil
}

// tenures gives the Accounts that the customer of an Account was, by days of the
// company zone.
func (m merges) tenures(account string, zone *time.Location) []commission.Tenure {
	out := []commission.Tenure{{Account: account}}
	line := m.lineage(account)
	for i, survivor := range line[1:] {
		out = append(out, commission.Tenure{From: clock.DateIn(m.lost[line[i]].at, zone), Account: survivor})
	}
	return out
}
