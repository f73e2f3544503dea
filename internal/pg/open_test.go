package pg_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
)

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	here := pgtest.DSN(t)
	missing, err := pg.WithDatabase(here, "no_such_database")
	if err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(closed.Addr().(*net.TCPAddr).Port)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, dsn string
		kind      errs.Kind
		says      string
	}{
		{"empty", " ", errs.Invalid, "empty"},
		{"no such database", missing, errs.NotFound, "no_such_database"},
		{"nobody listens", "postgres://sync:s3cret@127.0.0.1:" + port + "/book?sslmode=disable", errs.Transient, `"book" at 127.0.0.1:` + port},
		{"no socket", "host=/nowhere user=sync password=s3cret dbname=book", errs.Transient, `"book" at /nowhere as "sync"`},
		{"bad escape", "postgres://sync:s3cret%zz@host/book", errs.Invalid, "can't be read"},
		{"bad port", "postgres://sync:s3cret@host:s3cret/book", errs.Invalid, "can't be read"},
		{"bad sslmode", "host=h password=s3cret sslmode=s3cret", errs.Invalid, "can't be read"},
		{"no pairs", "s3cret", errs.Invalid, "can't be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := pg.Open(t.Context(), pg.Config{DSN: c.dsn})
			wantKind(t, err, c.kind)
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("a password is in %v", err)
			}
		})
	}
}

func TestOpenSetsTheSessionUp(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	for _, c := range []struct{ dsn, setting, want string }{
		{dsn, "timezone", "UTC"},
		{dsn, "application_name", "test"},
		{dsn, "statement_timeout", "108s"},
		{dsn, "idle_in_transaction_session_timeout", "90s"},
		{dsn + " statement_timeout=7000", "statement_timeout", "7s"},
	} {
		db, err := pg.Open(t.Context(), pg.Config{DSN: c.dsn, Name: "test"})
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := db.GetContext(t.Context(), &got, `select current_setting($1)`, c.setting); err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s is %s, want %s", c.setting, got, c.want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// hole passes bytes between its clients and a database until it is told to
// swallow them.
type hole struct {
	net.Listener
	swallow atomic.Bool
}

func dig(t *testing.T, dsn string) (*hole, string) {
	t.Helper()
	cfg, err := pq.NewConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	network, address := "tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))
	if strings.HasPrefix(cfg.Host, "/") {
		network, address = "unix", cfg.Host+"/.s.PGSQL."+strconv.Itoa(int(cfg.Port))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{Listener: l}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			behind, err := net.Dial(network, address)
			if err != nil {
				t.Error(errors.Join(err, c.Close()))
				return
			}
			go h.pass(behind, c)
			go h.pass(c, behind)
		}
	}()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	// A later pair wins, so only the way changes.
	return h, dsn + " host=127.0.0.1 sslmode=disable port=" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func (h *hole) pass(to, from net.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		if !h.swallow.Load() && n > 0 {
			_, err = io.Copy(to, bytes.NewReader(b[:n]))
		}
		if err != nil {
			break
		}
	}
	// Closing twice, once from each direction, is no fault.
	to.Close()
	from.Close()
}

func TestABlackHoleFailsInsteadOfHanging(t *testing.T) {
	t.Parallel()
	h, dsn := dig(t, pgtest.DSN(t))
	db, err := pg.Open(t.Context(), pg.Config{DSN: dsn, Patience: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	h.swallow.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = db.ExecContext(ctx, `select 1`)
	if pg.KindOf(err) != errs.Transient || ctx.Err() != nil {
		t.Fatalf("got %v, want a lost connection well before the context ends", err)
	}
	h.swallow.Store(false)
	if _, err := db.ExecContext(t.Context(), `select 1`); err != nil {
		t.Errorf("the pool does not recover: %v", err)
	}
}

func TestTheServerGivesUpBeforeTheClient(t *testing.T) {
	t.Parallel()
	db, err := pg.Open(t.Context(), pg.Config{DSN: pgtest.DSN(t), Patience: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `select pg_sleep(60)`)
	if pq.As(err, "57014") == nil || pg.KindOf(err) != errs.Transient {
		t.Fatalf("got %v, want the server's own timeout", err)
	}
}

func TestWithDatabase(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:p@h:5433/a?sslmode=disable&dbname=b": "postgres://u:p@h:5433/c%20d?sslmode=disable",
		"host=h dbname=a": "host=h dbname=a dbname='c d'",
	} {
		got, err := pg.WithDatabase(dsn, "c d")
		if err != nil || got != want {
			t.Errorf("%s gave %s, %v; want %s", dsn, got, err, want)
		}
		cfg, err := pq.NewConfig(got)
		if err != nil || cfg.Database != "c d" {
			t.Errorf("%s means %q, %v", got, cfg.Database, err)
		}
	}
}
