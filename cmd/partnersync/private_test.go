package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// A daemon needs a database that stays: serve does not join a private server that
// goes with another process.
func TestServeDoesNotJoinAPrivateServer(t *testing.T) {
	_, env := withOrg(t)
	c := newCommand(t, env...)
	screen, ended, stop := c.start("serve")
	screen.waitFor(t, `"web": "(http://[^"]+)"`, ended)
	c.run("serve").want(t, exitFailed, "error: serve would lose its database", "in use by process ", "hint: wait until that process has ended", "database.url")
	c.run("doctor").want(t, exitOK, "private server, joined: ", "in use by process ")
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, screen)
	}
	here, err := filepath.Abs(filepath.Join(".partnersync", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	c.run("doctor").want(t, exitOK, "private server in "+here)
}

// A command whose joined server goes away says so, and not what the driver says.
func TestAJoinedServerThatIsGoneIsSaidSo(t *testing.T) {
	newCommand(t)
	cfg, err := config.Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{out: os.Stdout, err: os.Stderr, clock: clock.System{}}
	first, err := a.openDatabase(t.Context(), cfg, zap.NewNop(), schemaCurrent)
	if err != nil {
		t.Fatal(err)
	}
	second, err := a.openDatabase(t.Context(), cfg, zap.NewNop(), schemaCurrent)
	if err != nil {
		t.Fatal(errors.Join(err, first.close(t.Context())))
	}
	failure := errors.New("driver: bad connection")
	if err := second.lost(t.Context(), failure); !errors.Is(err, failure) || errs.HintOf(err) != "" {
		t.Errorf("while the server is there it says %v", err)
	}
	if err := first.close(t.Context()); err != nil {
		t.Error(err)
	}
	err = second.lost(t.Context(), failure)
	if errs.KindOf(err) != errs.Transient || !errors.Is(err, failure) || !strings.Contains(err.Error(), "the private Postgres is gone") ||
		!strings.Contains(err.Error(), "in use by process ") {
		t.Errorf("once it is gone it says %v (hint %q)", err, errs.HintOf(err))
	}
	if err := second.close(t.Context()); err != nil {
		t.Error(err)
	}
}

// The settings that a demo wrote outlive it; what uses them then says that it is over.
func TestADemoThatEndedIsSaidSo(t *testing.T) {
	c := newCommand(t, demoEnv()...)
	c.run("demo", "--once").want(t, exitOK)
	joined := &command{t: t}
	for _, name := range []string{"status", "run", "doctor"} {
		joined.run("--config", filepath.Join(".partnersync", "demo.yaml"), name).
			want(t, exitFailed, "the demo that wrote .partnersync/demo.yaml is not running", "start `partnersync demo`")
	}
}
