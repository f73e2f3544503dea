package rehearsal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/sync/stage"
)

// schemas are those whose tables the stages work on.
var schemas = []string{"staging", "ledger", "outbox"}

// partial says of which rows of a table no stage of the way has need, as a condition
// for those that it has; none of a table that is false.
func partial(late time.Duration) map[string]string {
	return map[string]string{
		"ledger.period_facts": "false",
		// What is on its way is as good as unsent: the copy's push must not wait for it.
		"outbox.flight":   "false",
		"outbox.manifest": "false",
		"staging.record": fmt.Sprintf(`t.reconciled_at is null or t.vanished_at is not null or t.modstamp >= (
			select least(c.at, c.updated_at - interval '%d seconds') from staging.cursor c where c.object = t.object)`, int64(late/time.Second)),
	}
}

// table is one that is copied.
type table struct {
	Name    string         `db:"name"`
	Columns pq.StringArray `db:"columns"`
}

// Copy fills an empty copy, which has this program's schema and belongs to a superuser,
// with what a ledger has at one instant, and gives the number of rows. late is by how
// much pulls read back.
func Copy(ctx context.Context, from, to *sqlx.DB, late time.Duration, progress stage.Progress) (rows int64, err error) {
	defer errs.Wrap(&err, "copy the ledger")
	// What is written is written under the outer context, to another database.
	err = pg.InSnapshot(pg.Unhurried(ctx), from, func(inner context.Context, tx *sqlx.Tx) error {
		rows = 0
		tables, err := tablesOf(inner, tx)
		if err != nil {
			return err
		}
		if err := empty(ctx, to, tables); err != nil {
			return err
		}
		conditions := partial(late)
		for _, t := range tables {
			n, err := copyTable(ctx, inner, tx, to, t, conditions[t.Name])
			if err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
			rows += n
			progress.Tell("rows of the ledger", rows, 0)
			// Nobody else takes statistics there, and stages would read tables as a whole.
			if _, err := to.ExecContext(ctx, "analyze "+t.Name); err != nil {
				return err
			}
		}
		return copySequences(ctx, inner, tx, to)
	})
	return rows, err
}

func tablesOf(ctx context.Context, tx *sqlx.Tx) (out []table, err error) {
	err = tx.SelectContext(ctx, &out, `
		select n.nspname || '.' || c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
		from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
		where n.nspname = any($1) and c.relkind in ('r', 'p') and not c.relispartition
		  and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
		group by 1 order by 1`, pq.Array(schemas))
	return out, err
}

// asReplica keeps triggers and foreign keys still: rows are copied as they are.
const asReplica = `set local session_replication_role = replica`

func empty(ctx context.Context, to *sqlx.DB, tables []table) error {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.Name
	}
	return pg.InTx(ctx, to, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, asReplica); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "truncate "+strings.Join(names, ", "))
		return err
	})
}

// copyTable streams a table over, every value as the text that Postgres writes of it.
func copyTable(ctx, inner context.Context, from *sqlx.Tx, to *sqlx.DB, t table, condition string) (n int64, err error) {
	if condition == "false" {
		return 0, nil
	}
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = "t." + pq.QuoteIdentifier(c) + "::text"
	}
	query := "select " + strings.Join(columns, ", ") + " from " + t.Name + " t"
	if condition != "" {
		query += " where " + condition
	}
	rows, err := from.QueryContext(inner, query) //nolint:rowserrcheck // texts asks for it
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	begun := false
	err = pg.InTx(ctx, to, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if begun { // the rows that were read are gone
			return errs.New(errs.Transient, "the copy cannot be begun again")
		}
		begun = true
		if _, err := tx.ExecContext(ctx, asReplica); err != nil {
			return err
		}
		n, err = pg.CopyIn(ctx, tx, t.Name, t.Columns, texts(rows, len(columns)))
		return err
	})
	return n, err
}

// texts gives rows of texts; a value that is null is nil.
func texts(rows *sql.Rows, width int) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		values, into, row := make([]sql.NullString, width), make([]any, width), make([]any, width)
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				yield(nil, err)
				return
			}
			for i, v := range values {
				if row[i] = nil; v.Valid {
					row[i] = v.String
				}
			}
			if !yield(row, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// copySequences lets numbers go on where they would.
func copySequences(ctx, inner context.Context, from *sqlx.Tx, to *sqlx.DB) error {
	var sequences []struct {
		Name string `db:"name"`
		Last int64  `db:"last"`
	}
	if err := from.SelectContext(inner, &sequences, `
		select quote_ident(schemaname) || '.' || quote_ident(sequencename) as name, last_value as last
		from pg_sequences where schemaname = any($1) and last_value is not null`, pq.Array(schemas)); err != nil {
		return err
	}
	for _, s := range sequences {
		if _, err := to.ExecContext(ctx, `select setval($1::text::regclass, $2)`, s.Name, s.Last); err != nil {
			return err
		}
	}
	return nil
}
