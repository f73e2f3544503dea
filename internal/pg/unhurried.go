package pg

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// unhurriedPatience is the patience of a connection with whose transaction there is no
// hurry. A peer that is gone is noticed all the same, by its silence to probes.
const unhurriedPatience = 24 * time.Hour

type unhurried struct{}

// Unhurried gives a context under which InTx and InSnapshot let statements take as long as
// they take: for those that go through everything there is, which may be silent for longer
// than the pool's Patience. What bounds them is the context.
func Unhurried(ctx context.Context) context.Context {
	return context.WithValue(ctx, unhurried{}, true)
}

// begin begins a transaction, and gives what has to be called when it is over.
func begin(ctx context.Context, db *sqlx.DB, o *sql.TxOptions) (_ *sqlx.Tx, end func() error, err error) {
	if ctx.Value(unhurried{}) == nil {
		tx, err := db.BeginTxx(ctx, o)
		return tx, func() error { return nil }, err
	}
	conn, err := db.Connx(ctx)
	if err != nil {
		return nil, nil, err
	}
	usual, err := setPatience(conn, unhurriedPatience)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	end = func() error {
		if _, err := setPatience(conn, usual); err != nil && !isGone(err) {
			return errors.Join(err, conn.Close())
		}
		if err := conn.Close(); !isGone(err) {
			return err
		}
		return nil
	}
	tx, err := conn.BeginTxx(ctx, o)
	if err == nil {
		_, err = tx.ExecContext(ctx, `set local statement_timeout = 0`)
	}
	if err != nil {
		if tx != nil {
			err = errors.Join(err, tx.Rollback())
		}
		return nil, nil, errors.Join(err, end())
	}
	return tx, end, nil
}

// isGone says that a connection was lost, which whoever used it has heard of.
func isGone(err error) bool {
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

// setPatience changes how long the server may be silent, and gives how long it might be.
func setPatience(on *sqlx.Conn, patience time.Duration) (before time.Duration, err error) {
	err = on.Raw(func(c any) error {
		opened, ok := c.(*conn)
		if !ok {
			return errs.New(errs.Unknown, "the pool was not opened by this package: its connection is a %T", c)
		}
		before = time.Duration(opened.socket.patience.Swap(int64(patience)))
		return nil
	})
	return before, err
}
