package pg_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/pgtest"
)

// scratch gives a database with a table t of its own.
func scratch(t *testing.T, columns string) *sqlx.DB {
	t.Helper()
	db := pgtest.New(t)
	if _, err := db.ExecContext(t.Context(), `create table t (`+columns+`)`); err != nil {
		t.Fatal(err)
	}
	return db
}

func count(t *testing.T, db *sqlx.DB) (n int) {
	t.Helper()
	if err := db.GetContext(t.Context(), &n, `select count(*) from t`); err != nil {
		t.Fatal(err)
	}
	return n
}

func insert(ctx context.Context, tx *sqlx.Tx) error {
	_, err := tx.ExecContext(ctx, `insert into t values (1)`)
	return err
}

func TestInTxCommitsOrRollsBack(t *testing.T) {
	t.Parallel()
	db := scratch(t, "n int")
	if err := pg.InTx(t.Context(), db, insert); err != nil || count(t, db) != 1 {
		t.Fatalf("%v, %d rows", err, count(t, db))
	}
	wrong := errors.New("wrong")
	err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		return errors.Join(insert(ctx, tx), wrong)
	})
	if !errors.Is(err, wrong) || count(t, db) != 1 {
		t.Errorf("after an error: %v, %d rows", err, count(t, db))
	}
	func() {
		defer func() {
			if recover() != "oops" {
				t.Error("the panic did not come through")
			}
		}()
		t.Error(pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
			if err := insert(ctx, tx); err != nil {
				return err
			}
			panic("oops")
		}))
	}()
	if n := count(t, db); n != 1 {
		t.Errorf("after a panic: %d rows", n)
	}
	if open := db.Stats().InUse; open != 0 {
		t.Errorf("%d connections were not given back", open)
	}
}

func TestInTxRefusesToNest(t *testing.T) {
	t.Parallel()
	db := scratch(t, "n int")
	err := pg.InTx(t.Context(), db, func(ctx context.Context, _ *sqlx.Tx) error {
		return pg.InTx(ctx, db, insert)
	})
	if err == nil || !strings.Contains(err.Error(), "inside a transaction") || count(t, db) != 0 {
		t.Fatalf("got %v", err)
	}
}

func TestInTxRepeatsWhatTheDatabaseAborted(t *testing.T) {
	t.Parallel()
	db := scratch(t, "n int")
	for _, c := range []struct {
		state     string
		failures  int
		wantTries int
		wantKind  errs.Kind
	}{
		{"40001", 3, 4, ""},
		{"40P01", 1, 2, ""},
		{"40001", 99, 5, errs.Transient},
		{"23505", 99, 1, errs.Conflict},
	} {
		tries := 0
		err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
			if tries++; tries > c.failures {
				return nil
			}
			_, err := tx.ExecContext(ctx, fmt.Sprintf(`do $$ begin raise sqlstate '%s'; end $$`, c.state))
			return fmt.Errorf("step: %w", err)
		})
		if tries != c.wantTries || errs.KindOf(err) != c.wantKind {
			t.Errorf("%s: %d tries, %v", c.state, tries, err)
		}
	}
}

func TestInTxSaysThatItsContextEnded(t *testing.T) {
	t.Parallel()
	db := scratch(t, "n int")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := pg.InTx(ctx, db, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `select pg_sleep(60)`)
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
}

func TestInSnapshotSeesOneStateAndWritesNothing(t *testing.T) {
	t.Parallel()
	db := scratch(t, "n int")
	err := pg.InSnapshot(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		var before, after int
		if err := tx.GetContext(ctx, &before, `select count(*) from t`); err != nil {
			return err
		}
		if err := pg.InTx(t.Context(), db, insert); err != nil {
			return err
		}
		if err := tx.GetContext(ctx, &after, `select count(*) from t`); err != nil {
			return err
		}
		if before != after {
			t.Errorf("saw %d rows, then %d", before, after)
		}
		return insert(ctx, tx)
	})
	if pg.KindOf(err) != errs.Conflict || pq.As(err, "25006") == nil {
		t.Fatalf("got %v, want a refusal to write", err)
	}
}

// rowsOf gives rows in one buffer that is used again, as CopyIn allows.
func rowsOf(rows ...[]any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		var buffer []any
		for _, row := range rows {
			buffer = append(buffer[:0], row...)
			if !yield(buffer, nil) {
				return
			}
		}
	}
}

func copyRows(t *testing.T, db *sqlx.DB, columns []string, rows iter.Seq2[[]any, error]) (n int64, err error) {
	t.Helper()
	err = pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		n, err = pg.CopyIn(ctx, tx, "public.t", columns, rows)
		return err
	})
	return n, err
}

