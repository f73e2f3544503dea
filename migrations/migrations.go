// Package migrations holds the database's schema as numbered SQL, applies it
// (Apply) and says whether a database has it (Check).
//
// Each wing has a Postgres schema of its own: staging, ledger, outbox, job. The
// tables of River, which carries the jobs, live in job and are River's own to
// migrate, after ours. What has been applied is written in migration.applied.
//
//	empty ──Apply──▶ current ◀──Apply── behind
//	                    ▲
//	foreign, ahead      └── an older program sees: ahead
//
// A database that is foreign (the schemas are there, but not made by us) or
// ahead (a newer program migrated it) is never touched.
package migrations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

//go:embed *.sql
var files embed.FS

const (
	// RiverSchema is the Postgres schema of River's tables.
	RiverSchema = "job"
	// ownSchema and table are where goose writes down what has been applied.
	ownSchema = "migration"
	table     = ownSchema + ".applied"
	// lockID is the advisory lock that lets one process migrate at a time.
	lockID int64 = 0x7061727473796e63 // "partsync"
)

// Apply brings the database to this program's schema and gives the names of the
// migrations that it applied; none if there was nothing to do. Processes that
// call it at the same time take turns. Each migration is a transaction, so a
// failure leaves the database at the migration before.
//
// The pool must allow two connections, and its Patience must be that of the
// slowest migration. A database that is foreign or ahead is a Conflict.
func Apply(ctx context.Context, db *sqlx.DB) (applied []string, err error) {
	defer errs.Wrap(&err, "migrate the database")
	if limit := db.Stats().MaxOpenConnections; limit == 1 {
		return nil, errs.New(errs.Invalid, "the pool has one connection, and migrating takes two")
	}
	unlock, err := takeLock(ctx, db)
	if err != nil {
		return nil, pg.Classify(err)
	}
	defer func() { err = errors.Join(err, unlock()) }()

	if state, err := look(ctx, db); err != nil {
		return nil, err
	} else if err := state.refusal(); err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, "create schema if not exists "+ownSchema); err != nil {
		return nil, pg.Classify(err)
	}
	applied, err = applyOwn(ctx, db.DB)
	if err != nil {
		return applied, pg.Classify(err)
	}
	rivers, err := applyRiver(ctx, db.DB)
	return append(applied, rivers...), pg.Classify(err)
}

// takeLock waits for the right to migrate, which is a session's: the connection
// that holds it is set aside until unlock.
func takeLock(ctx context.Context, db *sqlx.DB) (unlock func() error, err error) {
	// Goose's locker asks again each second instead of waiting inside
	// Postgres, where a waiter would block `create index concurrently`.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(lockID), lock.WithLockTimeout(1, 1800),
		lock.WithUnlockTimeout(1, 3)) // a broken session has lost the lock anyway
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err := locker.SessionLock(ctx, conn); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for another process's migration: %w", err), conn.Close())
	}
	return func() error {
		// The lock must not go back into the pool, whatever became of ctx.
		err := locker.SessionUnlock(context.WithoutCancel(ctx), conn)
		return errors.Join(err, conn.Close())
	}, nil
}

func applyOwn(ctx context.Context, db *sql.DB) ([]string, error) {
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(table), goose.WithDisableGlobalRegistry(true), goose.WithAllowOutofOrder(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, err
	}
	results, err := provider.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		results = partial.Applied
	}
	var names []string
	for _, r := range results {
		names = append(names, strings.TrimSuffix(r.Source.Path, ".sql"))
	}
	if partial != nil {
		return names, fmt.Errorf("%s: %w", partial.Failed.Source.Path, partial.Err)
	}
	return names, err
}

func riverMigrator(db *sql.DB) (*rivermigrate.Migrator[*sql.Tx], error) {
	return rivermigrate.New(riverdatabasesql.New(db), &rivermigrate.Config{
		Schema: RiverSchema,
		Logger: slog.New(slog.DiscardHandler),
	})
}

func applyRiver(ctx context.Context, db *sql.DB) ([]string, error) {
	m, err := riverMigrator(db)
	if err != nil {
		return nil, err
	}
	result, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return nil, fmt.Errorf("river: %w", err)
	}
	var names []string
	for _, v := range result.Versions {
		names = append(names, fmt.Sprintf("river_%03d_%s", v.Version, strings.ReplaceAll(v.Name, " ", "_")))
	}
	return names, nil
}

// Hash identifies the schema that Apply makes: it changes when any migration,
// River's included, does. For caches of migrated databases.
func Hash() (string, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s\n", name, len(text), text)
	}
	m, err := riverMigrator(nil)
	if err != nil {
		return "", err
	}
	for _, v := range m.AllVersions() {
		fmt.Fprintf(h, "river %d %d\n%s\n", v.Version, len(v.SQLUp), v.SQLUp)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

var createSchema = regexp.MustCompile(`(?mi)^create schema ([a-z_]+);`)

// schemas lists the Postgres schemas that the migrations create.
func schemas() ([]string, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for _, m := range createSchema.FindAllSubmatch(text, -1) {
			found = append(found, string(m[1]))
		}
	}
	return found, nil
}

// versions lists the numbers of our migrations, ascending.
func versions() ([]int64, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var found []int64
	for _, name := range names {
		n, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		found = append(found, n)
	}
	slices.Sort(found)
	return found, nil
}

// existing gives those of the named schemas that the database has.
func existing(ctx context.Context, db *sqlx.DB, names []string) ([]string, error) {
	var found []string
	err := db.SelectContext(ctx, &found,
		`select nspname::text from pg_namespace where nspname = any($1) order by nspname`, pq.Array(names))
	return found, pg.Classify(err)
}
