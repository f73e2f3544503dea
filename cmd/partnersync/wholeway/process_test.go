package wholeway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binaryDir is where the program was built, or "".
var binaryDir string

// binary builds the program once for all tests of this process.
var binary = sync.OnceValues(func() (path string, err error) {
	if binaryDir, err = os.MkdirTemp("", "partnersync-program"); err != nil {
		return "", err
	}
	path = filepath.Join(binaryDir, "partnersync")
	out, err := exec.Command("go", "build", "-o", path, "github.com/partnersync/partnersync/cmd/partnersync").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if err := os.RemoveAll(binaryDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// program is the built program with the settings of one company.
type program struct {
	t      testing.TB
	path   string
	config string
	env    []string // beside this process's
}

// newProgram writes settings for a database and an org.
func newProgram(t testing.TB, dsn, orgURL string) *program {
	t.Helper()
	path, err := binary()
	must(t, err)
	config := filepath.Join(t.TempDir(), "partnersync.yaml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, `
company: {go_live: none, four_eyes: off}
database: {url: %q}
salesforce: {login_url: %q, client_id: partnersync-demo, client_secret: demo-secret}
`, dsn, orgURL), 0o600))
	return &program{t: t, path: path, config: config}
}

// command is the program with arguments, as a process of its own.
func (p *program) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.path, append([]string{"--config", p.config, "--actor", "test"}, args...)...)
	cmd.Env = append(os.Environ(), p.env...)
	return cmd
}

// used is what a process took.
type used struct {
	took time.Duration
	// Of the memory in use, in bytes: the most ever, and the median over the run.
	maxRSS, usualRSS int64
	cpuTime          time.Duration
	counts           map[string]int64 // of the report
}

// stage runs one stage as a process of its own and measures it.
func (p *program) stage(ctx context.Context, name string, args ...string) used {
	p.t.Helper()
	var out, errOut bytes.Buffer
	cmd := p.command(ctx, append([]string{"run", name, "--lenient", "--output", "json"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	start := time.Now()
	must(p.t, cmd.Start())
	usual := usualMemory(cmd.Process.Pid)
	if err := cmd.Wait(); err != nil {
		p.t.Fatalf("run %s: %v\n%s%s", name, err, errOut.String(), out.String())
	}
	u := used{
		took: time.Since(start), cpuTime: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		usualRSS: usual(), counts: map[string]int64{},
	}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.maxRSS = r.Maxrss * 1024 // kibibytes, on Linux
	}
	var doc struct {
		Runs []struct {
			Counts []struct {
				Name string
				N    int64
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		p.t.Fatalf("run %s printed no JSON: %v\n%s", name, err, out.String())
	}
	for _, r := range doc.Runs {
		for _, c := range r.Counts {
			u.counts[c.Name] += c.N
		}
	}
	return u
}

// usualMemory looks at a process's resident memory ten times a second, until the
// function that it gives is called, which gives the median of what was seen in bytes.
func usualMemory(pid int) (median func() int64) {
	stop, seen := make(chan struct{}), make(chan []int64)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var pages []int64
		for {
			select {
			case <-stop:
				seen <- pages
				return
			case <-tick.C:
			}
			raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)) // gone with the process
			if fields := strings.Fields(string(raw)); len(fields) > 1 {
				if n, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
					pages = append(pages, n)
				}
			}
		}
	}()
	return func() int64 {
		close(stop)
		pages := <-seen
		if len(pages) == 0 {
			return 0
		}
		slices.Sort(pages)
		return pages[len(pages)/2] * int64(os.Getpagesize())
	}
}

// waitFor returns when something listens on an address, at the latest after a
// minute.
func waitFor(t testing.TB, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			must(t, c.Close())
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("nothing listens on %s: %v", addr, err)
		case <-tick.C:
		}
	}
}
