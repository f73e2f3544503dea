package outbox

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// Row is a row of the outbox.
type Row struct {
	Object        string     `db:"object" json:"object"`
	Key           string     `db:"key" json:"key"`
	Parent        string     `db:"parent" json:"parent,omitempty"`
	Wanted        int64      `db:"wanted" json:"wanted"`
	Confirmed     int64      `db:"confirmed" json:"confirmed"`
	ConfirmedHash []byte     `db:"confirmed_hash" json:"confirmed_hash,omitempty"`
	SalesforceID  string     `db:"salesforce_id" json:"salesforce_id,omitempty"`
	Attempts      int        `db:"attempts" json:"attempts"` // that failed since the last success
	NotBefore     *time.Time `db:"not_before" json:"not_before,omitempty"`
	LastError     string     `db:"last_error" json:"last_error,omitempty"`
	QuarantinedAt *time.Time `db:"quarantined_at" json:"quarantined_at,omitempty"`
	MarkedAt      time.Time  `db:"marked_at" json:"marked_at"`
	ConfirmedAt   *time.Time `db:"confirmed_at" json:"confirmed_at,omitempty"`
}

// State is the row's state: settled, unsent, waiting or quarantined.
func (r Row) State(now time.Time) State {
	switch {
	case r.QuarantinedAt != nil:
		return Quarantined
	case r.Wanted <= r.Confirmed:
		return Settled
	case r.NotBefore != nil && r.NotBefore.After(now):
		return Waiting
	}
	return Unsent
}

const rowColumns = `object, key, parent, wanted, confirmed, confirmed_hash, salesforce_id, attempts, not_before,
	last_error, quarantined_at, marked_at, confirmed_at`

// Range says which unsent rows to look at: those behind After in the order of
// (parent, key), of one part out of Parts. A parent's rows are all in one part.
type Range struct {
	Object      string
	After       Key
	Part, Parts int
	Limit       int
}

const unsent = `
	select ` + rowColumns + ` from outbox.record
	where object = $1 and wanted > confirmed and quarantined_at is null
	and (parent, key) > ($2, $3)
	and (not_before is null or not_before <= $4)
	and mod(hashtext(parent)::bigint + 2147483648, $5) = $6
	order by object, parent, key
	limit $7`

// Claim gives the next unsent rows of a range, locked until the transaction ends.
// Rows that somebody else has locked are passed over: they are being sent, or
// marked, and come again.
func Claim(ctx context.Context, tx *sqlx.Tx, r Range, now time.Time) (_ []Row, err error) {
	defer errs.Wrap(&err, "claim %s records to push", r.Object)
	return selectUnsent(ctx, tx, unsent+` for update skip locked`, r, now)
}

// Peek gives what Claim would give, without a lock.
func Peek(ctx context.Context, q sqlx.QueryerContext, r Range, now time.Time) (_ []Row, err error) {
	defer errs.Wrap(&err, "look at %s records to push", r.Object)
	return selectUnsent(ctx, q, unsent, r, now)
}

func selectUnsent(ctx context.Context, q sqlx.QueryerContext, query string, r Range, now time.Time) ([]Row, error) {
	var out []Row
	err := sqlx.SelectContext(ctx, q, &out, query,
		r.Object, r.After.Parent, r.After.Key, now, max(r.Parts, 1), r.Part, r.Limit)
	return out, err
}
