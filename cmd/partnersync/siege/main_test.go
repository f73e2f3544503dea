package siege_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// atOnce is how many cases run side by side: most of their time they wait for a
// pause or a time-out of the program.
const atOnce = "6"

// isLong asks for the cases that take minutes: `make siege` sets it.
var isLong = os.Getenv("SIEGE_LONG") != ""

// binaryDir is where the program was built, or "".
var binaryDir string

// binary builds the program once for all tests of this process.
var binary = sync.OnceValues(func() (path string, err error) {
	if binaryDir, err = os.MkdirTemp("", "partnersync-siege"); err != nil {
		return "", err
	}
	path = filepath.Join(binaryDir, "partnersync")
	args := []string{"build", "-o", path}
	if isLong {
		args = append(args, "-race") // a race ends the program with 66, which no case expects
	}
	out, err := exec.Command("go", append(args, "github.com/partnersync/partnersync/cmd/partnersync")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	code := m.Run()
	if err := os.RemoveAll(binaryDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await comes back when something has come true, and fails after a minute.
func await(t testing.TB, what string, isTrue func() bool) {
	t.Helper()
	if !within(time.Minute, isTrue) {
		t.Fatalf("%s: it did not come within a minute", what)
	}
}

// within says whether something comes true in a time. It asks often at first, then ever
// less: what is asked costs a query.
func within(limit time.Duration, isTrue func() bool) bool {
	end := time.NewTimer(limit)
	defer end.Stop()
	pause := 2 * time.Millisecond
	for !isTrue() {
		tick := time.NewTimer(pause)
		select {
		case <-tick.C:
			pause = min(pause+pause/4+time.Millisecond, 60*time.Millisecond)
		case <-end.C:
			tick.Stop()
			return isTrue()
		}
	}
	return true
}

// withinMilliseconds is a context that ends soon.
func withinMilliseconds(t testing.TB, n int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), time.Duration(n)*time.Millisecond)
}

func head(s string) string { return s[:min(len(s), 2500)] }
