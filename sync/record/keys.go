package record

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/sync/outbox"
)

// KeysAfter gives at most limit keys of a target that the ledger has, those behind one,
// in the order of their bytes: what Salesforce is to hold.
func (s Shape) KeysAfter(ctx context.Context, q sqlx.QueryerContext, t mapping.Target, after string, limit int) ([]string, error) {
	switch t {
	case mapping.PartnerTarget:
		return ledger.PartnerIDsAfter(ctx, q, after, limit)
	case mapping.StatementTarget:
		return outbox.KeysAfter(ctx, q, outbox.Statement, after, limit) // they are worked out when they are marked
	}
	if s.IsBySource() {
		return s.sourceKeysAfter(ctx, q, after, limit)
	}
	return book.LineKeysAfter(ctx, q, after, limit)
}
