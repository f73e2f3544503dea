package stage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// PartState is where a part is.
type PartState string

// The states.
//
//	waiting ──TakePart──▶ running ──End──▶ done
//	   ▲                     ├── given back, or nothing heard of it ──▶ waiting
//	   └─────────────────────┘
//	running ──FailPart──▶ failed            waiting, running ──DropParts──▶ dropped
const (
	PartWaiting PartState = "waiting"
	PartRunning PartState = "running"
	PartDone    PartState = "done"
	PartFailed  PartState = "failed"
	PartDropped PartState = "dropped"
)

// PartID names a part, and says how often it had been taken when that was read.
type PartID struct {
	Run     int64 `db:"run"`
	Number  int   `db:"number"`
	Attempt int   `db:"attempt"`
}

// PartRow is a part as it is kept.
type PartRow struct {
	PartID
	Stage  string          `db:"stage"`
	Token  int64           `db:"token"`
	What   string          `db:"what"`
	Args   json.RawMessage `db:"args"`
	State  PartState       `db:"state"`
	Worker string          `db:"worker"` // who has it, or had it last
	Done   int64           `db:"done"`   // rows so far
	Report json.RawMessage `db:"report"`
	Result json.RawMessage `db:"result"`
	Error  string          `db:"error"`
	Kind   errs.Kind       `db:"kind"`
	Hint   string          `db:"hint"`
}

const partColumns = `run, number, attempt, stage, token, what, args, state, worker, done,
	coalesce(report, 'null') as report, coalesce(result, 'null') as result, error, kind, hint`

// Failure is the error with which the part failed, or nil.
func (r PartRow) Failure() error {
	if r.State != PartFailed {
		return nil
	}
	e := errs.New(r.Kind, "%s, on %s: %s", r.What, r.Worker, r.Error)
	e.Hint = r.Hint
	return e
}

// Outcome is what came of the part; its report is empty if nothing was noted.
func (r PartRow) Outcome() (o Outcome, err error) {
	defer errs.Wrap(&err, "read what came of part %d of run %d", r.Number, r.Run)
	o.Result, o.Worker, o.Attempt = r.Result, r.Worker, r.Attempt
	return o, json.Unmarshal(r.Report, &o.Report)
}

// AddParts keeps parts of a run, which wait, and gives the number of the first.
func AddParts(ctx context.Context, tx *sqlx.Tx, run int64, t Token, parts []Part) (first int, err error) {
	defer errs.Wrap(&err, "keep the parts of run %d", run)
	if err := t.Check(ctx, tx); err != nil {
		return 0, err
	}
	if err := tx.GetContext(ctx, &first, `select coalesce(max(number), 0) + 1 from job.part where run = $1`, run); err != nil {
		return 0, err
	}
	for i, p := range parts {
		if _, err := tx.ExecContext(ctx, `
			insert into job.part (run, number, stage, token, what, args) values ($1, $2, $3, $4, $5, $6)`,
			run, first+i, t.stage, t.value, Clean(p.What), string(p.Args)); err != nil {
			return 0, err
		}
	}
	return first, nil
}

// TakePart gives a worker the next part of a run that waits, if the stage's token is still
// the run's; ok is false if there is none.
func TakePart(ctx context.Context, tx *sqlx.Tx, run int64, worker string) (row PartRow, ok bool, err error) {
	defer errs.Wrap(&err, "take a part of run %d", run)
	err = tx.GetContext(ctx, &row, `
		update job.part p set state = 'running', attempt = attempt + 1, worker = $2, seen_at = now(), done = 0
		where run = $1 and number = (
			select number from job.part w
			where run = $1 and state = 'waiting' and not_before <= now()
				and token = (select t.value from job.token t where t.stage = w.stage)
			order by number limit 1 for update skip locked)
		returning `+partColumns, run, Clean(worker))
	if errors.Is(err, sql.ErrNoRows) {
		return PartRow{}, false, nil
	}
	return row, err == nil, err
}

// SeenPart notes that a worker is still at a part, how far it came, and its report so far if
// there is one. held is false when the part is not the worker's any more, or its stage another's.
func SeenPart(ctx context.Context, db *sqlx.DB, id PartID, done int64, report *Report) (held bool, err error) {
	defer errs.Wrap(&err, "note that part %d of run %d is worked on", id.Number, id.Run)
	var text *string
	if report != nil {
		raw, err := json.Marshal(report.Clean())
		if err != nil {
			return false, err
		}
		said := string(raw)
		text = &said
	}
	return touched(db.ExecContext(ctx, `
		update job.part p set seen_at = now(), done = $4, report = coalesce($5::json, report)
		where run = $1 and number = $2 and attempt = $3 and state = 'running'
			and token = (select t.value from job.token t where t.stage = p.stage)`, id.Run, id.Number, id.Attempt, done, text))
}

