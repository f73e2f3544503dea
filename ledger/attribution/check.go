package attribution

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// Check settles, at the end of a pass, what no record tells by itself: how far
// back history goes (R2.6), what installs, orgs and Spaces tell of each other
// (R1.4, R3.6), and which customers domains propose (R1.4). today is the company's.
// Unless facts have changed, all but the first is done once a day. It gives how
// many discrepancies were opened.
func Check(ctx context.Context, tx *sqlx.Tx, today clock.Date, changed bool, now time.Time) (opened int64, err error) {
	if opened, err = settleHorizons(ctx, tx, now); err != nil {
		return 0, err
	}
	isNewDay, err := beginDay(ctx, tx, today)
	if err != nil || !isNewDay && !changed {
		return opened, err
	}
	for _, check := range []func() (int64, error){
		func() (int64, error) { return checkInstalls(ctx, tx, today, now) },
		func() (int64, error) { return proposeCustomers(ctx, tx, now) },
	} {
		n, err := check()
		if err != nil {
			return opened, err
		}
		opened += n
	}
	return opened, nil
}

// beginDay notes the company's day, and says whether it is a new one.
func beginDay(ctx context.Context, tx *sqlx.Tx, today clock.Date) (isNew bool, err error) {
	defer errs.Wrap(&err, "note the day of the checks")
	err = tx.GetContext(ctx, &isNew, `
		with kept as (
			insert into ledger.install_check as c (checked_on) values ($1)
			on conflict (only_row) do update set checked_on = excluded.checked_on where c.checked_on <> excluded.checked_on
			returning 1)
		select exists (select from kept)`, today)
	return isNew, err
}
