package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// landing locks the rows of some records of a flight in the order of their keys, as Mark
// does, and takes the records out of the flight. What was taken out before is passed
// over, so that a landing which was cut short can be repeated.
const landing = `
	landed as (
		select r.object, r.key, f.wanted, f.hash from outbox.flown f
		join outbox.record r on r.object = f.object and r.key = f.key
		where f.flight = $1 and %s
		order by r.key for update of r),
	gone as (
		delete from outbox.flown f using landed l where f.object = l.object and f.key = l.key)`

// Land takes records out of a flight that were written. Where the ledger has changed
// meanwhile, the row stays unsent. It gives the keys of which Salesforce had no record before.
func Land(ctx context.Context, tx *sqlx.Tx, flight int64, done []Confirmation, now time.Time) (first []string, err error) {
	defer errs.Wrap(&err, "confirm %d records of flight %d", len(done), flight)
	if len(done) == 0 {
		return nil, nil
	}
	keys, ids, hashes := make([]string, len(done)), make([]string, len(done)), make([][]byte, len(done))
	later, lacks := make([]*string, len(done)), make([]string, len(done))
	for i, d := range done {
		keys[i], ids[i], hashes[i] = d.Key, d.SalesforceID, d.Hash
		later[i], lacks[i] = instant(d.Again), storable(d.Lack)
	}
	// A record may have been written otherwise than it was launched: without a link.
	err = tx.SelectContext(ctx, &first, `
		with d as (
			select * from unnest($2::text[], $3::bytea[], $4::text[], $5::timestamptz[], $6::text[]) as d (key, hash, id, again, lack)),
		`+landingOf(`f.key = any((select $2::text[])::text[])`)+`,
		before as (select r.key from outbox.record r join landed l on r.object = l.object and r.key = l.key where r.confirmed_hash is null),
		written as (
			update outbox.record r
			set confirmed = greatest(r.confirmed, l.wanted), confirmed_at = $7,
			    confirmed_hash = case when r.wanted > l.wanted and r.confirmed_hash = `+unlike+` then r.confirmed_hash else d.hash end,
			    wanted = r.wanted + case when d.again is null or r.wanted > l.wanted then 0 else 1 end,
			    salesforce_id = case when d.id = '' then r.salesforce_id else d.id end,
			    attempts = 0, not_before = case when r.wanted > l.wanted then null else d.again end,
			    last_error = case when r.wanted > l.wanted then '' else d.lack end
			from landed l join d on d.key = l.key where r.object = l.object and r.key = l.key)
		select key from before order by key`,
		flight, pq.Array(keys), pq.ByteaArray(hashes), pq.Array(ids), pq.Array(later), pq.Array(lacks), now)
	return first, err
}

// LandAll takes all that is left in a flight as written as it was sent: the records of a
// job of which all others are accounted for. It gives how many it took, and, of
// statements, the keys of which Salesforce had no record before.
func LandAll(ctx context.Context, tx *sqlx.Tx, flight int64, now time.Time) (n int64, first []string, err error) {
	defer errs.Wrap(&err, "confirm the records of flight %d", flight)
	return landAsSent(ctx, tx, `$2::text[] is null`, flight, nil, now)
}

// LandKeys is LandAll for the records of some keys.
func LandKeys(ctx context.Context, tx *sqlx.Tx, flight int64, keys []string, now time.Time) (n int64, first []string, err error) {
	defer errs.Wrap(&err, "confirm %d records of flight %d", len(keys), flight)
	return landAsSent(ctx, tx, `f.key = any((select $2::text[])::text[])`, flight, keys, now)
}

// landAsSent deletes first and updates in the order of the keys, which costs half of what
// landing does: there may be a hundred thousand.
func landAsSent(ctx context.Context, tx *sqlx.Tx, which string, flight int64, keys []string, now time.Time) (int64, []string, error) {
	var n int64
	var first pq.StringArray
	err := tx.QueryRowxContext(ctx, `
		with gone as (
			delete from outbox.flown f where f.flight = $1 and `+which+` returning f.object, f.key, f.wanted, f.hash),
		written as (
			update outbox.record r
			set confirmed = greatest(r.confirmed, l.wanted), confirmed_at = $3,
			    confirmed_hash = case when r.wanted > l.wanted and r.confirmed_hash = `+unlike+` then r.confirmed_hash else l.hash end,
			    attempts = 0, not_before = null, last_error = ''
			from (select * from gone order by key) as l where r.object = l.object and r.key = l.key)
		select (select count(*) from gone), coalesce((
			select array_agg(r.key order by r.key) from gone g join outbox.record r on r.object = g.object and r.key = g.key
			where g.object = '`+Statement+`' and r.confirmed_hash is null), '{}')`, flight, pq.Array(keys), now).Scan(&n, &first)
	return n, first, err
}

// Ground takes records out of a flight that were refused, each to be tried again or
// quarantined. What the ledger has changed meanwhile is no longer what was refused, and
// stays unsent.
func Ground(ctx context.Context, tx *sqlx.Tx, flight int64, failed []Failure, now time.Time) (err error) {
	defer errs.Wrap(&err, "note %d records of flight %d that failed", len(failed), flight)
	if len(failed) == 0 {
		return nil
	}
	keys, reasons := make([]string, len(failed)), make([]string, len(failed))
	nots, unsure := make([]*string, len(failed)), make([]bool, len(failed))
	for i, f := range failed {
		keys[i], reasons[i], nots[i], unsure[i] = f.Key, storable(f.Reason), instant(f.NotBefore), f.IsUnsure
	}
	_, err = tx.ExecContext(ctx, `
		with d as (select * from unnest($2::text[], $3::text[], $4::timestamptz[], $6::boolean[]) as d (key, reason, not_before, unsure)),
		`+landingOf(`f.key = any((select $2::text[])::text[])`)+`
		update outbox.record r
		set attempts = r.attempts + case when r.wanted > l.wanted then 0 else 1 end,
		    last_error = case when r.wanted > l.wanted then r.last_error else d.reason end,
		    not_before = case when r.wanted > l.wanted then r.not_before else d.not_before end,
		    quarantined_at = case when r.wanted = l.wanted and d.not_before is null then $5::timestamptz end,
		    confirmed_hash = case when d.unsure then `+unlike+` else r.confirmed_hash end
		from landed l join d on d.key = l.key where r.object = l.object and r.key = l.key`,
		flight, pq.Array(keys), pq.Array(reasons), pq.Array(nots), now, pq.Array(unsure))
	return err
}

// Release takes records out of a flight that are to be sent again, all of them if keys is
// nil, without a mark against them, and gives their number. unsure says that Salesforce
// may have got them: then they are sent whatever it confirmed before.
func Release(ctx context.Context, tx *sqlx.Tx, flight int64, keys []string, unsure bool) (_ int64, err error) {
	defer errs.Wrap(&err, "release records of flight %d", flight)
	result, err := tx.ExecContext(ctx, `
		with `+landingOf(`($2::text[] is null or f.key = any((select $2::text[])::text[]))`)+`
		update outbox.record r set confirmed_hash = case when $3 then `+unlike+` else r.confirmed_hash end
		from landed l where r.object = l.object and r.key = l.key`, flight, pq.Array(keys), unsure)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// landingOf is landing for the records that a condition names.
func landingOf(which string) string { return fmt.Sprintf(landing, which) }
