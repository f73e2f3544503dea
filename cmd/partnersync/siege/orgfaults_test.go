package siege_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/pull"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// TestEveryFaultOfTheOrg plays each kind of fault that the emulator knows, while a
// company is loaded and while changes of it are.
func TestEveryFaultOfTheOrg(t *testing.T) {
	t.Parallel()
	for _, c := range faultCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.configure("", c.settings)
			plays := make([]int64, len(c.rules))
			shown := w.seer.shown()
			w.seer.play(c.rules...)
			w.checkPulled(shown, w.run("all"))
			w.seer.addPlays(plays)
			w.seer.behave()
			w.live(1)
			shown = w.seer.shown()
			w.seer.play(c.rules...)
			w.checkPulled(shown, w.run("all"))
			w.seer.addPlays(plays)
			for i, n := range plays {
				if n == 0 {
					t.Errorf("this has never played: %s", c.rules[i])
				}
			}
			w.check()
		})
	}
}

// live lets people work in the org: sales are changed, lost, deleted and restored,
// a Space is taken over, accounts are merged.
func (w *world) live(nth int) {
	w.t.Helper()
	var sales, spaces, accounts []string
	for _, r := range w.org.Records("Opportunity") {
		sales = append(sales, r["Id"].(string))
	}
	for _, r := range w.org.Records("Space__c") {
		spaces = append(spaces, r["Id"].(string))
	}
	for _, r := range w.org.Records("Account") {
		accounts = append(accounts, r["Id"].(string))
	}
	now := w.org.Now()
	for i, id := range sales[:6] {
		must(w.t, w.org.Update("Opportunity", id, map[string]any{"Amount": fmt.Sprint(1000*nth + i)}, now))
	}
	must(w.t, w.org.Update("Opportunity", sales[7], map[string]any{"StageName": "Closed Lost"}, now))
	must(w.t, w.org.Delete("Opportunity", sales[9+nth]))
	must(w.t, w.org.Update("Space__c", spaces[0], map[string]any{"Partner_ID__c": []string{"AB1234", "FG3877"}[nth%2]}, now))
	must(w.t, w.org.Merge("Account", accounts[1], accounts[1+nth]))
	if r, ok := w.org.Record("Opportunity", sales[8+nth]); ok && r["IsDeleted"] == true {
		must(w.t, w.org.Undelete("Opportunity", sales[8+nth]))
	}
	w.sell(nth)
}

// sell makes a new sale.
func (w *world) sell(nth int) {
	w.t.Helper()
	_, err := w.org.Insert("Opportunity", map[string]any{
		"Name": fmt.Sprint("Late ", nth), "AccountId": w.org.Records("Account")[1]["Id"], "Amount": "777", "CloseDate": "2026-09-01", "StageName": "Closed Won",
	})
	must(w.t, err)
}

// TestCursorsThatBreak: results of more than one page, whose further pages vanish
// or lead to themselves.
func TestCursorsThatBreak(t *testing.T) {
	t.Parallel()
	for how, rule := range map[string]string{"vanish": vanish, "loop": loop} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := newWorldOf(t, emulator.Options{}, 2300)
			shown := w.seer.shown()
			w.seer.play(rule)
			w.checkPulled(shown, w.run("pull"))
			if w.seer.played() == 0 {
				t.Error("no further page was asked for")
			}
			w.check()
		})
	}
}

// TestWritesThatShowLate: a record is stamped at once and seen after the pull that
// should have read it.
func TestWritesThatShowLate(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(clock.System{}.Now())
	w := newWorldOf(t, emulator.Options{Clock: c}, opportunities)
	w.settle()
	w.seer.play(late)
	w.live(1)
	for range 10 {
		c.Advance(time.Minute)
		must(t, w.org.Update("Account", w.org.Records("Account")[5]["Id"].(string), map[string]any{"Website": "https://" + c.Now().Format("150405") + ".example"}, c.Now()))
		if r := w.run("all"); !r.isDone() {
			t.Errorf("exit %d: %s", r.code, r.text)
		}
	}
	c.Advance(10 * time.Minute)
	w.check()
}

