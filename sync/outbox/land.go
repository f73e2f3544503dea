package outbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// taking takes records out of a flight that a condition names, each of which is hit: their
// manifests are kept without them, or go. What was taken out before is passed over, so that a
// landing which was cut short can be repeated. The flight has to be locked before (alone).
// Rows are then updated, and so locked, in the order of their keys, as by Mark.
const taking = `
	aloft as materialized (
		select f.manifest, f.nth, f.object, f.key, f.wanted, f.hash, %s as hit from outbox.flown f where f.flight = $1),
	staying as (
		select manifest, min(key) as first_key, max(key) as last_key, count(*) as records, array_agg(key order by nth) as keys,
			array_agg(wanted order by nth) as wanted, array_agg(hash order by nth) as hashes
		from aloft where not hit group by manifest),
	kept as (
		update outbox.manifest m
		set first_key = s.first_key, last_key = s.last_key, records = s.records, keys = s.keys, wanted = s.wanted, hashes = s.hashes
		from staying s where m.id = s.manifest and m.records > s.records),
	gone as (
		delete from outbox.manifest m where m.flight = $1 and not exists (select from staying s where s.manifest = m.id))`

// landing are the rows of what taking takes, in the order of their keys.
const landing = `
	landed as (select object, key, wanted, hash, '' as id from aloft where hit order by key)`

// takingOf is taking for the records that a condition names.
func takingOf(which string) string { return fmt.Sprintf(taking, which) }

// alone locks a flight, so that nobody else takes anything out of its manifests before the
// transaction ends.
func alone(ctx context.Context, tx *sqlx.Tx, flight int64) error {
	_, err := tx.ExecContext(ctx, `select from outbox.flight where id = $1 for update`, flight)
	return err
}

// unheard says of a row r that Salesforce had not confirmed a record of it before, or that it
// was in doubt since.
const unheard = `(r.confirmed_hash is null or r.confirmed_hash = ` + unlike + `)`

// Land takes records out of a flight that were written. Where the ledger has changed
// meanwhile, the row stays unsent. It gives, of statements, the keys of which Salesforce may
// have had no record before. dense says that what is sent is most of what there is (IsDense): it
// changes nothing but what that costs.
func Land(ctx context.Context, tx *sqlx.Tx, flight int64, done []Confirmation, dense bool, now time.Time) (first []string, err error) {
	defer errs.Wrap(&err, "confirm %d records of flight %d", len(done), flight)
	if len(done) == 0 {
		return nil, nil
	}
	if err := alone(ctx, tx, flight); err != nil {
		return nil, err
	}
	if first, landed, err := landWhole(ctx, tx, flight, done, dense, now); landed || err != nil {
		return first, err
	}
	keys, ids, hashes := make([]string, len(done)), make([]string, len(done)), make([][]byte, len(done))
	later, lacks := make([]*time.Time, len(done)), make([]string, len(done))
	for i, d := range done {
		keys[i], ids[i], hashes[i] = d.Key, d.SalesforceID, d.Hash
		later[i], lacks[i] = pg.OrNull(d.Again), storable(d.Lack)
	}
	// A record may have been written otherwise than it was launched: without a link.
	err = tx.SelectContext(ctx, &first, `
		with d as (
			select * from unnest($2::text[], $3::bytea[], $4::text[], $5::timestamptz[], $6::text[]) as d (key, hash, id, again, lack)),
		`+takingOf(`f.key in (select key from d)`)+`,
		landed as (select f.object, f.wanted, d.* from aloft f join d on d.key = f.key where f.hit order by f.key),
		before as (
			select r.key from landed l join outbox.record r on r.object = l.object and r.key = l.key
			where l.object = '`+Statement+`' and `+unheard+`),
		written as (
			update outbox.record r
			set confirmed = greatest(r.confirmed, l.wanted), confirmed_at = $7,
			    confirmed_hash = case when r.wanted > l.wanted and r.confirmed_hash = `+unlike+` then r.confirmed_hash else l.hash end,
			    wanted = r.wanted + case when l.again is null or r.wanted > l.wanted then 0 else 1 end,
			    salesforce_id = case when l.id = '' then r.salesforce_id else l.id end,
			    attempts = 0, not_before = case when r.wanted > l.wanted then null else l.again end,
			    last_error = case when r.wanted > l.wanted then '' else l.lack end
			from landed l where r.object = l.object and r.key = l.key)
		select key from before order by key`,
		flight, pq.StringArray(keys), pq.ByteaArray(hashes), pq.StringArray(ids), pq.Array(later), pq.StringArray(lacks), now)
	return first, err
}

