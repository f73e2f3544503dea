package siege_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// opportunities is how many the company of a case has.
const opportunities = 60

// world is a company, a ledger, and the program between them behind two walls.
type world struct {
	t        testing.TB
	org      *emulator.Org // to change it behind the API; nil if it is another process's
	seer     *observer
	db       *sqlx.DB // the test's own way to the ledger
	orgWall  *wall
	dbWall   *wall
	binary   string
	config   string
	settings string
	program  string // the DSN that the program is given, through the wall
}

// newWorld gives a company of which nothing is pulled yet, and applies partners
// and terms.
func newWorld(t testing.TB) *world { return newWorldOf(t, emulator.Options{}, opportunities) }

func newWorldOf(t testing.TB, o emulator.Options, opportunities int) *world {
	t.Helper()
	org, seer := newOrg(t, o, opportunities)
	w := worldOn(t, seer, pgtest.DSN(t))
	w.org = org
	w.apply()
	return w
}

// worldOn puts the program between an org and a database that are there.
func worldOn(t testing.TB, seer *observer, dsn string) *world {
	t.Helper()
	path, err := binary()
	must(t, err)
	db, err := pg.Open(context.Background(), pg.Config{DSN: dsn, MaxConns: 4, Name: "the test"})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	c, err := pq.NewConfig(dsn)
	must(t, err)
	w := &world{
		t: t, seer: seer, db: db, binary: path, config: filepath.Join(t.TempDir(), "partnersync.yaml"),
		orgWall: newWall(t, strings.TrimPrefix(seer.url, "http://")), dbWall: newWall(t, bridge(t, c)),
	}
	host, port, _ := strings.Cut(w.dbWall.addr(), ":")
	w.configure(fmt.Sprintf("host=%s port=%s user=%s password='%s' dbname=%s sslmode=disable", host, port, c.User, c.Password, c.Database), "")
	return w
}

// configure writes the program's settings; more is further lines.
func (w *world) configure(dsn, more string) {
	w.t.Helper()
	if dsn != "" {
		w.program = dsn
		w.settings = fmt.Sprintf(`
company: {go_live: none, four_eyes: off, zone: Europe/Berlin}
database: {url: %q}
http: {listen: "127.0.0.1:0"}
salesforce: {login_url: "http://%s", client_id: partnersync-demo, client_secret: demo-secret, timeout: 3s}
`, dsn, w.orgWall.addr())
	}
	must(w.t, os.WriteFile(w.config, []byte(w.settings+more+"\n"), 0o600))
}

const partners = `
partners:
  - {key: one, name: One, kind: consulting, joined_on: 2016-05-01, partner_ids: [FG3877, BN6390]}
  - {key: two, name: Two, kind: registered, joined_on: 2018-01-15, partner_ids: [AB1234, CW1589]}
  - {key: three, name: Three, kind: registered, joined_on: 2019-01-15, partner_ids: [KM5521, LP2046, QX7718]}
  - {key: late, name: Late, kind: registered, joined_on: 2022-01-15, partner_ids: [TR0942]}
plans:
  - {plan: default, effective_from: 2000-01-01, space: {referral_rate: 10%, joined_before: 2021-01-01}}
`

func (w *world) apply() {
	w.t.Helper()
	cmd := w.command("apply", "-f", "-")
	cmd.Stdin = strings.NewReader(partners)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("apply: %v\n%s", err, out)
	}
}

// command is the program with arguments, as a process of its own.
func (w *world) command(args ...string) *exec.Cmd {
	return exec.CommandContext(context.Background(), w.binary, append([]string{"--config", w.config, "--actor", "siege"}, args...)...)
}

// ran is what came of `partnersync run`.
type ran struct {
	code int
	text string
	rows []runRow
}

