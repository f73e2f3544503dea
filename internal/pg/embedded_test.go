//go:build unix

package pg_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// openDir gives a directory that the user who runs the server can reach, unlike
// t.TempDir, which only its owner enters.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, e pg.Embedded) *pg.Server {
	t.Helper()
	s, err := e.Start(t.Context())
	if err != nil {
		t.Fatal(err, errs.HintOf(err))
	}
	return s
}

// on runs f on the server's database.
func on(t *testing.T, s *pg.Server, f func(db *sqlx.DB)) {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Config{DSN: s.DSN(pg.Database)})
	if err != nil {
		t.Fatal(err, errs.HintOf(err))
	}
	f(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func exec1(t *testing.T, s *pg.Server, statement string) {
	t.Helper()
	on(t, s, func(db *sqlx.DB) {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	})
}

// until waits for something to become true.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// runs says whether a process of this number does anything; a zombie does not.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(string(state), "Z")
}

// The directory's path is too long for a socket, and has a space.
func TestEmbeddedKeepsItsData(t *testing.T) {
	t.Parallel()
	e := pg.Embedded{Dir: filepath.Join(openDir(t), strings.Repeat("long ", 25), "server")}
	s := start(t, e)
	exec1(t, s, `create table kept (n int)`)

	_, err := e.Start(t.Context())
	wantKind(t, err, errs.Conflict)
	if !errors.Is(err, pg.ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("a second start says %v", err)
	}

	wrongPassword(t, s)

	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if runs(s.PID()) {
		t.Error("stopped, but still there")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("a second stop: %v", err)
	}
	s = start(t, e)
	exec1(t, s, `insert into kept values (1)`)
	stop(t, s)
}

// wrongPassword has the server ask one user for a password.
func wrongPassword(t *testing.T, s *pg.Server) {
	t.Helper()
	exec1(t, s, `create role guarded login password 'right'`)
	hba := filepath.Join(s.Dir(), "data", "pg_hba.conf")
	rules, err := os.ReadFile(hba)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hba, append([]byte("local all guarded scram-sha-256\n"), rules...), 0o600); err != nil {
		t.Fatal(err)
	}
	exec1(t, s, `select pg_reload_conf()`)
	until(t, "the server asks for a password", func() bool {
		db, openErr := pg.Open(t.Context(), pg.Config{DSN: s.DSN(pg.Database) + " user=guarded password=wr0ng"})
		if openErr == nil {
			openErr = db.Close()
		}
		err = openErr
		return err != nil
	})
	wantKind(t, err, errs.Auth)
	if strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("a password is in %v", err)
	}
}

// kill9 starts a server in a process of its own, kills that, and gives the
// number of the server's process once it has gone.
func kill9(t *testing.T, dir string, before func(pid int)) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(errors.Join(err, in.Close(), child.Wait()))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if !runs(pid) {
		t.Errorf("there is no process %d", pid)
	}
	before(pid)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("the child ended well, though it was killed")
	}
}

func TestEmbeddedGoesWithAKilledParent(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "server")
	kill9(t, dir, func(pid int) {
		_, err := pg.Embedded{Dir: dir}.Start(t.Context())
		if !errors.Is(err, pg.ErrInUse) {
			t.Errorf("beside another process: %v", err)
		}
		t.Cleanup(func() { until(t, "the server of the killed process goes", func() bool { return !runs(pid) }) })
	})
	// At once: the old server may still be stopping.
	s := start(t, pg.Embedded{Dir: dir})
	exec1(t, s, `create table t (n int)`)

	killedServer(t, dir, s)
}

// killedServer kills the server itself and gives its number to another process
// of the same user: the file that it left must not keep the next from starting.
func killedServer(t *testing.T, dir string, s *pg.Server) {
	t.Helper()
	path := filepath.Join(s.Dir(), "data", "postmaster.pid")
	left, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	stop(t, s)

	other := exec.Command("cat")
	owner := info.Sys().(*syscall.Stat_t)
	if os.Geteuid() == 0 {
		other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(left), "\n")
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n%s", other.Process.Pid, rest), 0o600); err != nil {
		t.Fatal(err)
	}
	s = start(t, pg.Embedded{Dir: dir})
	exec1(t, s, `insert into t values (1)`)
	stop(t, s)
	if err := errors.Join(in.Close(), other.Wait()); err != nil {
		t.Fatal(err)
	}
}

func TestEmbeddedMakesVolatileDataAnew(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "server")
	e := pg.Embedded{Dir: dir, Volatile: true}
	s := start(t, e)
	stop(t, s)
	if err := os.WriteFile(filepath.Join(s.Dir(), "data", "global", "pg_control"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	e.Volatile = false
	if s, err := e.Start(t.Context()); err == nil {
		stop(t, s)
		t.Fatal("damaged data was taken")
	} else if !strings.Contains(err.Error(), "ended at once") || errs.HintOf(err) == "" {
		t.Errorf("of damaged data it says %v", err)
	}
	e.Volatile = true
	stop(t, start(t, e))
}

func TestEmbeddedLeavesNothingOfWhatIsFleeting(t *testing.T) {
	t.Parallel()
	e := pg.Embedded{Dir: filepath.Join(openDir(t), "pg"), Volatile: true, Fleeting: true}
	s := start(t, e)
	data := filepath.Join(s.Dir(), "data")
	if _, err := os.Stat(data); err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its data are still there: %v", err)
	}
	stop(t, start(t, e))
}

func TestEmbeddedRefuses(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old := filepath.Join(dir, "old")
	write(filepath.Join(old, "lock"), "")
	write(filepath.Join(old, "data", "PG_VERSION"), "9\n")
	papers := filepath.Join(dir, "papers")
	write(filepath.Join(papers, "letter"), "Dear customer")
	for _, c := range []struct {
		name string
		e    pg.Embedded
		kind errs.Kind
		says string
	}{
		{"data of another version", pg.Embedded{Dir: old}, errs.Conflict, "made by Postgres 9"},
		{"a directory of other things", pg.Embedded{Dir: papers}, errs.Conflict, "letter"},
		{"no binaries", pg.Embedded{Dir: filepath.Join(dir, "new"), BinDir: dir}, errs.NotFound, "no Postgres server in " + dir},
	} {
		_, err := c.e.Start(t.Context())
		wantKind(t, err, c.kind)
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v does not say %q", c.name, err, c.says)
		}
	}
	if info, err := os.Stat(papers); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("a directory that was refused was changed: %v, %v", info.Mode(), err)
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := pg.Embedded{Dir: filepath.Join(openDir(t), "server")}.Start(ctx)
	if err == nil {
		stop(t, s)
		t.Fatal("started all the same")
	}
}