// landWhole is Land for a manifest of which all records were written as they were launched,
// as nearly always: what is sent to the database is their keys and ids. Their number is kept
// from its planner, which would rather read the whole outbox for each thousand of them.
func landWhole(ctx context.Context, tx *sqlx.Tx, flight int64, done []Confirmation, dense bool, now time.Time) (first []string, landed bool, err error) {
	for _, d := range done {
		if !d.IsAsLaunched {
			return nil, false, nil
		}
	}
	done = slices.Clone(done)
	slices.SortFunc(done, func(a, b Confirmation) int { return cmp.Compare(a.Key, b.Key) })
	keys, ids := make(pq.StringArray, len(done)), make(pq.StringArray, len(done))
	for i, d := range done {
		keys[i], ids[i] = d.Key, d.SalesforceID
	}
	n, first, err := landManifest(ctx, tx, `and keys = $3::text[]`, `(select $4::text[])`, flight, dense, now, keys, ids)
	return first, n > 0, err
}

// LandNext takes the records of one manifest of a flight as written as they were sent: of a
// job of which all others are accounted for. It gives how many it took, none if nothing is
// left in the flight, and, of statements, the keys of which Salesforce may have had no record before.
// Several may land manifests of a flight at a time. dense is as for Land.
func LandNext(ctx context.Context, tx *sqlx.Tx, flight int64, dense bool, now time.Time) (n int64, first []string, err error) {
	defer errs.Wrap(&err, "confirm the records of flight %d", flight)
	if _, err := tx.ExecContext(ctx, `select from outbox.flight where id = $1 for share`, flight); err != nil {
		return 0, nil, err
	}
	return landManifest(ctx, tx, ``, `'{}'::text[]`, flight, dense, now)
}

// landManifest takes the records of the first manifest of a flight that a condition allows,
// and that nobody else is at, as written as they were sent, with ids in the order of the keys.
// Rows that lie densely are read in the order of their keys, from the first to the last, and
// merged with the manifest.
func landManifest(ctx context.Context, tx *sqlx.Tx, which, ids string, flight int64, dense bool, now time.Time, more ...any) (n int64, first []string, err error) {
	between := ""
	if dense {
		if _, err := tx.ExecContext(ctx, `set local enable_nestloop = off; set local enable_hashjoin = off; set local enable_seqscan = off; set local enable_sort = on`); err != nil {
			return 0, nil, err
		}
		between = `and r.object = (select object from gone) and r.key between (select first_key from gone) and (select last_key from gone)`
	}
	n, first, err = landAsSent(ctx, tx, `
		gone as (
			delete from outbox.manifest where id = (
				select id from outbox.manifest where flight = $1 `+which+` order by id limit 1 for update skip locked)
			returning object, first_key, last_key, keys, wanted, hashes),
		landed as (
			select g.object, u.key collate "C" as key, u.wanted, u.hash, coalesce(u.id, '') as id
			from gone g, unnest(g.keys, g.wanted, g.hashes, `+ids+`) as u (key, wanted, hash, id))`, between, flight, now, more...)
	if err == nil && dense {
		_, err = tx.ExecContext(ctx, `set local enable_nestloop = on; set local enable_hashjoin = on`)
	}
	return n, first, err
}

// LandKeys takes the records of some keys as written as they were sent.
func LandKeys(ctx context.Context, tx *sqlx.Tx, flight int64, keys []string, now time.Time) (n int64, first []string, err error) {
	defer errs.Wrap(&err, "confirm %d records of flight %d", len(keys), flight)
	if err := alone(ctx, tx, flight); err != nil {
		return 0, nil, err
	}
	return landAsSent(ctx, tx, takingOf(`f.key in (select unnest($3::text[]))`)+`,`+landing, "", flight, now, pq.Array(keys))
}

