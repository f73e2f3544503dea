package pg_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// childDir makes this test binary a process that starts a private server in the
// directory and then waits to be killed.
const childDir = "PARTNERSYNC_TEST_SERVER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(serveUntilKilled(dir))
	}
	goleak.VerifyTestMain(m, pgtest.Leaks()...)
}

// serveUntilKilled tells its parent the server's process and waits for the end
// of its input.
func serveUntilKilled(dir string) int {
	s, err := pg.Embedded{Dir: dir}.Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.PID())
	var never string
	if _, err := fmt.Scan(&never); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return 1
}

// wantKind fails the test unless err has the kind, and a hint.
func wantKind(t *testing.T, err error, kind errs.Kind) {
	t.Helper()
	if errs.KindOf(err) != kind {
		t.Fatalf("got %q (%v), want kind %q", errs.KindOf(err), err, kind)
	}
	if errs.HintOf(err) == "" {
		t.Errorf("no hint in %v", err)
	}
}

// stop stops a server at a test's end, when the test's context is over.
func stop(t *testing.T, s *pg.Server) {
	t.Helper()
	if err := s.Stop(context.Background()); err != nil {
		t.Error(errors.Unwrap(err), err)
	}
}
