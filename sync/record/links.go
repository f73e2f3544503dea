package record

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/statement"
	"github.com/partnersync/partnersync/sync/outbox"
)

// links say what lines link to.
type links struct {
	issued     map[string]bool  // payees that are partners
	statements map[place]string // those that Salesforce has
}

// place is where the accruals of lines are stated.
type place struct{ payee, period, currency string }

// link reads what the lines that were read link to.
func (r *Reader) link(ctx context.Context, q sqlx.QueryerContext) error {
	r.links = links{issued: map[string]bool{}, statements: map[place]string{}}
	periods := map[clock.Month]bool{}
	var payees []string
	for i := range r.lines {
		l := &r.lines[i]
		if _, seen := r.links.issued[l.PayeeID]; !seen {
			r.links.issued[l.PayeeID] = false
			payees = append(payees, l.PayeeID)
		}
		r.links.statements[place{l.PayeeID, l.Period, l.Currency}] = ""
		periods[r.months[l.Period]] = true
	}
	list, err := ledger.PartnersByID(ctx, q, payees)
	if err != nil {
		return err
	}
	for _, p := range list {
		r.links.issued[p.ID] = true
	}
	return r.linkStatements(ctx, q, periods, payees)
}

func (r *Reader) linkStatements(ctx context.Context, q sqlx.QueryerContext, periods map[clock.Month]bool, payees []string) error {
	months := make([]clock.Month, 0, len(periods))
	for m := range periods {
		months = append(months, m)
	}
	slices.Sort(payees)
	of, err := statement.ReadKeys(ctx, q, months, payees)
	if err != nil {
		return err
	}
	keys := make([]string, 0, len(r.links.statements))
	for p := range r.links.statements {
		key := of.Of(p.payee, r.months[p.period], money.Currency(p.currency))
		r.links.statements[p] = key
		keys = append(keys, key)
	}
	slices.Sort(keys)
	has, err := outbox.Known(ctx, q, outbox.Statement, slices.Compact(keys))
	if err != nil {
		return err
	}
	for p, key := range r.links.statements {
		if !has[key] {
			r.links.statements[p] = ""
		}
	}
	return nil
}
