package pg

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// ByIndex lets the statements of a transaction that follow go through tables by their
// indexes, in order, and by themselves: for stages that take the next thousands of rows
// behind a key. Where statistics say little, the planner rather reads all that is left and
// sorts it, for every batch anew.
func ByIndex(ctx context.Context, tx *sqlx.Tx) error {
	_, err := tx.ExecContext(ctx, `
		set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_sort = off;
		set local max_parallel_workers_per_gather = 0; set local jit = off`)
	return Classify(err)
}
