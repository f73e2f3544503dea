//go:build unix

package pg

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"

	"github.com/partnersync/partnersync/internal/errs"
)

// account is who runs the server. Postgres refuses to run as root, so root
// lends it to a user without rights.
type account struct {
	uid, gid uint32
	name     string
	switched bool // it is not the account of this process
}

// chooseAccount gives this process's account or, for root, the owner of an
// existing data directory, or else the user postgres, or else nobody.
func chooseAccount(dataDir string) (account, error) {
	if uid := os.Geteuid(); uid != 0 {
		return account{uid: uint32(uid), gid: uint32(os.Getegid()), name: strconv.Itoa(uid)}, nil
	}
	if info, err := os.Stat(dataDir); err == nil {
		if st := info.Sys().(*syscall.Stat_t); st.Uid != 0 {
			return account{uid: st.Uid, gid: st.Gid, name: fmt.Sprintf("the owner of %s (uid %d)", dataDir, st.Uid), switched: true}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := parseID(u.Uid)
		gid, gidErr := parseID(u.Gid)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return account{uid: uid, gid: gid, name: name, switched: true}, nil
		}
	}
	return account{}, errs.New(errs.NotFound, "Postgres refuses to run as root, and there is no user postgres or nobody to run it as").
		WithHint("Run this as an ordinary user, or create one: useradd --system postgres")
}

// parseID reads a user's or group's number; macOS writes nobody's as -2.
func parseID(s string) (uint32, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return uint32(n), err
}

// attributes are those of a child process that runs as the account, in a process
// group of its own: Ctrl-C in a terminal is for us, who then stop the server
// when nobody needs it any more.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a.switched {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// command prepares a program of the server's to run as the account, in dir,
// knowing nothing of our environment that could lead it elsewhere (PGDATA).
func (a account) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = a.attributes()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	return cmd
}

// own makes dir, private to the account. A directory that exists must be the
// account's or this process's already, and empty unless it holds the file marker:
// what others own or fill is neither taken nor trusted. "" stands for no marker.
func (a account) own(dir, marker string) error {
	// Those above may be read by all: the account has to come through.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errs.New(errs.Conflict, "%s is not a directory", dir)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != a.uid && owner != uint32(os.Geteuid()) {
		return errs.New(errs.Conflict, "%s belongs to another user (uid %d)", dir, owner).
			WithHint("Run this as that user, or remove the directory, or choose another.")
	}
	if marker != "" {
		if err := emptyOrMarked(dir, marker); err != nil {
			return err
		}
	}
	if a.switched {
		if err := os.Lchown(dir, int(a.uid), int(a.gid)); err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o700)
}

func emptyOrMarked(dir, marker string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return err
	}
	for _, e := range entries {
		if e.Name() == marker {
			return nil
		}
	}
	return errs.New(errs.Conflict, "%s holds other things than a private Postgres, such as %s", dir, entries[0].Name()).
		WithHint("Choose an empty directory, or one that does not exist yet.")
}

// canEnter says whether the account gets into dir, by trying: a program that
// does next to nothing is started there.
func (a account) canEnter(dir string, b binaries) bool {
	return a.command(context.Background(), dir, b.postgres(), "--version").Run() == nil
}
