package pg

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net"
	"time"

	"github.com/lib/pq"
)

// connector opens connections that notice whether the server has hung up. A server that is
// restarted, or a firewall that cuts what is idle, leaves a pool of dead connections, and
// lib/pq finds out of each by failing what it is used for.
type connector struct {
	config   pq.Config
	patience time.Duration
}

// Connect opens a connection.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	opening, err := pq.NewConnectorConfig(c.config)
	if err != nil {
		return nil, err
	}
	d := newDialer(c.patience)
	opening.Dialer(d)
	opened, err := opening.Connect(ctx)
	if err != nil {
		return nil, err
	}
	able, ok := opened.(pooled)
	if !ok {
		return nil, fmt.Errorf("lib/pq's connection is a %T, which lacks what a pool needs", opened)
	}
	return &conn{pooled: able, socket: *d.last.Load()}, nil
}

// Driver gives lib/pq's driver.
func (c *connector) Driver() driver.Driver { return &pq.Driver{} }

// pooled is all that database/sql asks of a connection of lib/pq.
type pooled interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// conn is a connection, and the socket under it, which may be under TLS.
type conn struct {
	pooled
	socket net.Conn
}

// ResetSession is called when the connection is taken out of the pool. If the server has
// hung up, another is taken instead, and nobody hears of it.
func (c *conn) ResetSession(ctx context.Context) error {
	if hasHungUp(c.socket) {
		return driver.ErrBadConn
	}
	return c.pooled.ResetSession(ctx)
}

// Close says goodbye, unless the server has already.
func (c *conn) Close() error {
	isOver := hasHungUp(c.socket)
	if err := c.pooled.Close(); !isOver {
		return err
	}
	return nil
}
