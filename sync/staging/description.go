package staging

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// Description is what the org said last about an object.
type Description struct {
	Object string
	// JSON is the object's description; nil if the org has no such object, or hides it.
	JSON json.RawMessage
	// DescribedAt is our clock when the org said so, or said that it still holds.
	DescribedAt time.Time
	// Modified is when the org says the object last changed, in its own form; "" if it
	// did not say.
	Modified string
}

// Descriptions gives all that is known, by object.
func Descriptions(ctx context.Context, q sqlx.QueryerContext) (_ map[string]Description, err error) {
	defer errs.Wrap(&err, "read the descriptions of objects")
	var rows []struct {
		Object      string    `db:"object"`
		Description []byte    `db:"description"`
		DescribedAt time.Time `db:"described_at"`
		Modified    string    `db:"modified"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `select object, description, described_at, modified from staging.description`); err != nil {
		return nil, err
	}
	out := make(map[string]Description, len(rows))
	for _, r := range rows {
		out[r.Object] = Description{Object: r.Object, JSON: r.Description, DescribedAt: r.DescribedAt.UTC(), Modified: r.Modified}
	}
	return out, nil
}

// WriteDescription keeps what the org said.
func WriteDescription(ctx context.Context, tx *sqlx.Tx, d Description) (err error) {
	defer errs.Wrap(&err, "keep the description of %s", d.Object)
	var text any
	if d.JSON != nil {
		text = string(d.JSON)
	}
	_, err = tx.ExecContext(ctx, `
		insert into staging.description (object, description, described_at, modified) values ($1, $2, $3, $4)
		on conflict (object) do update
		set description = excluded.description, described_at = excluded.described_at, modified = excluded.modified`,
		d.Object, text, d.DescribedAt, d.Modified)
	return err
}
