package alert

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// Close ends alerts for a person who has looked, all that are named or none. Only what a
// pass has said once waits for that; others end with what they tell of, and are a Conflict,
// as those that are over. One that does not exist is NotFound.
func (w *Watcher) Close(ctx context.Context, ids []int64, actor string) (err error) {
	defer errs.Wrap(&err, "end alerts")
	now := w.Clock.Now()
	u := &update{Watcher: w, now: now}
	if err := pg.InTx(ctx, w.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		u.tx, u.told = tx, nil
		for _, id := range ids {
			if err := u.closeByHand(ctx, id, actor); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	w.log(u.told)
	return nil
}

func (u *update) closeByHand(ctx context.Context, id int64, actor string) error {
	var r row
	err := u.tx.GetContext(ctx, &r, `select `+columns+` from job.alert where id = $1 for update`, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errs.New(errs.NotFound, "there is no alert %d", id).WithHint("`partnersync alerts` lists those that are open")
	case err != nil:
		return err
	case r.ClosedAt != nil:
		return errs.New(errs.Conflict, "alert %d (%s) is over since %s", id, r.Title, day(*r.ClosedAt))
	case !r.stays():
		return errs.New(errs.Conflict, "alert %d (%s) ends by itself with what it tells of", id, r.Title).WithHint("%s", r.Hint)
	}
	return u.close(ctx, r, actor)
}
