package wholeway_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
)

// clockTick is the unit in which Linux counts processor time in /proc.
const clockTick = 10 * time.Millisecond

// stat is what /proc says of a process: its parent, and what it used of processors, itself
// and by children that have ended.
type stat struct {
	parent        int
	own, children time.Duration
}

func readStat(pid int) (s stat, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // its name may have spaces
	f := strings.Fields(rest)
	if len(f) < 15 {
		return s, fmt.Errorf("/proc/%d/stat: %q", pid, raw)
	}
	n := make([]int64, 15)
	for i := 1; i < 15; i++ {
		n[i], _ = strconv.ParseInt(f[i], 10, 64)
	}
	return stat{int(n[1]), time.Duration(n[11]+n[12]) * clockTick, time.Duration(n[13]+n[14]) * clockTick}, nil
}

// cpuOf is what a process has used of processors.
func cpuOf(b testing.TB, pid int) time.Duration {
	b.Helper()
	s, err := readStat(pid)
	must(b, err)
	return s.own
}

// cpuOfServer is what the Postgres behind a pool has used of processors: its postmaster,
// the processes that are there, and those that have ended. What a process has used goes over
// to the postmaster when it ends, so all of it is read again if one has ended meanwhile.
func cpuOfServer(b testing.TB, db *sqlx.DB) time.Duration {
	b.Helper()
	backend, err := readStat(fetch[int](b, db, `select pg_backend_pid()`))
	must(b, err)
	for {
		before, err := readStat(backend.parent)
		must(b, err)
		living := cpuOfChildren(b, backend.parent)
		after, err := readStat(backend.parent)
		must(b, err)
		if after.children == before.children {
			return after.own + after.children + living
		}
	}
}

func cpuOfChildren(b testing.TB, parent int) (sum time.Duration) {
	b.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	must(b, err)
	for _, dir := range all {
		pid, err := strconv.Atoi(filepath.Base(dir))
		must(b, err)
		s, err := readStat(pid)
		if errors.Is(err, fs.ErrNotExist) || strings.Contains(fmt.Sprint(err), "no such process") {
			continue // it has ended meanwhile
		}
		must(b, err)
		if s.parent == parent {
			sum += s.own
		}
	}
	return sum
}
