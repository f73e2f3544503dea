package staging

import (
	"context"
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
	err = sqlx.GetContext(ctx, q, &some, `select exists (select from staging.record where object = $1)`, object)
	return !some, err
}

// Put stages versions of records of one object and gives how many were new or
// had changed. A version that is there with the same payload is left alone; with
// another payload (a changed field list, a formula), or if it had vanished, it is
// replaced and marked unreconciled.
func Put(ctx context.Context, tx *sqlx.Tx, object string, records []Record, now time.Time) (_ int64, err error) {
	defer errs.Wrap(&err, "stage %d records of %s", len(records), object)
	var (
		seen     = make(map[string]int, len(records))
		ids      = make([]string, 0, len(records))
		stamps   = make([]string, 0, len(records))
		deleted  = make([]bool, 0, len(records))
		payloads = make([]string, 0, len(records))
	)
	for _, r := range records {
		stamp := r.Modstamp.UTC().Format(stampLayout)
		// One statement may not touch a row twice; the later reading counts.
		if i, twice := seen[r.ID+stamp]; twice {
			deleted[i], payloads[i] = r.IsDeleted, string(r.Payload)
			continue
		}
		seen[r.ID+stamp] = len(ids)
		ids, stamps = append(ids, r.ID), append(stamps, stamp)
		deleted, payloads = append(deleted, r.IsDeleted), append(payloads, string(r.Payload))
	}
	// pulled_at only ever grows, so that MarkReconciled can tell a payload that
	// was replaced under its hands, even under a clock that stands still.
	result, err := tx.ExecContext(ctx, `
		insert into staging.record as r (object, id, modstamp, is_deleted, payload, pulled_at)
		select $1, n.id, n.modstamp, n.is_deleted, n.payload::json, $6
		from unnest($2::text[], $3::timestamptz[], $4::boolean[], $5::text[]) as n (id, modstamp, is_deleted, payload)
		on conflict (object, id, modstamp) do update
		set is_deleted = excluded.is_deleted, payload = excluded.payload, reconciled_at = null, vanished_at = null,
		    pulled_at = greatest(excluded.pulled_at, r.pulled_at + interval '1 microsecond')
		where r.payload::text <> excluded.payload::text or r.is_deleted <> excluded.is_deleted or r.vanished_at is not null`,
		object, pq.Array(ids), pq.Array(stamps), pq.Array(deleted), pq.Array(payloads), now)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// PutNew stages versions of an object of which none is staged yet, by COPY,
// which is faster than Put. If one of them is there after all, nothing is staged
// and isNew is false: use Put. The transaction stays usable either way.
func PutNew(ctx context.Context, tx *sqlx.Tx, object string, records []Record, now time.Time) (n int64, isNew bool, err error) {
	defer errs.Wrap(&err, "stage %d new records of %s", len(records), object)
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
		for _, r := range records {
			row[0], row[1], row[2], row[3], row[4], row[5] = object, r.ID, r.Modstamp, r.IsDeleted, r.Payload, now
			if !yield(row, nil) {
				return
			}
		}
	}
}
