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
	// AskedAt is Salesforce's clock when a pull asked for the oldest row of a
	// history object, in UTC; zero if none has. The first answer stands.
	AskedAt time.Time
	// Oldest is the instant of that row, whatever field it is about; zero if the
	// object had no row.
	Oldest time.Time
	// FullAt is Salesforce's clock when the last reading of the whole object began;
	// zero if none was finished. What doesn't move a stamp, a formula say, is as old.
	FullAt time.Time
	// IsDoubted says that the last reading received another number of records than
	// Salesforce had counted, and that the cursor was left where it was for it.
	IsDoubted bool
}

type cursorRow struct {
	Object    string       `db:"object"`
	Fields    string       `db:"fields"`
	At        sql.NullTime `db:"at"`
	ID        string       `db:"id"`
	UpdatedAt time.Time    `db:"updated_at"`
	AskedAt   sql.NullTime `db:"asked_at"`
	Oldest    sql.NullTime `db:"oldest"`
	FullAt    sql.NullTime `db:"full_at"`
	Doubted   bool         `db:"doubted"`
}

func (r cursorRow) cursor() Cursor {
	return Cursor{
		Object: r.Object, Fields: r.Fields, At: orZero(r.At), ID: r.ID, UpdatedAt: r.UpdatedAt.UTC(),
		AskedAt: orZero(r.AskedAt), Oldest: orZero(r.Oldest), FullAt: orZero(r.FullAt), IsDoubted: r.Doubted,
	}
}

func orZero(t sql.NullTime) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

func orNoTime(t time.Time) sql.NullTime { return sql.NullTime{Time: t, Valid: !t.IsZero()} }

// ReadCursor gives the cursor of an object; one that was never read has none,
// and its Cursor is zero but for the name.
func ReadCursor(ctx context.Context, q sqlx.QueryerContext, object string) (_ Cursor, err error) {
	defer errs.Wrap(&err, "read the cursor of %s", object)
	var row cursorRow
	err = sqlx.GetContext(ctx, q, &row,
		`select object, fields, at, id, updated_at, asked_at, oldest, full_at, doubted from staging.cursor where object = $1`, object)
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
		`select object, fields, at, id, updated_at, asked_at, oldest, full_at, doubted from staging.cursor order by object`); err != nil {
		return nil, err
	}
	out := make([]Cursor, len(rows))
	for i, row := range rows {
		out[i] = row.cursor()
	}
	return out, nil
}

// WriteCursor stores a cursor. It belongs in the transaction that stages the
// records up to it. What a history object's oldest row was when it was first asked
// for is kept: Salesforce purges its history, and a later answer is another.
func WriteCursor(ctx context.Context, tx *sqlx.Tx, c Cursor) (err error) {
	defer errs.Wrap(&err, "write the cursor of %s", c.Object)
	_, err = tx.ExecContext(ctx, `
		insert into staging.cursor as c (object, fields, at, id, updated_at, asked_at, oldest, full_at, doubted)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (object) do update
		set fields = excluded.fields, at = excluded.at, id = excluded.id, updated_at = excluded.updated_at,
		    full_at = excluded.full_at, doubted = excluded.doubted,
		    asked_at = coalesce(c.asked_at, excluded.asked_at),
		    oldest = case when c.asked_at is null then excluded.oldest else c.oldest end`,
		c.Object, c.Fields, orNoTime(c.At), c.ID, c.UpdatedAt, orNoTime(c.AskedAt), orNoTime(c.Oldest), orNoTime(c.FullAt), c.IsDoubted)
	return err
}
