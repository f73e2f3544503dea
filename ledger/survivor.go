package ledger

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// Survives says whether one Account is what has become of another by merges (R9.2).
func Survives(ctx context.Context, q sqlx.QueryerContext, account, into string) (is bool, err error) {
	defer errs.Wrap(&err, "look what has become of the account %s", account)
	err = sqlx.GetContext(ctx, q, &is, `select $1 <> '' and ledger.survivor($1) = $2`, account, into)
	return is, err
}
