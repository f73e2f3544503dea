package schedule

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/sync/stage"
)

const (
	// lease is for how long nothing may be heard of a pass before it counts as
	// interrupted, and its job as a dead worker's. It is nine beats, so a slow
	// database or a paused process does not cost a pass its life.
	lease     = 3 * time.Minute
	beatEvery = 20 * time.Second
	// recordWithin bounds the writing of a pass's end, which happens also when
	// the pass was cancelled, and so without the caller's deadline; and recordFor for how
	// long it is tried again while the database can't be reached: a blip must not make
	// an interrupted run of one that did its work.
	recordWithin = 10 * time.Second
	recordFor    = time.Minute
	// insistAfter is the first pause between two tries, which doubles up to insistAtMost.
	insistAfter  = 100 * time.Millisecond
	insistAtMost = 3 * time.Second
	// maxError bounds the text of an error in the history, in bytes.
	maxError = 4000
)

// interruptedError is the error of a pass whose process is gone; interruptedBy names that.
const interruptedError = "interrupted: the process that ran this" + whichOne + " ended without a word, or froze\n" +
	"What was committed stays; the next run goes on from there."

// whichOne stands in interruptedError where the process is named, if it is known.
const whichOne = "{which}"

func interruptedBy(worker string) string {
	if worker != "" {
		worker = " (" + worker + ")"
	}
	return strings.Replace(interruptedError, whichOne, worker, 1)
}

// seenAt is when an unfinished row of job.run was last heard of.
const seenAt = `coalesce((report->>'seen_at')::timestamptz, started_at)`

// begin inserts the row of a pass that starts now and gives its id. Rows of the
// same stage that nobody has heard of for a lease are closed as interrupted.
func begin(ctx context.Context, db *sqlx.DB, stageName, actor, worker string, at time.Time) (id int64, err error) {
	defer errs.Wrap(&err, "record the start of %s", stageName)
	if err := closeInterrupted(ctx, db, stageName); err != nil {
		return 0, err
	}
	err = db.GetContext(ctx, &id, `
		insert into job.run (stage, actor, worker, started_at, report)
		values ($1, $2, $3, $4, json_build_object('seen_at', now()))
		returning id`, stageName, stage.Clean(actor), stage.Clean(worker), at)
	return id, err
}

// closeInterrupted ends the rows of dead passes of a stage; "" means all stages.
func closeInterrupted(ctx context.Context, db *sqlx.DB, stageName string) (err error) {
	defer errs.Wrap(&err, "close interrupted runs")
	_, err = db.ExecContext(ctx, `
		update job.run
		set finished_at = greatest(started_at, `+seenAt+`), status = $1,
			error = replace($2, $5, case when worker = '' then '' else ' (' || worker || ')' end)
		where finished_at is null and `+seenAt+` < now() - $3 * interval '1 second'
			and ($4 = '' or stage = $4)`,
		stage.Failed, interruptedError, int64(lease/time.Second), stageName, whichOne)
	return err
}

// seen records that a pass is still at it, and how far it came.
func seen(ctx context.Context, db *sqlx.DB, id int64, p Progress) (err error) {
	defer errs.Wrap(&err, "record the progress of run %d", id)
	_, err = db.ExecContext(ctx, `
		update job.run set report = json_build_object(
			'seen_at', now(), 'what', $2::text, 'done', $3::bigint, 'total', $4::bigint)
		where id = $1 and finished_at is null`, id, stage.Clean(p.What), p.Done, p.Total)
	return err
}

// finish writes how a pass ended, whatever its row says by now: the process that
// ran the pass knows best, also when somebody took it for dead.
func finish(ctx context.Context, db *sqlx.DB, log *zap.Logger, r Run) (err error) {
	defer errs.Wrap(&err, "record the end of %s (run %d)", r.Stage, r.ID)
	report, err := json.Marshal(r.Report)
	if err != nil {
		return err
	}
	return insist(ctx, log, func(ctx context.Context) error {
		res, err := db.ExecContext(ctx, `
			update job.run set finished_at = $2, status = $3, report = $4, error = $5 where id = $1`,
			r.ID, r.FinishedAt, r.Status, string(report), r.Error)
		if err != nil {
			return pg.Classify(err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("%d rows were found (%w)", n, err)
		}
		return nil
	})
}

// insist does f, and again while the database can't be reached: for recordFor, or once ctx
// has ended, which f does not hear of, for recordWithin.
func insist(ctx context.Context, log *zap.Logger, f func(ctx context.Context) error) error {
	within := recordFor
	if ctx.Err() != nil {
		within = recordWithin
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	for pause := insistAfter; ; pause = min(2*pause, insistAtMost) {
		once, cancel := context.WithTimeout(bounded, recordWithin)
		err := f(once)
		lost := once.Err() != nil
		cancel()
		if err == nil || errs.KindOf(err) != errs.Transient && !lost || bounded.Err() != nil {
			return err
		}
		log.Warn("the end of something could not be recorded yet", zap.Error(err))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-bounded.Done():
			timer.Stop()
			return err
		}
	}
}

// errorText is what the history keeps of an error: its text, and its hint on a
// line of its own.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	if hint := errs.HintOf(err); hint != "" {
		text = shorten(stage.Clean(text), maxError-min(len(hint), maxError/2)) + "\n" + hint
	}
	return shorten(stage.Clean(text), maxError)
}

// shorten cuts a text to n bytes, at a character's border.
func shorten(s string, n int) string {
	const mark = " …"
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:max(n-len(mark), 0)], "") + mark
}
