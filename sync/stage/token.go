package stage

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// ErrSuperseded says that another worker has taken the stage over since this
// one took its token. Whoever meets it stops and reports nothing as failed: the
// other is doing the work.
var ErrSuperseded = errors.New("another worker has taken this stage over")

// Token is the right to write for a stage. Taking it takes it from whoever had
// it before, so of two workers only the later can commit.
type Token struct {
	stage string
	value int64
}

// Take raises the stage's token and gives it.
func Take(ctx context.Context, db *sqlx.DB, stage string) (_ Token, err error) {
	defer errs.Wrap(&err, "take the token of %s", stage)
	t := Token{stage: stage}
	err = db.GetContext(ctx, &t.value, `
		insert into job.token as t (stage, value) values ($1, 1)
		on conflict (stage) do update set value = t.value + 1
		returning value`, stage)
	return t, pg.Classify(err) // it may have waited in vain for somebody who was frozen
}

// Check gives ErrSuperseded unless the token is still the stage's. It belongs
// in every transaction that writes, before the first write: the row stays share
// locked until the transaction ends, so nobody can take over in between.
func (t Token) Check(ctx context.Context, tx *sqlx.Tx) (err error) {
	defer errs.Wrap(&err, "check the token of %s", t.stage)
	var value int64
	if err := tx.GetContext(ctx, &value,
		`select value from job.token where stage = $1 for share`, t.stage); err != nil {
		return err
	}
	if value != t.value {
		return ErrSuperseded
	}
	return nil
}