func TestCopyInKeepsValues(t *testing.T) {
	t.Parallel()
	db := scratch(t, `id text, "At" timestamptz, doc json, raw bytea, tags text[]`)
	at := time.Date(2026, 10, 31, 12, 0, 0, 123456000, time.UTC)
	odd := "tab\t, line\n, backslash \\N, ü"
	doc := json.RawMessage(`{"a": "\u0000", "b": "\\"}`)
	n, err := copyRows(t, db, []string{"id", "At", "doc", "raw", "tags"}, rowsOf(
		[]any{odd, at, doc, []byte{0, 1, '\\'}, pq.Array([]string{"x", "y z"})},
		[]any{"", nil, json.RawMessage(nil), nil, nil},
	))
	if err != nil || n != 2 {
		t.Fatal(n, err)
	}
	type row struct {
		ID   string
		At   sql.NullTime `db:"At"`
		Doc  []byte
		Raw  []byte
		Tags pq.StringArray
	}
	var got []row
	if err := db.SelectContext(t.Context(), &got, `select id, "At", doc, raw, tags from t order by id desc`); err != nil {
		t.Fatal(err)
	}
	want := []row{
		{odd, sql.NullTime{Time: at, Valid: true}, doc, []byte{0, 1, '\\'}, pq.StringArray{"x", "y z"}},
		{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCopyInIsAllOrNothing(t *testing.T) {
	t.Parallel()
	db := scratch(t, "n int primary key check (n < 10)")
	broken := errors.New("the source broke")
	endless := func(yield func([]any, error) bool) {
		for n := 0; yield([]any{n}, nil); n++ {
		}
	}
	for _, c := range []struct {
		name string
		rows iter.Seq2[[]any, error]
		kind errs.Kind
		says string
	}{
		{"a fault seen at the end", rowsOf([]any{1}, []any{10}), errs.Invalid, "line 2"},
		{"a fault seen on the way", endless, errs.Invalid, "line 11"},
		{"a duplicate", rowsOf([]any{1}, []any{2}, []any{1}), errs.Conflict, "line 3"},
		{"not a number", rowsOf([]any{"many"}), errs.Invalid, "line 1"},
		{"a short row", rowsOf([]any{1}, []any{}), errs.Unknown, "row 2 has 0 values for 1 columns"},
		{"its source", func(yield func([]any, error) bool) { _ = yield([]any{1}, nil) && yield(nil, broken) }, errs.Unknown, "broke"},
	} {
		n, err := copyRows(t, db, []string{"n"}, c.rows)
		if n != 0 || errs.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %d rows, %q %v", c.name, n, errs.KindOf(err), err)
		}
		if n := count(t, db); n != 0 {
			t.Errorf("%s: %d rows stayed", c.name, n)
		}
	}
}

// A COPY may last longer than any silence is borne, as long as rows come.
func TestCopyInMayTakeLongerThanPatience(t *testing.T) {
	t.Parallel()
	scratchDB := scratch(t, "s text")
	var name string
	if err := scratchDB.GetContext(t.Context(), &name, `select current_database()`); err != nil {
		t.Fatal(err)
	}
	dsn, err := pg.WithDatabase(pgtest.DSN(t), name)
	if err != nil {
		t.Fatal(err)
	}
	const patience = time.Second
	db, err := pg.Open(t.Context(), pg.Config{DSN: dsn, Patience: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	large := strings.Repeat("x", 70_000) // more than lib/pq gathers before it writes
	slow := func(yield func([]any, error) bool) {
		tick := time.NewTicker(patience / 4)
		defer tick.Stop()
		for range 7 {
			<-tick.C
			if !yield([]any{large}, nil) {
				return
			}
		}
	}
	if n, err := copyRows(t, db, []string{"s"}, slow); n != 7 || err != nil {
		t.Fatal(n, err)
	}
}

// Without a row nothing is asked of the server, not even whether the table is there.
func TestCopyInOfNothingAsksNothing(t *testing.T) {
	t.Parallel()
	db := scratch(t, "n int")
	err := pg.InTx(t.Context(), db, func(ctx context.Context, tx *sqlx.Tx) error {
		n, err := pg.CopyIn(ctx, tx, "public.nowhere", []string{"n"}, rowsOf())
		if n != 0 {
			t.Errorf("%d rows", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsUnhurriedMayBeSilentForLonger than the pool's patience and its statement_timeout
// allow; whoever has the connection afterwards waits no longer than before.
func TestWhatIsUnhurriedMayBeSilentForLonger(t *testing.T) {
	t.Parallel()
	db, err := pg.Open(t.Context(), pg.Config{DSN: pgtest.DSN(t), MaxConns: 1, Patience: 400 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	silent := func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `select pg_sleep(0.6)`)
		return err
	}
	if err := pg.InTx(pg.Unhurried(t.Context()), db, silent); err != nil {
		t.Error(err)
	}
	if err := pg.InSnapshot(pg.Unhurried(t.Context()), db, silent); err != nil {
		t.Error(err)
	}
	var timeout string
	if err := db.GetContext(t.Context(), &timeout, `show statement_timeout`); err != nil || timeout != "360ms" {
		t.Errorf("statement_timeout is %q afterwards, %v", timeout, err)
	}
	// The server would wait, and so the connection must not.
	if _, err := db.ExecContext(t.Context(), `set statement_timeout = 0`); err != nil {
		t.Fatal(err)
	}
	if err := pg.InTx(t.Context(), db, silent); errs.KindOf(err) != errs.Transient {
		t.Errorf("in a hurry: %v", err)
	}
	if db.Stats().InUse != 0 {
		t.Errorf("%d connections were not given back", db.Stats().InUse)
	}
}
