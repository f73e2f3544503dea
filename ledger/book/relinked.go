package book

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// LinkField is a field by which a line leads to a record of Salesforce.
type LinkField string

// The fields of lines that lead to records which others may delete and merge.
const (
	LinkToOpportunity LinkField = "source_id"
	LinkToSpace       LinkField = "space_id"
	LinkToAccount     LinkField = "account_id"
)

// Relink asks that those lines be looked at again by whoever writes them to Salesforce
// which lead by a field to any of some records that were gone from there and are there
// again. A line may lead elsewhere than what it is a line of leads to by now, so it is found
// by itself. Spaces and Accounts come back so rarely that the fields have no index for it:
// all lines are gone through.
func Relink(ctx context.Context, tx *sqlx.Tx, by LinkField, records []string) (err error) {
	defer errs.Wrap(&err, "note the lines that lead to %d records", len(records))
	field := pq.QuoteIdentifier(string(by))
	_, err = tx.ExecContext(ctx, `
		insert into ledger.relinked (line_key)
		select key from ledger.line where `+field+` = any((select $1::text[])::text[]) and `+field+` <> '' order by key
		on conflict do nothing`, pq.Array(records))
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
