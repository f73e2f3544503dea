package pg

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
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
func setPatience(conn *sqlx.Conn, patience time.Duration) (before time.Duration, err error) {
	err = conn.Raw(func(c any) error {
		if on, known := networks.Load(c); known {
			before = time.Duration(on.(*patientConn).patience.Swap(int64(patience)))
		}
		return nil
	})
	return before, err
}

// networks has the network connection of each connection of the driver, which hands out none.
var networks sync.Map

// connector opens connections, and keeps which network connection each has.
type connector struct{ *pq.Connector }

// dialled is where a dialer leaves what it has dialled last for a connection.
type dialled struct{ conn *patientConn }

// Connect opens a connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	var last dialled
	conn, err := c.Connector.Connect(context.WithValue(ctx, dialled{}, &last))
	if err == nil && last.conn != nil {
		networks.Store(conn, last.conn)
		last.conn.isOf.Store(&conn)
	}
	return conn, err
}

// leave notes what was dialled for whoever connects.
func (c *patientConn) leave(ctx context.Context) {
	if last, ok := ctx.Value(dialled{}).(*dialled); ok {
		last.conn = c
	}
}

// Close closes the connection, which is then nobody's.
func (c *patientConn) Close() error {
	if of := c.isOf.Load(); of != nil {
		networks.Delete(*of)
	}
	return c.Conn.Close()
}

var _ net.Conn = (*patientConn)(nil)
