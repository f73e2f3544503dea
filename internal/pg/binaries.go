package pg

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// oldestMajor is the oldest major version that River supports.
const oldestMajor = 14

// installHint says how to get the server's binaries; scripts/ensure-postgres.sh
// does the same by itself.
const installHint = "Install a Postgres server, 14 or later: `apt-get install postgresql` (Debian, Ubuntu), " +
	"`dnf install postgresql-server` (Fedora, RHEL), `brew install postgresql@17` (macOS). " +
	"If it is somewhere else, name the directory of initdb and postgres in " + binVariable + "."

// binVariable is the environment variable that, like PATH, says where this
// machine has its programs.
const binVariable = "PARTNERSYNC_POSTGRES_BIN"

// binaries is a directory that holds initdb and postgres, of one version.
type binaries struct {
	dir   string
	major int
}

func (b binaries) initdb() string   { return filepath.Join(b.dir, "initdb") }
func (b binaries) postgres() string { return filepath.Join(b.dir, "postgres") }

// findBinaries gives the server's binaries: those of the data directory's major
// version if it has one (major > 0), otherwise the first that are found, in the
// order: the explicit directory (or the variable's) alone, the PATH, pg_config,
// the usual places.
func findBinaries(ctx context.Context, explicit string, major int) (binaries, error) {
	explicit = cmp.Or(explicit, os.Getenv(binVariable))
	if explicit != "" {
		b, err := inspect(ctx, explicit)
		if err != nil {
			return binaries{}, errs.New(errs.NotFound, "no Postgres server in %s: %w", explicit, err).WithHint(installHint)
		}
		return b, b.check(major)
	}
	var first *binaries
	for _, dir := range candidates(ctx) {
		b, err := inspect(ctx, dir)
		if err != nil {
			continue // a client-only installation, a broken link: the next may do
		}
		if b.check(major) == nil {
			return b, nil
		}
		if first == nil {
			first = &b
		}
	}
	if first != nil {
		return binaries{}, first.check(major)
	}
	return binaries{}, errs.New(errs.NotFound, "no Postgres server is installed on this machine").WithHint(installHint)
}

// check says whether the binaries can run data of a major version; 0 is none yet.
func (b binaries) check(major int) error {
	switch {
	case b.major < oldestMajor:
		return errs.New(errs.Conflict, "the Postgres in %s is version %d, which is too old", b.dir, b.major).WithHint(installHint)
	case major != 0 && b.major != major:
		return errs.New(errs.Conflict, "the data was made by Postgres %d, but the binaries found (%s) are of version %d", major, b.dir, b.major).
			WithHint("Install Postgres %d beside it, or move the data directory away to start afresh, "+
				"or carry the data over with pg_upgrade.", major)
	}
	return nil
}

// candidates lists directories that may hold the binaries, likeliest first.
func candidates(ctx context.Context) []string {
	var dirs []string
	for _, name := range []string{"postgres", "initdb"} {
		// A link in a directory of the PATH leads to where the others are.
		if path, err := exec.LookPath(name); err == nil {
			if target, err := filepath.EvalSymlinks(path); err == nil {
				dirs = append(dirs, filepath.Dir(target))
			}
		}
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
		"/usr/pgsql-*/bin",
		"/usr/lib64/pgsql/bin",
		"/usr/local/pgsql/bin",
		"/usr/libexec/postgresql*",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue // only a malformed pattern fails, and these are constants
		}
		slices.SortFunc(found, func(a, b string) int {
			return cmp.Or(cmp.Compare(versionIn(b), versionIn(a)), cmp.Compare(a, b))
		})
		dirs = append(dirs, found...)
	}
	return dirs
}

var (
	firstNumber   = regexp.MustCompile(`[0-9]+`)
	versionOutput = regexp.MustCompile(`\(PostgreSQL\) ([0-9]+)`)
)

// versionIn gives the major version in a directory's name, or 0.
func versionIn(dir string) int {
	n, err := strconv.Atoi(firstNumber.FindString(dir))
	if err != nil {
		return 0
	}
	return n
}

// inspect looks whether a directory holds both programs and asks their version.
func inspect(ctx context.Context, dir string) (binaries, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return binaries{}, err
	}
	b := binaries{dir: abs}
	for _, path := range []string{b.initdb(), b.postgres()} {
		info, err := os.Stat(path)
		if err != nil {
			return binaries{}, err
		}
		if info.IsDir() || info.Mode()&0o111 == 0 {
			return binaries{}, errors.New(path + " is not a program")
		}
	}
	out, err := exec.CommandContext(ctx, b.postgres(), "--version").Output()
	if err != nil {
		return binaries{}, err
	}
	m := versionOutput.FindSubmatch(bytes.TrimSpace(out))
	if m == nil {
		return binaries{}, errors.New("unknown version: " + string(out))
	}
	if b.major, err = strconv.Atoi(string(m[1])); err != nil {
		return binaries{}, err
	}
	return b, nil
}
