package portal

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/migrations"
	"github.com/partnersync/partnersync/sync/alert"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/quota"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/staging"
	"github.com/partnersync/partnersync/sync/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

var now = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// made is a Summary that says what it is told.
type made struct {
	snapshot
	err   error
	reads atomic.Int32
}

func (m *made) Latest(context.Context) ([]schedule.Run, error) {
	m.reads.Add(1)
	return m.latest, m.err
}

func (m *made) History(context.Context, int) ([]schedule.Run, error) { return m.history, nil }

func (m *made) LastSuccess(context.Context) (map[string]time.Time, error) { return m.successes, nil }

func (m *made) Balances(context.Context) ([]book.Balance, error) { return m.balances, nil }

func (m *made) Discrepancies(context.Context) ([]ledger.DiscrepancyCount, error) {
	return m.discrepancies, nil
}

func (m *made) Outbox(context.Context) ([]outbox.Tally, error) { return m.outbox, nil }

func (m *made) Watch(context.Context) (watch.State, error) { return m.watch, nil }

func (m *made) Alerts(context.Context) ([]alert.Alert, error) { return m.alerts, nil }

func example() *made {
	at := func(d time.Duration) time.Time { return now.Add(-d) }
	pull := schedule.Run{ID: 9, Stage: stage.Pull, Actor: "schedule", Worker: "vm/17", StartedAt: at(40 * time.Second),
		Progress: schedule.Progress{SeenAt: at(time.Second), What: "Space__c", Done: 1200, Total: 5000}}
	reconcile := schedule.Run{ID: 8, Stage: stage.Reconcile, Actor: "schedule", StartedAt: at(5 * time.Minute), FinishedAt: at(4 * time.Minute),
		Status: stage.WithProblems, Report: stage.Report{Problems: 3, Notices: []string{"Lead is not there: its mapping is off"},
			Counts: []stage.Count{{Name: "records", N: 12345}, {Name: "spaces_changed", N: 7}}}}
	accrue := schedule.Run{ID: 7, Stage: stage.Accrue, Actor: "<b>ann</b>", StartedAt: at(50 * time.Hour), FinishedAt: at(50*time.Hour - 1500*time.Millisecond),
		Status: stage.Failed, Error: "accrue 0065g<script>: no plan\nApply a plan."}
	return &made{snapshot: snapshot{
		latest:    []schedule.Run{pull, reconcile, accrue},
		history:   []schedule.Run{pull, reconcile, accrue},
		successes: map[string]time.Time{stage.Pull: at(time.Hour), stage.Reconcile: at(4 * time.Minute)},
		balances: []book.Balance{
			{PayeeID: "JP0001", Partner: "Kaisha", Currency: "JPY", Accrued: 1234567, Lines: 2},
			{PayeeID: "FG3877", Partner: "Acme & Sons", Currency: "USD", Accrued: 1234567890, Lines: 1200},
			{PayeeID: "ZZ0001", Currency: "USD", Accrued: -5, Lines: 1},
		},
		discrepancies: []ledger.DiscrepancyCount{
			{Kind: "unknown_partner_id", Rule: "R2.8", IsHold: true, Open: 4},
			{Kind: "creator_mismatch", Rule: "R2.3", Open: 1},
		},
		outbox: []outbox.Tally{{Object: "commission", Unsent: 5000, Waiting: 2, Quarantined: 1}},
		watch:  watching(at),
		alerts: []alert.Alert{{ID: 3, Kind: alert.Quarantine, Subject: "commission", Title: "1 commission record quarantined", Text: "Salesforce refuses <1> record.",
			Hint: "Look at it.", OpenedAt: at(3 * time.Hour)}},
	}}
}

// watching is how the sync of the example fares.
func watching(at func(time.Duration) time.Time) watch.State {
	since := func(d time.Duration) *time.Time { t := at(d); return &t }
	budget := int64(5000)
	return watch.State{
		Objects: []staging.Freshness{{Object: "Opportunity", ReadTo: at(4 * time.Minute)}, {Object: "Space__c", ReadTo: at(49 * time.Hour), Waits: 1204, WaitsSince: since(3 * time.Minute)}},
		Due:     book.Due{Sources: 12, Since: since(time.Minute)},
		Outbox:  []outbox.Age{{Object: "commission", UnsentSince: since(2 * time.Hour), QuarantinedSince: since(72 * time.Hour)}},
		Late:    []schedule.Lateness{{Name: "verify", Due: at(7 * time.Hour)}},
		Replicas: []schedule.Replica{
			{Name: "vm/17", Version: "1.4.0", StartedAt: at(26 * time.Hour), Silent: 3, Leads: []string{"pull"}, Parts: 2},
			{Name: "vm/18", Version: "1.4.0", StartedAt: at(26 * time.Hour), Silent: 8},
			{Name: "old/<9>", Version: "1.3.2", StartedAt: at(90 * time.Hour), Silent: 25},
			{Name: "lost/1", Version: "1.3.2", StartedAt: at(90 * time.Hour), Silent: 780},
		},
		Quota: quota.Standing{Reading: quota.Reading{Used: 75_000, Allowed: 100_000, HeardAt: at(time.Minute)}, State: quota.Slow, Left: 25_000, Reserve: 20_000,
			Jobs: []quota.Spent{{Stage: "pull", Calls: 4200, Kinds: map[string]int64{"query": 4000, "describe": 200}, Budget: &budget}}},
	}
}

