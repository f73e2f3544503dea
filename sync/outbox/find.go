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
		`select `+rowColumns+` from `+rowTables+` where r.object = $1 and r.key = any($2)`, object, pq.Array(keys)); err != nil {
		return nil, err
	}
	out := make(map[string]Row, len(rows))
	for _, r := range rows {
		out[r.Key] = r
	}
	return out, nil
}
