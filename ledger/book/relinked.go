package book

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Relink asks that those lines of sources be looked at again by whoever writes them to
// Salesforce which lead to any of some records: opportunities, Spaces and Accounts that
// were gone from there and are there again.
func Relink(ctx context.Context, tx *sqlx.Tx, sources, records []string) (err error) {
	defer errs.Wrap(&err, "note the lines that lead to %d records", len(records))
	_, err = tx.ExecContext(ctx, `
		insert into ledger.relinked (line_key)
		select key from ledger.line
		where source_id = any($1) and (source_id = any($2) or space_id = any($2) or account_id = any($2)) order by key
		on conflict do nothing`, pq.Array(sources), pq.Array(records))
	return err
}

// TakeRelinked gives the lines that were asked for; they are forgotten when the
// transaction commits.
func TakeRelinked(ctx context.Context, tx *sqlx.Tx) (_ []Line, err error) {
	defer errs.Wrap(&err, "take lines that lead to what is there again")
	var keys []string
	if err := tx.SelectContext(ctx, &keys, `delete from ledger.relinked returning line_key`); err != nil || len(keys) == 0 {
		return nil, err
	}
	return LinesByKey(ctx, tx, keys)
}
