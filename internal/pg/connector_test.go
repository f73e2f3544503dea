package pg_test

import (
	"context"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// TestConnectionsThatDiedInThePoolAreReplaced: whoever asks next doesn't notice that the server
// was restarted, or that an administrator ended its sessions.
func TestConnectionsThatDiedInThePoolAreReplaced(t *testing.T) {
	t.Parallel()
	const conns = 6
	dsn := pgtest.DSN(t)
	direct, through := open(t, dsn, conns), open(t, dsn, conns)
	for _, c := range []struct {
		name string
		use  func() error
	}{
		{"a query", func() error {
			var one int
			return through.GetContext(t.Context(), &one, `select $1::int`, 1)
		}},
		{"a statement", func() error {
			_, err := through.ExecContext(t.Context(), `set timezone = 'UTC'`)
			return err
		}},
		{"a transaction", func() error {
			return pg.InTx(t.Context(), through, func(ctx context.Context, tx *sqlx.Tx) error {
				_, err := tx.ExecContext(ctx, `select 1`)
				return err
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pids := fill(t, through, conns)
			for _, pid := range pids {
				if _, err := direct.ExecContext(t.Context(), `select pg_terminate_backend($1, 10000)`, pid); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.use(); err != nil {
				t.Errorf("after all connections died: %v", err)
			}
		})
	}
}

func open(t *testing.T, dsn string, conns int) *sqlx.DB {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Config{DSN: dsn, MaxConns: conns})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// fill opens all connections of a pool, and gives the processes behind them.
func fill(t *testing.T, db *sqlx.DB, conns int) (pids []int) {
	t.Helper()
	var held []*sqlx.Conn
	for range conns {
		c, err := db.Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var pid int
		if err := c.GetContext(t.Context(), &pid, `select pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
		held, pids = append(held, c), append(pids, pid)
	}
	for _, c := range held {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return pids
}
