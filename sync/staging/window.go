package staging

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// Window is a part of a large reading that is still to be read: the records whose
// stamp lies in [Since, Until).
type Window struct {
	Object       string
	Since, Until time.Time
	// Fields is what is read, as in Cursor.
	Fields string
	// PlannedAt is Salesforce's clock when the reading was planned. What commits later
	// with a stamp in the window may be missed by it.
	PlannedAt time.Time
	// IsWhole says that the reading, of which this is a window, began before everything.
	IsWhole bool
	// At and ID are the place up to which the window is staged, if it is read in that
	// order; At is zero at its beginning.
	At time.Time
	ID string
	// Received counts the records up to there.
	Received int64
}

type windowRow struct {
	Object    string       `db:"object"`
	Since     time.Time    `db:"since"`
	Until     time.Time    `db:"until"`
	Fields    string       `db:"fields"`
	PlannedAt time.Time    `db:"planned_at"`
	Whole     bool         `db:"whole"`
	At        sql.NullTime `db:"at"`
	ID        string       `db:"id"`
	Received  int64        `db:"received"`
}

func (r windowRow) window() Window {
	return Window{
		Object: r.Object, Since: r.Since.UTC(), Until: r.Until.UTC(), Fields: r.Fields, PlannedAt: r.PlannedAt.UTC(),
		IsWhole: r.Whole, At: orZero(r.At), ID: r.ID, Received: r.Received,
	}
}

// Windows gives what is left of large readings, by object and in the order of time.
func Windows(ctx context.Context, q sqlx.QueryerContext) (_ map[string][]Window, err error) {
	defer errs.Wrap(&err, "read the windows")
	var rows []windowRow
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select object, since, until, fields, planned_at, whole, at, id, received
		from staging.window order by object, since`); err != nil {
		return nil, err
	}
	out := map[string][]Window{}
	for _, r := range rows {
		out[r.Object] = append(out[r.Object], r.window())
	}
	return out, nil
}

// WriteWindow stores a window, or how far it is read.
func WriteWindow(ctx context.Context, tx *sqlx.Tx, w Window) (err error) {
	defer errs.Wrap(&err, "write a window of %s", w.Object)
	_, err = tx.ExecContext(ctx, `
		insert into staging.window (object, since, until, fields, planned_at, whole, at, id, received)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (object, since) do update
		set until = excluded.until, fields = excluded.fields, planned_at = excluded.planned_at, whole = excluded.whole,
		    at = excluded.at, id = excluded.id, received = excluded.received`,
		w.Object, w.Since, w.Until, w.Fields, w.PlannedAt, w.IsWhole, orNoTime(w.At), w.ID, w.Received)
	return err
}

// WindowsWithin gives what is left of an object's large reading between two instants, in
// the order of time.
func WindowsWithin(ctx context.Context, q sqlx.QueryerContext, object string, since, until time.Time) (_ []Window, err error) {
	defer errs.Wrap(&err, "read the windows of %s", object)
	var rows []windowRow
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select object, since, until, fields, planned_at, whole, at, id, received
		from staging.window where object = $1 and since >= $2 and until <= $3 order by since`, object, since, until); err != nil {
		return nil, err
	}
	out := make([]Window, len(rows))
	for i, r := range rows {
		out[i] = r.window()
	}
	return out, nil
}

// EndWindow deletes a window that is read to its end. It belongs in a transaction behind
// that of its last records. If it was the first of its reading, the cursor moves to the
// one that is the first now; when none is left, that is for whoever ends the reading. Windows
// end one after the other, so that of two which end at once the cursor does not stay
// behind.
func EndWindow(ctx context.Context, tx *sqlx.Tx, w Window) (err error) {
	defer errs.Wrap(&err, "end a window of %s", w.Object)
	if _, err := tx.ExecContext(ctx, `select from staging.cursor where object = $1 for update`, w.Object); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `delete from staging.window where object = $1 and since = $2`, w.Object, w.Since); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		update staging.cursor c set at = first.since, id = '', updated_at = first.planned_at
		from (select since, planned_at from staging.window where object = $1 order by since limit 1) as first
		where c.object = $1 and first.since > $2`, w.Object, w.Since)
	return err
}

// DropWindows deletes all windows of an object: its reading begins anew.
func DropWindows(ctx context.Context, tx *sqlx.Tx, object string) (err error) {
	defer errs.Wrap(&err, "drop the windows of %s", object)
	_, err = tx.ExecContext(ctx, `delete from staging.window where object = $1`, object)
	return err
}
