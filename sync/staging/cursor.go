package staging

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// Cursor says how far an object has been read: everything up to and including
// (At, ID), in the order of (stamp, id), is staged.
type Cursor struct {
	Object string
	// Fields is what was read, in words. Another list means that everything has
	// to be read again.
	Fields string
	// At is the stamp of the last record, in UTC; zero before the first.
	At time.Time
	// ID is the id of the last record.
	ID string
	// UpdatedAt is Salesforce's clock when the pull that wrote this began. What
	// was committed late, with a stamp before At, lies after UpdatedAt less the
	// longest transaction.
	UpdatedAt time.Time
}

type cursorRow struct {
	Object    string       `db:"object"`
	Fields    string       `db:"fields"`
	At        sql.NullTime `db:"at"`
	ID        string       `db:"id"`
	UpdatedAt time.Time    `db:"updated_at"`
}

func (r cursorRow) cursor() Cursor {
	c := Cursor{Object: r.Object, Fields: r.Fields, ID: r.ID, UpdatedAt: r.UpdatedAt.UTC()}
	if r.At.Valid {
		c.At = r.At.Time.UTC()
	}
	return c
}

// ReadCursor gives the cursor of an object; one that was never read has none,
// and its Cursor is zero but for the name.
func ReadCursor(ctx context.Context, q sqlx.QueryerContext, object string) (_ Cursor, err error) {
	defer errs.Wrap(&err, "read the cursor of %s", object)
	var row cursorRow
	err = sqlx.GetContext(ctx, q, &row,
		`select object, fields, at, id, updated_at from staging.cursor where object = $1`, object)
	if errors.Is(err, sql.ErrNoRows) {
		return Cursor{Object: object}, nil
	}
	return row.cursor(), err
}

// Cursors gives all cursors in the order of the objects.
func Cursors(ctx context.Context, q sqlx.QueryerContext) (_ []Cursor, err error) {
	defer errs.Wrap(&err, "read the cursors")
	var rows []cursorRow
	if err := sqlx.SelectContext(ctx, q, &rows,
		`select object, fields, at, id, updated_at from staging.cursor order by object`); err != nil {
		return nil, err
	}
	out := make([]Cursor, len(rows))
	for i, row := range rows {
		out[i] = row.cursor()
	}
	return out, nil
}

// WriteCursor stores a cursor. It belongs in the transaction that stages the
// records up to it.
func WriteCursor(ctx context.Context, tx *sqlx.Tx, c Cursor) (err error) {
	defer errs.Wrap(&err, "write the cursor of %s", c.Object)
	at := sql.NullTime{Time: c.At, Valid: !c.At.IsZero()}
	_, err = tx.ExecContext(ctx, `
		insert into staging.cursor (object, fields, at, id, updated_at) values ($1, $2, $3, $4, $5)
		on conflict (object) do update
		set fields = excluded.fields, at = excluded.at, id = excluded.id, updated_at = excluded.updated_at`,
		c.Object, c.Fields, at, c.ID, c.UpdatedAt)
	return err
}
