package pg

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// CopyIn streams rows into a table with COPY, by far the fastest way in, and
// gives their number. table is "schema.table"; every row has one value for each
// column, and may be overwritten by the sequence once it asks for the next. JSON
// (json.RawMessage) goes in as text; []byte is bytea. No rows ask the server nothing.
//
// While the sequence works a row out, the server stores those before it; but the
// transaction can do nothing else until the sequence ends, nor can the sequence
// use it.
//
// COPY is all or nothing: after an error, the sequence's own included, the
// transaction must be rolled back, as InTx does. The server checks rows long
// after they are handed over, so a row's fault appears at a later row or at the
// end; the error says where, in the server's words ("COPY record, line 3").
func CopyIn(ctx context.Context, tx *sqlx.Tx, table string, columns []string, rows iter.Seq2[[]any, error]) (n int64, err error) {
	defer errs.Wrap(&err, "copy into %s", table)
	c := copying{tx: tx, table: table, columns: columns}
	defer func() {
		if closeErr := c.close(); err == nil && closeErr != nil {
			err = Classify(closeErr)
		}
	}()
	for row, rowErr := range rows {
		if rowErr != nil {
			return 0, rowErr
		}
		if err := c.add(ctx, row); err != nil {
			return 0, err
		}
	}
	return c.finish(ctx)
}

// copying is a COPY under way; it begins with its first row.
type copying struct {
	tx      *sqlx.Tx
	table   string
	columns []string
	stmt    *sql.Stmt // nil before the first row
	n       int64     // rows handed over
}

func (c *copying) begin(ctx context.Context) (err error) {
	// To the server a COPY is one statement, however long its rows keep coming.
	// What bounds it is the connection's patience with silence.
	if _, err := c.tx.ExecContext(ctx, `set local statement_timeout = 0`); err != nil {
		return Classify(err)
	}
	c.stmt, err = c.tx.PrepareContext(ctx, copyStatement(c.table, c.columns))
	return Classify(err)
}

func (c *copying) add(ctx context.Context, row []any) error {
	if c.stmt == nil {
		if err := c.begin(ctx); err != nil {
			return err
		}
	}
	if len(row) != len(c.columns) {
		return errs.New(errs.Unknown, "row %d has %d values for %d columns", c.n+1, len(row), len(c.columns))
	}
	for i, v := range row {
		// lib/pq would encode a byte slice as bytea.
		if raw, ok := v.(json.RawMessage); ok {
			row[i] = jsonText(raw)
		}
	}
	if _, err := c.stmt.ExecContext(ctx, row...); err != nil {
		return copyError(err)
	}
	c.n++
	return nil
}

// finish waits until the server has stored all rows, and gives their number.
func (c *copying) finish(ctx context.Context) (int64, error) {
	if c.stmt == nil {
		return 0, nil
	}
	result, err := c.stmt.ExecContext(ctx)
	if err != nil {
		return 0, copyError(err)
	}
	stored, err := result.RowsAffected()
	if err != nil {
		return 0, err
	}
	if stored != c.n {
		return stored, errs.New(errs.Unknown, "handed over %d rows, the server counts %d", c.n, stored)
	}
	_, err = c.tx.ExecContext(ctx, `set local statement_timeout to default`)
	return stored, Classify(err)
}

func (c *copying) close() error {
	if c.stmt == nil {
		return nil
	}
	return c.stmt.Close()
}

// jsonText gives JSON as a value for COPY; no JSON at all is NULL.
func jsonText(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	return string(raw)
}

// copyError adds where in the data the server stopped; pq leaves it out.
func copyError(err error) error {
	if e := pq.As(err); e != nil && e.Where != "" {
		where, _, _ := strings.Cut(e.Where, ":") // what follows is the row's content
		err = fmt.Errorf("%w at %s", err, where)
	}
	return Classify(err)
}

func copyStatement(table string, columns []string) string {
	var b strings.Builder
	b.WriteString("copy ")
	for i, part := range strings.Split(table, ".") {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(pq.QuoteIdentifier(part))
	}
	b.WriteString(" (")
	for i, column := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(pq.QuoteIdentifier(column))
	}
	b.WriteString(") from stdin")
	return b.String()
}
