//go:build unix

package pg

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/errs"
)

// Root's home is closed to the user as whom root has to run Postgres.
func TestRootInAClosedDirectoryGetsAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root runs Postgres as somebody else")
	}
	closed, open := t.TempDir(), ""
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	open, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(open)
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	was := elsewhere
	elsewhere = open
	defer func() { elsewhere = was }()

	b, err := findBinaries(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	asked := filepath.Join(closed, ".partnersync", "postgres")
	_, err = findPlace(asked, b, false)
	if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), filepath.Dir(asked)) || !strings.Contains(errs.HintOf(err), "database.data_dir") {
		t.Errorf("without leave to live elsewhere: %v (hint %q)", err, errs.HintOf(err))
	}
	if left, err := os.ReadDir(open); err != nil || len(left) > 0 {
		t.Errorf("a refusal left %v, %v", left, err)
	}
	p, err := findPlace(asked, b, true)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(p.dir) != open || !strings.Contains(p.notice, p.dir) || !strings.Contains(p.notice, asked[:len(asked)-9]) {
		t.Errorf("settled in %s: %q", p.dir, p.notice)
	}
	if _, err := os.Stat(asked); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory that is not used was made: %v", err)
	}
	again, err := findPlace(asked, b, true)
	if err != nil || again.dir != p.dir {
		t.Errorf("the next time it is %s, %v", again.dir, err)
	}
	// Another user who guessed the name must not be trusted.
	if err := os.Chown(p.dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := findPlace(asked, b, true); errs.KindOf(err) != errs.Conflict {
		t.Errorf("took a directory of user 12345: %v", err)
	}
}

func TestVersionIn(t *testing.T) {
	for dir, want := range map[string]int{
		"/usr/lib/postgresql/15/bin":         15,
		"/opt/homebrew/opt/postgresql@9/bin": 9,
		"/usr/pgsql-17/bin":                  17,
		"/usr/local/pgsql/bin":               0,
	} {
		if got := versionIn(dir); got != want {
			t.Errorf("%s: %d", dir, got)
		}
	}
}
