package pg

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
)

// dialer makes connections that give up. lib/pq honours a context only as long
// as the server answers: it asks the server to cancel and then waits for the
// reply, for ever if the packets vanish. So the network itself has deadlines.
type dialer struct {
	net net.Dialer
	// patience is how long the other side may be silent while we wait for it.
	patience time.Duration
	clock    clock.Clock
	// last is the connection that was opened last, without the deadlines. lib/pq opens further
	// ones, from elsewhere, to cancel statements.
	last atomic.Pointer[net.Conn]
}

func newDialer(patience time.Duration) *dialer {
	return &dialer{
		// Probes find a dead peer sooner than the deadline does, whatever the
		// length of a query; the deadline also finds a live peer that is stuck.
		net:      net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 4}},
		patience: patience,
		clock:    clock.System{},
	}
}

// Dial is DialContext without a context, as pq.Dialer asks.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout is DialContext with a limit, as pq.Dialer asks.
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext opens a connection with deadlines.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.net.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.last.Store(&c)
	return &patientConn{Conn: c, patience: d.patience, clock: d.clock, born: d.clock.Now()}, nil
}

// patientConn puts a deadline on every read and write. A deadline that the
// caller sets (lib/pq does while it connects) holds as well: the earlier wins.
type patientConn struct {
	net.Conn
	patience time.Duration
	clock    clock.Clock
	born     time.Time
	wrote    atomic.Int64 // when we last wrote: nanoseconds after born

	mu      sync.Mutex
	ceiling time.Time // the caller's deadline; zero for none

	// ahead is what was read and not asked for yet, of buffer. There is one reader at a time.
	ahead, buffer []byte
}

// readAhead is how much is read at once. lib/pq asks for four kilobytes, which for a result
// of many rows is a call of the system, and a deadline, for every few of them.
const readAhead = 64 << 10

// Read reads from what has come already, or waits.
func (c *patientConn) Read(b []byte) (int, error) {
	if len(c.ahead) == 0 {
		if len(b) >= readAhead {
			return c.wait(b)
		}
		if c.buffer == nil {
			c.buffer = make([]byte, readAhead)
		}
		n, err := c.wait(c.buffer)
		if n == 0 {
			return 0, err
		}
		c.ahead = c.buffer[:n] // an error will be there again
	}
	n := copy(b, c.ahead)
	c.ahead = c.ahead[n:]
	return n, nil
}

// wait reads, and fails with os.ErrDeadlineExceeded once nothing has come for
// the connection's patience. Our own writes count as life, because during COPY
// lib/pq reads all the while that it writes and the server rightly says nothing.
func (c *patientConn) wait(b []byte) (int, error) {
	since := c.clock.Now()
	for {
		if err := c.Conn.SetReadDeadline(c.deadline(since)); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(b)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.isOver() {
			return n, err
		}
		last := c.born.Add(time.Duration(c.wrote.Load()))
		if !last.After(since) {
			return n, err
		}
		since = last
	}
}

// Write writes, and fails with os.ErrDeadlineExceeded when the other side takes
// nothing for the connection's patience.
func (c *patientConn) Write(b []byte) (int, error) {
	now := c.clock.Now()
	if err := c.Conn.SetWriteDeadline(c.deadline(now)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if n > 0 {
		c.wrote.Store(int64(c.clock.Now().Sub(c.born)))
	}
	return n, err
}

// SetDeadline remembers the caller's deadline for reads and writes and wakes
// those that wait now.
func (c *patientConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.ceiling = t
	c.mu.Unlock()
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline is SetDeadline: lib/pq and crypto/tls set both or neither.
func (c *patientConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline passes on only a deadline that wakes a writer at once, as
// crypto/tls does when it says goodbye; every Write sets its own.
func (c *patientConn) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(t) }

func (c *patientConn) deadline(since time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	own := since.Add(c.patience)
	if !c.ceiling.IsZero() && c.ceiling.Before(own) {
		return c.ceiling
	}
	return own
}

// isOver says whether the caller's own deadline has passed.
func (c *patientConn) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.ceiling.IsZero() && !c.clock.Now().Before(c.ceiling)
}
