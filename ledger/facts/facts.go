// Package facts gathers what the commission engine works from: the terms that all
// sources share, and the sources with all that claims them. Accrue posts by them, the
// close of a month keeps them, and verify works the lines out from them again.
package facts

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// Days says through which days to work (R7.3).
type Days struct {
	// AsOf is the last day that counts, TermThrough the last through which term revenue
	// is expected.
	AsOf, TermThrough clock.Date
}

// DaysOf gives the days of an as-of for a book that reaches so far already. explicit:
// a person gave the as-of, so term revenue goes up to it; else it goes through the last
// completed month.
func DaysOf(asOf clock.Date, explicit bool, reached book.Reached) Days {
	d := Days{AsOf: asOf, TermThrough: lastCompletedMonth(asOf)}
	if explicit {
		d.TermThrough = asOf
	}
	if !asOf.Before(reached.Explicit) {
		d.TermThrough = clock.MaxDate(d.TermThrough, reached.Explicit)
	}
	return d
}

// lastCompletedMonth is the last day of the last month that is over on asOf.
func lastCompletedMonth(asOf clock.Date) clock.Date {
	if asOf == asOf.Month().Last() {
		return asOf
	}
	return asOf.Month().First().AddDays(-1)
}

// Engine reads the partners, plans, rates and go-live as they are now. goLive is what
// the settings say; if they say nothing, what was decided before counts.
func Engine(ctx context.Context, q sqlx.QueryerContext, d Days, zone *time.Location, goLive book.GoLive) (*commission.Engine, error) {
	e := &commission.Engine{AsOf: d.AsOf, TermThrough: d.TermThrough, Zone: zone}
	var err error
	if e.Plans, err = book.Plans(ctx, q, book.DefaultPlan); err != nil {
		return nil, err
	}
	if e.Partners, err = book.Partners(ctx, q); err != nil {
		return nil, err
	}
	if e.Rates, err = book.ExchangeRates(ctx, q); err != nil {
		return nil, err
	}
	if !goLive.Decided {
		goLive, err = book.ReadGoLive(ctx, q)
	}
	e.GoLive = goLive.On
	return e, err
}

// Sources reads sources by their ids, with all that claims them, in the order of ids.
// Ids that are no sources are left out.
func Sources(ctx context.Context, q sqlx.QueryerContext, ids []string, e *commission.Engine) ([]commission.Source, error) {
	sources, err := revenue.Sources(ctx, q, ids, e.Zone)
	if err != nil {
		return nil, err
	}
	if err := deal.AddClaims(ctx, q, sources, deal.Terms{Zone: e.Zone, AsOf: e.AsOf, Plans: e.Plans}); err != nil {
		return nil, err
	}
	return sources, revenue.AddSales(ctx, q, sources, e.Zone)
}