func handler(t *testing.T, c Config) http.Handler {
	t.Helper()
	c.Log = zap.NewNop()
	if c.Clock == nil {
		c.Clock = clock.NewManual(now)
	}
	return New(c)
}

func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	return askOf(h, "127.0.0.1:8080", method, path)
}

func askOf(h http.Handler, host, method, path string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
	r.Host = host
	h.ServeHTTP(w, r)
	return w
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (go test -update writes it anew): %s", path, diff)
	}
}

func TestThePage(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	h := handler(t, Config{Summary: example(), Zone: berlin, Version: "1.2.3", Next: func() []schedule.Due {
		return []schedule.Due{{Name: stage.Push, At: now.Add(time.Hour)}, {Name: schedule.All, At: now.Add(2 * time.Hour)}}
	}})
	w := ask(h, "GET", "/")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	golden(t, "status.html", w.Body.String())
	for _, raw := range []string{"<script", "<b>ann", "style="} {
		if strings.Contains(w.Body.String(), raw) {
			t.Errorf("the page holds %q", raw)
		}
	}
}

func TestThePageOfANewInstallation(t *testing.T) {
	h := handler(t, Config{DB: pgtest.New(t)})
	w := ask(h, "GET", "/")
	if w.Code != http.StatusOK {
		t.Errorf("%d", w.Code)
	}
	golden(t, "new.html", w.Body.String())
}

// With four eyes off every page says so, also one that has nothing else to say.
func TestR8_5_EveryPageSaysThatFourEyesAreOff(t *testing.T) {
	const says = "Four eyes are off: one person may approve what he entered himself."
	for name, summary := range map[string]Summary{"a full page": example(), "a database that does not answer": &made{err: errors.New("gone")}} {
		for _, off := range []bool{true, false} {
			w := ask(handler(t, Config{Summary: summary, OneApproves: off}), "GET", "/")
			if strings.Contains(w.Body.String(), says) != off {
				t.Errorf("%s, off %v: %s", name, off, w.Body)
			}
		}
	}
}

func TestThePageOfADatabaseThatDoesNotAnswer(t *testing.T) {
	h := handler(t, Config{Summary: &made{err: errors.New("dial tcp 10.0.0.7: password of joe")}})
	w := ask(h, "GET", "/")
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "joe") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/metrics"); !strings.Contains(w.Body.String(), "partnersync_state_readable 0\n") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// A replica that is gone leaves a run that seems to go on: the page says that nobody hears
// of it, and of one that was given up that nobody knows how long it took. What an open
// alert says of a job that is late is not said twice.
func TestThePageSaysWhatAReplicaLeftThatIsGone(t *testing.T) {
	m := example()
	m.latest[0].StartedAt, m.latest[0].Progress.SeenAt = now.Add(-time.Hour), now.Add(-2*time.Minute)
	m.latest[1].Interrupted, m.latest[1].Status = true, stage.Failed
	m.watch.Due.Sources = 1
	m.alerts = append(m.alerts, alert.Alert{Kind: alert.Late, Subject: "verify", Title: "verify is late", OpenedAt: now})
	page := ask(handler(t, Config{Summary: m}), "GET", "/").Body.String()
	for _, want := range []string{"by schedule on vm/17", "Nobody has heard of it for 2 min 0 s", "Took at least 1 min 0 s", "1 source is due to be worked out."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, "verify was due") {
		t.Error("the page says twice that verify is late")
	}
}

