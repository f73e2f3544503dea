package pg

import (
	"errors"

	"go.uber.org/zap"
)

// ErrInUse is in the chain of the Conflict that Start gives when another process
// runs a server in the directory.
var ErrInUse = errors.New("in use")

// Embedded describes a private Postgres server, run from the machine's own
// binaries, that listens on a Unix socket only and that only this user (and
// root) can reach. Start it with Start.
type Embedded struct {
	// Dir is the server's own directory, for its data, lock, log and socket. It
	// is made when missing, and given to the user who runs the server: the one
	// who starts it or, since Postgres refuses to run as root, postgres.
	Dir string
	// AllowFallback lets a server that root starts live below /var/tmp when Dir
	// is where the user postgres can't get to; Server.Notice says so. Some systems
	// clean that place, so it is for what can be made anew: the demonstration and
	// tests. Without it such a Dir is refused.
	AllowFallback bool
	// BinDir is the directory of initdb and postgres; "" looks for them: in
	// PARTNERSYNC_POSTGRES_BIN, the PATH, pg_config, and the usual places.
	BinDir string
	// Volatile gives up durability for speed: after a crash of the machine (not
	// of the process) the data may be gone. Data that can't be used, because it
	// was damaged or made by another version, is made anew. For tests.
	Volatile bool
	// Fleeting: the data go when the server is stopped. For tests in memory.
	Fleeting bool
	// Log hears of the server's life; nil means nobody does.
	Log *zap.Logger
}

// Names of a private server's user and database.
const (
	superuser = "partnersync"
	// Database is the database that every private server has.
	Database = "partnersync"
	// socketName is the file that port 5432 means in a socket directory.
	socketName = ".s.PGSQL.5432"
)

func (e Embedded) log() *zap.Logger {
	if e.Log == nil {
		return zap.NewNop()
	}
	return e.Log
}

// KeeperFunction is the function of the one goroutine that a running Server has,
// for tests that look for leaks.
const KeeperFunction = "github.com/partnersync/partnersync/internal/pg.(*Server).keep"
