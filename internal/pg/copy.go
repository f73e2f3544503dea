package pg

import (
	"context"
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
// (json.RawMessage) goes in as text; []byte is bytea.
//
// COPY is all or nothing: after an error, the sequence's own included, the
// transaction must be rolled back, as InTx does. The server checks rows long
// after they are handed over, so a row's fault appears at a later row or at the
// end; the error says where, in the server's words ("COPY record, line 3").
func CopyIn(ctx context.Context, tx *sqlx.Tx, table string, columns []string, rows iter.Seq2[[]any, error]) (n int64, err error) {
	defer errs.Wrap(&err, "copy into %s", table)
	// To the server a COPY is one statement, however long its rows keep coming.
	// What bounds it is the connection's patience with silence.
	if _, err := tx.ExecContext(ctx, `set local statement_timeout = 0`); err != nil {
		return 0, Classify(err)
	}
	n, err = stream(ctx, tx, table, columns, rows)
	if err != nil {
		return n, err
	}
	_, err = tx.ExecContext(ctx, `set local statement_timeout to default`)
	return n, Classify(err)
}

func stream(ctx context.Context, tx *sqlx.Tx, table string, columns []string, rows iter.Seq2[[]any, error]) (n int64, err error) {
	stmt, err := tx.PrepareContext(ctx, copyStatement(table, columns))
	if err != nil {
		return 0, Classify(err)
	}
	defer func() {
		if closeErr := stmt.Close(); err == nil && closeErr != nil {
			err = Classify(closeErr)
		}
	}()

	for row, rowErr := range rows {
		if rowErr != nil {
			return 0, rowErr
		}
		if len(row) != len(columns) {
			return 0, errs.New(errs.Unknown, "row %d has %d values for %d columns", n+1, len(row), len(columns))
		}
		for i, v := range row {
			// lib/pq would encode a byte slice as bytea.
			if raw, ok := v.(json.RawMessage); ok {
				row[i] = jsonText(raw)
			}
		}
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return 0, copyError(err)
		}
		n++
	}
	result, err := stmt.ExecContext(ctx)
	if err != nil {
		return 0, copyError(err)
	}
	stored, err := result.RowsAffected()
	if err != nil {
		return 0, err
	}
	if stored != n {
		return stored, errs.New(errs.Unknown, "handed over %d rows, the server counts %d", n, stored)
	}
	return n, nil
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
