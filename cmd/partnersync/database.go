package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

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
	cfg    config.Config
	dsn    string
	server *pg.Server // nil for a server that somebody else runs
	// joined says which other process of ours runs the private server; nil when
	// none does.
	joined error
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
	return errors.Join(d.lost(ctx, work(d)), d.close(context.WithoutCancel(ctx)))
}

// openDatabase opens the database that the settings name. Embedded means: start
// the private server and bring its schema up to date or, when another process of
// ours runs it already, join that one.
func (a *app) openDatabase(ctx context.Context, cfg config.Config, log *zap.Logger, want schemaWanted) (*database, error) {
	d := &database{cfg: cfg, dsn: cfg.Database.URL.Reveal()}
	if cfg.Database.IsEmbedded() {
		if err := d.embedded(ctx, a, cfg.Database, log); err != nil {
			return nil, err
		}
	}
	err := d.connect(ctx, cfg.Database.MaxConns)
	if err != nil {
		err = d.explainAbsence(err)
	}
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
		a.tellPlace(server, log)
		if err := writeDSN(file, d.dsn); err != nil {
			return errors.Join(err, d.close(context.WithoutCancel(ctx)))
		}
		return nil
	}
	if errs.KindOf(err) != errs.Conflict {
		return err
	}
	text, readErr := os.ReadFile(file)
	if readErr != nil || !errors.Is(err, pg.ErrInUse) {
		return explainInUse(err) // and not by a process of ours that says how to join
	}
	d.dsn, d.joined = strings.TrimSpace(string(text)), err
	// Which start it was that failed is of no interest to one who joins.
	if e, ok := errors.AsType[*errs.Error](err); ok {
		d.joined = e
	}
	return nil
}

// explainInUse names the setting by which two private servers keep out of each
// other's way. Other errors come back as they are.
func explainInUse(err error) error {
	if !errors.Is(err, pg.ErrInUse) {
		return err
	}
	return errs.New(errs.Conflict, "%w", err).
		WithHint("stop that one first, or give this one a directory of its own with database.data_dir (%s)", config.EnvName("database.data_dir"))
}

// tellPlace says once why a server lives elsewhere: pg logs it, where that is heard.
func (a *app) tellPlace(s *pg.Server, log *zap.Logger) {
	if n := s.Notice(); n != "" && !log.Core().Enabled(zap.WarnLevel) {
		a.note("%s", n)
	}
}

// place says where a private server is.
func (d *database) place() string {
	if d.joined != nil {
		return "private server, joined: " + d.joined.Error()
	}
	return "private server in " + d.server.Dir()
}

// explainAbsence says of a database that can't be reached why it may be absent:
// the process that ran it has ended, or is at its beginning or end.
func (d *database) explainAbsence(err error) error {
	if errs.KindOf(err) != errs.Transient {
		return err
	}
	if d.joined != nil {
		return errs.New(errs.Transient, "the private Postgres does not answer, though %w: %w", d.joined, err).
			WithHint("that process is starting or stopping: try again in a moment")
	}
	if isDemo(d.cfg.File()) {
		return errs.New(errs.Conflict, "the demo that wrote %s is not running: %w", d.cfg.File(), err).
			WithHint("start `partnersync demo` and leave it running; its ledger is made anew each time")
	}
	return err
}

// lost gives the error of work on a database; if it failed because the server
// that it had joined is gone, it says so.
func (d *database) lost(ctx context.Context, err error) error {
	if err == nil || d.joined == nil || ctx.Err() != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if d.PingContext(ctx) == nil {
		return err
	}
	return errs.New(errs.Transient, "the private Postgres is gone: the process that ran it (%w) has ended: %w", d.joined, err).
		WithHint("run this again; it then starts the server itself, and goes on with what was committed")
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
