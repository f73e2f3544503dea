package schedule

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/robfig/cron/v3"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

const (
	// tickWithin bounds the writing of a tick. One that fails is caught up with.
	tickWithin   = 30 * time.Second
	catchUpEvery = time.Minute
	// missedAfter is from when on an instant was missed: before, whoever catches up may be
	// faster by a moment than the tick itself.
	missedAfter = 5 * time.Second
	pruneEvery  = time.Hour
)

// wrappers are what every tick runs in. A panic in one is logged and harms
// nothing else; a tick that is still being written when the next of its line is
// due (the database is slow) is not joined by that one, as catching up will see
// to it. Recover has to be the inner of the two: SkipIfStillRunning never gets its
// turn back from a job that panics, and would skip that line for ever.
func wrappers(log cron.Logger) []cron.JobWrapper {
	return []cron.JobWrapper{cron.SkipIfStillRunning(log), cron.Recover(log)}
}

// newCron makes the clock that ticks, not yet started.
func (d *Daemon) newCron(ctx context.Context) *cron.Cron {
	log := cronLog{d.runner.Log.Named("cron").Sugar()}
	c := cron.New(cron.WithLocation(d.zone), cron.WithLogger(log), cron.WithChain(wrappers(log)...))
	for _, l := range d.lines {
		var id cron.EntryID
		// cron does not tell a job for which instant it was started, but keeps it
		// in the entry, and answers for it only once it is there.
		id = c.Schedule(l.schedule, cron.FuncJob(func() { d.tickOrLog(ctx, l.name, c.Entry(id).Prev) }))
	}
	c.Schedule(every(pulseEvery), d.chore(ctx, "feel the database's pulse", d.pulse.feel))
	c.Schedule(every(replicaEvery), d.chore(ctx, "show that this replica lives", d.show))
	c.Schedule(every(catchUpEvery), d.chore(ctx, "catch up", d.catchUp))
	c.Schedule(every(pruneEvery), d.chore(ctx, "prune the history", d.prune))
	for _, chore := range d.chores {
		c.Schedule(every(chore.Every), d.chore(ctx, chore.What, chore.Do))
	}
	return c
}

func (d *Daemon) tickOrLog(ctx context.Context, name string, at time.Time) {
	if _, err := d.Tick(ctx, name, at); err != nil && ctx.Err() == nil {
		d.runner.Log.Error("a tick was not recorded; it will be caught up with",
			zap.String("name", name), zap.Time("at", at.UTC()), zap.Error(err))
	}
}

func (d *Daemon) chore(ctx context.Context, what string, f func(context.Context) error) cron.FuncJob {
	return func() {
		if err := f(ctx); err != nil && ctx.Err() == nil {
			d.runner.Log.Error("could not "+what, zap.Error(err))
		}
	}
}

// Tick says that the schedule of a name was due at an instant, and starts a job
// if nobody has said so before. started is false when another replica was first,
// or when a job of that name still lives.
func (d *Daemon) Tick(ctx context.Context, name string, at time.Time) (started bool, err error) {
	at = at.UTC().Truncate(time.Second)
	defer errs.Wrap(&err, "tick %s at %s", name, at.Format(time.RFC3339))
	ctx, cancel := context.WithTimeout(ctx, tickWithin)
	defer cancel()
	err = pg.InTx(ctx, d.runner.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		started = false
		res, err := tx.ExecContext(ctx, `
			insert into job.tick (stage, at) values ($1, $2) on conflict do nothing`, name, at)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		inserted, err := d.client.InsertTx(ctx, tx.Tx, job{Stage: name}, nil)
		if err != nil {
			return err
		}
		started = !inserted.UniqueSkippedAsDuplicate
		return nil
	})
	if err != nil {
		return false, err
	}
	d.runner.Log.Debug("tick", zap.String("name", name), zap.Time("at", at), zap.Bool("started", started))
	return started, nil
}

// catchUp ticks each line whose last tick is older than the instant at which it
// was last due: every replica was down then, or the database was. Of several
// instants that were missed only the last is made up for, as a pass takes
// whatever there is. A line that never ticked has missed nothing.
func (d *Daemon) catchUp(ctx context.Context) error {
	now := d.runner.Clock.Now()
	for _, l := range d.lines {
		due := Previous(l.schedule, now)
		last, err := lastTick(ctx, d.runner.DB, l.name)
		if err != nil {
			return err
		}
		if last.IsZero() || !last.Before(due) {
			continue
		}
		started, err := d.Tick(ctx, l.name, due)
		if err != nil {
			return err
		}
		if started && now.Sub(due) >= missedAfter {
			d.runner.Log.Info("caught up with a missed tick", zap.String("name", l.name), zap.Time("due", due), zap.Time("last", last))
		}
	}
	return nil
}

// lastTick gives the last instant at which a name was ticked, or the zero time.
func lastTick(ctx context.Context, q sqlx.QueryerContext, name string) (_ time.Time, err error) {
	defer errs.Wrap(&err, "read the last tick of %s", name)
	var at sql.NullTime
	err = sqlx.GetContext(ctx, q, &at, `select max(at) from job.tick where stage = $1`, name)
	return at.Time.UTC(), err
}

// cronLog writes cron's log to zap: what it does at debug, what went wrong as an
// error.
type cronLog struct{ log *zap.SugaredLogger }

// Info logs what cron does, several lines for each tick.
func (l cronLog) Info(msg string, keysAndValues ...any) { l.log.Debugw(msg, keysAndValues...) }

// Error logs what went wrong, such as a panic in a tick.
func (l cronLog) Error(err error, msg string, keysAndValues ...any) {
	l.log.Errorw(msg, append(keysAndValues, "error", err)...)
}
