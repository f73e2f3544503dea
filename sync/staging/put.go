package staging

import (
	"context"
	"crypto/sha256"
	"iter"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

// stampLayout writes an instant for Postgres, to its microsecond.
const stampLayout = "2006-01-02T15:04:05.999999Z07:00"

// IsEmpty says whether no version of the object is staged.
func IsEmpty(ctx context.Context, q sqlx.QueryerContext, object string) (_ bool, err error) {
	defer errs.Wrap(&err, "look for staged records of %s", object)
	var some bool
	err = sqlx.GetContext(ctx, q, &some, `
		select exists (select from staging.record where object = $1 and reconciled_at is null)
			or exists (select from staging.record where object = $1 and reconciled_at is not null)`, object)
	return !some, err
}

// Put stages versions of records of one object and gives how many were new or
// had changed. A version that is there with the same payload is left alone; with
// another payload (a changed field list, a formula), or if it had vanished, it is
// replaced and marked unreconciled. Of a version that is given twice, the later counts.
//
// Most of what is read again is the same. So only hashes go to the database at first,
// and nothing is locked or written for what has not changed; what is new goes in by
// COPY.
func Put(ctx context.Context, tx *sqlx.Tx, object string, records []Record, now time.Time) (_ int64, err error) {
	defer errs.Wrap(&err, "stage %d records of %s", len(records), object)
	records = latest(records)
	fresh, changed, err := compare(ctx, tx, object, records)
	if err != nil {
		return 0, err
	}
	n, isNew, err := PutNew(ctx, tx, object, fresh, now)
	if err != nil {
		return 0, err
	}
	if !isNew { // somebody was faster
		changed = append(changed, fresh...)
	}
	replaced, err := replace(ctx, tx, object, changed, now)
	return n + replaced, err
}

// latest leaves out versions that come again later.
func latest(records []Record) []Record {
	type version struct {
		id string
		at time.Time
	}
	last := make(map[version]int, len(records))
	for i, r := range records {
		last[version{r.ID, r.Modstamp.UTC()}] = i
	}
	if len(last) == len(records) {
		return records
	}
	out := make([]Record, 0, len(last))
	for i, r := range records {
		if last[version{r.ID, r.Modstamp.UTC()}] == i {
			out = append(out, r)
		}
	}
	return out
}

// compare finds the versions that are not staged, and those that are staged
// otherwise.
func compare(ctx context.Context, tx *sqlx.Tx, object string, records []Record) (fresh, changed []Record, err error) {
	ids, stamps := make([]string, len(records)), make([]string, len(records))
	hashes := make([][]byte, len(records))
	for i, r := range records {
		ids[i], stamps[i] = r.ID, r.Modstamp.UTC().Format(stampLayout)
		hashes[i] = hash(r)
	}
	var rows []struct {
		I       int  `db:"i"`
		IsFresh bool `db:"is_fresh"`
	}
	err = tx.SelectContext(ctx, &rows, `
		select d.i, v.id is null as is_fresh
		from unnest($2::text[], $3::timestamptz[], $4::bytea[]) with ordinality as d (id, modstamp, hash, i)
		left join lateral (select * from `+waiting+` w union all select * from `+reconciled+` r limit 1) v on true
		where v.id is null or v.vanished_at is not null
			or sha256(convert_to(v.is_deleted::text || v.payload::text, 'UTF8')) <> d.hash
		order by d.i`, object, pq.Array(ids), pq.Array(stamps), pq.ByteaArray(hashes))
	for _, row := range rows {
		if r := records[row.I-1]; row.IsFresh {
			fresh = append(fresh, r)
		} else {
			changed = append(changed, r)
		}
	}
	return fresh, changed, err
}

// hash is that of what compare looks at: whether it is deleted, then the payload.
func hash(r Record) []byte {
	deleted := "false"
	if r.IsDeleted {
		deleted = "true"
	}
	h := sha256.New()
	h.Write([]byte(deleted))
	h.Write(r.Payload)
	return h.Sum(nil)
}

// replace writes versions over those that are there: those that were reconciled are then
// to be reconciled again.
func replace(ctx context.Context, tx *sqlx.Tx, object string, records []Record, now time.Time) (int64, error) {
	if len(records) == 0 {
		return 0, nil
	}
	ids, stamps := make([]string, len(records)), make([]string, len(records))
	deleted, payloads := make([]bool, len(records)), make([]string, len(records))
	for i, r := range records {
		ids[i], stamps[i] = r.ID, r.Modstamp.UTC().Format(stampLayout)
		deleted[i], payloads[i] = r.IsDeleted, string(r.Payload)
	}
	// pulled_at only ever grows, so that MarkReconciled can tell a payload that
	// was replaced under its hands, even under a clock that stands still.
	renewed, err := tx.ExecContext(ctx, `
		update staging.record r
		set is_deleted = d.is_deleted, payload = d.payload::json, reconciled_at = null, vanished_at = null,
		    pulled_at = greatest($6, r.pulled_at + interval '1 microsecond')
		from unnest($2::text[], $3::timestamptz[], $4::boolean[], $5::text[]) as d (id, modstamp, is_deleted, payload), `+reconciled+` was
		where r.ctid = was.ctid and (r.payload::text <> d.payload or r.is_deleted <> d.is_deleted or r.vanished_at is not null)
		  and not exists (select from `+waiting+` twin)`,
		object, pq.Array(ids), pq.Array(stamps), pq.Array(deleted), pq.Array(payloads), now)
	if err != nil {
		return 0, err
	}
	put, err := tx.ExecContext(ctx, `
		insert into staging.record as r (object, id, modstamp, is_deleted, payload, pulled_at)
		select $1, d.id, d.modstamp, d.is_deleted, d.payload::json, $6
		from unnest($2::text[], $3::timestamptz[], $4::boolean[], $5::text[]) as d (id, modstamp, is_deleted, payload)
		where not exists (select from `+reconciled+` same) or exists (select from `+waiting+` twin)
		on conflict (object, modstamp, id) where reconciled_at is null do update
		set is_deleted = excluded.is_deleted, payload = excluded.payload, vanished_at = null,
		    pulled_at = greatest(excluded.pulled_at, r.pulled_at + interval '1 microsecond')
		where r.payload::text <> excluded.payload::text or r.is_deleted <> excluded.is_deleted or r.vanished_at is not null`,
		object, pq.Array(ids), pq.Array(stamps), pq.Array(deleted), pq.Array(payloads), now)
	if err != nil {
		return 0, err
	}
	before, err := renewed.RowsAffected()
	if err != nil {
		return 0, err
	}
	after, err := put.RowsAffected()
	return before + after, err
}

// PutNew stages versions of which none is staged yet, by COPY, which is faster than
// Put. If one of them waits to be reconciled already, or comes twice, nothing is staged and
// isNew is false: use Put. The transaction stays usable either way. One that was reconciled
// meanwhile is staged once more, and its reconciled twin goes when it is reconciled again.
func PutNew(ctx context.Context, tx *sqlx.Tx, object string, records []Record, now time.Time) (n int64, isNew bool, err error) {
	defer errs.Wrap(&err, "stage %d new records of %s", len(records), object)
	if len(records) == 0 {
		return 0, true, nil
	}
	if _, err := tx.ExecContext(ctx, `savepoint put_new`); err != nil {
		return 0, false, err
	}
	n, err = pg.CopyIn(ctx, tx, "staging.record",
		[]string{"object", "id", "modstamp", "is_deleted", "payload", "pulled_at"}, rows(object, records, now))
	if pq.As(err, "23505") != nil {
		_, err := tx.ExecContext(ctx, `rollback to savepoint put_new`)
		return 0, false, err
	}
	if err != nil {
		return 0, false, err
	}
	_, err = tx.ExecContext(ctx, `release savepoint put_new`)
	return n, true, err
}

func rows(object string, records []Record, now time.Time) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		row := make([]any, 6)
		pulledAt := now.UTC().Format(stampLayout)
		for _, r := range records {
			row[0], row[1], row[2], row[3], row[4], row[5] = object, r.ID, r.Modstamp, r.IsDeleted, r.Payload, pulledAt
			if !yield(row, nil) {
				return
			}
		}
	}
}
