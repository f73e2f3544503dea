package alert

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/sync/watch"
)

const (
	// Every is how often a Watcher should look.
	Every = 30 * time.Second
	// DefaultRemind is after how long an alert that is still open is told again.
	DefaultRemind = 24 * time.Hour
	// changePause is the least time between two messages of a condition that changes or
	// grows, so that a row a minute is not a message a minute.
	changePause = time.Hour
	// keepFor is how long closed alerts are kept.
	keepFor = 90 * 24 * time.Hour
	// turn is the advisory lock of whoever looks.
	turn = 0x7061_616c // "paal"
)

// Config is what a Watcher needs. DB, Clock and Watch must be set.
type Config struct {
	DB    *sqlx.DB
	Clock clock.Clock
	Log   *zap.Logger
	// Watch says which jobs there are, and when one is late.
	Watch watch.Config
	// DriftKinds are the kinds of discrepancies that are told as drift.
	DriftKinds []string
	// Channels are where messages go; without any, alerts are only kept.
	Channels []Channel
	// Remind is after how long an open alert is told again; 0 means DefaultRemind.
	Remind time.Duration
	// From names this installation in messages: the company, say.
	From string
}

// Watcher keeps the alerts and sends their messages. It is safe for concurrent use.
type Watcher struct{ Config }

// New gives a Watcher. It opens nothing.
func New(c Config) *Watcher {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.Remind <= 0 {
		c.Remind = DefaultRemind
	}
	return &Watcher{Config: c}
}

// Once looks at the conditions, unless another replica is at it, and then sends what is to
// be sent. The error is of the database; a message that cannot be sent is logged, kept, and
// tried again.
func (w *Watcher) Once(ctx context.Context) error {
	return errors.Join(w.Look(ctx), w.Deliver(ctx))
}

// Look opens, changes and closes alerts as their conditions are now, and makes the
// messages that say so.
func (w *Watcher) Look(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "look after the alerts")
	now := w.Clock.Now()
	var told []Notice
	err = pg.InTx(ctx, w.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		told = nil
		var isOurs bool
		if err := tx.GetContext(ctx, &isOurs, `select pg_try_advisory_xact_lock($1)`, turn); err != nil || !isOurs {
			return err
		}
		f, err := w.look(ctx, tx, now)
		if err != nil {
			return err
		}
		var open []row
		if err := tx.SelectContext(ctx, &open, `select `+columns+` from job.alert where closed_at is null`); err != nil {
			return err
		}
		u := &update{Watcher: w, tx: tx, now: now}
		if err := u.all(ctx, f, open); err != nil {
			return err
		}
		told = u.told
		_, err = tx.ExecContext(ctx, `delete from job.alert where closed_at < $1`, now.Add(-keepFor))
		return err
	})
	w.log(told)
	return err
}

// log says what has been told.
func (w *Watcher) log(told []Notice) {
	for _, n := range told {
		if n.Event == EventRecovered {
			w.Log.Info("an alert is over", zap.Int64("alert", n.Alert), zap.String("kind", n.Kind), zap.String("title", n.Title), zap.Time("since", n.OpenedAt))
			continue
		}
		w.Log.Warn("alert", zap.Int64("alert", n.Alert), zap.String("event", n.Event), zap.String("kind", n.Kind), zap.String("title", n.Title),
			zap.String("says", n.Text), zap.String("hint", n.Hint))
	}
}

const columns = `id, kind, subject, title, said, hint, mark, figure, opened_at, told_at, closed_at, closed_by`

// row is an alert as it is kept.
type row struct {
	ID int64 `db:"id"`
	condition
	OpenedAt time.Time  `db:"opened_at"`
	ToldAt   time.Time  `db:"told_at"`
	ClosedAt *time.Time `db:"closed_at"`
	ClosedBy string     `db:"closed_by"`
}

// update is one look at the alerts.
type update struct {
	*Watcher
	tx   *sqlx.Tx
	now  time.Time
	told []Notice
}

