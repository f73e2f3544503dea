package main

import (
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
)

func statusGrid() grid {
	g := grid{heads: []string{"STAGE", "STATE", "STARTED", "#TOOK", "BY", "WHAT IT DID"}, wrap: []int{5}}
	g.add("reconcile", "ok with problems", "2026-11-20 16:14:22Z", "12.3s", "integration",
		"12,345 records reconciled, 1,234 Partner ID histories changed, 7 discrepancies opened")
	g.add("push", "ok", "2026-11-20 16:14:40Z", "1ms", "schedule", "")
	return g
}

// No line is longer than the terminal, whatever its width, and no word is lost.
func TestTablesFitTheTerminal(t *testing.T) {
	config := grid{heads: []string{"KEY", "VALUE", "FROM"}, wrap: []int{1, 2}}
	config.add("salesforce.emulator.opportunities", "2000", "PARTNERSYNC_SALESFORCE_EMULATOR_OPPORTUNITIES")
	config.add("database.url", "postgres://partnersync@db.acme.example:5432/partnersync?sslmode=verify-full", "/etc/partnersync/partnersync.yaml:12:8")
	for name, g := range map[string]grid{"status": statusGrid(), "config": config} {
		for _, width := range []int{40, 60, 80, 100, 120, 200} {
			shown := g.render(width)
			if n := text.LongestLineLen(shown); n > width {
				t.Errorf("%s at %d has a line of %d:\n%s", name, width, n, shown)
			}
		}
	}
}

func TestANarrowTableIsRecords(t *testing.T) {
	g := statusGrid()
	const want = `stage:       reconcile
state:       ok with problems
started:     2026-11-20 16:14:22Z
took:        12.3s
by:          integration
what it did: 12,345 records reconciled, 1,234 Partner ID
             histories changed, 7 discrepancies opened

stage:       push
state:       ok
started:     2026-11-20 16:14:40Z
took:        1ms
by:          schedule

`
	if got := g.render(60); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := g.render(unlimited); strings.Count(got, "\n") != 3 || strings.ContainsAny(got, "│┌") {
		t.Errorf("into a pipe it is\n%s", got)
	}
	if got := g.render(120); !strings.Contains(got, "│") {
		t.Errorf("at 120 it is\n%s", got)
	}
}

// Who copies a key from a narrow terminal has all of it, and what has no head is of the
// column before.
func TestKeysAreNotCut(t *testing.T) {
	const key = "AB1234/registration/0065g000000001kAAA/referral/2022-05"
	g := grid{heads: []string{"LINE", "BEFORE", "#", "WHY"}, wrap: []int{3}}
	g.add(key, "accrued", "12.50 USD", "it is on hold, and will be until somebody releases it")
	const want = "line:   " + key + "\nbefore: accrued\n        12.50 USD\nwhy:    it is on hold, and will be until somebody releases it\n\n"
	if got := g.render(80); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := g.render(120); !strings.Contains(got, key) || !strings.Contains(got, "│") {
		t.Errorf("at 120 it is\n%s", got)
	}
}
