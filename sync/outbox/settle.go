package outbox

import (
	"context"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// maxError bounds what is kept of a reason, in bytes.
const maxError = 1000

// Confirmation says that Salesforce has a record in the state of Hash.
type Confirmation struct {
	Key  string
	Hash []byte
	// SalesforceID is the record's id, or "" where it is not known.
	SalesforceID string
	// Again, if not zero, says that this is less than what is wanted, and when to
	// try for the rest. Lack is what is missing, and why.
	Again time.Time
	Lack  string
}

// Confirm settles claimed rows: Salesforce has what the ledger says; or lets them
// wait, if it has most of that. It belongs in the transaction of the Claim, whose locks keep Mark out, so that what was
// sent is what was wanted.
func Confirm(ctx context.Context, tx *sqlx.Tx, object string, done []Confirmation, now time.Time) (err error) {
	defer errs.Wrap(&err, "confirm %d %s records", len(done), object)
	if len(done) == 0 {
		return nil
	}
	keys, ids, hashes := make([]string, len(done)), make([]string, len(done)), make([][]byte, len(done))
	later, lacks := make([]*string, len(done)), make([]string, len(done))
	for i, d := range done {
		keys[i], ids[i], hashes[i] = d.Key, d.SalesforceID, d.Hash
		later[i], lacks[i] = instant(d.Again), storable(d.Lack)
	}
	_, err = tx.ExecContext(ctx, `
		update outbox.record r
		set confirmed = r.wanted, confirmed_hash = d.hash, confirmed_at = $7,
		    wanted = r.wanted + case when d.again is null then 0 else 1 end,
		    salesforce_id = case when d.id = '' then r.salesforce_id else d.id end,
		    attempts = 0, not_before = d.again, last_error = d.lack
		from unnest($2::text[], $3::bytea[], $4::text[], $5::timestamptz[], $6::text[]) as d (key, hash, id, again, lack)
		where r.object = $1 and r.key = d.key`,
		object, pq.Array(keys), pq.ByteaArray(hashes), pq.Array(ids), pq.Array(later), pq.Array(lacks), now)
	return err
}

// Failure says that a record did not get through.
type Failure struct {
	Key string
	// Reason is what Salesforce said.
	Reason string
	// NotBefore is when to try again; zero puts the row into quarantine.
	NotBefore time.Time
}

// Fail notes failures of claimed rows, each to be tried again or quarantined.
func Fail(ctx context.Context, tx *sqlx.Tx, object string, failed []Failure, now time.Time) (err error) {
	defer errs.Wrap(&err, "note %d %s records that failed", len(failed), object)
	if len(failed) == 0 {
		return nil
	}
	keys, reasons := make([]string, len(failed)), make([]string, len(failed))
	nots := make([]*string, len(failed))
	for i, f := range failed {
		keys[i], reasons[i], nots[i] = f.Key, storable(f.Reason), instant(f.NotBefore)
	}
	_, err = tx.ExecContext(ctx, `
		update outbox.record r
		set attempts = r.attempts + 1, last_error = d.reason, not_before = d.not_before,
		    quarantined_at = case when d.not_before is null then $5::timestamptz end
		from unnest($2::text[], $3::text[], $4::timestamptz[]) as d (key, reason, not_before)
		where r.object = $1 and r.key = d.key`,
		object, pq.Array(keys), pq.Array(reasons), pq.Array(nots), now)
	return err
}

// instant gives a time as an element of a timestamptz[]; zero is null.
func instant(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format(time.RFC3339Nano)
	return &s
}

// storable cuts a reason and takes out what Postgres' text does not hold.
func storable(s string) string {
	if len(s) > maxError {
		s = s[:maxError] + "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}
