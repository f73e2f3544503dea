package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, pgtest.Leaks()...) }

// program is a file as `apply` takes it.
const program = `plans:
  - effective_from: 2010-01-01
    space: {referral_rate: 10%, joined_before: 2021-01-01}
partners:
  - {key: northlight, name: Northlight, kind: registered, joined_on: 2015-03-02, partner_ids: [FG3877], domains: [northlight.example]}
`

// withOrg serves an org and gives it with the variables that lead to it.
func withOrg(t *testing.T) (*emulator.Org, []string) {
	t.Helper()
	org := emulator.New(emulator.Options{})
	return org, []string{
		"PARTNERSYNC_SALESFORCE_LOGIN_URL=" + orgtest.Serve(t, org),
		"PARTNERSYNC_SALESFORCE_CLIENT_ID=" + emulator.DemoClientID,
		"PARTNERSYNC_SALESFORCE_CLIENT_SECRET=" + emulator.DemoClientSecret,
		"PARTNERSYNC_HTTP_LISTEN=127.0.0.1:0",
		"PARTNERSYNC_COMPANY_GO_LIVE=none", // nobody else has paid what these orgs sold years ago
	}
}

// insert puts a record into the org and gives its id.
func insert(t *testing.T, org *emulator.Org, object string, fields map[string]any) string {
	t.Helper()
	id, err := org.Insert(object, fields)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// sale makes a customer whose Space a partner holds, and a won opportunity.
func sale(t *testing.T, org *emulator.Org, partnerID string) (opportunity string) {
	t.Helper()
	account := insert(t, org, "Account", map[string]any{"Name": "Client"})
	space := insert(t, org, "Space__c", map[string]any{
		"Space_Key__c": "S1", "Name": "Client's Space", "Account__c": account, "Created_Via__c": "Manual",
		"Space_Created_At__c": "2019-05-04T10:00:00Z", "Partner_ID__c": partnerID,
	})
	return insert(t, org, "Opportunity", map[string]any{
		"Name": "First deal", "AccountId": account, "Space__c": space, "Amount": "5000", "CloseDate": "2026-03-15",
		"StageName": "Closed Won", "Type": "New Business",
	})
}

// The whole way through commands: apply, run, status, explain, and what has
// reached Salesforce. A second run finds nothing new.
func TestFromOrgToOrg(t *testing.T) {
	org, env := withOrg(t)
	opportunity := sale(t, org, "FG3877")
	c := withDatabase(t, env...)
	writeFile(t, "program.yaml", program)

	c.run("apply", "-f", "program.yaml", "--dry-run").want(t, exitOK, "+ partner northlight", "not applied: 2 changes")
	c.run("apply", "-f", "program.yaml", "--actor", "ana").want(t, exitOK, "+ plan default from 2010-01-01", "applied 2 changes")
	c.run("apply", "-f", "program.yaml").want(t, exitOK, "nothing to change")
	c.run("status").want(t, exitOK, "no stage has run yet")

	c.run("run").want(t, exitProblems, "pull", "reconcile", "accrue", "push", "1 commission written")
	key := "FG3877/space/" + opportunity + "/referral/2026-03"
	written := org.Records("Partner_Commission__c")
	if len(written) != 1 || written[0]["Commission_Key__c"] != key || fmt.Sprint(written[0]["Amount__c"]) != "500.0" {
		t.Errorf("Salesforce has %v", written)
	}
	c.run("explain", key).want(t, exitOK, "500.00 USD", "First deal", key+"#1")
	var line explained
	c.run("explain", key, "--output", "json").document(t, &line)
	if line.Amount != "500.00" || len(line.Entries) != 1 || line.Entries[0].Amount != "500.00" {
		t.Errorf("the line is %+v", line)
	}
	c.run("explain", " "+key+" ").want(t, exitOK, key+"#1")
	c.run("status").want(t, exitOK, "pull", "push", "ok", "Owed to partners", "Northlight", "500.00 USD in all")
	var status statusDocument
	c.run("status", "--output", "json").document(t, &status)
	if len(status.Owed) != 1 || status.Owed[0] != (owed{"FG3877", "Northlight", "USD", "500.00", 1}) {
		t.Errorf("status owes %+v", status.Owed)
	}

	var second struct {
		Problems int64
		Runs     []runDocument
	}
	c.run("run", "--output", "json", "--actor", "ana").document(t, &second)
	if len(second.Runs) != 4 || second.Problems != 0 {
		t.Fatalf("the second run is %+v", second)
	}
	for _, r := range second.Runs {
		if r.State != "ok" || r.Actor != "ana" {
			t.Errorf("%s by %s is %s", r.Stage, r.Actor, r.State)
		}
		for _, n := range r.Counts {
			if r.Stage == "push" && strings.HasSuffix(n.Name, "written") && n.N != 0 {
				t.Errorf("the second push says %d %s", n.N, n.Name)
			}
		}
	}
}

// A dry run refuses what would be refused, and changes nothing.
func TestADryRunOfApplyIsTheApply(t *testing.T) {
	c := withDatabase(t)
	writeFile(t, "program.yaml", program)
	c.run("apply", "-f", "program.yaml").want(t, exitOK)
	writeFile(t, "less.yaml", strings.Replace(program, "FG3877", "FG9999", 1))
	for _, args := range [][]string{{"--dry-run"}, nil} {
		o := c.run(append([]string{"apply", "-f", "less.yaml"}, args...)...)
		if o.code == exitOK || !strings.Contains(o.err, "FG3877") || !strings.Contains(o.out, "not applied: 1 change") {
			t.Errorf("apply %v ends with %d:\n%s%s", args, o.code, o.out, o.err)
		}
	}
	c.run("apply", "-f", "program.yaml", "--dry-run").want(t, exitOK, "nothing to change")
	c.run("outbox", "list").want(t, exitOK, "no Salesforce org is named", "!everything has reached")
}

// What a mapping that is stopped says is in the tables of run and status.
func TestNoticesAreShown(t *testing.T) {
	_, env := withOrg(t)
	c := withDatabase(t, env...)
	writeFile(t, "mapping.yaml", "version: 1\nfacts:\n  install: {object: Nothing__c, fields: {org_id: Org__c, is_sandbox: Sandbox__c}}\n")
	c.env = append(c.env, "PARTNERSYNC_MAPPING_FILE=mapping.yaml")
	c.run("run", "pull").want(t, exitProblems, "warning: pull: ", "Nothing__c", "the warnings and notes above say what", "!note: pull: ")
	c.run("status").want(t, exitOK, "warning: pull: ", "Nothing__c", "alert: the mapping of install is stopped")
	if o := c.run("status", "--history", "5"); strings.Count(o.out, "warning: pull: ") != 1 {
		t.Errorf("a notice is not said once:\n%s", o.out)
	}
}

// The same seed makes the same org whenever in the day it is made.
func TestTheSameSeedMakesTheSameOrgAllDay(t *testing.T) {
	made := func(at time.Time) string {
		org := emulator.New(emulator.Options{Clock: clock.NewManual(at), MultiCurrency: true})
		a := &app{clock: clock.NewManual(at)}
		if err := a.makeUp(org, emulator.GenerateOptions{Opportunities: 100, Seed: 7}); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(org.Records("Opportunity"), org.Records("Space__c"), org.Records("Account"))
	}
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	if made(day) != made(day.Add(23*time.Hour+59*time.Minute)) {
		t.Error("the org of the morning is not that of the evening")
	}
}

// An unknown Partner ID holds the money, and the commands say so: exit 3 with a
// summary, until they have been told.
func TestProblemsAreSaid(t *testing.T) {
	org, env := withOrg(t)
	sale(t, org, "ZZ9999")
	c := withDatabase(t, env...)
	writeFile(t, "program.yaml", program)
	c.run("apply", "-f", "program.yaml").want(t, exitOK)
	c.run("run").want(t, exitProblems, "ok with problems", "somebody has to look at", "note: done, with")
	c.run("run").want(t, exitOK)
	c.run("discrepancies").want(t, exitOK, "unknown_partner_id", "R2.8", "hold", "2 open discrepancies, 1 of them of a kind that holds money")
	c.run("discrepancies", "--subject", "nobody").want(t, exitOK, "none is as asked for; there are 2 open discrepancies")
	c.run("status").want(t, exitOK, "Open discrepancies", "unknown_partner_id")
	var list struct{ Discrepancies []map[string]any }
	c.run("discrepancies", "--kind", "unknown_partner_id", "--output", "json").document(t, &list)
	if len(list.Discrepancies) != 1 {
		t.Errorf("listed %v", list)
	}
}

// A row that Salesforce refuses is quarantined, listed with its reason, and can be
// tried again or given up.
func TestOutboxIsMended(t *testing.T) {
	org, env := withOrg(t)
	sale(t, org, "FG3877")
	c := withDatabase(t, env...)
	writeFile(t, "program.yaml", program)
	c.run("apply", "-f", "program.yaml").want(t, exitOK)
	org.FailRow(func(object string, _ map[string]any) *emulator.RowError {
		if object != "Partner_Commission__c" {
			return nil
		}
		return &emulator.RowError{StatusCode: "FIELD_CUSTOM_VALIDATION_EXCEPTION", Message: "the period is closed"}
	})
	c.run("run").want(t, exitProblems, "1 commission quarantined")
	var list struct{ Rows []struct{ Key, State string } }
	o := c.run("outbox", "list", "--output", "json")
	o.want(t, exitOK, "the period is closed")
	o.document(t, &list)
	if len(list.Rows) != 1 || list.Rows[0].State != "quarantined" {
		t.Fatalf("listed %+v", list)
	}
	c.run("status").want(t, exitOK, "1 commission quarantined, the oldest for", "!to send")
	c.run("outbox", "drop", list.Rows[0].Key).want(t, exitOK, "1 row given up")
	c.run("outbox", "drop", list.Rows[0].Key).want(t, exitFailed, "no row is quarantined or waiting under "+list.Rows[0].Key, "hint: `partnersync outbox list`")

	org.FailRow(nil)
	c.run("outbox", "list").want(t, exitOK, "everything has reached Salesforce")
	c.run("outbox", "retry").want(t, exitFailed, "no row is quarantined or waiting", "!under")
}

func TestWrongCredentials(t *testing.T) {
	_, env := withOrg(t)
	c := withDatabase(t, append(env, "PARTNERSYNC_SALESFORCE_CLIENT_SECRET=wrong-secret")...)
	c.run("run", "pull").want(t, exitAuth, "error: ", "failed", "!wrong-secret")
	c.run("doctor").want(t, exitAuth, "FAILED   salesforce", "skipped  mapping", "ok       schema", "!wrong-secret")
}

func TestUnreachableOrg(t *testing.T) {
	// A port on which nobody listens: taken, and given back.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c := withDatabase(t, "PARTNERSYNC_SALESFORCE_LOGIN_URL=http://"+l.Addr().String(),
		"PARTNERSYNC_SALESFORCE_CLIENT_ID=x", "PARTNERSYNC_SALESFORCE_CLIENT_SECRET=y", "PARTNERSYNC_HTTP_LISTEN=127.0.0.1:0")
	c.run("run", "pull").want(t, exitTryLater, "error: ", l.Addr().String())
	c.run("status").want(t, exitOK, "pull", "failed")
	c.run("run", "pull").want(t, exitTryLater)
	if o := c.run("status", "--history", "5"); strings.Count(o.out, "pull has never done its work yet") != 1 {
		t.Errorf("what is so is not said once:\n%s", o.out)
	}
}

