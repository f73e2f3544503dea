package siege_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// TestSerializationFailures: one write in a few is refused with 40001, in every table.
func TestSerializationFailures(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	for _, every := range []int{3, 11} {
		t.Run(fmt.Sprint("one of ", every), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.alter(`create sequence public.writes;
				create function public.fail_now_and_then() returns trigger language plpgsql as $$
				begin
					if nextval('public.writes') % ` + fmt.Sprint(every) + ` = 0 then
						raise exception 'could not serialize access (the test)' using errcode = '40001';
					end if;
					return null;
				end $$`)
			var tables []string
			must(t, w.db.Select(&tables, `select format('%I.%I', schemaname, relname) from pg_stat_user_tables
				where schemaname in ('staging', 'ledger', 'outbox')`))
			for _, table := range tables {
				w.alter(`create trigger siege after insert or update or delete on ` + table + ` for each statement execute function public.fail_now_and_then()`)
			}
			shown := w.seer.shown()
			for range 3 {
				w.checkPulled(shown, w.run("all"))
			}
			w.alter(`drop function public.fail_now_and_then() cascade`)
			w.checkCalm(want)
		})
	}
}

// alter changes the database behind the program's back.
func (w *world) alter(sql string) {
	w.t.Helper()
	_, err := w.db.Exec(sql)
	must(w.t, err)
}

// TestPostgresGoesAway: the server is stopped in the middle of each stage, at once
// or politely, and started again; then it has no connection left to give.
func TestPostgresGoesAway(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	e := pg.Embedded{Dir: filepath.Join(t.TempDir(), "server"), AllowFallback: true}
	server, err := e.Start(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, server.Stop(context.Background())) })
	restart := func(signal syscall.Signal) {
		must(t, syscall.Kill(server.PID(), signal))
		<-server.Done()
		_ = server.Stop(context.Background()) // it has ended; this gives its directory up
		next, err := e.Start(context.Background())
		must(t, err)
		server = next
	}
	fresh := func(t *testing.T, n int) *world {
		name := fmt.Sprint("siege", n)
		admin, err := sqlx.Open("postgres", server.DSN(pg.Database))
		must(t, err)
		_, err = admin.Exec("create role app" + name + " login")
		must(t, err)
		_, err = admin.Exec("create database " + name + " owner app" + name)
		must(t, err)
		must(t, admin.Close())
		org, seer := newOrg(t, emulator.Options{}, opportunities)
		w := worldOn(t, seer, server.DSN(name))
		w.org = org
		w.configure(strings.Replace(w.program, "user=partnersync", "user=app"+name, 1), "")
		if code, text := w.exec("migrate"); code != 0 {
			t.Fatalf("migrate: %d\n%s", code, text)
		}
		w.apply()
		return w
	}
	for n, c := range []struct{ stage, table string }{
		{"pull", "staging.cursor"}, {"reconcile", "ledger.opportunity"}, {"accrue", "ledger.entry"}, {"push", "outbox.record"},
	} {
		t.Run("stopped in "+c.stage, func(t *testing.T) {
			w := fresh(t, n)
			for _, earlier := range stages[:n] {
				w.run(earlier)
			}
			w.hold(c.table)
			ended := make(chan struct{})
			var code int
			var text string
			go func() { code, text = w.exec("run", c.stage); close(ended) }()
			await(t, "a lock that is waited for", func() bool { return isWaiting(t, w.db) })
			restart([]syscall.Signal{syscall.SIGQUIT, syscall.SIGINT}[n%2])
			<-ended
			if code != 5 {
				t.Errorf("exit %d, want 5 (try later)\n%s", code, text)
			}
			w.checkCalm(want)
		})
	}
	t.Run("no connection left", func(t *testing.T) { noConnectionLeft(t, fresh(t, 9), want) })
}

// ageRuns lets the lease of runs pass that nobody has ended: those whose process
// could not write into a database that was gone.
func (w *world) ageRuns() {
	w.t.Helper()
	await(w.t, "a server that answers", func() bool {
		_, err := w.db.Exec(`update job.run set report = json_build_object('seen_at', now() - interval '4 minutes') where finished_at is null`)
		return err == nil
	})
}

// noConnectionLeft: the program's user may open none, one, two … connections; the
// program says to try later, or does its work with what it gets.
func noConnectionLeft(t *testing.T, w *world, want outcome) {
	for _, left := range []int{0, 1, 2, 4} {
		w.alter(fmt.Sprint(`alter role appsiege9 connection limit `, left))
		if r := w.run("all"); !r.isDone() && r.code != 5 {
			t.Errorf("%d connections left: exit %d, want 5 (try later)\n%s", left, r.code, r.text)
		}
	}
	w.alter(`alter role appsiege9 connection limit -1`)
	w.checkCalm(want)
}
