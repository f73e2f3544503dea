package pgtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/migrations"
)

const (
	clonePrefix    = "partnersync_test_"
	templatePrefix = "partnersync_template_"
	// slots bounds how many test binaries can have a private server at a time.
	slots = 64
	// templateLock is the advisory lock under which a template is made.
	templateLock int64 = 0x7067746573740000
)

// server is a Postgres on which tests have their databases.
type server struct {
	admin    string // DSN of the database in which others are created
	template string // the migrated database, which nobody connects to
}

// theServer gives the server of this test binary; the first caller sets it up.
func theServer(ctx context.Context) (server, error) {
	only.Do(func() { only.server, only.err = setUp(ctx) })
	return only.server, only.err
}

var only struct {
	sync.Once
	server server
	err    error
}

func setUp(ctx context.Context) (s server, err error) {
	hash, err := migrations.Hash()
	if err != nil {
		return server{}, err
	}
	s = server{admin: os.Getenv(Variable), template: templatePrefix + hash}
	if s.admin == "" {
		private, err := StartPrivate(ctx)
		if err != nil {
			return server{}, err
		}
		s.admin = private.DSN(pg.Database)
	}
	return s, s.makeTemplate(ctx)
}

// StartPrivate starts a volatile server in a free slot and clears what earlier
// tests left there. Nobody has to stop it: it ends with the process.
func StartPrivate(ctx context.Context) (*pg.Server, error) {
	memory := os.Getenv(MemoryVariable)
	base := filepath.Join(cmp.Or(memory, os.TempDir()), "partnersync-pgtest-"+strconv.Itoa(os.Geteuid()))
	if err := makeBase(base); err != nil {
		return nil, err
	}
	for slot := range slots {
		s, err := pg.Embedded{
			Dir:           filepath.Join(base, strconv.Itoa(slot)),
			AllowFallback: true,
			Volatile:      true,
			Fleeting:      memory != "",
		}.Start(ctx)
		if errors.Is(err, pg.ErrInUse) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := sweep(ctx, s.DSN(pg.Database)); err != nil {
			return nil, errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
		return s, nil
	}
	return nil, errs.New(errs.Limit, "all %d slots for test servers under %s are in use", slots, base).
		WithHint("Are test binaries hanging? Or set %s to share one server.", Variable)
}

// sweep drops databases that killed tests left on a server that is now ours
// alone, and templates of other schemas.
func sweep(ctx context.Context, admin string) error {
	hash, err := migrations.Hash()
	if err != nil {
		return err
	}
	return withAdmin(ctx, admin, func(db *sqlx.DB) error {
		var names []string
		if err := db.SelectContext(ctx, &names, `select datname from pg_database
			where starts_with(datname, $1) or starts_with(datname, $2) and datname <> $3`,
			clonePrefix, templatePrefix, templatePrefix+hash); err != nil {
			return err
		}
		for _, name := range names {
			if err := dropOn(ctx, db, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// makeTemplate migrates the template unless another test binary has done so. It
// gets its name only when it is whole.
func (s server) makeTemplate(ctx context.Context) error {
	return withAdmin(ctx, s.admin, func(db *sqlx.DB) (err error) {
		conn, err := db.Connx(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, conn.Close()) }()
		if _, err := conn.ExecContext(ctx, `select pg_advisory_lock($1)`, templateLock); err != nil {
			return err
		}
		defer func() {
			_, unlockErr := conn.ExecContext(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, templateLock)
			err = errors.Join(err, unlockErr)
		}()
		var exists bool
		if err := conn.GetContext(ctx, &exists, `select exists (select from pg_database where datname = $1)`, s.template); err != nil || exists {
			return err
		}
		raw := s.template + "_raw"
		if err := dropOn(ctx, db, raw); err != nil {
			return err
		}
		if err := s.createOn(ctx, db, raw, "template0"); err != nil {
			return err
		}
		if err := s.migrate(ctx, raw); err != nil {
			return err
		}
		_, err = conn.ExecContext(ctx, fmt.Sprintf("alter database %s rename to %s", pq.QuoteIdentifier(raw), pq.QuoteIdentifier(s.template)))
		return err
	})
}

func (s server) migrate(ctx context.Context, name string) error {
	dsn, err := pg.WithDatabase(s.admin, name)
	if err != nil {
		return err
	}
	return withAdmin(ctx, dsn, func(db *sqlx.DB) error {
		_, err := migrations.Apply(ctx, db)
		return err
	})
}

// create makes a database, a clone of the template or an empty one, and gives
// its DSN.
func (s server) create(ctx context.Context, name string, migrated bool) (string, error) {
	dsn, err := pg.WithDatabase(s.admin, name)
	if err != nil {
		return "", err
	}
	template := "template0"
	if migrated {
		template = s.template
	}
	return dsn, withAdmin(ctx, s.admin, func(db *sqlx.DB) error { return s.createOn(ctx, db, name, template) })
}

func (s server) drop(ctx context.Context, name string) error {
	return withAdmin(ctx, s.admin, func(db *sqlx.DB) error { return dropOn(ctx, db, name) })
}

func (s server) createOn(ctx context.Context, db *sqlx.DB, name, template string) error {
	_, err := db.ExecContext(ctx, fmt.Sprintf("create database %s template %s", pq.QuoteIdentifier(name), pq.QuoteIdentifier(template)))
	return pg.Classify(err)
}

func dropOn(ctx context.Context, db *sqlx.DB, name string) error {
	_, err := db.ExecContext(ctx, fmt.Sprintf("drop database if exists %s with (force)", pq.QuoteIdentifier(name)))
	return pg.Classify(err)
}

// withAdmin opens a small pool for one piece of work. None is kept: its
// goroutines would look like a leak to every test that watches for one.
func withAdmin(ctx context.Context, dsn string, f func(db *sqlx.DB) error) (err error) {
	db, err := pg.Open(ctx, pg.Config{DSN: dsn, MaxConns: 2, Patience: patience, Name: "partnersync test setup"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return f(db)
}
