package outbox

import (
	"context"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// unlike is a hash that no record has: what Salesforce once confirmed of the row is
// not what it holds.
const unlike = `''::bytea`

// Repair marks keys whose records are not in Salesforce as they were confirmed, so that
// push sends them even where the ledger has not changed since. A row that is not there
// is made.
func Repair(ctx context.Context, tx *sqlx.Tx, object string, keys []Key, now time.Time) (err error) {
	defer errs.Wrap(&err, "repair %d %s records", len(keys), object)
	if err := Mark(ctx, tx, object, keys, now); err != nil {
		return err
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Key
	}
	_, err = tx.ExecContext(ctx, `
		update outbox.record set confirmed_hash = `+unlike+` where object = $1 and key = any($2)`, object, pq.Array(names))
	return err
}

// RepairAll is Repair for every row of an object that Salesforce has confirmed. It
// gives their number.
func RepairAll(ctx context.Context, tx *sqlx.Tx, object string, now time.Time) (_ int64, err error) {
	defer errs.Wrap(&err, "repair all %s records", object)
	if _, err := MarkAll(ctx, tx, object, now); err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, `
		update outbox.record set confirmed_hash = `+unlike+` where object = $1 and confirmed_hash is not null`, object)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// IsOnItsWay says that Salesforce need not have what the ledger says: the row is unsent,
// waiting or quarantined.
func (r Row) IsOnItsWay() bool { return r.Wanted > r.Confirmed }

// IsDropped says that a person gave up sending the row's present state (Drop).
func (r Row) IsDropped() bool {
	return r.Wanted <= r.Confirmed && strings.HasPrefix(r.LastError, droppedBy)
}

// droppedBy begins the last error of a row that a person dropped.
const droppedBy = "dropped by "
