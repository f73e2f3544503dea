// Package pgtest gives each test a migrated Postgres database of its own.
//
// The server is the one that PARTNERSYNC_TEST_DATABASE names (the DSN of a user
// who may create databases), or else a private one that the first test of a test
// binary starts from the machine's binaries. A template database is migrated
// once and cloned for each test, which takes some 50 to 100 ms.
//
// A private server's directory is a numbered slot under the temporary directory,
// taken by one test binary at a time and used again by the next, template
// included, so that neither initdb nor a migration happens more than once. It
// ends with the binary, however that ends. PARTNERSYNC_TEST_MEMORY names a directory in
// memory to have the slots in instead, where a clone costs a tenth. To run several packages
// on one server:
//
//	go run ./internal/pgtest/with -- go test ./...
package pgtest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// Variable is the environment variable that names the server to test on.
const Variable = "PARTNERSYNC_TEST_DATABASE"

// MemoryVariable is the environment variable that names a directory in memory for the
// files of private servers, such as /dev/shm. What they hold goes with them.
const MemoryVariable = "PARTNERSYNC_TEST_MEMORY"

// patience bounds what is done here before and after a test.
const patience = 2 * time.Minute

// New gives a pool to a migrated, empty database that nobody else has. Both are
// gone when the test and its subtests are over.
func New(t testing.TB) *sqlx.DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := pg.Open(ctx, pg.Config{DSN: DSN(t), MaxConns: 8, Name: "partnersync test"})
	if err != nil {
		fail(t, err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the test's pool: %v", err)
		}
	})
	return db
}

// DSN is New for whoever opens the database itself: it gives the DSN.
func DSN(t testing.TB) string {
	t.Helper()
	return create(t, true)
}

// Empty is DSN for a database that has not been migrated.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, false)
}

func create(t testing.TB, migrated bool) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := theServer(ctx)
	if err != nil {
		fail(t, err)
	}
	name := clonePrefix + strings.ToLower(rand.Text()[:16])
	dsn, err := s.create(ctx, name, migrated)
	if err != nil {
		fail(t, err)
	}
	t.Cleanup(func() {
		// The test's own context is over by now.
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.drop(ctx, name); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return dsn
}

func fail(t testing.TB, err error) {
	t.Helper()
	if hint := errs.HintOf(err); hint != "" {
		t.Fatalf("test database: %v\n%s", err, hint)
	}
	t.Fatalf("test database: %v", err)
}

// Leaks are the options with which goleak overlooks the goroutine that keeps the
// private server, which outlives every test on purpose:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }
func Leaks() []goleak.Option {
	return []goleak.Option{goleak.IgnoreAnyFunction(pg.KeeperFunction)}
}