// landAsSent updates the rows of what some expressions name landed, in the order of the
// keys, and looks at rows only for which a further condition holds.
func landAsSent(ctx context.Context, tx *sqlx.Tx, landed, further string, flight int64, now time.Time, more ...any) (n int64, first []string, err error) {
	var keys pq.StringArray
	err = tx.QueryRowxContext(ctx, `
		with `+landed+`,
		written as (
			update outbox.record r
			set confirmed = greatest(r.confirmed, l.wanted), confirmed_at = $2,
			    confirmed_hash = case when r.wanted > l.wanted and r.confirmed_hash = `+unlike+` then r.confirmed_hash else l.hash end,
			    salesforce_id = case when l.id = '' then r.salesforce_id else l.id end,
			    attempts = 0, not_before = null, last_error = ''
			from (select * from landed order by key) as l where r.object = l.object and r.key = l.key `+further+`)
		select (select count(*) from landed), coalesce((
			select array_agg(r.key order by r.key) from landed l join outbox.record r on r.object = l.object and r.key = l.key
			where l.object = '`+Statement+`' and `+unheard+`), '{}')`, append([]any{flight, now}, more...)...).Scan(&n, &keys)
	return n, keys, err
}

// Ground takes records out of a flight that were refused, each to be tried again or
// quarantined. What the ledger has changed meanwhile is no longer what was refused, and
// stays unsent.
func Ground(ctx context.Context, tx *sqlx.Tx, flight int64, failed []Failure, now time.Time) (err error) {
	defer errs.Wrap(&err, "note %d records of flight %d that failed", len(failed), flight)
	if len(failed) == 0 {
		return nil
	}
	if err := alone(ctx, tx, flight); err != nil {
		return err
	}
	keys, reasons := make([]string, len(failed)), make([]string, len(failed))
	nots, unsure := make([]*time.Time, len(failed)), make([]bool, len(failed))
	for i, f := range failed {
		keys[i], reasons[i], nots[i], unsure[i] = f.Key, storable(f.Reason), pg.OrNull(f.NotBefore), f.IsUnsure
	}
	_, err = tx.ExecContext(ctx, `
		with d as (select * from unnest($2::text[], $3::text[], $4::timestamptz[], $6::boolean[]) as d (key, reason, not_before, unsure)),
		`+takingOf(`f.key in (select key from d)`)+`,`+landing+`
		update outbox.record r
		set attempts = r.attempts + case when r.wanted > l.wanted then 0 else 1 end,
		    last_error = case when r.wanted > l.wanted then r.last_error else l.reason end,
		    not_before = case when r.wanted > l.wanted then r.not_before else l.not_before end,
		    quarantined_at = case when r.wanted = l.wanted and l.not_before is null then $5::timestamptz end,
		    confirmed_hash = case when l.unsure then `+unlike+` else r.confirmed_hash end
		from (select l.*, d.reason, d.not_before, d.unsure from landed l join d on d.key = l.key order by l.key) as l
		where r.object = l.object and r.key = l.key`,
		flight, pq.Array(keys), pq.Array(reasons), pq.Array(nots), now, pq.Array(unsure))
	return err
}

// Release takes records out of a flight that are to be sent again, all of them if keys is
// nil, without a mark against them, and gives their number. unsure says that Salesforce
// may have got them: then they are sent whatever it confirmed before.
func Release(ctx context.Context, tx *sqlx.Tx, flight int64, keys []string, unsure bool) (_ int64, err error) {
	defer errs.Wrap(&err, "release records of flight %d", flight)
	if err := alone(ctx, tx, flight); err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, `
		with `+takingOf(`($2::text[] is null or f.key in (select unnest($2::text[])))`)+`,`+landing+`
		update outbox.record r set confirmed_hash = case when $3 then `+unlike+` else r.confirmed_hash end
		from landed l where r.object = l.object and r.key = l.key`, flight, pq.Array(keys), unsure)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
