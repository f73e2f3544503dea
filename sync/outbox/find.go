package outbox

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Find gives the rows of an object that have one of some keys, by key. What was never
// marked has none.
func Find(ctx context.Context, q sqlx.QueryerContext, object string, keys []string) (_ map[string]Row, err error) {
	defer errs.Wrap(&err, "find %d %s records in the outbox", len(keys), object)
	var rows []Row
	if err := sqlx.SelectContext(ctx, q, &rows,
		`with r as materialized (select * from outbox.record where object = $1 and key = any($2))
		select `+rowColumns+` from `+rowTables, object, pq.Array(keys)); err != nil {
		return nil, err
	}
	out := make(map[string]Row, len(rows))
	for _, r := range rows {
		out[r.Key] = r
	}
	return out, nil
}

// Known gives those of some keys of an object of which Salesforce has confirmed a record.
func Known(ctx context.Context, q sqlx.QueryerContext, object string, keys []string) (_ map[string]bool, err error) {
	defer errs.Wrap(&err, "look which of %d %s records Salesforce has", len(keys), object)
	var found []string
	if err := sqlx.SelectContext(ctx, q, &found,
		`select key from outbox.record where object = $1 and key = any($2) and confirmed_hash is not null`, object, pq.Array(keys)); err != nil {
		return nil, err
	}
	out := make(map[string]bool, len(found))
	for _, k := range found {
		out[k] = true
	}
	return out, nil
}
