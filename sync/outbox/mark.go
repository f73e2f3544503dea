package outbox

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// The objects of the outbox: what a key is a key of.
const (
	Partner    = "partner"    // key: a Partner ID
	Statement  = "statement"  // key: a statement's key; parent: its holder
	Commission = "commission" // key: a line's key (R7.1); parent: the payee's ID
)

// Key names a record that has to reach Salesforce.
type Key struct {
	Key string
	// Parent is the key of the record that it hangs on in Salesforce, or "".
	// Siblings are sent together, by one writer, because each write locks the
	// parent.
	Parent string
}

// Mark says that the ledger's state of the keys has changed and has to reach
// Salesforce. It belongs in the transaction of the change. A row that was
// quarantined or put off gets another chance, because what is to be sent is no
// longer what was refused.
func Mark(ctx context.Context, tx *sqlx.Tx, object string, keys []Key, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark %d %s records for push", len(keys), object)
	if len(keys) == 0 {
		return nil
	}
	seen := make(map[string]bool, len(keys))
	names := make([]string, 0, len(keys))
	parents := make([]string, 0, len(keys))
	for _, k := range keys {
		if !seen[k.Key] { // one statement may not touch a row twice
			seen[k.Key] = true
			names, parents = append(names, k.Key), append(parents, k.Parent)
		}
	}
	// Rows are locked in the order of their keys, so that two marks that overlap
	// wait for each other and never in a circle.
	_, err = tx.ExecContext(ctx, `
		insert into outbox.record as r (object, key, parent, marked_at)
		select $1, n.key, n.parent, $4
		from unnest($2::text[], $3::text[]) as n (key, parent)
		order by n.key collate "C"
		on conflict (object, key) do update
		set wanted = r.wanted + 1, parent = excluded.parent, marked_at = excluded.marked_at,
		    attempts = 0, not_before = null, quarantined_at = null, last_error = ''`,
		object, pq.Array(names), pq.Array(parents), now)
	return err
}

// Aim says to which fields an object's records are written from now on. If they
// were written to others until now, all of them are marked, and Aim gives their
// number.
func Aim(ctx context.Context, tx *sqlx.Tx, object, signature string, now time.Time) (_ int64, err error) {
	defer errs.Wrap(&err, "aim %s records", object)
	var before []string
	if err := tx.SelectContext(ctx, &before, `select signature from outbox.target where object = $1 for update`, object); err != nil {
		return 0, err
	}
	if len(before) == 1 && before[0] == signature {
		return 0, nil
	}
	if _, err := tx.ExecContext(ctx, `
		insert into outbox.target (object, signature) values ($1, $2)
		on conflict (object) do update set signature = excluded.signature`, object, signature); err != nil {
		return 0, err
	}
	if len(before) == 0 {
		return 0, nil
	}
	return MarkAll(ctx, tx, object, now)
}

// MarkAll marks every row of an object that is settled, waiting or in flight, and gives
// their number: after the mapping of a target has changed. Push compares, and sends only
// what differs from what was last confirmed.
func MarkAll(ctx context.Context, tx *sqlx.Tx, object string, now time.Time) (_ int64, err error) {
	defer errs.Wrap(&err, "mark all %s records for push", object)
	result, err := tx.ExecContext(ctx, `
		update outbox.record r set wanted = wanted + 1, marked_at = $2, attempts = 0, not_before = null
		where object = $1 and (wanted <= confirmed or not_before is not null
			or key in (select f.key from outbox.flown f where f.object = $1))`, object, now)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
