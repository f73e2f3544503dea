package pg

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Config says how to reach a database. Only DSN must be set.
type Config struct {
	// DSN is a URL (postgres://user:password@host/db) or key=value pairs
	// (host=/run/postgresql dbname=db). PG* environment variables fill gaps, as
	// with libpq. Unlike libpq, sslmode is "require" unless it is given.
	DSN string
	// MaxConns bounds the pool. 0 means 16.
	MaxConns int
	// Patience is how long the server may be silent in the middle of a
	// statement before the connection is given up. The server gives a statement
	// up a little sooner (statement_timeout), so that it does not work on for a
	// client that has gone. 0 means 2 minutes; migrations want more.
	Patience time.Duration
	// Name is the application_name that a DBA sees. "" means "partnersync".
	Name string
}

const (
	defaultMaxConns = 16
	defaultPatience = 2 * time.Minute
	connectTimeout  = 10 * time.Second
	// connLifetime is after how long a connection is replaced, so that a pool finds its
	// way after a failover.
	connLifetime = 30 * time.Minute
)

// Open gives a pool to a database that has answered. Sessions run in UTC. A
// parameter that the DSN itself sets wins over ours.
//
// The error's kind is Invalid for a DSN that can't be read, Auth for a wrong
// password, NotFound for a database that does not exist, Transient for a server
// that is not there; none of them shows a password.
func Open(ctx context.Context, c Config) (*sqlx.DB, error) {
	connector, err := c.connector()
	if err != nil {
		return nil, err
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	conns := cmp.Or(c.MaxConns, defaultMaxConns)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(connLifetime)

	if err := db.PingContext(ctx); err != nil {
		closeErr := db.Close()
		return nil, explainConnect(c.DSN, err, closeErr)
	}
	return db, nil
}

func (c Config) connector() (*connector, error) {
	cfg, err := parseDSN(c.DSN)
	if err != nil {
		return nil, err
	}
	patience := cmp.Or(c.Patience, defaultPatience)
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = c.Name
		if c.Name == "" {
			cfg.ApplicationName = "partnersync"
		}
	}
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	runtime := map[string]string{
		"timezone":          "UTC",
		"statement_timeout": milliseconds(patience * 9 / 10),
		// A worker that was frozen in the middle of a transaction must not hold its locks
		// for ever, and not for as long as those who wait for them have patience.
		"idle_in_transaction_session_timeout": milliseconds(patience * 3 / 4),
	}
	maps.Copy(runtime, cfg.Runtime)
	cfg.Runtime = runtime

	if _, err := pq.NewConnectorConfig(cfg); err != nil {
		return nil, errs.New(errs.Invalid, "database %s: %w", Target(c.DSN), err).
			WithHint("Check the database's DSN.")
	}
	return &connector{config: cfg, patience: patience}, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// explainConnect turns the failure of a first connection into what happened, to
// what, and what to do.
func explainConnect(dsn string, err, closeErr error) error {
	target := Target(dsn)
	if closeErr != nil {
		err = fmt.Errorf("%w (and closing: %w)", err, closeErr)
	}
	e := errs.New(KindOf(err), "connect to database %s: %w", target, err)
	switch {
	case pq.As(err, "3D000") != nil:
		return e.WithHint("Create the database first (createdb), or correct its name in the DSN.")
	case errors.Is(err, pq.ErrSSLNotSupported):
		e.Kind = errs.Invalid
		return e.WithHint("The server does not speak TLS. Add sslmode=disable to the DSN if the network between is private.")
	case errors.As(err, new(*tls.CertificateVerificationError)):
		e.Kind = errs.Invalid
		return e.WithHint("Name the authority that signed the server's certificate in sslrootcert, and the host as the certificate does.")
	case e.Kind == errs.Auth:
		return e.WithHint("Check the user and password of the DSN, and the server's pg_hba.conf.")
	case e.Kind == errs.Transient:
		return e.WithHint("Is Postgres running there, and reachable from here?")
	}
	return e
}
