package outbox

import (
	"context"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// maxError bounds what is kept of a reason, in bytes.
const maxError = 1000

// Confirmation says that Salesforce has a record in the state of Hash.
type Confirmation struct {
	Key  string
	Hash []byte
	// SalesforceID is the record's id, or "" where it is not known.
	SalesforceID string
	// IsAsLaunched says that Hash is that of the flight.
	IsAsLaunched bool
	// Again, if not zero, says that this is less than what is wanted, and when to
	// try for the rest. Lack is what is missing, and why.
	Again time.Time
	Lack  string
}

// Confirm settles rows without a flight: Salesforce has what the ledger said when
// Next gave them, and nothing was sent. Where the ledger has changed since, the row stays unsent.
func Confirm(ctx context.Context, tx *sqlx.Tx, object string, same []Row, now time.Time) (err error) {
	defer errs.Wrap(&err, "confirm %d %s records", len(same), object)
	if len(same) == 0 {
		return nil
	}
	keys, wanted := make([]string, len(same)), make([]int64, len(same))
	for i, r := range same {
		keys[i], wanted[i] = r.Key, r.Wanted
	}
	_, err = tx.ExecContext(ctx, `
		with locked as (
			select r.object, r.key, d.wanted from unnest($2::text[], $3::bigint[]) as d (key, wanted)
			join outbox.record r on r.object = $1 and r.key = d.key order by r.key for update of r)
		update outbox.record r
		set confirmed = greatest(r.confirmed, l.wanted), confirmed_at = case when r.confirmed_hash is null then r.confirmed_at else $4 end,
		    attempts = 0, not_before = null, last_error = ''
		from locked l where r.object = l.object and r.key = l.key`,
		object, pq.Array(keys), pq.Array(wanted), now)
	return err
}

// Failure says that a record did not get through.
type Failure struct {
	Key string
	// Reason is what Salesforce said.
	Reason string
	// NotBefore is when to try again; zero puts the row into quarantine.
	NotBefore time.Time
	// IsUnsure says that Salesforce may have got the record all the same, so that what it
	// confirmed before counts no more.
	IsUnsure bool
}

// Fail notes failures of rows that were never sent, because the ledger itself says that
// they can't be; each is to be tried again or quarantined.
func Fail(ctx context.Context, tx *sqlx.Tx, object string, failed []Failure, now time.Time) (err error) {
	defer errs.Wrap(&err, "note %d %s records that failed", len(failed), object)
	if len(failed) == 0 {
		return nil
	}
	keys, reasons := make([]string, len(failed)), make([]string, len(failed))
	nots := make([]*time.Time, len(failed))
	for i, f := range failed {
		keys[i], reasons[i], nots[i] = f.Key, storable(f.Reason), pg.OrNull(f.NotBefore)
	}
	_, err = tx.ExecContext(ctx, `
		with locked as (
			select r.object, r.key, d.reason, d.not_before from unnest($2::text[], $3::text[], $4::timestamptz[]) as d (key, reason, not_before)
			join outbox.record r on r.object = $1 and r.key = d.key order by r.key for update of r)
		update outbox.record r
		set attempts = r.attempts + 1, last_error = l.reason, not_before = l.not_before,
		    quarantined_at = case when l.not_before is null then $5::timestamptz end
		from locked l where r.object = l.object and r.key = l.key`,
		object, pq.Array(keys), pq.Array(reasons), pq.Array(nots), now)
	return err
}

// storable cuts a reason and takes out what Postgres' text does not hold.
func storable(s string) string {
	if len(s) > maxError {
		s = s[:maxError] + "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}
