package stage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// ErrSuperseded says that another worker has taken the stage over since this
// one took its token, or the part of it that this one had. Whoever meets it stops and
// reports nothing as failed: the other is doing the work.
var ErrSuperseded = errors.New("another worker has taken this stage over")

// Token is the right to write for a stage. Taking it takes it from whoever had
// it before, so of two workers only the later can commit. A part's token is its
// stage's, and the hold on the part beside it.
type Token struct {
	stage string
	value int64
	part  hold
}

// hold is a worker's right to a part of a run, taken for the attempt-th time. The zero
// hold is of no part.
type hold struct {
	run     int64
	number  int
	attempt int
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

// PartToken is the token of a part: the stage's, with the value that its pass took, and
// the hold on the part, of which attempt says how often it was taken.
func PartToken(stage string, value, run int64, number, attempt int) Token {
	return Token{stage: stage, value: value, part: hold{run: run, number: number, attempt: attempt}}
}

// Value is how often the stage's token had been taken.
func (t Token) Value() int64 { return t.value }

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
	if t.part != (hold{}) {
		return t.checkPart(ctx, tx)
	}
	return nil
}

// checkPart looks whether the part is still this worker's. Whoever takes a part locks its
// row for update, which waits for this lock; whoever notes that it is alive does not.
func (t Token) checkPart(ctx context.Context, tx *sqlx.Tx) error {
	var isOurs bool
	err := tx.GetContext(ctx, &isOurs, `
		select attempt = $3 and state = 'running' from job.part
		where run = $1 and number = $2 for key share`, t.part.run, t.part.number, t.part.attempt)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !isOurs {
		return ErrSuperseded
	}
	return err
}

// store writes what is to be known of the part of which this is the token.
func (t Token) store(ctx context.Context, tx *sqlx.Tx, state PartState, o Outcome) (err error) {
	defer errs.Wrap(&err, "note what came of part %d of %s", t.part.number, t.stage)
	o.Report.Stage = t.stage
	settled := o.Report
	settled.Settle()
	report, err := json.Marshal(o.Report.Clean())
	if err != nil {
		return err
	}
	var result *string
	if o.Result != nil {
		text := string(o.Result)
		result = &text
	}
	done, err := tx.ExecContext(ctx, `
		update job.part set state = $4, report = $5, result = $6, done = $7, seen_at = now()
		where run = $1 and number = $2 and attempt = $3 and state = 'running'`,
		t.part.run, t.part.number, t.part.attempt, state, string(report), result, settled.In)
	if err != nil {
		return err
	}
	switch n, err := done.RowsAffected(); {
	case err != nil:
		return err
	case n != 1:
		return fmt.Errorf("the part was lost: %w", ErrSuperseded)
	}
	return nil
}
