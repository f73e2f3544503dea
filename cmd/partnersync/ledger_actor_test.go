package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestR8_5_WhoActsHasAName: blanks are nobody, and then the operating system's user acts.
func TestR8_5_WhoActsHasAName(t *testing.T) {
	w := acme(t)
	w.run("ledger", "approve", acmeJune, "--actor", "a\xffb").want(t, exitInvalid, "--actor", "hint: ")
	// The first letter of the first is Cyrillic; the last two are nobody's, under which a hand would be hidden.
	for _, alike := range []string{"аna", "ana\u200b", "ana\u202e", "salesforce", " Schedule"} {
		w.run("ledger", "approve", acmeJune, "--actor", alike).want(t, exitInvalid, "--actor", "hint: ")
	}
	w.run("ledger", "hold", acmeJune, "--reason", "a\xffb").want(t, exitInvalid, "--reason", "!pq:")
	w.run("ledger", "hold", acmeJune, "--reason", "look", "--actor", "  ben ").want(t, exitOK)
	w.run("explain", acmeJune).want(t, exitOK, "A person holds it: ben: look.")
	w.run("ledger", "close", "2026-06", "--actor", "  ").want(t, exitOK, "2026-06 is closed by", "!by ;")
}

// TestR8_3_ReproducingWhatIsNotClosedLeavesTheFileAlone that has the name already.
func TestR8_3_ReproducingWhatIsNotClosedLeavesTheFileAlone(t *testing.T) {
	w := acme(t)
	path := filepath.Join(t.TempDir(), "2026-06.jsonl")
	if err := os.WriteFile(path, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run("ledger", "reproduce", "2026-06", "--out", path).want(t, exitFailed, "not closed")
	if got, err := os.ReadFile(path); err != nil || string(got) != "kept" {
		t.Errorf("it has %q, %v", got, err)
	}
	w.run("ledger", "close", "2026-06").want(t, exitOK)
	w.run("ledger", "reproduce", "2026-06", "--out", path).want(t, exitOK)
	if got, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(got), `{"key":"`) {
		t.Errorf("it has %q, %v", got, err)
	}
}
