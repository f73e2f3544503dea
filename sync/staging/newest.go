package staging

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// Newest is the newest version of a record, without what it says.
type Newest struct {
	ID         string    `db:"id"`
	Modstamp   time.Time `db:"modstamp"`
	IsDeleted  bool      `db:"is_deleted"`
	IsVanished bool      `db:"is_vanished"`
}

// EachNewest gives the newest version of every record of an object, as they all are
// at one instant, in the order of the bytes of their ids. They come from a cursor of
// the database, one by one, so they are never in memory together, and each may take
// as long as it likes. An error of each ends it and is returned as it is.
func EachNewest(ctx context.Context, db *sqlx.DB, object string, each func(Newest) error) (err error) {
	var stopped error
	// The statement lasts as long as what the records are compared with.
	err = pg.InSnapshot(pg.Unhurried(ctx), db, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		rows, err := tx.QueryxContext(ctx, `
			select distinct on (id) id, modstamp, is_deleted, vanished_at is not null as is_vanished
			from (
				select * from staging.record where object = $1 and reconciled_at is not null
				union all
				select * from staging.record where object = $1 and reconciled_at is null) versions
			order by id, modstamp desc`, object)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			var n Newest
			if err := rows.StructScan(&n); err != nil {
				return err
			}
			n.Modstamp = n.Modstamp.UTC()
			if stopped = each(n); stopped != nil {
				return stopped
			}
		}
		return rows.Err()
	})
	if stopped != nil {
		return stopped
	}
	errs.Wrap(&err, "read what is staged of %s", object)
	return err
}

// MarkVanished notes of newest versions that Salesforce has no such record any more,
// and gives the ids of those of which that is news. They were there at the last pull
// that read them, and at the last recount. One that a pull has replaced
// since it was read, or whose deletion has been seen, is left alone.
func MarkVanished(ctx context.Context, tx *sqlx.Tx, object string, records []Newest, now time.Time) (ids []string, err error) {
	defer errs.Wrap(&err, "mark %d records of %s as vanished", len(records), object)
	id, stamp := make([]string, len(records)), make([]string, len(records))
	for i, r := range records {
		id[i], stamp[i] = r.ID, r.Modstamp.UTC().Format(stampLayout)
	}
	for _, half := range []string{waiting, reconciled} {
		var some []string
		if err := tx.SelectContext(ctx, &some, `
			with `+newestWaiting+`
			update staging.record r set vanished_at = $4, reconciled_at = null,
				alive_at = greatest(r.pulled_at, (select c.recounted_at from staging.cursor c where c.object = $1)),
				pulled_at = greatest($4, r.pulled_at + interval '1 microsecond')
			from unnest($2::text[], $3::timestamptz[]) as d (id, modstamp), `+half+` half
			where r.ctid = half.ctid and not r.is_deleted and r.vanished_at is null
			  and not exists (select from newest_waiting w where w.id = r.id and w.modstamp > r.modstamp)
			  and not exists (select from staging.record n where n.object = $1 and n.id = r.id and n.modstamp > r.modstamp and n.reconciled_at is not null)
			returning r.id`, object, pq.Array(id), pq.Array(stamp), now); err != nil {
			return nil, err
		}
		ids = append(ids, some...)
	}
	return ids, nil
}

// MarkRecounted notes of an object that every record was there, or is marked as
// vanished, that was staged at an instant.
func MarkRecounted(ctx context.Context, tx *sqlx.Tx, object string, at time.Time) (err error) {
	defer errs.Wrap(&err, "note that %s was recounted", object)
	_, err = tx.ExecContext(ctx, `update staging.cursor set recounted_at = $2 where object = $1`, object, at)
	return err
}

// MarkDeleted turns a record that vanished into one that was deleted, as if its
// deletion had been seen. It gives NotFound for a record that is not marked as
// vanished.
func MarkDeleted(ctx context.Context, tx *sqlx.Tx, object, id string, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark %s as deleted", id)
	result, err := tx.ExecContext(ctx, `
		with versions as (
			select ctid from staging.record where object = $1 and id = $2 and reconciled_at is not null
			union all
			select ctid from staging.record where object = $1 and id = $2 and reconciled_at is null)
		update staging.record set vanished_at = null, is_deleted = true, reconciled_at = null,
			pulled_at = greatest($3, pulled_at + interval '1 microsecond')
		where ctid = any(array(select ctid from versions)) and vanished_at is not null`, object, id, now)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return errs.New(errs.NotFound, "it is not among what vanished")
}
