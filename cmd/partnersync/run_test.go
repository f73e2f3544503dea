package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/pgtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// outcome is what a process would have left: its exit code and what it printed.
type outcome struct {
	code     int
	out, err string
}

// command is a process of partnersync's in a directory and environment of its own.
type command struct {
	t   *testing.T
	env []string
}

// newCommand gives one whose working directory is empty and whose home is there
// too, so that no file of the machine's is read.
func newCommand(t *testing.T, env ...string) *command {
	t.Helper()
	dir := t.TempDir()
	// Run as root, the private Postgres is another user's, who has to come through.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	return &command{t: t, env: append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}, env...)}
}

// withDatabase lets the commands use a migrated database of the test's own.
func withDatabase(t *testing.T, env ...string) *command {
	t.Helper()
	dsn := pgtest.DSN(t)
	return newCommand(t, append([]string{"PARTNERSYNC_DATABASE_URL=" + dsn, "PARTNERSYNC_COMPANY_FOUR_EYES=off"}, env...)...)
}

func (c *command) run(args ...string) outcome {
	c.t.Helper()
	return c.runUntil(c.t.Context(), args...)
}

func (c *command) runUntil(ctx context.Context, args ...string) outcome {
	var out, errOut bytes.Buffer
	code := run(ctx, args, c.env, strings.NewReader(""), &out, &errOut)
	return outcome{code: code, out: out.String(), err: errOut.String()}
}

// want checks the exit code and that the output holds every text; texts that
// begin with "!" must not be there.
func (o outcome) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d", o.code, code)
	}
	for _, text := range texts {
		if not, absent := strings.CutPrefix(text, "!"); absent {
			if strings.Contains(o.out+o.err, not) {
				t.Errorf("the output has %q", not)
			}
		} else if !strings.Contains(o.out+o.err, text) {
			t.Errorf("the output lacks %q", text)
		}
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", o.out, o.err)
	}
}

// document reads standard output, which has to be one JSON document.
func (o outcome) document(t *testing.T, into any) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(o.out))
	if err := dec.Decode(into); err != nil {
		t.Fatalf("standard output is not JSON: %v\n%s\n%s", err, o.out, o.err)
	}
	if dec.More() {
		t.Errorf("there is more than one document:\n%s", o.out)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(testdata, name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (go test -update writes it anew):\n%s", name, diff)
	}
}

// testdata is absolute, because tests run in directories of their own.
var testdata = func() string {
	dir, err := filepath.Abs("testdata")
	if err != nil {
		panic(err)
	}
	return dir
}()