func TestDatabaseFaults(t *testing.T) {
	_, env := withOrg(t)
	t.Run("down", func(t *testing.T) {
		c := newCommand(t, append(env, "PARTNERSYNC_DATABASE_URL=postgres://u:hunter2@127.0.0.1:1/d")...)
		for _, args := range [][]string{{"status"}, {"run"}, {"serve"}, {"migrate"}, {"doctor"}} {
			c.run(args...).want(t, exitTryLater, "connection refused", "!hunter2")
		}
	})
	t.Run("no such database", func(t *testing.T) {
		dsn := regexp.MustCompile(`dbname='?[a-z0-9_]+'?`).ReplaceAllString(pgtest.DSN(t), "dbname=nothing_here")
		newCommand(t, append(env, "PARTNERSYNC_DATABASE_URL="+dsn)...).run("status").want(t, exitFailed, "nothing_here", "hint: Create the database first")
	})
	t.Run("without the schema", func(t *testing.T) {
		c := newCommand(t, append(env, "PARTNERSYNC_DATABASE_URL="+pgtest.Empty(t))...)
		for _, args := range [][]string{{"status"}, {"run"}, {"serve"}} {
			c.run(args...).want(t, exitFailed, "has no Partnersync schema", "hint: ", "partnersync migrate")
		}
		c.run("migrate").want(t, exitOK, "applied ")
		c.run("migrate").want(t, exitOK, "the database is up to date")
		c.run("status").want(t, exitOK)
	})
}

