package wholeway_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// split are the processors that this process had when it was first asked, in two halves.
type split struct{ orgs, ours unix.CPUSet }

// halves splits them: an org's, which are never ours, and ours. It fails where there are
// not two.
var halves = sync.OnceValues(func() (h split, err error) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return h, err
	}
	if all.Count() < 2 {
		return h, errors.New("there is one processor")
	}
	for cpu, given := 0, 0; given < all.Count(); cpu++ {
		switch {
		case !all.IsSet(cpu):
			continue
		case given < all.Count()/2:
			h.orgs.Set(cpu)
		default:
			h.ours.Set(cpu)
		}
		given++
	}
	return h, nil
})

// keepTo keeps all threads of a process to some processors, and those that it starts.
func keepTo(pid int, cpus *unix.CPUSet) error {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*", pid))
	if err != nil {
		return err
	}
	for _, dir := range tasks {
		id, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, cpus); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("keep process %d to some processors: %w", pid, err)
		}
	}
	return nil
}

// startApart calls what starts an org, whose process then has the org's half.
func startApart(start func()) error {
	h, err := halves()
	if err != nil {
		return err
	}
	runtime.LockOSThread() // whose processors the process inherits
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, &h.orgs); err != nil {
		return err
	}
	start()
	return unix.SchedSetaffinity(0, &before)
}

// withinOurs calls f while this process, what it starts, and other processes have our half.
func withinOurs(others []int, f func()) (err error) {
	h, err := halves()
	if err != nil {
		return err
	}
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	pids := append([]int{os.Getpid()}, others...)
	defer func() {
		for _, pid := range pids {
			err = errors.Join(err, keepTo(pid, &before))
		}
	}()
	for _, pid := range pids {
		if err := keepTo(pid, &h.ours); err != nil {
			return err
		}
	}
	f()
	return nil
}
