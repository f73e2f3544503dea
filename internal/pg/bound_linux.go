package pg

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// startBound starts a child that the kernel stops (SIGINT: a clean, fast
// shutdown) when the calling thread ends, as it does with its process, whatever
// kills that. The caller must keep the thread: prctl(2), PR_SET_PDEATHSIG. The
// function that comes back is to be called after the child's end.
func startBound(cmd *exec.Cmd) (ended func(), err error) {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	return func() {}, cmd.Start()
}

// isPostmaster says whether a process is a Postgres server on a data directory:
// a postmaster's working directory is its data. A zombie's link can't be read,
// and a zombie is no server.
func isPostmaster(pid int, data string) bool {
	cwd, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd")
	return err == nil && strings.TrimSuffix(cwd, " (deleted)") == data
}
