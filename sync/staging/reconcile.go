package staging

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Unreconciled gives the oldest versions of an object that were not reconciled,
// at most limit, in the order of (stamp, id): the order in which they happened.
func Unreconciled(ctx context.Context, tx *sqlx.Tx, object string, limit int) (_ []Record, err error) {
	defer errs.Wrap(&err, "read unreconciled records of %s", object)
	var out []Record
	err = tx.SelectContext(ctx, &out, `
		select object, id, modstamp, is_deleted, payload, pulled_at, vanished_at, alive_at
		from staging.record
		where object = $1 and reconciled_at is null
		order by object, modstamp, id
		limit $2`, object, limit)
	return out, err
}

// MarkReconciled marks versions as reconciled, as they were read by Unreconciled, in the
// place of those that are the same and were reconciled before, and deletes the reconciled
// versions that later reconciled ones of the same records have superseded. A version whose payload a pull has replaced since it
// was read stays unreconciled.
func MarkReconciled(ctx context.Context, tx *sqlx.Tx, object string, records []Record, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark %d records of %s as reconciled", len(records), object)
	if len(records) == 0 {
		return nil
	}
	ids := make([]string, len(records))
	stamps := make([]string, len(records))
	pulled := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
		stamps[i] = r.Modstamp.UTC().Format(stampLayout)
		pulled[i] = r.PulledAt.UTC().Format(stampLayout)
	}
	if _, err := tx.ExecContext(ctx, `
		delete from staging.record r
		using unnest($2::text[], $3::timestamptz[]) as d (id, modstamp), `+reconciled+` twin
		where r.ctid = twin.ctid`,
		object, pq.Array(ids), pq.Array(stamps)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		update staging.record r set reconciled_at = $5
		from unnest($2::text[], $3::timestamptz[], $4::timestamptz[]) as d (id, modstamp, pulled_at), `+waiting+` v
		where r.ctid = v.ctid and r.pulled_at = d.pulled_at`,
		object, pq.Array(ids), pq.Array(stamps), pq.Array(pulled), now); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		delete from staging.record r
		using unnest($2::text[]) as d (id), lateral (
			select v.ctid from staging.record v
			where v.object = $1 and v.id = d.id and v.reconciled_at is not null
			order by v.modstamp desc
			offset 1
		) superseded
		where r.ctid = superseded.ctid`,
		object, pq.Array(ids))
	return err
}

// Again marks the newest versions of records as unreconciled, because they may mean
// something else by what was learned of others.
func Again(ctx context.Context, tx *sqlx.Tx, object string, ids []string) (err error) {
	defer errs.Wrap(&err, "mark %d records of %s to be reconciled again", len(ids), object)
	if len(ids) == 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, `
		with `+newestWaiting+`
		update staging.record r set reconciled_at = null
		where r.object = $1 and r.id = any($2) and r.reconciled_at is not null
		  and not exists (select from newest_waiting w where w.id = r.id and w.modstamp >= r.modstamp)
		  and not exists (select from staging.record n where n.object = $1 and n.id = r.id and n.modstamp > r.modstamp and n.reconciled_at is not null)`,
		object, pq.Array(ids))
	return err
}

// Backlog is how many versions of an object wait to be reconciled.
type Backlog struct {
	Object string `db:"object"`
	Waits  int64  `db:"waits"`
}

// Backlogs counts what waits to be reconciled, by object; objects with nothing
// that waits are left out.
func Backlogs(ctx context.Context, q sqlx.QueryerContext) (_ []Backlog, err error) {
	defer errs.Wrap(&err, "count unreconciled records")
	var out []Backlog
	err = sqlx.SelectContext(ctx, q, &out, `
		select object, count(*) as waits from staging.record
		where reconciled_at is null group by object order by object`)
	return out, err
}
