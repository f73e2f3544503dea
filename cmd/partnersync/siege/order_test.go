package siege_test

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDuplicateAndReorderedRecords: what comes is not in the order that was asked for,
// or comes more than once; in one page, over pages, in the result of a Bulk job; told in
// the number of all records or not; and broken off in the middle.
func TestDuplicateAndReorderedRecords(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	told := func(change func([]any) []any) func([]any) ([]any, bool) {
		return func(records []any) ([]any, bool) { return change(records), true }
	}
	silent := func(change func([]any) []any) func([]any) ([]any, bool) {
		return func(records []any) ([]any, bool) { return change(records), false }
	}
	for _, c := range []struct {
		name, api string
		change    func([]any) ([]any, bool)
		breaks    int
	}{
		{"a result from its end", "rest", told(reversed), -1},
		{"a result from its end, broken off", "rest", told(reversed), 3},
		{"no order at all", "rest", told(shuffled), -1},
		{"no order at all, broken off", "rest", told(shuffled), 5},
		{"two neighbours change places", "rest", told(swapped), -1},
		{"each record twice in a row", "rest", told(doubled), -1},
		{"each record twice in a row, unannounced", "rest", silent(doubled), -1},
		{"a page again as the next one", "rest", told(pagesTwice), -1},
		{"a page again as the next one, unannounced", "rest", silent(pagesTwice), -1},
		{"all of it twice, broken off", "rest", told(again), 4},
		{"fewer than announced", "rest", silent(halved), -1},
		{"a job's lines from the end", "bulk", told(reversed), -1},
		{"a job's lines in no order", "bulk", told(shuffled), -1},
		{"a job's lines twice", "bulk", told(doubled), -1},
		{"a job with fewer lines than it found", "bulk", told(halved), -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			relay, addr := newRelay(t, w.seer, c.change)
			w.behind(addr)
			w.configure("", "pull: {api: "+c.api+"}")
			relay.breaks = c.breaks
			shown := w.seer.shown()
			for range 2 {
				w.checkPulled(shown, w.run("pull"))
			}
			if relay.has() == 0 {
				t.Error("nothing came otherwise than the org gave it")
			}
			relay.behave()
			if r := w.run("recount"); !r.isDone() { // which finds what a pull was kept from
				t.Errorf("recount exits with %d\n%s", r.code, r.text)
			}
			w.checkCalm(want)
		})
	}
}

// behind puts the program's wall before another address than the org's own.
func (w *world) behind(addr string) {
	w.t.Helper()
	w.orgWall = newWall(w.t, addr)
	w.configure(w.program, "")
}

func reversed(records []any) []any {
	slices.Reverse(records)
	return records
}

func shuffled(records []any) []any {
	rand.New(rand.NewPCG(uint64(len(records)), 7)).Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	return records
}

// swapped lets one record in ten change places with the one behind it, also from one
// page to the next.
func swapped(records []any) []any {
	for i := relayPage - 1; i+1 < len(records); i += relayPage + 1 {
		records[i], records[i+1] = records[i+1], records[i]
	}
	return records
}

func doubled(records []any) (out []any) {
	for _, r := range records {
		out = append(out, r, r)
	}
	return out
}

// pagesTwice gives every page twice.
func pagesTwice(records []any) (out []any) {
	for page := range slices.Chunk(records, relayPage) {
		out = append(append(out, page...), page...)
	}
	return out
}

func again(records []any) []any { return slices.Concat(records, records) }

func halved(records []any) []any { return records[:(len(records)+1)/2] }

// TestAnOldVersionBehindTheNewOne: a server that lags shows a record as it was, behind the
// one that shows it as it is; the older version must not come to count.
func TestAnOldVersionBehindTheNewOne(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	w := newWorld(t)
	relay, addr := newRelay(t, w.seer, func(records []any) ([]any, bool) {
		var out []any
		for _, r := range records {
			out = append(out, r)
			if raw := string(r.(json.RawMessage)); strings.Contains(raw, `"StageName":"Closed Won"`) {
				out = append(out, older(t, raw))
			}
		}
		return out, true
	})
	w.behind(addr)
	if r := w.run("all"); !r.isDone() {
		t.Errorf("exit %d: %s", r.code, r.text)
	}
	if relay.has() == 0 {
		t.Error("nothing came otherwise than the org gave it")
	}
	relay.behave()
	w.checkCalm(want)
}

var stampPattern = regexp.MustCompile(`"SystemModstamp":"([^"]*)"`)

// older gives a sale as it was a day before it was won.
func older(t testing.TB, raw string) json.RawMessage {
	const form = "2006-01-02T15:04:05.000-0700"
	at, err := time.Parse(form, stampPattern.FindStringSubmatch(raw)[1])
	must(t, err)
	raw = stampPattern.ReplaceAllString(raw, `"SystemModstamp":"`+at.AddDate(0, 0, -1).Format(form)+`"`)
	return json.RawMessage(strings.Replace(raw, `"Closed Won"`, `"Prospecting"`, 1))
}
