package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/pgtest"
)

func TestWithGivesTheCommandAServer(t *testing.T) {
	t.Setenv(pgtest.Variable, "")
	var out, errOut bytes.Buffer
	status := run(t.Context(), []string{"--", "sh", "-c", `echo "$PARTNERSYNC_TEST_DATABASE"; exit 7`}, os.Environ(), nil, &out, &errOut)
	if status != 7 || !strings.Contains(out.String(), "host=") {
		t.Errorf("status %d, %q, %q", status, out.String(), errOut.String())
	}
}

func TestWithKeepsAServerThatIsNamed(t *testing.T) {
	t.Setenv(pgtest.Variable, "host=elsewhere")
	var out, errOut bytes.Buffer
	status := run(t.Context(), []string{"sh", "-c", `echo "$PARTNERSYNC_TEST_DATABASE"`}, os.Environ(), nil, &out, &errOut)
	if status != 0 || out.String() != "host=elsewhere\n" {
		t.Errorf("status %d, %q, %q", status, out.String(), errOut.String())
	}
}

func TestWithSaysWhatItCannotRun(t *testing.T) {
	t.Setenv(pgtest.Variable, "host=elsewhere")
	for _, args := range [][]string{nil, {"--"}, {"--", "/no/such/command"}} {
		var errOut bytes.Buffer
		if status := run(t.Context(), args, nil, nil, nil, &errOut); status != cannotRun || errOut.Len() == 0 {
			t.Errorf("%v: status %d, %q", args, status, errOut.String())
		}
	}
}
