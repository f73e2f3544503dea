package siege_test

import (
	"fmt"
	"testing"
	"time"
)

// TestTheNetworkCutsConnections: every connection to Postgres, or to the org, is
// closed after some bytes, whatever they are in the middle of.
func TestTheNetworkCutsConnections(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	for _, c := range []struct {
		to, stream string
		bytes      []int
	}{
		{"Postgres", "downstream", []int{0, 700, 6_000, 25_000}},
		{"Postgres", "upstream", []int{900, 9_000, 40_000, 120_000}},
		{"Salesforce", "downstream", []int{0, 2_000, 12_000}},
		{"Salesforce", "upstream", []int{500, 4_000, 30_000}},
	} {
		for _, n := range c.bytes {
			t.Run(fmt.Sprintf("%s %s after %d bytes", c.to, c.stream, n), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				shown := w.seer.shown()
				wall := w.orgWall
				if c.to == "Postgres" {
					wall = w.dbWall
				}
				wall.poison("limit_data", c.stream, fmt.Sprintf(`"bytes": %d`, n))
				for range 2 {
					w.checkPulled(shown, w.run("all"))
				}
				w.checkCalm(want)
			})
		}
	}
}

// TestTheNetworkSwallowsEverything: what is sent to Postgres, or to the org, or what
// they answer, is lost without a word, in the middle of each stage.
func TestTheNetworkSwallowsEverything(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	for _, c := range []struct{ stage, table string }{
		{"pull", "staging.cursor"}, {"reconcile", "ledger.opportunity"}, {"accrue", "ledger.entry"}, {"push", "outbox.record"},
	} {
		for _, kind := range []string{"timeout", "reset_peer"} {
			t.Run(fmt.Sprintf("Postgres, %s, %s", c.stage, kind), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				for _, earlier := range stages {
					if earlier == c.stage {
						break
					}
					w.run(earlier)
				}
				release := w.hold(c.table)
				ended := make(chan ran, 1)
				go func() { ended <- w.run(c.stage) }()
				await(t, "a lock that is waited for", func() bool { return isWaiting(t, w.db) })
				w.dbWall.poison(kind, "downstream", `"timeout": 0`)
				w.dbWall.poison(kind, "upstream", `"timeout": 0`)
				release()
				within(300*time.Millisecond, func() bool { return false })
				w.dbWall.heal()
				<-ended
				w.checkCalm(want)
			})
		}
	}
	for _, stream := range []string{"downstream", "upstream"} {
		t.Run("Salesforce, "+stream, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.configure("", "")
			w.orgWall.poison("timeout", stream, `"timeout": 0`)
			ended := make(chan ran, 1)
			go func() { ended <- w.run("all") }()
			within(time.Second, func() bool { return false })
			w.orgWall.heal()
			if r := <-ended; !r.isDone() && r.code != 5 {
				t.Errorf("exit %d: %s", r.code, r.text)
			}
			w.checkCalm(want)
		})
	}
}

// TestTheNetworkIsSlow: bytes come one by one and late, and nothing but time is lost.
func TestTheNetworkIsSlow(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	w := newWorld(t)
	for _, wall := range []*wall{w.dbWall, w.orgWall} {
		wall.poison("latency", "downstream", `"latency": 3, "jitter": 3`)
		wall.poison("slicer", "upstream", `"average_size": 300, "size_variation": 200, "delay": 10`)
	}
	if r := w.run("all"); !r.isDone() {
		t.Errorf("exit %d: %s", r.code, r.text)
	}
	w.checkCalm(want)
}

// TestNobodyIsThere: neither the org nor Postgres can be reached; the exit code says
// to try later, and later works.
func TestNobodyIsThere(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	w := newWorld(t)
	w.orgWall.cut()
	if r := w.run("all"); r.code != 5 {
		t.Errorf("without an org: exit %d, want 5\n%s", r.code, r.text)
	}
	w.dbWall.cut()
	if r := w.run("all"); r.code != 5 {
		t.Errorf("without Postgres: exit %d, want 5\n%s", r.code, r.text)
	}
	w.checkCalm(want)
}
