package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/migrations"
)

// database is an open ledger, and the private server below it if we run one.
type database struct {
	*sqlx.DB
	dsn    string
	server *pg.Server // nil for a server that somebody else runs
	// applied are the migrations that opening it applied; nil when it applied none.
	applied []string
}

// The schema that a command asks of the database.
type schemaWanted int

const (
	schemaCurrent schemaWanted = iota // this program's, or an error that says what to do
	schemaAny                         // whatever there is
)

// dsnFile is where a process that runs a private server writes how to reach it, so
// that a command in another terminal can. The server trusts whoever can reach its
// socket, so no secret is in it.
const dsnFile = "dsn"

// withDatabase opens the database, calls work, and closes it again.
func (a *app) withDatabase(ctx context.Context, cfg config.Config, log *zap.Logger, want schemaWanted,
	work func(*database) error,
) error {
	d, err := a.openDatabase(ctx, cfg, log, want)
	if err != nil {
		return err
	}
	// What was begun is ended properly even after a signal.
	return errors.Join(work(d), d.close(context.WithoutCancel(ctx)))
}

// openDatabase opens the database that the settings name. Embedded means: start
// the private server and bring its schema up to date or, when another process of
// ours runs it already, join that one.
func (a *app) openDatabase(ctx context.Context, cfg config.Config, log *zap.Logger, want schemaWanted) (*database, error) {
	d := &database{dsn: cfg.Database.URL.Reveal()}
	if cfg.Database.IsEmbedded() {
		if err := d.embedded(ctx, a, cfg.Database, log); err != nil {
			return nil, err
		}
	}
	err := d.connect(ctx, cfg.Database.MaxConns)
	if err == nil {
		err = d.prepare(ctx, want)
	}
	if err != nil {
		return nil, errors.Join(err, d.close(context.WithoutCancel(ctx)))
	}
	return d, nil
}

func (d *database) connect(ctx context.Context, conns int) (err error) {
	d.DB, err = pg.Open(ctx, pg.Config{DSN: d.dsn, MaxConns: conns})
	return err
}

// prepare sees to the schema.
func (d *database) prepare(ctx context.Context, want schemaWanted) (err error) {
	if d.server != nil {
		d.applied, err = migrations.Apply(ctx, d.DB)
		if d.applied == nil {
			d.applied = []string{}
		}
		return err
	}
	if want == schemaCurrent {
		return migrations.Check(ctx, d.DB)
	}
	return nil
}

// embedded starts the private server, or finds the one that runs.
func (d *database) embedded(ctx context.Context, a *app, c config.Database, log *zap.Logger) error {
	file := filepath.Join(c.DataDir, dsnFile)
	server, err := pg.Embedded{Dir: filepath.Join(c.DataDir, "postgres"), BinDir: c.PostgresBin, Log: log}.Start(ctx)
	if err == nil {
		d.server = server
		d.dsn = server.DSN(pg.Database)
		if n := server.Notice(); n != "" {
			a.note("%s", n)
		}
		if err := writeDSN(file, d.dsn); err != nil {
			return errors.Join(err, d.close(context.WithoutCancel(ctx)))
		}
		return nil
	}
	if errs.KindOf(err) != errs.Conflict {
		return err
	}
	text, readErr := os.ReadFile(file)
	if readErr != nil {
		return err // in use, and not by a process of ours that says how to join
	}
	d.dsn = strings.TrimSpace(string(text))
	return nil
}

func writeDSN(file, dsn string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(dsn+"\n"), 0o600); err != nil {
		return fmt.Errorf("write down how to reach the private Postgres: %w", err)
	}
	return nil
}

// close closes the pool and stops the private server, if it is ours.
func (d *database) close(ctx context.Context) error {
	var err error
	if d.DB != nil {
		err = d.DB.Close()
	}
	if d.server != nil {
		err = errors.Join(err, d.server.Stop(ctx))
	}
	return err
}

// withLedger is what commands that only need the ledger begin with: settings, a
// quiet log, the database with the schema of this program.
func (a *app) withLedger(c *cobra.Command, work func(*database) error) error {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	log, err := a.quiet(cfg.Log)
	if err != nil {
		return err
	}
	return a.withDatabase(c.Context(), cfg, log, schemaCurrent, work)
}

// gone is closed when a private server of ours has ended, whoever ended it.
func (d *database) gone() <-chan struct{} {
	if d.server == nil {
		return nil // never
	}
	return d.server.Done()
}
