package schedule

import (
	"context"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
)

const (
	// keepTicks is how long a tick is kept: it only has to outlive the clocks
	// and the restarts of the replicas. The last of each name stays for ever.
	keepTicks = 7 * 24 * time.Hour
	// keepRuns and keepRunsEach bound the history of a stage. Its latest run and
	// its latest success stay for ever.
	keepRuns     = 90 * 24 * time.Hour
	keepRunsEach = 5000
	// pruneBatch bounds one deletion; what is more waits for the next hour.
	pruneBatch = 10000
)

// prune deletes what is old of ticks, runs and replicas, and closes the rows of runs that
// died. River cleans up after its own jobs: a day after they completed, a week
// after they failed for good.
func (d *Daemon) prune(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "prune the history")
	now, db := d.runner.Clock.Now(), d.runner.DB
	if err := closeInterrupted(ctx, db, ""); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `
		delete from job.tick where (stage, at) in (
			select t.stage, t.at from job.tick t
			where t.at < $1 and t.at < (select max(l.at) from job.tick l where l.stage = t.stage)
			limit $2)`, now.Add(-keepTicks), pruneBatch); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `delete from job.replica where seen_at < now() - $1 * interval '1 second'`, int64(forgetReplicas/time.Second)); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `
		delete from job.run where id in (
			select id from (
				select id, started_at,
					row_number() over (partition by stage order by started_at desc, id desc) as nth,
					row_number() over (partition by stage, status in ('ok', 'ok with problems')
						and coalesce(report->>'deferred', '') = '' order by started_at desc, id desc) as nth_alike,
					status in ('ok', 'ok with problems') and coalesce(report->>'deferred', '') = '' as is_success
				from job.run where finished_at is not null) r
			where nth > 1 and not (is_success and nth_alike = 1) and (nth > $1 or started_at < $2)
			limit $3)`, keepRunsEach, now.Add(-keepRuns), pruneBatch)
	return err
}
