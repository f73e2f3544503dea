package book

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// Reached says how far the book goes (R7.3). Its dates are no dates while nothing
// was ever posted.
type Reached struct {
	Posted   clock.Date `db:"posted"`   // the latest as-of that was posted
	Explicit clock.Date `db:"explicit"` // the latest of those that a person gave
}

// ReadReached gives how far the book goes.
func ReadReached(ctx context.Context, q sqlx.QueryerContext) (r Reached, err error) {
	defer errs.Wrap(&err, "read how far the book goes")
	err = sqlx.GetContext(ctx, q, &r, `select posted, explicit from ledger.as_of`)
	if errors.Is(err, sql.ErrNoRows) {
		return Reached{}, nil
	}
	return r, err
}

// KeepReached keeps that the book was posted through an as-of, which a person
// gave or not. It never goes back.
func KeepReached(ctx context.Context, tx *sqlx.Tx, asOf clock.Date, isExplicit bool, actor string, now time.Time) (err error) {
	defer errs.Wrap(&err, "keep the as-of %s", asOf)
	explicit := clock.Date{}
	if isExplicit {
		explicit = asOf
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.as_of as a (posted, explicit, posted_by, posted_at) values ($1, $2, $3, $4)
		on conflict (only_row) do update set
			posted = greatest(a.posted, excluded.posted), explicit = greatest(a.explicit, excluded.explicit),
			posted_by = excluded.posted_by, posted_at = excluded.posted_at
		where a.posted < excluded.posted or excluded.explicit > coalesce(a.explicit, '0001-01-01')`,
		asOf, explicit, actor, now)
	return err
}
