package record

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/outbox"
)

// Next is outbox.Next, and reads what the ledger says of the rows: of lines, in the same
// statement.
func (r *Reader) Next(ctx context.Context, q sqlx.QueryerContext, reach outbox.Range, now time.Time) (rows []outbox.Row, err error) {
	if !r.isByText() {
		if rows, err = outbox.Next(ctx, q, reach, now); err != nil || len(rows) == 0 {
			return rows, err
		}
		keys := make([]string, len(rows))
		for i, row := range rows {
			keys[i] = row.Key
		}
		return rows, r.Read(ctx, q, keys)
	}
	r.begin()
	r.lines = slices.Grow(r.lines, reach.Limit)
	beside := outbox.Beside{Columns: book.PackedColumns, Join: `left join ledger.line l on l.key = d.key`, Into: r.packed.Into()}
	if rows, err = outbox.NextBeside(ctx, q, reach, now, &beside, r.keepPacked); err != nil {
		return nil, err
	}
	return rows, r.complete(ctx, q)
}

// keepPacked keeps the line that was read beside a row, if there is one.
func (r *Reader) keepPacked(row *outbox.Row) error {
	if r.isOtherGrain(row.Key) || !r.packed.IsThere() {
		return nil
	}
	p, ok, err := r.packed.Plain(row.Key)
	if err != nil {
		return err
	}
	if !ok {
		r.odd = append(r.odd, row.Key)
		return nil
	}
	return r.keep(p)
}
