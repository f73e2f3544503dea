package wholeway_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/pg"
)

// board is the database on which sequences are played one after the other, and what
// was played in all.
type board struct {
	db     *sqlx.DB
	clock  *clock.Manual
	tables []string   // that a sequence may write to
	hash   *sqlx.Stmt // hashes them
	done   map[string]int
	resets int
	first  string // how the first sequence failed that did; rapid says how the shortest does
}

func newBoard(t testing.TB, db *sqlx.DB) *board {
	t.Helper()
	b := &board{db: db, clock: &clock.Manual{}, done: map[string]int{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("first it failed with: %s", b.first)
		}
	})
	must(t, db.Select(&b.tables, `
		select schemaname || '.' || tablename from pg_tables
		where schemaname not in ('pg_catalog', 'information_schema', 'public') order by 1`))
	hashed := make([]string, len(b.tables))
	for i, table := range b.tables {
		hashed[i] = fmt.Sprintf(`select '%[1]s' as name, count(*) || ' ' || coalesce(md5(string_agg(t::text, e'\n' order by t::text)), '') as rows from %[1]s as t`, table)
	}
	// A connection of its own keeps its plan.
	conn, err := db.Connx(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close()) })
	b.hash, err = conn.PreparexContext(t.Context(), strings.Join(hashed, " union all "))
	must(t, err)
	return b
}

// reset empties the tables past their own triggers. What was deleted stays in the
// tables' files, so now and then they are truncated, which takes longer.
func (b *board) reset(r *rapid.T) {
	r.Helper()
	statements := "set local session_replication_role = replica"
	if b.resets++; b.resets%20 == 0 {
		statements += "; truncate " + strings.Join(b.tables, ", ") + " restart identity"
	} else {
		for _, table := range b.tables {
			statements += "; delete from " + table
		}
	}
	if err := pg.InTx(context.Background(), b.db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, statements)
		return err
	}); err != nil {
		r.Fatalf("empty the tables: %v", err)
	}
}

// digest is one hash over every row of every table.
func (b *board) digest(r *rapid.T) string {
	r.Helper()
	var rows []struct{ Name, Rows string }
	if err := b.hash.Select(&rows); err != nil {
		r.Fatalf("hash the tables: %v", err)
	}
	h := sha256.New()
	for _, row := range rows {
		fmt.Fprintln(h, row.Name, row.Rows)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// count notes that something was done.
func (b *board) count(what string) { b.done[what]++ }

// report logs what was done how often.
func (b *board) report(t testing.TB) {
	t.Helper()
	var out strings.Builder
	for _, what := range slices.Sorted(maps.Keys(b.done)) {
		fmt.Fprintf(&out, "\n%7d %s", b.done[what], what)
	}
	t.Log(out.String())
}