// runRow is a row of the history of runs.
type runRow struct {
	ID       int64   `db:"id"`
	Stage    string  `db:"stage"`
	Status   *string `db:"status"`
	Error    string  `db:"error"`
	Report   string  `db:"report"`
	Finished bool    `db:"finished"`
}

func (r runRow) String() string {
	status := "unfinished"
	if r.Status != nil {
		status = *r.Status
	}
	return fmt.Sprintf("%s %s %s", r.Stage, status, r.Error)
}

// isDeferred says whether the row says that it was put off, or in part.
func (r runRow) isDeferred() bool {
	var report struct{ Deferred string }
	return json.Unmarshal([]byte(r.Report), &report) == nil && report.Deferred != ""
}

// isOK says whether the row says that all went well, and that something was done.
func (r runRow) isOK() bool {
	return r.Status != nil && *r.Status == "ok" && !r.isDeferred()
}

// isDone says whether the run did its work, whatever it found on the way.
func (r ran) isDone() bool { return isDone(r.code) }

// isDone says so of an exit code: 3 is for problems that ask a person to look.
func isDone(code int) bool { return code == 0 || code == 3 }

// exec runs the program to its end.
func (w *world) exec(args ...string) (code int, text string) {
	w.t.Helper()
	var out bytes.Buffer
	cmd := w.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	must(w.t, cmd.Start())
	overdue := time.AfterFunc(4*time.Minute, func() { _ = cmd.Process.Kill() })
	defer overdue.Stop()
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode(), out.String()
}

// run runs stages once and holds what came of it against the history of runs.
func (w *world) run(stages ...string) ran {
	w.t.Helper()
	before := w.lastRun()
	var r ran
	r.code, r.text = w.exec(append([]string{"run"}, stages...)...)
	if r.code < 0 {
		w.t.Fatalf("run %v did not end within four minutes:\n%s", stages, r.text)
	}
	r.rows = w.runsSince(before)
	w.checkHistory(r)
	return r
}

func (w *world) lastRun() int64 {
	w.t.Helper()
	return fetch[int64](w.t, w.db, `select coalesce(max(id), 0) from job.run`)
}

func (w *world) runsSince(id int64) (rows []runRow) {
	w.t.Helper()
	must(w.t, w.db.Select(&rows, `
		select id, stage, status, error, coalesce(report::text, '{}') as report, finished_at is not null as finished
		from job.run where id > $1 order by id`, id))
	return rows
}

// settle lets quiet return: the faults are over, what waits is tried again, and
// everything runs until nothing is left to send. It fails unless that works.
func (w *world) settle() {
	w.t.Helper()
	w.orgWall.heal()
	w.dbWall.heal()
	w.seer.behave()
	// What was heard of the org's quota is believed for ten minutes; they pass.
	_, err := w.db.Exec(`update job.quota set heard_at = heard_at - interval '11 minutes'`)
	must(w.t, err)
	for range 3 {
		w.retry()
		if r := w.run("all"); !r.isDone() {
			w.t.Fatalf("quiet has returned, and run all exits with %d:\n%s\n%v", r.code, r.text, r.rows)
		}
		if fetch[int](w.t, w.db, `select count(*) from outbox.record where wanted > confirmed and not_before is null`) == 0 {
			return
		}
	}
	w.t.Errorf("quiet has returned, and after three runs there is still something to send")
}

// retry does what a person does about rows that wait or were refused.
func (w *world) retry() {
	w.t.Helper()
	if fetch[int](w.t, w.db, `select count(*) from outbox.record
		where wanted > confirmed and (not_before is not null or quarantined_at is not null)`) == 0 {
		return
	}
	if code, text := w.exec("outbox", "retry"); code != 0 {
		w.t.Fatalf("outbox retry: exit %d\n%s", code, text)
	}
}

// fetch scans one value.
func fetch[T any](t testing.TB, db *sqlx.DB, query string, args ...any) (v T) {
	t.Helper()
	must(t, db.Get(&v, query, args...))
	return v
}
