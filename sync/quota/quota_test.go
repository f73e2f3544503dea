package quota

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/pull"
	"github.com/partnersync/partnersync/sync/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// fixture is an org that allows 1,000 requests a day, and a governor between it and a
// stage that makes as many as it is told to.
type fixture struct {
	*Governor
	t      *testing.T
	org    *emulator.Org
	url    string
	clock  *clock.Manual
	waited []time.Duration
	make   int
	made   int
}

func newFixture(t *testing.T, p Policy) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: clock.NewManual(noon), make: 1}
	f.org = emulator.New(emulator.Options{Clock: f.clock, DailyLimit: 1000})
	s, err := emulator.Serve(context.Background(), f.org, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f.url = s.URL()
	f.Governor = f.governor(pgtest.New(t), p)
	return f
}

// governor gives one with a client of its own, as another process has.
func (f *fixture) governor(db *sqlx.DB, p Policy) *Governor {
	f.t.Helper()
	c, err := salesforce.New(salesforce.Config{LoginURL: f.url, ClientID: emulator.DemoClientID, ClientSecret: emulator.DemoClientSecret,
		Clock: f.clock, MaxAttempts: 1})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.Close)
	return New(Config{DB: db, Org: c, Policy: p, Clock: f.clock, wait: func(_ context.Context, d time.Duration) error {
		f.waited = append(f.waited, d)
		return nil
	}})
}

// worker is a stage that makes requests.
type worker struct {
	*fixture
	name string
	org  *salesforce.Client
}

func (w worker) Name() string { return w.name }

func (w worker) Run(ctx context.Context, _ stage.Options) (r stage.Report, err error) {
	for w.made = 0; w.made < w.make; w.made++ {
		if _, err := w.org.Describe(ctx, "Account"); err != nil {
			return r, fmt.Errorf("read Account: %w", err)
		}
	}
	return r, nil
}