// While jobs are put off all is not well, and the page says it once, and until when.
func TestThePageSaysThatJobsArePutOff(t *testing.T) {
	r := stage.Report{Deferred: "no request is left", Counts: []stage.Count{{Name: "partner written"}}, Calls: []stage.Count{{Name: "limits", N: 1}}}
	r.Warn(stage.OutOfQuota, stage.Push, "The job push is put off: no request is left.")
	from := now.Add(8 * time.Minute)
	m := &made{snapshot: snapshot{
		latest: []schedule.Run{{Stage: stage.Push, Actor: "schedule", StartedAt: now.Add(-time.Minute), FinishedAt: now, Status: stage.OK, Report: r}},
		watch:  watch.State{Quota: quota.Standing{Reading: quota.Reading{Used: 100_000, Allowed: 100_000, HeardAt: now.Add(-2 * time.Minute)}, State: quota.Held, Reserve: 20_000, AskedFrom: &from}},
	}}
	page := ask(handler(t, Config{Summary: m}), "GET", "/").Body.String()
	for _, want := range []string{"Put off, because Salesforce’s requests are spent: push.", "Deferred: no request is left", "1 request to Salesforce", "runs do not even ask"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, not := range []string{"Nothing new", "The job push is put off", "All is well"} {
		if strings.Contains(page, not) {
			t.Errorf("the page says %q", not)
		}
	}
}

func TestTheVerdict(t *testing.T) {
	done := map[string]time.Time{stage.Pull: now, stage.Reconcile: now, stage.Accrue: now, stage.Push: now}
	for tone, snap := range map[string]snapshot{
		"idle": {},
		"good": {successes: done, outbox: []outbox.Tally{{Unsent: 3}}},
		"warn": {successes: done, discrepancies: []ledger.DiscrepancyCount{{Open: 1}}},
		"bad":  {successes: done, latest: []schedule.Run{{Stage: stage.Push, Status: stage.Failed}}, discrepancies: []ledger.DiscrepancyCount{{Open: 1}}},
	} {
		if got := judge(snap); got.Tone != tone {
			t.Errorf("got %v, want %s", got, tone)
		}
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	h := handler(t, Config{Summary: example(), DB: pgtest.New(t)})
	for _, tc := range []struct {
		method, path string
		code         int
	}{
		{"GET", "/", 200}, {"HEAD", "/", 200}, {"POST", "/", 405}, {"DELETE", "/metrics", 405}, {"PUT", "/readyz", 405},
		{"GET", "/healthz", 200}, {"GET", "/readyz", 200}, {"GET", "/metrics", 200}, {"GET", "/index.html", 404},
		{"GET", "/static/portal.css", 200}, {"GET", "/static/mark.svg", 200}, {"GET", "/static/", 404}, {"GET", "/static/../portal.go", 307},
	} {
		w := ask(h, tc.method, tc.path)
		if w.Code != tc.code {
			t.Errorf("%s %s: %d, want %d", tc.method, tc.path, w.Code, tc.code)
		}
		if w.Code == 405 && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow is %q", tc.method, tc.path, w.Header().Get("Allow"))
		}
		for key, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
			if got := w.Header().Get(key); got != want {
				t.Errorf("%s %s: %s is %q", tc.method, tc.path, key, got)
			}
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
			t.Errorf("%s %s: the policy is %q", tc.method, tc.path, csp)
		}
	}
}

// A name that a stranger has lead to this machine must not read the page.
func TestThePageAnswersToItsNamesOnly(t *testing.T) {
	h := handler(t, Config{Summary: example(), Hosts: []string{"status.acme.example"}})
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "[::1]:8080": 200, "[::1]": 200, "10.0.0.7": 200, "localhost": 200, "LOCALHOST:8080": 200, "localhost.": 200,
		"status.acme.example": 200, "Status.Acme.Example:443": 200,
		"evil.example": 421, "127.0.0.1.evil.example:8080": 421, "localhost.evil.example": 421, "acme.example": 421, "": 421,
	} {
		w := askOf(h, host, "GET", "/")
		if w.Code != want || want == 421 && strings.Contains(w.Body.String(), "FG3877") {
			t.Errorf("under %q it answers %d, want %d", host, w.Code, want)
		}
		if w := askOf(h, host, "GET", "/healthz"); w.Code != 200 {
			t.Errorf("/healthz under %q answers %d", host, w.Code)
		}
	}
}

// A pass that found nothing new says so, instead of listing noughts.
func TestAnIdleStageSaysNothingNew(t *testing.T) {
	s := &site{Config: Config{Zone: time.UTC}}
	v := s.runView(schedule.Run{FinishedAt: now, Report: stage.Report{Counts: []stage.Count{{Name: "records", N: 0}, {Name: "lines", N: 0}}}}, now)
	if len(v.Counts) != 0 || !v.NothingNew {
		t.Errorf("idle: %+v", v)
	}
	v = s.runView(schedule.Run{FinishedAt: now, Report: stage.Report{Counts: []stage.Count{{Name: "records", N: 0}, {Name: "lines", N: 2}}}}, now)
	if len(v.Counts) != 1 || v.NothingNew {
		t.Errorf("at work: %+v", v)
	}
}