func TestDoctor(t *testing.T) {
	_, env := withOrg(t)
	c := withDatabase(t, env...)
	c.run("doctor").want(t, exitOK, "ok       settings", "ok       database", "ok       schema", "ok       salesforce", "ok       clock",
		"ok       mapping", "ok       quota", "ok       web")
	var d struct {
		OK     bool
		Checks []check
	}
	c.run("doctor", "--output", "json").document(t, &d)
	if !d.OK || len(d.Checks) < 8 {
		t.Errorf("got %+v", d)
	}
}

func TestInterruptedRunSaysSo(t *testing.T) {
	org, env := withOrg(t)
	sale(t, org, "FG3877")
	c := withDatabase(t, env...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.runUntil(ctx, "run").want(t, exitInterrupted, "note: stopped;")
}

// terminal collects what a command writes while it runs, and tells when a text
// appears.
type terminal struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newTerminal() *terminal { return &terminal{more: make(chan struct{}, 1)} }

func (w *terminal) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(b)
	select {
	case w.more <- struct{}{}:
	default:
	}
	return len(b), nil
}

func (w *terminal) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// waitFor gives what a pattern's group matches, once it appears.
func (w *terminal) waitFor(t *testing.T, pattern string, ended <-chan int) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for {
		if m := re.FindStringSubmatch(w.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-w.more:
		case code := <-ended:
			t.Fatalf("ended with %d before %q appeared:\n%s", code, pattern, w)
		case <-limit.C:
			t.Fatalf("%q did not appear:\n%s", pattern, w)
		}
	}
}