func (f *fixture) run(g *Governor, name string, o stage.Options) stage.Report {
	f.t.Helper()
	r, err := g.Guard(worker{fixture: f, name: name, org: g.Org.(*salesforce.Client)}).Run(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

func (f *fixture) look() Standing {
	f.t.Helper()
	s, err := Look(f.t.Context(), f.DB, f.Policy, f.clock.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func share(t *testing.T, s string) Share {
	t.Helper()
	v, err := ParseShare(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAShareIsANumberOrAPartOfTheDailyRequests(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "0": 0, "0%": 0, "20%": 200, " 12.5 % ": 125, "300": 300, "5_000": 1000, "100%": 1000, "0.01%": 1} {
		if got := share(t, text).Of(1000); got != want {
			t.Errorf("%q of 1000: %d, want %d", text, got, want)
		}
		if again := share(t, share(t, text).String()).Of(1000); again != want {
			t.Errorf("%q is written as %q", text, share(t, text))
		}
	}
	for _, text := range []string{"-1", "101%", "-1%", "x", "%", "NaN%", "1e3", "20 per cent"} {
		if _, err := ParseShare(text); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestEveryRequestIsCountedByStageAndKind(t *testing.T) {
	f := newFixture(t, DefaultPolicy())
	f.make = 120 // more than are written down at once
	r := f.run(f.Governor, stage.Pull, stage.Options{})
	want := []stage.Count{{Name: "describe", N: 120}, {Name: "limits", N: 1}, {Name: "login", N: 1}}
	if diff := cmp.Diff(want, r.Calls); diff != "" {
		t.Error(diff)
	}
	f.make = 3
	f.run(f.Governor, stage.Push, stage.Options{})
	s := f.look()
	if len(s.Jobs) != 2 || s.Jobs[0].Calls != 122 || s.Jobs[1].Calls != 3 || s.Jobs[1].Kinds["describe"] != 3 {
		t.Errorf("%+v", s.Jobs)
	}
	if total := f.org.Requests().Total; int64(total) != 125 {
		t.Errorf("the org counted %d", total)
	}
	if s.State != Open || s.Used != 124 || s.Allowed != 1000 || s.Reserve != 200 {
		t.Errorf("%+v", s)
	}
	f.clock.Advance(25 * time.Hour)
	if s := f.look(); len(s.Jobs) != 0 || s.State != Unknown {
		t.Errorf("a day later: %+v", s)
	}
}

func TestADryRunCountsAndWritesNothing(t *testing.T) {
	f := newFixture(t, DefaultPolicy())
	if r := f.run(f.Governor, stage.Pull, stage.Options{DryRun: true}); r.CallsMade() != 3 {
		t.Errorf("%v", r.Calls)
	}
	if s := f.look(); len(s.Jobs) != 0 || !s.HeardAt.IsZero() {
		t.Errorf("%+v", s)
	}
}

func TestAtTheReserveAJobIsPutOffAndDoneLater(t *testing.T) {
	f := newFixture(t, DefaultPolicy())
	f.make = 5
	f.org.SetUsage(798) // the question for the limits is one, and one is left for the job
	r := f.run(f.Governor, stage.Pull, stage.Options{})
	if f.made != 1 || !strings.Contains(r.Deferred, "no request is left above the reserve of 200 (the org has used 800 of 1000)") {
		t.Errorf("made %d: %q", f.made, r.Deferred)
	}
	if len(r.Warnings) != 1 || r.Warnings[0].Kind != stage.OutOfQuota || r.Warnings[0].Subject != stage.Pull || r.Status(nil) != stage.OK {
		t.Errorf("%+v", r)
	}
	if s := f.look(); s.State != Held || s.AskedFrom == nil || !s.AskedFrom.Equal(s.HeardAt.Add(freshFor)) {
		t.Errorf("%+v, asked again from %v", s, s.AskedFrom)
	}
	// Another process knows, and asks nobody.
	asked := func() int { r := f.org.Requests(); return r.Total - r.Login }
	before := asked()
	r = f.run(f.governor(f.DB, f.Policy), stage.Push, stage.Options{})
	if f.made != 0 || r.Deferred == "" || asked() != before {
		t.Errorf("made %d, %d requests, %q", f.made, asked()-before, r.Deferred)
	}
	// The others have stopped, which nobody told us: when what we know is old, we ask.
	f.org.SetUsage(10)
	f.clock.Advance(freshFor)
	if r := f.run(f.Governor, stage.Pull, stage.Options{}); r.Deferred != "" || f.made != 5 || len(r.Warnings) != 0 {
		t.Errorf("made %d: %q", f.made, r.Deferred)
	}
}

func TestAJobSpendsItsShareOfADayAndNoMore(t *testing.T) {
	p := DefaultPolicy()
	p.Jobs = map[string]Share{stage.Push: share(t, "1%"), stage.Pull: share(t, "")}
	f := newFixture(t, p)
	f.make = 7
	f.run(f.Governor, stage.Push, stage.Options{})
	r := f.run(f.Governor, stage.Push, stage.Options{}) // 7 + the limits + 2
	if f.made != 2 || !strings.Contains(r.Deferred, "no request is left of the job's 10 in 24 hours") {
		t.Errorf("made %d: %q", f.made, r.Deferred)
	}
	if r := f.run(f.Governor, stage.Pull, stage.Options{}); r.Deferred != "" || f.made != 7 {
		t.Errorf("another job is held back too: %q", r.Deferred)
	}
	f.clock.Advance(25 * time.Hour)
	if r := f.run(f.Governor, stage.Push, stage.Options{}); r.Deferred != "" {
		t.Errorf("the next day: %q", r.Deferred)
	}
}

func TestInTheBandAboveTheReserveRequestsAreSpread(t *testing.T) {
	f := newFixture(t, DefaultPolicy())
	f.make = 3
	f.org.SetUsage(650)
	if f.run(f.Governor, stage.Pull, stage.Options{}); len(f.waited) != 0 {
		t.Errorf("below the band it waited %v", f.waited)
	}
	f.org.SetUsage(720)
	f.make = 5
	r := f.run(f.Governor, stage.Pull, stage.Options{})
	if len(f.waited) < 3 || f.made != 5 || r.Deferred != "" || f.look().State != Slow {
		t.Errorf("made %d, waited %v, %q", f.made, f.waited, r.Deferred)
	}
	if last := f.waited[len(f.waited)-1]; last < time.Second { // two seconds for each, and they pile up
		t.Errorf("waited only %v", f.waited)
	}
	if len(r.Notices) != 1 || !strings.Contains(r.Notices[0], "Requests to Salesforce are spread") {
		t.Errorf("%q", r.Notices)
	}
}

func TestAPassThatIsWorthNothingByHalvesIsNotBegunIfItCannotFinish(t *testing.T) {
	f := newFixture(t, DefaultPolicy())
	f.make, f.Whole = 90, []string{stage.Verify}
	f.LastCalls = func(_ context.Context, name string) (int64, error) {
		if name != stage.Verify {
			t.Errorf("asked of %s", name)
		}
		return 90, nil
	}
	f.org.SetUsage(720)
	f.made = -1
	r := f.run(f.Governor, stage.Verify, stage.Options{})
	if f.made != -1 || !strings.Contains(r.Deferred, "verify would make some 90 requests to Salesforce, and 79 are left above the reserve") || len(r.Warnings) != 1 {
		t.Errorf("made %d: %+v", f.made, r)
	}
	f.org.SetUsage(0)
	f.clock.Advance(time.Hour)
	if r := f.run(f.Governor, stage.Verify, stage.Options{}); f.made != 90 || r.Deferred != "" {
		t.Errorf("made %d: %q", f.made, r.Deferred)
	}
}

func TestAnOrgThatRefusesToTellItsLimitsSaysThemInTheNextHeader(t *testing.T) {
	f := newFixture(t, DefaultPolicy())
	f.make = 5
	f.org.SetUsage(900)
	f.org.FailTimes(10, "/limits", emulator.Fault{Status: 403, Body: `[{"errorCode":"INSUFFICIENT_ACCESS","message":"no"}]`})
	if r := f.run(f.Governor, stage.Pull, stage.Options{}); r.Deferred == "" || f.made > 1 {
		t.Errorf("made %d: %q", f.made, r.Deferred)
	}
}

func TestAQuotaThatTheOrgSaysIsUsedUpPutsTheJobOff(t *testing.T) {
	f := newFixture(t, Policy{}) // no reserve
	f.org.SetUsage(995)
	f.make = 10
	r := f.run(f.Governor, stage.Push, stage.Options{})
	if f.made != 4 || r.Deferred == "" || len(r.Warnings) != 1 {
		t.Errorf("made %d: %+v", f.made, r)
	}
}

// An org that refuses the login for want of requests says no numbers. The job is put off all
// the same, and somebody is told: a run that did nothing must not look like one that went well.
func TestAnOrgThatRefusesTheLoginForWantOfRequestsPutsTheJobOff(t *testing.T) {
	f := newFixture(t, DefaultPolicy())
	for name, s := range map[string]stage.Stage{
		"a worker": worker{fixture: f, name: stage.Push, org: f.Org.(*salesforce.Client)},
		"pull":     pull.New(pull.Config{DB: f.DB, Source: f.Org.(*salesforce.Client), Mapping: mapping.Default(), Clock: f.clock}),
	} {
		f.org.FailTimes(2, "/token", emulator.Fault{Status: 403, Body: `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]`})
		r, err := f.Guard(s).Run(t.Context(), stage.Options{})
		if err != nil || !strings.HasSuffix(r.Deferred, "exceeded; a later run does the rest") || len(r.Warnings) != 1 || r.Warnings[0].Kind != stage.OutOfQuota {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// What was known before a refusal is not shown after it: none is left, and nobody asks again
// for a while, in whichever process.
func TestAfterARefusalAtTheLoginNoRequestIsSaidToBeLeft(t *testing.T) {
	f := newFixture(t, DefaultPolicy())
	f.run(f.Governor, stage.Pull, stage.Options{})
	if s := f.look(); s.State != Open || s.Left < 990 {
		t.Fatalf("%+v", s)
	}
	other := f.governor(f.DB, f.Policy) // which has to log in
	f.org.FailTimes(3, "/token", emulator.Fault{Status: 403, Body: `[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]`})
	for _, when := range []string{"what is known is young", "it is old, and the org is asked first"} {
		r := f.run(other, stage.Push, stage.Options{})
		if s := f.look(); r.Deferred == "" || s.State != Held || s.Left != 0 || s.Allowed != 1000 || !s.HeardAt.Equal(f.clock.Now()) || s.AskedFrom == nil {
			t.Errorf("%s: %+v, %q", when, s, r.Deferred)
		}
		f.clock.Advance(freshFor)
	}
	f.org.FailTimes(0, "/token", emulator.Fault{})
	if r := f.run(other, stage.Push, stage.Options{}); r.Deferred != "" || f.look().State != Open {
		t.Errorf("it is over: %+v, %q", f.look(), r.Deferred)
	}
}

// Nothing is lost: what a pull could not read for want of requests, later pulls read.
func TestAPullThatIsPutOffIsDoneByLaterOnes(t *testing.T) {
	f := newFixture(t, DefaultPolicy())
	const accounts, usage = 3000, 765
	for i := range accounts {
		if _, err := f.org.Insert("Account", map[string]any{"Name": fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	s := f.Guard(pull.New(pull.Config{DB: f.DB, Source: f.Org.(*salesforce.Client), Mapping: mapping.Default(), Clock: f.clock, PageSize: 200}))
	f.org.SetUsage(usage)
	put := 0
	for runs := 0; ; runs++ {
		if runs == 20 {
			t.Fatal("it is never done")
		}
		r, err := s.Run(t.Context(), stage.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Deferred == "" {
			break
		}
		put++
		if used := f.look().Used; used > 801 {
			t.Errorf("%d are used, and 800 are the others'", used)
		}
		f.clock.Advance(time.Hour)
		f.org.SetUsage(usage)
	}
	var staged int
	if err := f.DB.Get(&staged, `select count(*) from staging.record where object = 'Account'`); err != nil {
		t.Fatal(err)
	}
	if staged != accounts || put == 0 {
		t.Errorf("%d of %d accounts are staged; it was put off %d times", staged, accounts, put)
	}
}
