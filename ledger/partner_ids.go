package ledger

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// PartnerIDsAfter gives at most limit Partner IDs that were issued, those behind one,
// in the order of their bytes.
func PartnerIDsAfter(ctx context.Context, q sqlx.QueryerContext, after string, limit int) (ids []string, err error) {
	defer errs.Wrap(&err, "list Partner IDs")
	err = sqlx.SelectContext(ctx, q, &ids, `
		select id from ledger.partner_id where id collate "C" > $1 order by id collate "C" limit $2`, after, limit)
	return ids, err
}
