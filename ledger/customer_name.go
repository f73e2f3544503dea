package ledger

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// CustomerNames gives the names of customers by their Account ids; one that is not known
// is not in it.
func CustomerNames(ctx context.Context, q sqlx.QueryerContext, accounts []string) (_ map[string]string, err error) {
	defer errs.Wrap(&err, "read the names of %d customers", len(accounts))
	var rows []struct {
		AccountID string `db:"account_id"`
		Name      string `db:"name"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select account_id, name from ledger.customer where account_id = any((select $1::text[])::text[])`, pq.Array(accounts)); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		out[r.AccountID] = r.Name
	}
	return out, nil
}
