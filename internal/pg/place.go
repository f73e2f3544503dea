//go:build unix

package pg

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/partnersync/partnersync/internal/errs"
)

// place is where a private server keeps its things.
type place struct {
	account account
	dir     string // data, lock and log are in here
	sockets string // the directory of the Unix socket
	notice  string // why dir is not the one that was asked for; "" if it is
}

func (p place) data() string { return filepath.Join(p.dir, "data") }
func (p place) log() string  { return filepath.Join(p.dir, logName) }

// inside runs f on the place's files. Root must not follow a link that the
// account, to whom the directory belongs, may have laid to somewhere else.
func (p place) inside(f func(files *os.Root) error) error {
	files, err := os.OpenRoot(p.dir)
	if err != nil {
		return err
	}
	err = errors.Join(f(files), files.Close())
	if errors.Is(err, fs.ErrPermission) {
		return errs.New(errs.Auth, "%w", err).
			WithHint("Something in %s belongs to another user: run this as that one, or move the directory away.", p.dir)
	}
	return err
}

// Files in a server's directory. The process that runs the server holds a lock
// on lockName, whose presence also tells a directory of ours.
const (
	lockName = "lock"
	logName  = "postgres.log"
	pidName  = "data/postmaster.pid"
)

// elsewhere is where a server's directory goes when the one that was asked for
// can't be entered by the account that runs the server. Unlike /tmp, it survives
// a restart of the machine.
var elsewhere = "/var/tmp"

// findPlace prepares the directories of a server that was asked to live in dir,
// or, with orElsewhere, in another place if need be. The usual reason is a
// checkout in root's own home, which is closed to the user as whom root has to
// run Postgres.
func findPlace(dir string, b binaries, orElsewhere bool) (place, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return place{}, err
	}
	account, err := chooseAccount(filepath.Join(abs, "data"))
	if err != nil {
		return place{}, err
	}
	if !account.canEnter("/", b) {
		return place{}, errs.New(errs.Auth, "user %s may not run %s", account.name, b.postgres()).
			WithHint("Install Postgres where every user can reach it, or run this as an ordinary user.")
	}
	p := place{account: account, dir: abs}
	if p.dir, p.notice, err = settle(account, abs, b, orElsewhere); err != nil {
		return place{}, err
	}
	p.sockets, err = socketDir(p, b)
	return p, err
}

// settle makes the server's directory at dir. If the account can't get there, it
// is refused or, with orElsewhere, made under elsewhere, with a name that follows
// from dir; the notice says so.
func settle(a account, dir string, b binaries, orElsewhere bool) (settled, notice string, err error) {
	// An account that gets to the parent gets into a directory that it owns;
	// nothing has to be given away to find out.
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", "", err
	}
	if a.canEnter(parent, b) {
		return dir, "", a.own(dir, lockName)
	}
	if !a.switched {
		return "", "", errs.New(errs.Auth, "user %s can't enter %s", a.name, parent).
			WithHint("Set database.data_dir to a directory that this user can reach.")
	}
	if !orElsewhere || !a.canEnter(elsewhere, b) {
		return "", "", errs.New(errs.Invalid, "Postgres refuses to run as root, and the user %s, who runs it instead, can't reach %s", a.name, parent).
			WithHint("Set database.data_dir to a directory that %s can reach, such as /var/lib/partnersync, or run this as an ordinary user.", a.name)
	}
	other := filepath.Join(elsewhere, "partnersync-"+shortHash(dir))
	return other, fmt.Sprintf("the database is in %s: Postgres refuses to run as root, and user %s, who runs it instead, can't enter %s",
		other, a.name, parent), a.own(other, lockName)
}

// longestSocket is what every system's sun_path holds (macOS: 104 with the zero).
const longestSocket = 103

// plainPath is a path that needs no quotes in Postgres' list of directories.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9/._@+-]+$`)

// socketDir gives the directory of the socket: the server's own, or a short
// private one when that path is too long for a socket address.
func socketDir(p place, b binaries) (string, error) {
	if len(filepath.Join(p.dir, socketName)) <= longestSocket && plainPath.MatchString(p.dir) {
		return p.dir, nil
	}
	for _, base := range []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"} {
		dir := filepath.Join(base, "partnersync-"+shortHash(p.dir))
		if !filepath.IsAbs(base) || len(filepath.Join(dir, socketName)) > longestSocket || !plainPath.MatchString(dir) {
			continue
		}
		if p.account.own(dir, "") == nil && p.account.canEnter(dir, b) {
			return dir, nil
		}
	}
	return "", errs.New(errs.Conflict, "no directory for the server's socket: the path of %s is too long, and no temporary directory can be used", p.dir).
		WithHint("Set TMPDIR to a short path that is yours.")
}

func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:5])
}

// takeLock takes the place for this process, until release or its death: the
// kernel drops the lock with the process, however that ends.
func (p place) takeLock() (release func() error, err error) {
	var f *os.File
	if err := p.inside(func(files *os.Root) (err error) {
		f, err = files.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
		return err
	}); err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, p.inUse(f)
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid()))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

// inUse says who has the lock, as the file says, and closes it.
func (p place) inUse(f *os.File) error {
	holder, err := io.ReadAll(io.LimitReader(f, 20))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	who := "another process"
	if pid, err := strconv.Atoi(strings.TrimSpace(string(holder))); err == nil {
		who = "process " + strconv.Itoa(pid)
	}
	return errs.New(errs.Conflict, "the database in %s is %w by %s", p.dir, ErrInUse, who).
		WithHint("Stop that one first, or give this one a directory of its own.")
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}