// start runs a command until stop is called, which gives its exit code.
func (c *command) start(args ...string) (screen *terminal, ended <-chan int, stop func() int) {
	ctx, cancel := context.WithCancel(context.Background())
	screen = newTerminal()
	code := make(chan int, 1)
	go func() { code <- run(ctx, args, c.env, strings.NewReader(""), screen, screen) }()
	var once sync.Once
	last := 0
	stop = func() int {
		once.Do(func() {
			cancel()
			last = <-code
		})
		return last
	}
	c.t.Cleanup(func() { stop() })
	return screen, code, stop
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, body.String()
}

// serve answers, joins nothing else's way, and stops cleanly when told to.
func TestServe(t *testing.T) {
	_, env := withOrg(t)
	c := withDatabase(t, env...)
	screen, ended, stop := c.start("serve")
	web := screen.waitFor(t, `"web": "(http://[^"]+)"`, ended)
	for path, want := range map[string]int{"/": 200, "/healthz": 200, "/readyz": 200, "/metrics": 200, "/none": 404} {
		if code, body := get(t, web+path); code != want {
			t.Errorf("%s answers %d: %s", path, code, body)
		}
	}
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, screen)
	}
}

// While serve runs a private Postgres, other commands join it.
func TestCommandsJoinThePrivateServer(t *testing.T) {
	_, env := withOrg(t)
	c := newCommand(t, env...)
	screen, ended, stop := c.start("serve")
	screen.waitFor(t, `"web": "(http://[^"]+)"`, ended)
	c.run("status").want(t, exitOK, "no stage has run yet")
	c.run("run").want(t, exitOK, "push")
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, screen)
	}
	c.run("status").want(t, exitOK, "push", "ok")
}

func demoEnv() []string {
	return []string{
		"PARTNERSYNC_SALESFORCE_EMULATOR_LISTEN=127.0.0.1:0", "PARTNERSYNC_SALESFORCE_EMULATOR_OPPORTUNITIES=200",
		"PARTNERSYNC_HTTP_LISTEN=127.0.0.1:0",
	}
}

// The demo works from nothing, twice in the same place, and shows the same money.
func TestDemoOnce(t *testing.T) {
	c := newCommand(t, demoEnv()...)
	var first, second demoResult
	o := c.run("demo", "--once", "--output", "json")
	o.want(t, exitOK)
	o.document(t, &first)
	if len(first.Runs) != 4 || len(first.Owed) == 0 || first.Written["Partner_Commission__c"] == 0 || first.Example.Status != "accrued" {
		t.Errorf("the demo shows %+v", first)
	}
	o = c.run("demo", "--once", "--seed", "2")
	o.want(t, exitOK, "Owed to partners", "Written to Salesforce", "For example", "Arithmetic", "in all", "Northlight")
	c.run("demo", "--once", "--output", "json").document(t, &second)
	if fmt.Sprint(first.Owed) != fmt.Sprint(second.Owed) {
		t.Errorf("the same seed owes %v, then %v", first.Owed, second.Owed)
	}
}