func TestAPanicIsA500ThatTellsNothing(t *testing.T) {
	s := &site{Config: Config{Log: zap.NewNop()}}
	h := s.guarded(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret") }))
	if w := ask(h, "GET", "/"); w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func readyBody(t *testing.T, h http.Handler, code int) readiness {
	t.Helper()
	w := ask(h, "GET", "/readyz")
	var body readiness
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != code || body.Ready != (code == 200) {
		t.Errorf("%d %s (%v), want %d", w.Code, w.Body, err, code)
	}
	return body
}

func TestReadyz(t *testing.T) {
	check := func(db *sqlx.DB) Config {
		return Config{DB: db, Ready: func(ctx context.Context) error { return migrations.Check(ctx, db) }}
	}
	db := pgtest.New(t)
	h := handler(t, check(db))
	readyBody(t, h, http.StatusOK)

	empty, err := pg.Open(t.Context(), pg.Config{DSN: pgtest.Empty(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := empty.Close(); err != nil {
			t.Error(err)
		}
	}()
	if body := readyBody(t, handler(t, check(empty)), http.StatusServiceUnavailable); !strings.Contains(strings.Join(body.Reasons, ""), "migrate") {
		t.Errorf("of an empty database it says %q", body.Reasons)
	}

	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if body := readyBody(t, h, http.StatusServiceUnavailable); !cmp.Equal(body.Reasons, []string{"the database does not answer"}) {
		t.Errorf("of a closed pool it says %q", body.Reasons)
	}
}

func TestReadyzKeepsADriversTextToItself(t *testing.T) {
	h := handler(t, Config{DB: pgtest.New(t), Ready: func(context.Context) error {
		return errs.New(errs.Transient, "password of joe@10.0.0.7")
	}})
	if body := readyBody(t, h, http.StatusServiceUnavailable); strings.Contains(strings.Join(body.Reasons, ""), "joe") {
		t.Errorf("it says %q", body.Reasons)
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector()) // the caller's own does no harm
	runs := NewRunMetrics(registry)
	h := handler(t, Config{Summary: example(), Registry: registry})
	for _, r := range example().latest[1:] {
		runs.Observe(r)
	}
	text := ask(h, "GET", "/metrics").Body.String()
	for _, want := range []string{
		`partnersync_runs_total{stage="reconcile",status="ok with problems"} 1`,
		`partnersync_runs_total{stage="accrue",status="failed"} 1`,
		`partnersync_runs_total{stage="push",status="failed"} 0`,
		`partnersync_run_problems_total{stage="reconcile"} 3`,
		`partnersync_run_duration_seconds_sum{stage="reconcile"} 60`,
		`partnersync_rows_total{count="records",stage="reconcile"} 12345`,
		`partnersync_last_run_timestamp_seconds{stage="reconcile"} 1.7951685e+09`,
		`partnersync_last_run_duration_seconds{stage="accrue"} 1.5`,
		`partnersync_last_run_state{stage="pull",state="running"} 1`,
		`partnersync_last_success_timestamp_seconds{stage="pull"} 1.7951652e+09`,
		`partnersync_outbox_unsent{object="commission"} 5000`,
		`partnersync_outbox_waiting{object="commission"} 2`,
		`partnersync_outbox_quarantined{object="commission"} 1`,
		`partnersync_discrepancies_open{hold="true",kind="unknown_partner_id"} 4`,
		`partnersync_state_readable 1`,
		"go_goroutines ", "process_start_time_seconds ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestASnapshotIsShared(t *testing.T) {
	summary, hand := example(), clock.NewManual(now)
	h := handler(t, Config{Summary: summary, Clock: hand})
	ask(h, "GET", "/")
	ask(h, "GET", "/metrics")
	if n := summary.reads.Load(); n != 1 {
		t.Errorf("%d readings within a moment", n)
	}
	hand.Advance(freshFor)
	ask(h, "GET", "/")
	if n := summary.reads.Load(); n != 2 {
		t.Errorf("%d readings after a while", n)
	}
}

func TestTexts(t *testing.T) {
	for got, want := range map[string]string{
		grouped(0): "0", grouped(999): "999", grouped(1000): "1,000", grouped(-1234567): "−1,234,567",
		amount("USD", 5): "0.05", amount("KWD", -1234567): "−1,234.567", amount("JPY", 1000): "1,000",
		ago(0): "just now", ago(59 * time.Second): "59 s ago", ago(47 * time.Hour): "47 h ago", ago(49 * time.Hour): "2 days ago",
		took(2500 * time.Microsecond): "2 ms", took(3725 * time.Second): "1 h 2 min", took(61 * time.Second): "1 min 1 s",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
