//go:build unix

package pg

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/partnersync/partnersync/internal/errs"
)

// The script must find what the program finds, and say nothing about it.
func TestScriptAgreesWithUs(t *testing.T) {
	script := filepath.Join("..", "..", "scripts", "ensure-postgres.sh")
	b, err := findBinaries(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", script).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("the program found %s; the script: %v, %q", b.dir, err, out)
	}

	empty := t.TempDir()
	t.Setenv(binVariable, empty)
	if _, err := findBinaries(t.Context(), "", 0); errs.KindOf(err) != errs.NotFound {
		t.Errorf("in an empty directory: %v", err)
	}
	if out, err := exec.Command("sh", script).CombinedOutput(); err == nil || len(out) == 0 {
		t.Errorf("the script, of an empty directory: %v, %q", err, out)
	}
	t.Setenv(binVariable, b.dir)
	if got, err := findBinaries(t.Context(), "", 0); err != nil || got != b {
		t.Errorf("%v, %v", got, err)
	}
}

// A link to postgres in the PATH leads to its directory.
func TestFindBinariesFollowsLinks(t *testing.T) {
	b, err := findBinaries(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(b.postgres(), filepath.Join(dir, "postgres")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	target, err := filepath.EvalSymlinks(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := findBinaries(t.Context(), "", 0); err != nil || got.dir != target {
		t.Errorf("found %v, %v; want %s", got, err, target)
	}
}