// The demo serves until it is stopped, and the commands that it suggests work from
// a second terminal.
func TestDemoServes(t *testing.T) {
	c := newCommand(t, demoEnv()...)
	screen, ended, stop := c.start("demo")
	web := screen.waitFor(t, `Open (http://\S+) `, ended)
	if code, body := get(t, web+"/readyz"); code != 200 {
		t.Errorf("/readyz answers %d: %s", code, body)
	}
	// The variables of the demo would beat its file.
	second := &command{t: t, env: nil}
	settings := []string{"--config", filepath.Join(".partnersync", "demo.yaml")}
	second.run(append(settings, "status")...).want(t, exitOK, "pull", "push")
	example := screen.waitFor(t, `explain (\S+)`, ended)
	second.run(append(settings, "explain", example)...).want(t, exitOK, example)
	second.run(append(settings, "run", "--dry-run")...).want(t, exitOK, "dry run: nothing was written")
	second.run(append(settings, "run")...).want(t, exitOK, "push")
	second.run(append(settings, "doctor")...).want(t, exitOK, "ok       salesforce", "ok       schema")
	rival := &command{t: t, env: demoEnv()} // on ports of its own, so that it gets as far as the data
	rival.run("demo", "--once").want(t, exitFailed, "in use", "database.data_dir")
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, screen)
	}
	if _, err := os.Stat(filepath.Join(".partnersync", "demo.yaml")); err != nil {
		t.Error(err)
	}
}

func TestEmulator(t *testing.T) {
	c := newCommand(t, demoEnv()...)
	screen, ended, stop := c.start("emulator", "--opportunities", "20", "--output", "json")
	url := screen.waitFor(t, `"url": "([^"]+)"`, ended)
	if code, _ := get(t, url+"/services/data"); code != 200 {
		t.Errorf("the org answers %d", code)
	}
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, screen)
	}
	t.Run("data", func(t *testing.T) {
		c := newCommand(t, demoEnv()...)
		writeFile(t, "Account.csv", "Name\nFrom a file\n")
		screen, ended, stop := c.start("emulator", "--data", ".")
		screen.waitFor(t, `(?s)An org is at (\S+)\..*It holds:\n  1 Account\n`, ended)
		if code := stop(); code != exitOK {
			t.Errorf("exit code %d:\n%s", code, screen)
		}
		c.run("emulator", "--data", "nowhere").want(t, exitInvalid, "nowhere")
		if err := os.Mkdir("empty", 0o755); err != nil {
			t.Fatal(err)
		}
		c.run("emulator", "--data", "empty").want(t, exitInvalid, "--data empty: there is no .csv file", "hint: ")
		c.run("emulator", "--opportunities", "0").want(t, exitInvalid, "--opportunities 0")
	})
	t.Run("faults", func(t *testing.T) {
		c := newCommand(t, demoEnv()...)
		writeFile(t, "faults.yaml", "rules: [{name: down, when: {kind: identity}, do: {answer: {status: 503, form: html}}}]\n")
		screen, ended, stop := c.start("emulator", "--opportunities", "20", "--faults", "faults.yaml", "--clock", "2026-11-27T09:00:00Z", "--output", "json")
		url := screen.waitFor(t, `"url": "([^"]+)"`, ended)
		if code, _ := get(t, url+"/services/data"); code != 503 {
			t.Errorf("the org answers %d", code)
		}
		if code, body := get(t, url+"/emulator/clock"); code != 200 || body != `{"movable":true,"now":"2026-11-27T09:00:00Z"}` {
			t.Errorf("the clock: %d %s", code, body)
		}
		if code := stop(); code != exitOK {
			t.Errorf("exit code %d:\n%s", code, screen)
		}
		writeFile(t, "faults.yaml", "rules:\n- name: a\n  do: {late: never}\n- nom: b\n")
		c.run("emulator", "--faults", "faults.yaml").want(t, exitInvalid, "faults.yaml:3:14: rules[0].do.late", "faults.yaml:4:3: rules[1].nom: unknown key", "hint: docs/emulator-faults.md")
		c.run("emulator", "--faults", "nothing.yaml").want(t, exitInvalid, "--faults")
		c.run("emulator", "--clock", "noon").want(t, exitInvalid, `--clock "noon" is not an instant`)
		c.run("emulator", "--daily-limit", "-1").want(t, exitInvalid, "--daily-limit cannot be less than zero")
	})
}
