package main

import "testing"

// TestR8_5_WhoActsHasAName: blanks are nobody, and then the operating system's user acts.
func TestR8_5_WhoActsHasAName(t *testing.T) {
	w := acme(t)
	w.run("ledger", "approve", acmeJune, "--actor", "a\xffb").want(t, exitInvalid, "--actor", "hint: ")
	w.run("ledger", "hold", acmeJune, "--reason", "a\xffb").want(t, exitInvalid, "--reason", "!pq:")
	w.run("ledger", "hold", acmeJune, "--reason", "look", "--actor", "  ben ").want(t, exitOK)
	w.run("explain", acmeJune).want(t, exitOK, "A person holds it: ben: look.")
	w.run("ledger", "close", "2026-06", "--actor", "  ").want(t, exitOK, "2026-06 is closed by", "!by ;")
}
