// Command with runs another command with one private Postgres server for all of
// its test binaries, and stops the server when the command is over:
//
//	go run ./internal/pgtest/with -- go test ./...
//
// It sets PARTNERSYNC_TEST_DATABASE for the command, unless it is set already,
// and ends with the command's exit status; 125 means that the server or the
// command could not be started.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// cannotRun is the exit status for what went wrong here and not in the command,
// as timeout(1) and docker have it.
const cannotRun = 125

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args, env []string, in io.Reader, out, errOut io.Writer) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(errOut, "usage: with -- COMMAND [ARGUMENT]...")
		return cannotRun
	}
	status, err := withServer(ctx, env, func(env []string) (int, error) {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, in, out, errOut
		return wait(cmd)
	})
	if err != nil {
		fmt.Fprintln(errOut, "with:", err)
		if hint := errs.HintOf(err); hint != "" {
			fmt.Fprintln(errOut, hint)
		}
	}
	return status
}

// withServer runs f with an environment that names a server.
func withServer(ctx context.Context, env []string, f func(env []string) (int, error)) (status int, err error) {
	if os.Getenv(pgtest.Variable) != "" {
		return f(env)
	}
	s, err := pgtest.StartPrivate(ctx)
	if err != nil {
		return cannotRun, err
	}
	defer func() {
		if stopErr := s.Stop(ctx); stopErr != nil {
			status, err = cannotRun, errors.Join(err, stopErr)
		}
	}()
	return f(append(env, pgtest.Variable+"="+s.DSN(pg.Database)))
}

// wait runs the command and gives its exit status. An interrupt from the
// terminal reaches the command as well, so here it is only kept from ending us
// before the command; a request to terminate is handed on.
func wait(cmd *exec.Cmd) (int, error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return cannotRun, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			if sig != syscall.SIGTERM {
				continue
			}
			if err := cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return cannotRun, err
			}
		case err := <-ended:
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return max(exit.ExitCode(), 1), nil // -1 is for a signal
			}
			if err != nil {
				return cannotRun, err
			}
			return 0, nil
		}
	}
}
