//go:build unix

package pg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
)

// clearOrphan deals with what an earlier process left. A server that outlived it
// (its death signal is under way, or its system knows none) is stopped; a
// postmaster.pid whose number now belongs to some other process is made harmless.
func clearOrphan(ctx context.Context, p place, log *zap.Logger) error {
	var text []byte
	err := p.inside(func(files *os.Root) (err error) {
		text, err = files.ReadFile(pidName)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	first, rest, _ := strings.Cut(string(text), "\n")
	var pid int
	if _, err := fmt.Sscan(first, &pid); err != nil || pid <= 1 {
		return errs.New(errs.Conflict, "%s in %s is damaged: %q", pidName, p.dir, first).
			WithHint("Make sure that no postgres runs on this directory, then remove the file.")
	}
	if isPostmaster(pid, p.data()) {
		log.Warn("stopping a Postgres that outlived its parent", zap.Int("pid", pid))
		return stopOrphan(ctx, pid, p.data())
	}
	if !isAlive(pid) {
		return nil // nobody has the number: Postgres finds that out as well
	}
	// Postgres would take the process for a rival. It knows that its parent's
	// number can't be one's; the rest of the file, by which it finds leftover
	// backends, stays, which is why the file must not simply be removed.
	return p.inside(func(files *os.Root) error {
		return files.WriteFile(pidName, fmt.Appendf(nil, "%d\n%s", os.Getpid(), rest), 0o600)
	})
}

func stopOrphan(ctx context.Context, pid int, data string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the Postgres that outlived its parent (process %d): %w", pid, err)
		}
		wait, cancel := context.WithTimeout(ctx, abruptStop)
		for wait.Err() == nil && isPostmaster(pid, data) {
			select {
			case <-wait.Done():
			case <-tick.C:
			}
		}
		cancel()
		if !isPostmaster(pid, data) {
			return nil
		}
	}
	return errs.New(errs.Conflict, "the Postgres of an earlier run (process %d) does not stop", pid)
}

// isAlive says whether a process, of whomever, has the number.
func isAlive(pid int) bool { return syscall.Kill(pid, 0) == nil }
