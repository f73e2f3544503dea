package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// rolesSQL is what docs/operations.md grants, by its first line.
var rolesSQL = regexp.MustCompile("(?s)```sql\n-- roles\n(.*?)```")

// roles makes the users of docs/operations.md, under names of this test's own, and gives
// the DSN of each.
func roles(t *testing.T, dsn string) (workerDSN, readerDSN string) {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(testdata, "../../../docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := rolesSQL.FindSubmatch(doc)
	if m == nil {
		t.Fatal("docs/operations.md says nothing of roles")
	}
	owner, err := pg.Open(t.Context(), pg.Config{DSN: dsn, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	own := strings.ToLower(rand.Text()[:10])
	worker, reader := "worker_"+own, "reader_"+own
	do := func(ctx context.Context, statement string) {
		if _, err := owner.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	t.Cleanup(func() {
		for _, role := range []string{worker, reader} {
			do(context.Background(), "drop owned by "+role+"; drop role "+role)
		}
		if err := owner.Close(); err != nil {
			t.Error(err)
		}
	})
	do(t.Context(), fmt.Sprintf("create user %s password 'p'; create user %s password 'p'", worker, reader))
	do(t.Context(), strings.NewReplacer("partnersync_reader", reader, "partnersync;", worker+";").Replace(string(m[1])))
	return as(t, dsn, worker), as(t, dsn, reader)
}

// as gives a DSN with another user.
func as(t *testing.T, dsn, user string) string {
	t.Helper()
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		u.User = url.UserPassword(user, "p")
		return u.String()
	}
	return dsn + " user=" + user + " password=p"
}

// A user that owns nothing does all the work of the whole way and of a month's end, and can't rewrite the
// book: nor can whoever gets hold of its password.
func TestAUserThatOwnsNothingDoesTheWorkAndCannotRewriteTheBook(t *testing.T) {
	org, env := withOrg(t)
	key := "FG3877/space/" + sale(t, org, "FG3877") + "/referral/2026-03"
	owner := pgtest.DSN(t)
	worker, reader := roles(t, owner)
	c := newCommand(t, append([]string{"PARTNERSYNC_DATABASE_URL=" + worker, "PARTNERSYNC_COMPANY_FOUR_EYES=off"}, env...)...)
	writeFile(t, "program.yaml", program)
	for _, args := range []string{
		"apply -f program.yaml", "run --lenient", "run recount --lenient", "registrations create --partner-id FG3877 --customer Client --domain client.example --involvement referred",
		"registrations submit REG-000001", "registrations approve REG-000001", "engagements log REG-000001 --on 2026-01-19 --kind Demo", "run accrue --lenient",
		"ledger hold " + key + " --reason look", "ledger release " + key, "run accrue --lenient", "ledger close 2026-03", "ledger approve " + key, "ledger export 2026-03 --out bills.csv",
		"ledger statement FG3877 2026-03", "run push --lenient", "ledger verify", "run verify --lenient", "status", "outbox list", "alerts", "discrepancies", "explain " + key, "doctor",
	} {
		if o := c.run(strings.Fields(args)...); o.code != exitOK {
			t.Errorf("%s ends with %d:\n%s%s", args, o.code, o.out, o.err)
		}
	}
	refused(t, worker, `update ledger.entry set amount_minor = 1`, `delete from ledger.entry`, `truncate ledger.entry`,
		`alter table ledger.entry disable trigger all`, `set session_replication_role = replica`, `update ledger.bill set amount_minor = 1`,
		`update ledger.period_close set anchor = ''`, `delete from ledger.plan_version`, `truncate ledger.plan_version cascade`, `delete from ledger.line`,
		`update ledger.registration_event set actor = 'x'`, `drop table ledger.entry`, `create table ledger.x ()`, `update migration.applied set id = 0`)
	refused(t, reader, `select from staging.record`, `update ledger.line set amount_minor = 1`, `insert into ledger.partner (key) values ('x')`)
	c.env[0] = "PARTNERSYNC_DATABASE_URL=" + reader
	for _, args := range []string{"explain " + key, "ledger verify", "discrepancies", "plans", "ledger bills"} {
		if o := c.run(strings.Fields(args)...); o.code != exitOK {
			t.Errorf("who reads: %s ends with %d:\n%s%s", args, o.code, o.out, o.err)
		}
	}
}

// refused tries statements that a user must have no right to.
func refused(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Config{DSN: dsn, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, s := range statements {
		err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
			_, err := tx.ExecContext(ctx, s)
			return err
		})
		if pq.As(err, "42501") == nil { // insufficient_privilege
			t.Errorf("%s: %v, want it refused for want of the right", s, err)
		}
	}
}
