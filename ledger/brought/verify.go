package brought

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/ledger/book"
)

// Checks compare what was brought in with the entries that brought it (R8.9).
func Checks() []book.Check {
	return []book.Check{{
		Name: "brought in", Unit: "rows", Run: verify,
		Compares: "every row of the files that were imported with the entry that it became",
	}}
}

func verify(ctx context.Context, tx *sqlx.Tx, report book.Report) (looked int64, err error) {
	if err := book.DifferencesOf(ctx, tx, report, book.Difference{
		Check: "brought in", Object: "line",
		Sentence: "What the ledger kept of the imported row is not what its entry brought in. Compare both with the file; the entries are what counts, and nothing here changes either.",
	}, `
		with e as (
			select line_key, case kind when $1 then 'opening' else 'paid' end as kind, payee_id, source_id, period, currency,
				case '`+book.AccountBroughtIn+`' when debit then amount_minor else -amount_minor end as minor, posted_by, posted_at
			from ledger.entry where kind in ($1, $2))
		select coalesce(b.line_key, e.line_key), 'row',
			coalesce(concat_ws(' ', e.kind, e.payee_id, e.source_id, e.period, e.minor, e.currency, e.posted_by, e.posted_at at time zone 'UTC'), 'no entry'),
			coalesce(concat_ws(' ', b.kind, b.payee_id, b.source_id, b.period, b.amount_minor, b.currency, b.brought_by, b.brought_at at time zone 'UTC'), 'no row')
		from ledger.brought b full join e on e.line_key = b.line_key
		where (b.kind, b.payee_id, b.source_id, b.period, b.amount_minor, b.currency, b.brought_by)
			is distinct from (e.kind, e.payee_id, e.source_id, e.period, e.minor, e.currency, e.posted_by)
		or abs(extract(epoch from b.brought_at - e.posted_at)) > 0.000001 -- which is what rounding may add
		order by coalesce(b.line_key, e.line_key)`, book.KindOpening, book.KindImport); err != nil {
		return 0, err
	}
	err = tx.GetContext(ctx, &looked, `select count(*) from ledger.brought`)
	return looked, err
}