// TestStampsThatAreShared: a batch gives many records one instant, again and again.
func TestStampsThatAreShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settle()
	w.seer.play(stamped)
	for n := range 4 {
		w.live(n + 1)
		shown := w.seer.shown()
		w.checkPulled(shown, w.run("pull"))
	}
	w.check()
}

// TestClocksThatJump: the org's clock goes back and forth by less than the overlap,
// and forth by days; what comes after a jump back is stamped behind what was read.
func TestClocksThatJump(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(clock.System{}.Now())
	w := newWorldOf(t, emulator.Options{Clock: c}, opportunities)
	for n, jump := range []time.Duration{0, 5 * time.Minute, -7 * time.Minute, 26 * time.Hour, -9 * time.Minute, -30 * time.Second} {
		c.Advance(jump)
		if jump < 0 {
			w.sell(n)
		} else {
			w.live(n + 1)
		}
		shown := w.seer.shown()
		r := w.run("all")
		w.checkPulled(shown, r)
		if !r.isDone() {
			t.Errorf("after a jump of %s: exit %d\n%s", jump, r.code, r.text)
		}
	}
	w.check()
}

// TestARecordThatIsStampedBackwards: a record changes again with an earlier stamp than
// before, because the org's clock went back. To a pull it looks older than what it has; a
// recount makes what the org shows count.
func TestARecordThatIsStampedBackwards(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(clock.System{}.Now())
	w := newWorldOf(t, emulator.Options{Clock: c}, opportunities)
	id := w.org.Records("Opportunity")[0]["Id"].(string)
	must(t, w.org.Update("Opportunity", id, map[string]any{"Amount": "1000"}, c.Now()))
	w.settle()
	must(t, w.org.Update("Opportunity", id, map[string]any{"Amount": "2000"}, c.Now().Add(-5*time.Second)))
	c.Advance(time.Hour) // until then a recount leaves it to the next pull
	w.settle()
	if r := w.run("recount"); !r.isDone() {
		t.Errorf("recount exits with %d\n%s", r.code, r.text)
	}
	w.settle()
	w.checkSales()
	w.checkVerify()
	w.checkSalesforce()
	w.checkNothingChanges()
}

// TestJobsThatNeverEnd: Salesforce takes Bulk jobs and never ends them. The program loses
// patience, says so and leaves them; when they are aborted, a day later, or are gone,
// everything goes on.
func TestJobsThatNeverEnd(t *testing.T) {
	t.Parallel()
	c := clock.NewManual(instant("2026-10-20T06:00:00Z"))
	w := newWorldOf(t, emulator.Options{Clock: c}, opportunities)
	runner := newRunner(t, w.db, how{url: w.seer.url, clock: c, pull: pull.Bulk, push: push.APIBulk, patience: 100 * time.Millisecond})
	pass := func(names ...string) schedule.Run {
		runs, err := runner.RunOnce(t.Context(), names, stage.Options{Actor: "test"})
		last := runs[len(runs)-1]
		if (err != nil) != (last.Status == stage.Failed) {
			t.Errorf("%s is %q and gave %v", last.Stage, last.Status, err)
		}
		return last
	}
	w.seer.play(stuck)
	if r := pass(stage.Pull); r.Status == stage.OK {
		t.Errorf("while jobs that read never end: %+v", r)
	}
	w.seer.behave()
	pass(stage.Pull, stage.Reconcile, stage.Accrue)
	w.seer.play(stuck)
	if r := pass(stage.Push); !strings.Contains(fmt.Sprint(r.Report.Notices), "still at work") {
		t.Errorf("while jobs that write never end: %+v", r)
	}
	if w.seer.played() == 0 {
		t.Error("no job was made")
	}
	w.seer.behave()
	if r := pass(stage.Push); !strings.Contains(fmt.Sprint(r.Report.Notices), "still at work") {
		t.Errorf("while an old job has not ended: %+v", r)
	}
	c.Advance(25 * time.Hour)
	pass(stage.Push)
	w.check()
}
