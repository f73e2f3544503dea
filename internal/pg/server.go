//go:build unix

package pg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/lib/pq"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
)

// Server is a running private server.
type Server struct {
	place   place
	log     *zap.Logger
	pid     int
	gone    chan struct{} // closed when the process has ended
	exit    error         // how it ended; read only after gone
	release func() error
}

// How long a server may take to stop: politely, abruptly, and at all.
const (
	politeStop = 20 * time.Second
	abruptStop = 5 * time.Second
	killedStop = 5 * time.Second
)

// DSN gives the DSN of a database of this server.
func (s *Server) DSN(database string) string {
	return "host=" + quoteValue(s.place.sockets) + " port=5432 user=" + superuser +
		" dbname=" + quoteValue(database) + " sslmode=disable"
}

// Dir is where the server really lives.
func (s *Server) Dir() string { return s.place.dir }

// Notice says why the server does not live where it was asked to, or "".
func (s *Server) Notice() string { return s.place.notice }

// PID is the server's process.
func (s *Server) PID() int { return s.pid }

// Done is closed when the server has ended, whoever ended it.
func (s *Server) Done() <-chan struct{} { return s.gone }

// Stop ends the server: sessions are cut, what is committed is on the disk. It
// returns when the process has gone. A server that does not stop in time, or
// when ctx ends, is stopped abruptly, which loses nothing that was committed;
// the next start then takes a little longer. Stop may be called twice.
func (s *Server) Stop(ctx context.Context) error {
	err := s.halt(ctx)
	if s.release != nil {
		if s.place.sockets != s.place.dir {
			err = errors.Join(err, os.RemoveAll(s.place.sockets))
		}
		err = errors.Join(err, s.release())
		s.release = nil
	}
	return err
}

func (s *Server) halt(ctx context.Context) error {
	steps := []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, politeStop}, {syscall.SIGQUIT, abruptStop}, {syscall.SIGKILL, killedStop}}
	for i, step := range steps {
		select {
		case <-s.gone:
			return nil
		default:
		}
		// A server that has just ended can't be signalled; that is no failure.
		if err := syscall.Kill(s.pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("signal Postgres (process %d): %w", s.pid, err)
		}
		if i > 0 {
			s.log.Warn("private Postgres is slow to stop", zap.Int("pid", s.pid), zap.Stringer("signal", step.signal))
			ctx = context.WithoutCancel(ctx)
		}
		wait, cancel := context.WithTimeout(ctx, step.wait)
		select {
		case <-s.gone:
		case <-wait.Done():
		}
		cancel()
	}
	select {
	case <-s.gone:
		return nil
	default:
		return errs.New(errs.Unknown, "Postgres (process %d) does not stop", s.pid)
	}
}

// launch starts the server process.
func launch(p place, b binaries, settings []string, log *zap.Logger) (*Server, error) {
	args := []string{"-D", p.data()}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	out, err := openLog(p)
	if err != nil {
		return nil, err
	}
	// Its life is not a context's: Stop and the end of this process rule it.
	cmd := p.account.command(context.Background(), p.dir, b.postgres(), args...)
	cmd.Stdout, cmd.Stderr = out, out
	s := &Server{place: p, log: log, gone: make(chan struct{})}
	started := make(chan error)
	go s.keep(cmd, started)
	err = <-started
	if closeErr := out.Close(); err == nil && closeErr != nil {
		err = errors.Join(closeErr, s.halt(context.Background()))
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", b.postgres(), err)
	}
	return s, nil
}

// keep starts the server and waits for its end. It never lets go of its thread:
// Linux sends the signal of a parent's death when the parent's *thread* ends.
func (s *Server) keep(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	watch, err := startBound(cmd)
	if err != nil {
		started <- err
		return
	}
	s.pid = cmd.Process.Pid
	started <- nil
	s.exit = cmd.Wait()
	watch()
	close(s.gone)
}

// openLog opens the server's log, and begins a new one when it has grown.
func openLog(p place) (f *os.File, err error) {
	const limit = 16 << 20
	err = p.inside(func(files *os.Root) error {
		if info, err := files.Stat(logName); err == nil && info.Size() > limit {
			if err := files.Rename(logName, logName+".old"); err != nil {
				return err
			}
		}
		f, err = files.OpenFile(logName, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		return err
	})
	return f, err
}

// becomeReady waits until the server answers, and makes the database. Recovery
// after a crash may take a while; only ctx or the server's end cut it short.
func (s *Server) becomeReady(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.createDatabase(ctx)
		if err == nil {
			return nil
		}
		if KindOf(err) != errs.Transient && ctx.Err() == nil {
			return err
		}
		select {
		case <-s.gone:
			text, readErr := os.ReadFile(s.place.log())
			return errs.New(errs.Unknown, "Postgres ended at once (%w): %s", errors.Join(s.exit, readErr), lastLines(string(text), 4)).
				WithHint("Its log is %s", s.place.log())
		case <-ctx.Done():
			return fmt.Errorf("%w: Postgres does not answer yet: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

func (s *Server) createDatabase(ctx context.Context) (err error) {
	db, err := Open(ctx, Config{DSN: s.DSN("postgres"), MaxConns: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var exists bool
	if err := db.GetContext(ctx, &exists, `select exists (select from pg_database where datname = $1)`, Database); err != nil || exists {
		return err
	}
	_, err = db.ExecContext(ctx, "create database "+pq.QuoteIdentifier(Database))
	return err
}
