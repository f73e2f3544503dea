package book

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// Closed gives the last month that is closed; no month while none is (R8.4).
func Closed(ctx context.Context, q sqlx.QueryerContext) (m clock.Month, err error) {
	defer errs.Wrap(&err, "read which months are closed")
	var closed string
	if err := sqlx.GetContext(ctx, q, &closed, `select coalesce(max(period), '') from ledger.period_close`); err != nil || closed == "" {
		return clock.Month{}, err
	}
	return clock.ParseMonth(closed)
}
