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
	// Flight is the flight that the row is in, and FlownAt since when; none if it is not
	// being sent. JobID is that of the flight's Bulk job, "" if it has none.
	Flight  *int64     `db:"flight" json:"flight,omitempty"`
	FlownAt *time.Time `db:"flown_at" json:"flown_at,omitempty"`
	JobID   string     `db:"job_id" json:"job_id,omitempty"`
}

// State is the row's state: settled, in flight, unsent, waiting or quarantined.
func (r Row) State(now time.Time) State {
	switch {
	case r.Flight != nil:
		return InFlight
	case r.QuarantinedAt != nil:
		return Quarantined
	case r.Wanted <= r.Confirmed:
		return Settled
	case r.NotBefore != nil && r.NotBefore.After(now):
		return Waiting
	}
	return Unsent
}

// rowColumns and rowTables read whole rows, as people look at them.
const (
	rowColumns = `r.object, r.key, r.parent, r.wanted, r.confirmed, r.confirmed_hash, r.salesforce_id, r.attempts, r.not_before,
	r.last_error, r.quarantined_at, r.marked_at, r.confirmed_at, f.flight, t.begun_at as flown_at, coalesce(t.job_id, '') as job_id`
	rowTables = `outbox.record r
	left join outbox.flown f on f.object = r.object and f.key = r.key
	left join outbox.flight t on t.id = f.flight`
)

// Range says which unsent rows to look at: those behind After in the order of
// (parent, key), of one part out of Parts. A parent's rows are all in one part.
type Range struct {
	Object      string
	After       Key
	Part, Parts int
	Limit       int
}

// Next gives the next unsent rows of a range that are not in flight, with what a sender
// needs of them. It takes no lock: what keeps two from sending a row is Launch, of which
// the second fails.
func Next(ctx context.Context, q sqlx.QueryerContext, r Range, now time.Time) (out []Row, err error) {
	defer errs.Wrap(&err, "look for %s records to push", r.Object)
	err = sqlx.SelectContext(ctx, q, &out, `
		select r.object, r.key, r.parent, r.wanted, r.confirmed_hash, r.attempts from outbox.record r
		where object = $1 and wanted > confirmed and quarantined_at is null
		and (parent, key) > ($2, $3)
		and (not_before is null or not_before <= $4)
		and ($5 = 1 or mod(hashtext(parent)::bigint + 2147483648, $5) = $6)
		and not exists (select from outbox.flown f where f.object = r.object and f.key = r.key)
		order by object, parent, key
		limit $7`,
		r.Object, r.After.Parent, r.After.Key, now, max(r.Parts, 1), r.Part, r.Limit)
	return out, err
}