func (u *update) all(ctx context.Context, f found, open []row) error {
	byKey := map[string]row{}
	for _, r := range open {
		byKey[r.key()] = r
	}
	holds := map[string]bool{}
	for _, c := range f.conditions {
		if holds[c.key()] {
			continue
		}
		holds[c.key()] = true
		r, isOpen := byKey[c.key()]
		var err error
		if isOpen {
			err = u.stillHolds(ctx, r, c)
		} else {
			err = u.open(ctx, c)
		}
		if err != nil {
			return err
		}
	}
	for _, r := range open {
		if holds[r.key()] {
			continue
		}
		if f.isUndecided(r.Kind, r.Subject) || r.stays() && !f.settled[r.key()] {
			if err := u.stillHolds(ctx, r, r.condition); err != nil {
				return err
			}
			continue
		}
		if err := u.close(ctx, r, ""); err != nil {
			return err
		}
	}
	return nil
}

func (u *update) open(ctx context.Context, c condition) error {
	if c.stays() {
		var wasClosed bool
		if err := u.tx.GetContext(ctx, &wasClosed, `select exists (select from job.alert where kind = $1 and subject = $2 and closed_at >= $3)`,
			c.Kind, c.Subject, c.foundAt); err != nil || wasClosed {
			return err // no later pass has said it
		}
	}
	r := row{condition: c, OpenedAt: u.now, ToldAt: u.now}
	if err := u.tx.GetContext(ctx, &r.ID, `
		insert into job.alert (kind, subject, title, said, hint, mark, figure, opened_at, told_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $8) returning id`,
		c.Kind, c.Subject, c.Title, c.Said, c.Hint, c.Mark, c.Figure, u.now); err != nil {
		return err
	}
	return u.tell(ctx, EventOpened, r)
}

// stillHolds tells of an open alert again if it says something else than when it was told
// last, has grown, or is to be reminded of. What it says now is noted at once, and what
// shrank, so that it can grow.
func (u *update) stillHolds(ctx context.Context, r row, c condition) error {
	event := ""
	switch since := u.now.Sub(r.ToldAt); {
	case (c.Mark != r.Mark || c.Figure > r.Figure) && (since >= changePause || c.stays()):
		event = EventChanged
	case since >= u.Remind:
		event = EventReminder
	case c.Figure < r.Figure, c.Said != r.Said:
		// Who looks sees how it is now; who was told is told again when it is time.
		_, err := u.tx.ExecContext(ctx, `update job.alert set title = $2, said = $3, hint = $4, figure = least(figure, $5) where id = $1`,
			r.ID, c.Title, c.Said, c.Hint, c.Figure)
		return err
	default:
		return nil
	}
	r.condition, r.ToldAt = c, u.now
	if _, err := u.tx.ExecContext(ctx, `
		update job.alert set title = $2, said = $3, hint = $4, mark = $5, figure = $6, told_at = $7 where id = $1`,
		r.ID, c.Title, c.Said, c.Hint, c.Mark, c.Figure, u.now); err != nil {
		return err
	}
	return u.tell(ctx, event, r)
}

// close ends an alert; by is who has, if somebody has.
func (u *update) close(ctx context.Context, r row, by string) error {
	if _, err := u.tx.ExecContext(ctx, `update job.alert set closed_at = greatest($2, opened_at), closed_by = $3 where id = $1`, r.ID, u.now, by); err != nil {
		return err
	}
	if by != "" {
		r.Said += " " + by + " has looked at it."
	}
	return u.tell(ctx, EventRecovered, r)
}

// tell makes the messages of an event, one for each channel.
func (u *update) tell(ctx context.Context, event string, r row) error {
	n := u.notice(event, r, u.now)
	u.told = append(u.told, n)
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	for _, c := range u.Channels {
		if _, err := u.tx.ExecContext(ctx, `
			insert into job.alert_message (alert_id, channel, event, body, made_at, not_before) values ($1, $2, $3, $4, $5, $5)`,
			r.ID, c.Name(), event, string(body), u.now); err != nil {
			return err
		}
	}
	return nil
}

// names of the channels that messages go to.
func (w *Watcher) names() []string {
	var out []string
	for _, c := range w.Channels {
		out = append(out, c.Name())
	}
	slices.Sort(out)
	return out
}
