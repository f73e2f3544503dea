package migrations_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

func open(t *testing.T, dsn string) *sqlx.DB {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func run(t *testing.T, db *sqlx.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// downTo takes back what was applied after a version.
func downTo(t *testing.T, db *sqlx.DB, version int64) {
	t.Helper()
	provider, err := goose.NewProvider(goose.DialectPostgres, db.DB, migrations.Files(),
		goose.WithTableName("migration.applied"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.DownTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

func wantConflict(t *testing.T, err error, says string) {
	t.Helper()
	if errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), says) || errs.HintOf(err) == "" {
		t.Errorf("got %q %v (hint %q), want a conflict that says %q", errs.KindOf(err), err, errs.HintOf(err), says)
	}
}

func TestApplyOnceAndOnce(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.Empty(t))
	wantConflict(t, migrations.Check(t.Context(), db), "no Partnersync schema")

	applied, err := migrations.Apply(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Join(applied, " ")
	for _, want := range []string{"00001_staging", "00004_job", "river_001"} {
		if !strings.Contains(names, want) {
			t.Errorf("applied %v, without %s", applied, want)
		}
	}
	if err := migrations.Check(t.Context(), db); err != nil {
		t.Error(err)
	}
	if applied, err = migrations.Apply(t.Context(), db); err != nil || len(applied) != 0 {
		t.Errorf("again: %v, %v", applied, err)
	}
	// River's tables are where its client will look, and nothing is in public.
	var stray []string
	if err := db.SelectContext(t.Context(), &stray, `
		select schemaname || '.' || tablename from pg_tables
		where schemaname = 'public' or tablename like 'river%' and schemaname <> 'job'`); err != nil {
		t.Fatal(err)
	}
	if len(stray) > 0 {
		t.Errorf("tables in the wrong place: %v", stray)
	}
}

func TestApplyTakesTurns(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		total int
	)
	for range 3 {
		db := open(t, dsn)
		wg.Go(func() {
			applied, err := migrations.Apply(t.Context(), db)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if total > 0 && len(applied) > 0 {
				t.Errorf("two applied migrations: %v", applied)
			}
			total += len(applied)
		})
	}
	wg.Wait()
	if total == 0 {
		t.Error("nobody applied anything")
	}
}

func TestCheckTellsStatesApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, change, says string }{
		{"behind", `delete from migration.applied where version_id = 4`, "behind this program: it lacks 00004"},
		{"behind on River", `delete from job.river_migration where version = 6`, "lacks river 6"},
		{"ahead", `insert into migration.applied (version_id, is_applied) values (99999, true)`, "ahead of this program: it has 99999"},
		{"ahead on River", `insert into job.river_migration (line, version) values ('main', 999)`, "has river 999"},
		{"foreign", `drop schema migration cascade`, "job, ledger, outbox, staging"},
		{"foreign table", `alter table migration.applied rename version_id to name`, "schemas named migration, which Partnersync did not make"},
		{"foreign type", `alter table migration.applied alter version_id type text`, "schemas named migration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			run(t, db, c.change)
			wantConflict(t, migrations.Check(t.Context(), db), c.says)
			if strings.HasPrefix(c.name, "behind") {
				return
			}
			_, err := migrations.Apply(t.Context(), db)
			wantConflict(t, err, c.says)
		})
	}
}

func TestAnEncodingThatLacksCharactersIsRefused(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	db := open(t, dsn)
	var name string
	if err := db.GetContext(t.Context(), &name, `select current_database() || '_latin'`); err != nil {
		t.Fatal(err)
	}
	run(t, db, `create database `+name+` encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0`)
	t.Cleanup(func() {
		if _, err := db.Exec(`drop database ` + name + ` with (force)`); err != nil {
			t.Error(err)
		}
	})
	dsn, err := pg.WithDatabase(dsn, name)
	if err != nil {
		t.Fatal(err)
	}
	latin := open(t, dsn)
	_, err = migrations.Apply(t.Context(), latin)
	for _, err := range []error{err, migrations.Check(t.Context(), latin)} {
		wantConflict(t, err, "encoding is LATIN1, and must be UTF8")
		if !strings.Contains(errs.HintOf(err), "createdb") {
			t.Errorf("hint: %s", errs.HintOf(err))
		}
	}
	var schemas int
	if err := latin.GetContext(t.Context(), &schemas, `select count(*) from pg_namespace where nspname = 'migration'`); err != nil || schemas != 0 {
		t.Errorf("a refusal left %d schemas, %v", schemas, err)
	}
}

func TestApplyRefusesAPoolOfOne(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.Empty(t))
	db.SetMaxOpenConns(1)
	if _, err := migrations.Apply(t.Context(), db); errs.KindOf(err) != errs.Invalid {
		t.Errorf("got %v", err)
	}
}

// A database may have later migrations than one that it lacks: numbers are given out before
// what they are for is written.
func TestAMigrationWithALowerNumberIsAppliedToo(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	run(t, db, `delete from migration.applied where version_id = 29; drop table job.replica; alter table job.alert drop column closed_by`)
	wantConflict(t, migrations.Check(t.Context(), db), "behind this program: it lacks 00029")
	if applied, err := migrations.Apply(t.Context(), db); err != nil || len(applied) != 1 || applied[0] != "00029_replica" {
		t.Errorf("applied %v, %v", applied, err)
	}
	if err := migrations.Check(t.Context(), db); err != nil {
		t.Error(err)
	}
}

// What goes up must come down, and go up again: the Down sections are true.
func TestDownAndUpAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	downTo(t, db, 0)
	var left []string
	if err := db.SelectContext(t.Context(), &left, `select nspname::text from pg_namespace
		where nspname !~ '^pg_' and nspname not in ('information_schema', 'public', 'migration')`); err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("schemas are left: %v", left)
	}
	if _, err := migrations.Apply(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if err := migrations.Check(context.Background(), db); err != nil {
		t.Error(err)
	}
}
