package alert

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

const (
	// atOnce bounds how many messages one pass sends.
	atOnce = 50
	// sendWithin bounds the sending of one, and with it a transaction.
	sendWithin = 20 * time.Second
	// maxAttempts is after how many failures a message is given up; with pauses from
	// firstPause to lastPause that is about a day.
	maxAttempts = 30
	firstPause  = 30 * time.Second
	lastPause   = time.Hour
	maxError    = 500
)

// errNone says that no message is to be sent.
var errNone = errors.New("no message is to be sent")

// Deliver sends the messages whose time has come, those of an alert in their order.
func (w *Watcher) Deliver(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "send alerts")
	if len(w.Channels) == 0 {
		return nil
	}
	for range atOnce {
		err := pg.InTx(ctx, w.DB, w.deliverOne)
		if errors.Is(err, errNone) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// message is one that is to be sent.
type message struct {
	ID       int64  `db:"id"`
	Channel  string `db:"channel"`
	Body     string `db:"body"`
	Attempts int    `db:"attempts"`
}

// deliverOne sends one message and marks it, in the transaction that locks it.
func (w *Watcher) deliverOne(ctx context.Context, tx *sqlx.Tx) error {
	now := w.Clock.Now()
	// A process that is frozen with the lock gives it up.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`set local idle_in_transaction_session_timeout = %d`, (3*sendWithin).Milliseconds())); err != nil {
		return err
	}
	var m message
	err := tx.GetContext(ctx, &m, `
		select id, channel, body, attempts from job.alert_message m
		where sent_at is null and given_up_at is null and not_before <= $1 and channel = any($2) and not exists (
			select from job.alert_message e
			where e.alert_id = m.alert_id and e.channel = m.channel and e.id < m.id and e.sent_at is null and e.given_up_at is null)
		order by id limit 1 for update skip locked`, now, pq.Array(w.names()))
	if errors.Is(err, sql.ErrNoRows) {
		return errNone
	}
	if err != nil {
		return err
	}
	sendErr := w.send(ctx, m)
	if ctx.Err() != nil {
		return context.Cause(ctx) // whoever stops has not failed to send it
	}
	if sendErr == nil {
		_, err := tx.ExecContext(ctx, `
			update job.alert_message set sent_at = $2, attempts = attempts + 1, last_error = '' where id = $1`, m.ID, w.Clock.Now())
		return err
	}
	w.Log.Warn("an alert could not be sent", zap.Int64("message", m.ID), zap.String("channel", m.Channel),
		zap.Int("attempt", m.Attempts+1), zap.Error(sendErr))
	_, err = tx.ExecContext(ctx, `
		update job.alert_message set attempts = attempts + 1, last_error = $2, not_before = $3,
			given_up_at = case when attempts + 1 >= $4 then $5::timestamptz end
		where id = $1`, m.ID, shorten(sendErr.Error()), now.Add(pause(m.Attempts)), maxAttempts, now)
	return err
}

// send sends a message to its channel.
func (w *Watcher) send(ctx context.Context, m message) error {
	var n Notice
	if err := json.Unmarshal([]byte(m.Body), &n); err != nil {
		return fmt.Errorf("read what is to be sent: %w", err)
	}
	n.ID = fmt.Sprintf("alert-%d-%d", n.Alert, m.ID)
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	for _, c := range w.Channels {
		if c.Name() == m.Channel {
			return c.Send(ctx, n)
		}
	}
	return fmt.Errorf("there is no channel %s", m.Channel)
}

// pause is how long to wait after so many failures before the last.
func pause(attempts int) time.Duration {
	p := firstPause
	for range attempts {
		if p *= 2; p >= lastPause {
			return lastPause
		}
	}
	return p
}

func shorten(s string) string {
	if len(s) > maxError {
		s = s[:maxError]
	}
	return oneLine(s)
}