// FailPart notes the error that ended a part. held is false when it was not the worker's
// any more.
func FailPart(ctx context.Context, tx *sqlx.Tx, id PartID, failure error, text string) (held bool, err error) {
	defer errs.Wrap(&err, "note that part %d of run %d failed", id.Number, id.Run)
	return touched(tx.ExecContext(ctx, `
		update job.part set state = 'failed', error = $4, kind = $5, hint = $6, seen_at = now()
		where run = $1 and number = $2 and attempt = $3 and state = 'running'`,
		id.Run, id.Number, id.Attempt, text, string(errs.KindOf(failure)), Clean(errs.HintOf(failure))))
}

// ReturnPart lets a part wait again that its worker can't go on with, for a pause at least.
// held is false when it was not the worker's any more.
func ReturnPart(ctx context.Context, tx *sqlx.Tx, id PartID, pause time.Duration) (held bool, err error) {
	defer errs.Wrap(&err, "return part %d of run %d", id.Number, id.Run)
	return touched(tx.ExecContext(ctx, `
		update job.part set state = 'waiting', not_before = now() + $4 * interval '1 millisecond'
		where run = $1 and number = $2 and attempt = $3 and state = 'running'`, id.Run, id.Number, id.Attempt, pause.Milliseconds()))
}

func touched(r sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

// RescueParts lets the parts of a run wait again of whose workers nothing was heard for a
// lease, and gives their ids. One that a frozen worker still holds in a transaction is
// left until the database has ended that.
func RescueParts(ctx context.Context, tx *sqlx.Tx, run int64, lease time.Duration) (ids []PartID, err error) {
	defer errs.Wrap(&err, "look for lost parts of run %d", run)
	err = tx.SelectContext(ctx, &ids, `
		with lost as (
			select number from job.part
			where run = $1 and state = 'running' and seen_at < now() - $2 * interval '1 millisecond'
			for update skip locked)
		update job.part p set state = 'waiting' from lost
		where p.run = $1 and p.number = lost.number
		returning p.run, p.number, p.attempt`, run, lease.Milliseconds())
	return ids, err
}

// DropParts takes the parts of a run that are not over from whoever has them, or, if only
// those that wait are meant, lets nobody begin them. One that a worker holds in a
// transaction is left to it: the next pass's token ends it.
func DropParts(ctx context.Context, db *sqlx.DB, run int64, onlyWaiting bool) (err error) {
	defer errs.Wrap(&err, "drop the parts of run %d", run)
	_, err = db.ExecContext(ctx, `
		with open as (
			select number from job.part
			where run = $1 and (state = 'waiting' or state = 'running' and not $2) for update skip locked)
		update job.part p set state = 'dropped' from open where p.run = $1 and p.number = open.number`, run, onlyWaiting)
	return err
}

// PartsTally says how the parts of a run are together.
type PartsTally struct {
	Open    int   `db:"open"` // wait, or are worked on
	Running int   `db:"running"`
	Failed  int   `db:"failed"`
	Dropped int   `db:"dropped"`
	Done    int64 `db:"done"` // rows
	// IsCurrent says that their stage's token is still the pass's.
	IsCurrent bool `db:"is_current"`
}

// TallyParts counts the parts of a run, those numbered from first on.
func TallyParts(ctx context.Context, q sqlx.QueryerContext, run int64, first int) (t PartsTally, err error) {
	defer errs.Wrap(&err, "count the parts of run %d", run)
	err = sqlx.GetContext(ctx, q, &t, `
		select count(*) filter (where state in ('waiting', 'running')) as open, count(*) filter (where state = 'running') as running,
			count(*) filter (where state = 'failed') as failed,
			count(*) filter (where state = 'dropped') as dropped, coalesce(sum(done), 0)::bigint as done,
			coalesce(bool_and(token = (select t.value from job.token t where t.stage = p.stage)), true) as is_current
		from job.part p where run = $1 and number >= $2`, run, first)
	return t, err
}

// PartsOf gives the parts of a run, those numbered from first on, in their order.
func PartsOf(ctx context.Context, q sqlx.QueryerContext, run int64, first int) (rows []PartRow, err error) {
	defer errs.Wrap(&err, "look at the parts of run %d", run)
	err = sqlx.SelectContext(ctx, q, &rows, `
		select `+partColumns+` from job.part where run = $1 and number >= $2 order by number`, run, first)
	return rows, err
}

// PartsInHand counts the parts that are worked on, by worker.
func PartsInHand(ctx context.Context, q sqlx.QueryerContext) (_ map[string]int64, err error) {
	defer errs.Wrap(&err, "count the parts that are worked on")
	var rows []struct {
		Worker string `db:"worker"`
		Parts  int64  `db:"parts"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `select worker, count(*) as parts from job.part where state = 'running' group by worker`); err != nil {
		return nil, err
	}
	out := make(map[string]int64, len(rows))
	for _, r := range rows {
		out[r.Worker] = r.Parts
	}
	return out, nil
}
