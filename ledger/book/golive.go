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

// GoLive is what the company has decided of when this ledger begins to pay (R4.5).
type GoLive struct {
	// Decided: it has said a date, or that there is none.
	Decided bool
	// On is the first day that this ledger pays; no date means that it pays
	// everything.
	On clock.Date
}

// ReadGoLive gives what was decided of the go-live.
func ReadGoLive(ctx context.Context, q sqlx.QueryerContext) (g GoLive, err error) {
	defer errs.Wrap(&err, "read the go-live")
	err = sqlx.GetContext(ctx, q, &g.On, `select live_on from ledger.go_live`)
	if errors.Is(err, sql.ErrNoRows) {
		return GoLive{}, nil
	}
	g.Decided = err == nil
	return g, err
}

// KeepGoLive keeps a decision on the go-live: its date, or none. If it differs from
// what counted before (which, as long as nothing is decided, is none), everything
// that was won is marked due, because what accrued before the date does not, or does
// after all. It gives whether that was so.
func KeepGoLive(ctx context.Context, tx *sqlx.Tx, on clock.Date, actor string, now time.Time) (changed bool, err error) {
	defer errs.Wrap(&err, "keep the go-live")
	before, err := ReadGoLive(ctx, tx)
	if err != nil || before.Decided && before.On == on {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.go_live as g (live_on, decided_by, decided_at) values ($1, $2, $3)
		on conflict (only_row) do update set
			live_on = excluded.live_on, decided_by = excluded.decided_by, decided_at = excluded.decided_at`,
		on, actor, now); err != nil || before.On == on {
		return false, err
	}
	return true, MarkClosed(ctx, tx, clock.Date{}, now)
}

// MarkClosed marks due the won opportunities that closed on a date or later; no
// date marks all of them. It belongs in the transaction that changes the terms that
// they are paid by.
func MarkClosed(ctx context.Context, tx *sqlx.Tx, from clock.Date, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark what closed from %s", from)
	_, err = tx.ExecContext(ctx, `
		insert into ledger.due_source (source_id, marked_at)
		select id, $2::timestamptz from ledger.opportunity
		where is_won and close_date >= coalesce($1::date, '0001-01-01') order by id
		on conflict (source_id) do update set marked_at = excluded.marked_at`, from, now)
	return err
}
