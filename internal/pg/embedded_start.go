//go:build unix

package pg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
)

// Start makes the cluster if there is none, starts the server, waits until it
// answers, and makes the database partnersync in it. The caller must Stop it;
// should this process die instead, by whatever means, the server goes too.
//
// The error's kind is NotFound when Postgres is not installed, Conflict when
// another process has the directory or its data is of another major version,
// Invalid when the directory is where the server's user can't get to.
func (e Embedded) Start(ctx context.Context) (_ *Server, err error) {
	defer errs.Wrap(&err, "start a private Postgres in %s", e.Dir)
	if e.Dir == "" {
		return nil, errs.New(errs.Invalid, "no directory given")
	}
	b, err := findBinaries(ctx, e.BinDir, 0)
	if err != nil {
		return nil, err
	}
	p, err := findPlace(e.Dir, b, e.AllowFallback)
	if err != nil {
		return nil, err
	}
	release, err := p.takeLock()
	if err != nil {
		return nil, err
	}
	if p.notice != "" {
		e.log().Warn(p.notice)
	}
	s, err := e.startIn(ctx, p, b)
	if err != nil && e.Volatile && ctx.Err() == nil {
		e.log().Warn("making volatile data anew", zap.String("dir", p.dir), zap.Error(err))
		if err = os.RemoveAll(p.data()); err == nil {
			s, err = e.startIn(ctx, p, b)
		}
	}
	if err != nil {
		return nil, errors.Join(err, release())
	}
	s.release = release
	if e.Fleeting {
		s.release = func() error { return errors.Join(os.RemoveAll(p.data()), release()) }
	}
	return s, nil
}

// readyLimit is how long a server may take until it answers; after a crash it
// first repeats what was committed since the last checkpoint.
const readyLimit = 5 * time.Minute

// startIn starts the server in a place whose lock is ours.
func (e Embedded) startIn(ctx context.Context, p place, b binaries) (*Server, error) {
	major, err := majorOf(p.data())
	if err != nil {
		return nil, err
	}
	if major != 0 && major != b.major {
		if b, err = findBinaries(ctx, e.BinDir, major); err != nil {
			return nil, err
		}
	}
	if major == 0 {
		e.log().Info("making a new database cluster", zap.String("dir", p.dir), zap.Int("version", b.major))
		if err := e.initialise(ctx, p, b); err != nil {
			return nil, err
		}
	}
	if err := clearOrphan(ctx, p, e.log()); err != nil {
		return nil, err
	}
	s, err := launch(p, b, e.settings(p), e.log())
	if err != nil {
		return nil, err
	}
	ready, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	if err := s.becomeReady(ready); err != nil {
		// The caller's time may be over; the server must go all the same.
		return nil, errors.Join(err, s.halt(context.WithoutCancel(ctx)))
	}
	e.log().Info("private Postgres is up", zap.String("dir", p.dir), zap.Int("version", b.major), zap.Int("pid", s.pid))
	return s, nil
}

// majorOf gives the major version that made a data directory; 0 for none.
func majorOf(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(data); err == nil {
			return 0, errs.New(errs.Conflict, "%s exists, but is not a Postgres data directory", data).
				WithHint("Move it away; a new one will be made.")
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, errs.New(errs.Conflict, "%s was made by an unknown version of Postgres: %q", data, text)
	}
	return major, nil
}

// initialise runs initdb beside the data directory and moves the result there
// once it is whole, so that an interrupted one leaves nothing half made. Whoever
// reaches the socket is trusted: its directory is closed to all but the account.
func (e Embedded) initialise(ctx context.Context, p place, b binaries) error {
	fresh := p.data() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	cmd := p.account.command(ctx, p.dir, b.initdb(), "--pgdata="+fresh, "--username="+superuser,
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		return errs.New(errs.KindOf(err), "initdb: %w: %s", err, lastLines(string(out), 5)).
			WithHint("Is there space and permission in %s?", p.dir)
	}
	if e.Volatile {
		return os.Rename(fresh, p.data())
	}
	// initdb's own sync would come before the rename; the server's first
	// checkpoint and this one bring both to the disk.
	if out, err := p.account.command(ctx, p.dir, b.initdb(), "--sync-only", "--pgdata="+fresh).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb --sync-only: %w: %s", err, lastLines(string(out), 5))
	}
	return os.Rename(fresh, p.data())
}

// settings are the server's, each as name=value.
func (e Embedded) settings(p place) []string {
	s := []string{
		"listen_addresses=", "port=5432",
		"unix_socket_directories=" + p.sockets, "unix_socket_permissions=0700",
		"timezone=UTC", "log_timezone=UTC", "lc_messages=C",
		"max_connections=200", "shared_buffers=128MB", "jit=off",
		"logging_collector=off", "log_destination=stderr", "log_checkpoints=off",
		"log_line_prefix=%m [%p] %d ", "log_min_messages=warning",
		// Statements can hold customers' data; errors go to the client anyway.
		"log_min_error_statement=panic",
	}
	if e.Volatile {
		return append(s, "fsync=off", "synchronous_commit=off", "full_page_writes=off",
			"wal_level=minimal", "max_wal_senders=0", "max_wal_size=256MB", "min_wal_size=32MB", "autovacuum=off")
	}
	return append(s, "fsync=on", "max_wal_size=2GB", "checkpoint_timeout=10min")
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
