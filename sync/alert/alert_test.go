package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// box is a channel that keeps what it is sent, or does what it is told.
type box struct {
	mu   sync.Mutex
	got  []Notice
	send func(ctx context.Context, n Notice) error
}

func (*box) Name() string { return "webhook" }

func (b *box) Send(ctx context.Context, n Notice) error {
	if b.send != nil {
		if err := b.send(ctx, n); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, n)
	return nil
}

// told gives what came since it was asked last: "opened failed pull".
func (b *box) told() (out []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.got {
		out = append(out, n.Event+" "+n.Kind+" "+n.Subject)
	}
	b.got = nil
	return out
}

type fixture struct {
	*Watcher
	t     *testing.T
	clock *clock.Manual
	box   *box
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: clock.NewManual(noon), box: &box{}}
	f.Watcher = f.replica(pgtest.New(t), f.box)
	return f
}

func (f *fixture) replica(db *sqlx.DB, b *box) *Watcher {
	f.t.Helper()
	table, err := schedule.NewTimetable(map[string]string{schedule.All: "*/5 * * * *"}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return New(Config{DB: db, Clock: f.clock, Watch: watch.Config{Timetable: table}, Channels: []Channel{b},
		DriftKinds: []string{"salesforce_drift"}, From: "Acme"})
}

func (f *fixture) exec(query string, args ...any) {
	f.t.Helper()
	if _, err := f.DB.Exec(query, args...); err != nil {
		f.t.Fatal(err)
	}
}

// ran writes a run that ended now.
func (f *fixture) ran(stage, status, report, failure string) {
	f.t.Helper()
	f.exec(`insert into job.run (stage, actor, started_at, finished_at, status, report, error) values ($1, 'schedule', $2, $2, $3, $4, $5)`,
		stage, f.clock.Now(), status, report, failure)
}

// want looks once and holds what was told of it.
func (f *fixture) want(when string, want ...string) {
	f.t.Helper()
	if err := f.Once(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	if got := f.box.told(); !slices.Equal(got, want) {
		f.t.Errorf("%s: told %q, want %q", when, got, want)
	}
	f.clock.Advance(time.Minute)
}

func TestAFailureIsToldOnceAndSoIsItsEnd(t *testing.T) {
	f := newFixture(t)
	f.want("at first")
	f.ran("pull", "ok", `{}`, "")
	f.want("all is well")
	f.ran("pull", "failed", `{}`, "login refused at 12:01\nCheck the password.")
	f.want("it failed", "opened failed pull")
	f.want("a look later")
	f.ran("pull", "failed", `{}`, "login refused at 12:03\nCheck the password.")
	f.want("it failed again")
	f.ran("pull", "ok", `{"deferred":"the reserve","warnings":[{"kind":"quota","subject":"pull","text":"No request is left."}]}`, "")
	f.want("put off, which is no recovery", "opened quota pull")
	f.ran("pull", "failed", `{}`, "the disk is full")
	f.want("another failure, too soon after the first") // and nobody knows of the quota
	if list, err := List(t.Context(), f.DB, 0); err != nil || list[0].Text != "The disk is full." {
		t.Errorf("who looks sees the failure of before: %+v, %v", list, err)
	}
	f.clock.Advance(changePause)
	f.want("another failure", "changed failed pull")
	f.clock.Advance(DefaultRemind)
	f.want("a day later", "reminder failed pull", "reminder quota pull")
	f.ran("pull", "ok with problems", `{}`, "")
	f.want("it runs", "recovered failed pull", "recovered quota pull")
	f.want("and goes on")
	f.ran("pull", "failed", `{}`, "the disk is full")
	f.want("the next time", "opened failed pull")
	open, err := List(t.Context(), f.DB, 10)
	if err != nil || len(open) != 3 || open[0].Title != "pull failed" || open[0].ClosedAt != nil || open[1].ClosedAt == nil || open[1].Sent == 0 {
		t.Errorf("%+v, %v", open, err)
	}
}

func TestAQuarantineThatGrowsIsToldAgain(t *testing.T) {
	f := newFixture(t)
	put := func(n int) {
		f.exec(`delete from outbox.record`)
		for i := range n {
			f.exec(`insert into outbox.record (object, key, marked_at, quarantined_at) values ('commission', $1, now(), now())`, fmt.Sprint(i))
		}
	}
	put(2)
	f.want("two", "opened quarantine commission")
	put(3)
	f.want("three, at once")
	f.clock.Advance(changePause)
	f.want("three", "changed quarantine commission")
	put(1)
	f.clock.Advance(changePause)
	f.want("less")
	put(2)
	f.want("it grows again", "changed quarantine commission")
	put(0)
	f.want("none", "recovered quarantine commission")
}

func TestAJobThatIsLateIsToldUntilItRuns(t *testing.T) {
	f := newFixture(t)
	f.exec(`insert into job.tick values ('all', $1)`, noon.Add(-time.Hour))
	f.want("it has not run for an hour", "opened late all")
	f.ran("pull", "ok", `{}`, "")
	f.ran("push", "ok", `{}`, "")
	f.want("it has", "recovered late all")
}

func TestOfSeveralReplicasOneTells(t *testing.T) {
	f := newFixture(t)
	f.ran("pull", "failed", `{}`, "x")
	var all sync.WaitGroup
	for range 4 {
		w := f.replica(f.DB, f.box)
		all.Go(func() {
			for range 3 {
				if err := w.Once(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := f.box.told(); !slices.Equal(got, []string{"opened failed pull"}) {
		t.Errorf("told %q", got)
	}
}

// A process that is killed after it has sent, and before it could say so, has it sent again
// by another: twice rather than never, and with the same id.
func TestAMessageWhoseSenderDiesIsSentAgainUnderItsId(t *testing.T) {
	f := newFixture(t)
	f.ran("pull", "failed", `{}`, "x")
	ctx, kill := context.WithCancel(t.Context())
	var first Notice
	f.box.send = func(_ context.Context, n Notice) error {
		first = n
		kill()
		return nil
	}
	if err := f.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.Deliver(ctx); err == nil {
		t.Error("a sender that was killed says that all is well")
	}
	b := &box{}
	if err := f.replica(f.DB, b).Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.got) != 1 || b.got[0].ID != first.ID || first.ID == "" {
		t.Errorf("first %+v, then %+v", first, b.got)
	}
}

func TestWhatCannotBeSentIsTriedAgainInOrderAndGivenUpInTheEnd(t *testing.T) {
	f := newFixture(t)
	isDown := true
	f.box.send = func(context.Context, Notice) error {
		if isDown {
			return errors.New("it answered 503")
		}
		return nil
	}
	f.ran("pull", "failed", `{}`, "x")
	f.want("it is down")
	f.ran("pull", "ok", `{}`, "")
	f.want("and over, which must not be told before it began")
	list, err := List(t.Context(), f.DB, 10)
	if err != nil || len(list) != 1 || list[0].Waiting != 2 || !strings.Contains(list[0].Trouble, "503") {
		t.Errorf("%+v, %v", list, err)
	}
	f.clock.Advance(time.Hour)
	isDown = false
	f.want("it is up", "opened failed pull", "recovered failed pull")

	isDown = true
	f.ran("push", "failed", `{}`, "x")
	for range maxAttempts + 5 {
		f.want("it stays down")
		f.clock.Advance(lastPause)
	}
	if list, err = List(t.Context(), f.DB, 0); err != nil || len(list) != 1 || list[0].GivenUp != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestPausesDoubleUpToAnHour(t *testing.T) {
	for attempts, want := range map[int]time.Duration{0: 30 * time.Second, 1: time.Minute, 3: 4 * time.Minute, 6: 32 * time.Minute, 7: time.Hour, 1000: time.Hour} {
		if got := pause(attempts); got != want {
			t.Errorf("after %d: %s, want %s", attempts, got, want)
		}
	}
}

func TestANoticeReadsWell(t *testing.T) {
	n := Notice{Event: EventRecovered, Kind: Failed, Subject: "pull", Alert: 7, Title: "pull failed\r\nBcc: evil@example.com", Text: "login refused.", Hint: "Check it.", From: "Acme", OpenedAt: noon, At: noon.Add(time.Hour)}
	if got := n.Headline(); got != "Partnersync of Acme: Over: pull failed  Bcc: evil@example.com" {
		t.Error(got)
	}
	if got := n.Letter(); !strings.Contains(got, "It is over since 2026-11-20 13:00:00Z.") || strings.Contains(got, "Check it.") || !strings.Contains(got, "alert 7") {
		t.Error(got)
	}
}

// A message that something is over says so in its headline, and tells nobody what to do.
func TestWhatIsOverAsksForNothing(t *testing.T) {
	f := newFixture(t)
	f.ran("pull", "failed", `{}`, "the disk is full\nMake room.")
	f.exec(`update job.run set worker = 'vm/17'`)
	f.exec(`insert into outbox.record (object, key, marked_at, quarantined_at) values ('partner', 'x', now(), now())`)
	if err := f.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.ran("pull", "ok", `{}`, "")
	if err := f.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range f.box.got {
		got = append(got, n.Line+" | "+n.Text+" | "+n.Hint)
	}
	want := []string{
		"Partnersync of Acme: pull failed | The disk is full. It ran on vm/17. | Make room. The next run tries again; `partnersync status` shows how it went.",
		"Partnersync of Acme: 1 partner record quarantined | Salesforce refuses 1 partner record, and will until somebody mends the cause. | " +
			"`partnersync outbox list --state quarantined` says why; then `partnersync outbox retry`.",
		"Partnersync of Acme: Over: pull failed | The disk is full. It ran on vm/17. | ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestASentenceBeginsAndEndsLikeOne(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "",
		"login refused":                          "Login refused.",
		"interrupted: it froze.":                 "Interrupted: it froze.",
		"pull is late":                           "pull is late.",
		"https://acme.example does not answer":   "https://acme.example does not answer.",
		"Opportunity.Amount is gone":             "Opportunity.Amount is gone.",
		"sfLma__License__c has no such a column": "sfLma__License__c has no such a column.",
	} {
		if got := sentence(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
