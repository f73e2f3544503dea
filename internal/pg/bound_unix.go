//go:build unix && !linux

package pg

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// watchdog waits for the end of its input, which is the end of whoever holds the
// other end of the pipe, and then stops the server: cleanly, then by force.
const watchdog = `read -r _; kill -INT "$1" 2>/dev/null || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 "$1" 2>/dev/null || exit 0; done
kill -QUIT "$1" 2>/dev/null`

// startBound starts a child that goes when this process does. Systems other than
// Linux have no signal for a parent's death, so a shell of a few lines watches a
// pipe that closes with us, however we end. The function that comes back is to
// be called after the child's end: it ends the watchdog.
func startBound(cmd *exec.Cmd) (ended func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, r.Close(), w.Close())
	}
	watch := exec.Command("/bin/sh", "-c", watchdog, "sh", strconv.Itoa(cmd.Process.Pid))
	watch.Stdin = r
	watch.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := watch.Start(); err != nil {
		return nil, errors.Join(err, r.Close(), w.Close(), cmd.Process.Kill(), ignoreExit(cmd.Wait()))
	}
	return func() {
		// The server has gone; its number must not be signalled any more.
		if err := watch.Process.Kill(); err == nil {
			ignoreExit(watch.Wait())
		}
		w.Close()
		r.Close()
	}, nil
}

// ignoreExit drops the exit status of a process that was killed on purpose.
func ignoreExit(err error) error {
	var e *exec.ExitError
	if errors.As(err, &e) {
		return nil
	}
	return err
}

// isPostmaster says whether a process is a Postgres server on a data directory.
func isPostmaster(pid int, data string) bool {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres") && strings.Contains(string(out), data)
}
