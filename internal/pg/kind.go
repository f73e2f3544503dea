package pg

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// KindOf gives the kind of an error from the database. An error that already
// has a kind keeps it; a context's end has none (errs.Unknown), since it is the
// caller's doing. SQLSTATEs are those of Postgres' manual, appendix A.
func KindOf(err error) errs.Kind {
	if kind := errs.KindOf(err); kind != errs.Unknown {
		return kind
	}
	var network *net.OpError
	switch e := pq.As(err); {
	case errors.As(err, &network) && !errors.Is(err, context.Canceled):
		// A dial that ran into lib/pq's connect_timeout looks like a context
		// whose time is up.
		return errs.Transient
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errs.Unknown
	case e != nil:
		return kindOfState(string(e.Code))
	case errors.Is(err, sql.ErrNoRows):
		return errs.NotFound
	case isLost(err):
		return errs.Transient
	}
	return errs.Unknown
}

// Classify gives err with its kind and, where one is known, a hint; errors that
// have a kind, and those without one, come back as they are.
func Classify(err error) error {
	if err == nil || errs.KindOf(err) != errs.Unknown {
		return err
	}
	kind := KindOf(err)
	if kind == errs.Unknown {
		return err
	}
	return &errs.Error{Kind: kind, Err: err, Hint: hintOf(err)}
}

// isLost says whether the connection was refused, broke or fell silent.
func isLost(err error) bool {
	var network net.Error
	if errors.As(err, &network) {
		return true
	}
	for _, lost := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF,
		os.ErrDeadlineExceeded, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET, syscall.ECONNREFUSED} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return false
}

// statesOf lists the SQLSTATEs that differ from the rest of their class.
var statesOf = map[string]errs.Kind{
	"40001": errs.Transient, // serialization failure
	"40P01": errs.Transient, // deadlock
	"40003": errs.Unknown,   // statement completion unknown: do not simply repeat
	"55P03": errs.Transient, // lock not available
	"55006": errs.Conflict,  // object in use
	"57014": errs.Transient, // query cancelled: here, by statement_timeout
	"57P01": errs.Transient, // the server is shutting down
	"57P02": errs.Transient, // it crashed
	"57P03": errs.Transient, // it is starting up
	"57P05": errs.Transient, // idle session timeout
	"25P03": errs.Transient, // idle in transaction for too long
	"25006": errs.Conflict,  // read only: a standby
	"53300": errs.Transient, // too many connections
	"53100": errs.Limit,     // disk full
	"53200": errs.Transient, // out of memory
	"42501": errs.Auth,      // not allowed
	"42P01": errs.Conflict,  // no such table: another version's schema
	"42703": errs.Conflict,  // no such column: the same
	"42P04": errs.Conflict,  // the database exists already
	"42P06": errs.Conflict,  // the schema exists already
	"42P07": errs.Conflict,  // the table exists already
	"23502": errs.Invalid,   // not null
	"23514": errs.Invalid,   // check
}

// classesOf lists SQLSTATE classes.
var classesOf = map[string]errs.Kind{
	"08": errs.Transient, // connection
	"22": errs.Invalid,   // data
	"23": errs.Conflict,  // integrity: unique, foreign key, exclusion
	"28": errs.Auth,
	"3D": errs.NotFound, // database
	"3F": errs.Conflict, // schema: not migrated
	"53": errs.Limit,
	"58": errs.Transient, // the server's system
}

func kindOfState(state string) errs.Kind {
	if kind, ok := statesOf[state]; ok {
		return kind
	}
	if len(state) == 5 {
		if kind, ok := classesOf[state[:2]]; ok {
			return kind
		}
	}
	return errs.Unknown
}

func hintOf(err error) string {
	switch {
	case pq.As(err, "42P01", "42703", "3F000") != nil:
		return "Bring the database to this version with: partnersync migrate"
	case pq.As(err, "25006") != nil:
		return "This server is a standby; connect to the primary (target_session_attrs=read-write)."
	case pq.As(err, "53300") != nil:
		return "Raise max_connections, or lower the pool's size."
	case pq.As(err, "53100") != nil:
		return "Free or add disk space on the database server."
	case pq.As(err, "42501") != nil:
		return "Grant the database user the rights that docs/operations.md lists."
	}
	return ""
}
