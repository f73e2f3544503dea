package schedule

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/stage"
)

// maxHistory bounds what History gives at once.
const maxHistory = 1000

// runColumns are those that row reads; $1 is the lease in seconds.
const runColumns = `id, stage, actor, worker, started_at, finished_at, coalesce(status, '') as status, report, error,
	finished_at is null and ` + seenAt + ` < now() - $1 * interval '1 second' as is_dead,
	report->>'seen_at' is not null as is_unreported`

type row struct {
	ID         int64           `db:"id"`
	Stage      string          `db:"stage"`
	Actor      string          `db:"actor"`
	Worker     string          `db:"worker"`
	StartedAt  time.Time       `db:"started_at"`
	FinishedAt sql.NullTime    `db:"finished_at"`
	Status     stage.Status    `db:"status"`
	Report     json.RawMessage `db:"report"`
	Error      string          `db:"error"`
	// IsDead: it has not ended, and nobody has heard of it for a lease.
	IsDead bool `db:"is_dead"`
	// IsUnreported: the report is still the progress that the pass told of. Only
	// its own end puts a report there.
	IsUnreported bool `db:"is_unreported"`
}

// run makes a Run of a row. A pass that nobody has heard of for a lease is
// interrupted, also before somebody has written so.
func (w row) run() (_ Run, err error) {
	defer errs.Wrap(&err, "read the report of run %d", w.ID)
	r := Run{ID: w.ID, Stage: w.Stage, Actor: w.Actor, Worker: w.Worker, StartedAt: w.StartedAt.UTC(), Status: w.Status, Error: w.Error}
	if w.FinishedAt.Valid {
		r.FinishedAt = w.FinishedAt.Time.UTC()
	}
	r.Interrupted = w.IsDead || w.IsUnreported && w.FinishedAt.Valid
	if len(w.Report) > 0 {
		into := any(&r.Report)
		if w.IsUnreported {
			into = &r.Progress
		}
		if err := json.Unmarshal(w.Report, into); err != nil {
			return Run{}, err
		}
	}
	if w.IsDead {
		r.Status, r.Error = stage.Failed, interruptedBy(w.Worker)
		r.FinishedAt = latest(r.StartedAt, r.Progress.SeenAt.UTC())
	}
	return r, nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// History gives the latest runs of all stages, newest first: at most limit, and
// never more than 1,000.
func History(ctx context.Context, q sqlx.QueryerContext, limit int) (_ []Run, err error) {
	defer errs.Wrap(&err, "read the run history")
	return runs(ctx, q, `
		select `+runColumns+` from job.run order by started_at desc, id desc limit $2`,
		min(max(limit, 0), maxHistory))
}

// Latest gives the latest run of each stage that ever ran, in the order of the
// data's way, other stages after.
func Latest(ctx context.Context, q sqlx.QueryerContext) (_ []Run, err error) {
	defer errs.Wrap(&err, "read the latest runs")
	out, err := runs(ctx, q, `
		select distinct on (stage) `+runColumns+` from job.run order by stage, started_at desc, id desc`)
	slices.SortStableFunc(out, func(a, b Run) int { return cmp.Compare(place(a.Stage), place(b.Stage)) })
	return out, err
}

// Ended gives the latest run of each stage that ended and says how the stage fares: it
// did its work, failed, or was put off for want of Salesforce's requests. One that
// found another worker at it, or nothing to be done yet, says nothing.
func Ended(ctx context.Context, q sqlx.QueryerContext) (_ []Run, err error) {
	defer errs.Wrap(&err, "read how the stages fared")
	out, err := runs(ctx, q, `
		select distinct on (stage) `+runColumns+` from job.run
		where (finished_at is not null or `+seenAt+` < now() - $1 * interval '1 second')
			and (coalesce(report->>'deferred', '') = '' or exists (
				select from json_array_elements(report->'warnings') as w where w->>'kind' = $2))
		order by stage, started_at desc, id desc`, stage.OutOfQuota)
	slices.SortStableFunc(out, func(a, b Run) int { return cmp.Compare(place(a.Stage), place(b.Stage)) })
	return out, err
}

// LastCalls is how many requests of those that count the last pass of a stage made that
// did all its work; 0 if there was none.
func LastCalls(ctx context.Context, q sqlx.QueryerContext, name string) (n int64, err error) {
	defer errs.Wrap(&err, "read how much %s asks of Salesforce", name)
	err = sqlx.GetContext(ctx, q, &n, `
		select coalesce((
			select sum((c->>'n')::bigint) from json_array_elements(r.report->'calls') as c
			where c->>'name' not in ('login', 'versions')), 0)::bigint
		from (
			select report from job.run
			where stage = $1 and status in ('ok', 'ok with problems') and coalesce(report->>'deferred', '') = ''
			order by started_at desc, id desc limit 1) as r`, name)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

// place is a stage's position on the data's way.
func place(name string) int {
	if i := slices.Index(stage.Names(), name); i >= 0 {
		return i
	}
	return len(stage.Names())
}

// LastSuccess gives, of each stage that ever did its work, when it last
// finished doing so. A pass that was deferred did not.
func LastSuccess(ctx context.Context, q sqlx.QueryerContext) (_ map[string]time.Time, err error) {
	defer errs.Wrap(&err, "read the last successes")
	var rows []struct {
		Stage string    `db:"stage"`
		At    time.Time `db:"at"`
	}
	err = sqlx.SelectContext(ctx, q, &rows, `
		select stage, max(finished_at) as at from job.run
		where status in ('ok', 'ok with problems') and coalesce(report->>'deferred', '') = ''
		group by stage`)
	if err != nil {
		return nil, err
	}
	out := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		out[r.Stage] = r.At.UTC()
	}
	return out, nil
}

func runs(ctx context.Context, q sqlx.QueryerContext, query string, args ...any) ([]Run, error) {
	var rows []row
	args = append([]any{int64(lease / time.Second)}, args...)
	if err := sqlx.SelectContext(ctx, q, &rows, query, args...); err != nil {
		return nil, err
	}
	out := make([]Run, 0, len(rows))
	for _, w := range rows {
		r, err := w.run()
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
