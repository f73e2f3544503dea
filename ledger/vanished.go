package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// KindVanished is the discrepancy of a record that is gone from Salesforce although
// nobody saw its deletion (R9.1).
const KindVanished = "vanished_in_salesforce"

// Vanished is a record that is gone from Salesforce, and what became of it.
//
//	held ──a person confirms, or it is back──▶ reconciled ──▶ no longer held
type Vanished struct {
	RecordID    string     `db:"record_id" json:"record_id"`
	Object      string     `db:"object" json:"object"`
	FoundAt     time.Time  `db:"found_at" json:"found_at"`
	IsHeld      bool       `db:"is_held" json:"is_held"`
	ConfirmedAt *time.Time `db:"confirmed_at" json:"confirmed_at,omitempty"`
	ConfirmedBy string     `db:"confirmed_by" json:"confirmed_by,omitempty"`
	Reason      string     `db:"reason" json:"reason,omitempty"`
	ReturnedAt  *time.Time `db:"returned_at" json:"returned_at,omitempty"`
}

const vanishedColumns = `record_id, object, found_at, is_held, confirmed_at, confirmed_by, reason, returned_at`

// HoldVanished notes that records are gone: what they earn or claim is held until
// somebody says what became of them. alive is when each was last known to be there, or nil.
func HoldVanished(ctx context.Context, tx *sqlx.Tx, object string, ids []string, alive []*time.Time, now time.Time) (err error) {
	defer errs.Wrap(&err, "hold %d records of %s that vanished", len(ids), object)
	if len(ids) == 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.vanished as v (record_id, object, found_at, is_held, alive_at)
		select r.id, $1, $3, true, r.alive_at from unnest($2::text[], $4::timestamptz[]) as r (id, alive_at)
		on conflict (record_id) do update set found_at = excluded.found_at, is_held = true, alive_at = excluded.alive_at,
			confirmed_at = null, confirmed_by = '', reason = '', returned_at = null
		where not v.is_held`, object, pq.Array(ids), now, pq.Array(alive))
	return err
}

// ReleaseVanished ends the hold of records of which something is known again: those
// that are deleted, by what Salesforce or a person says, and those that are back.
func ReleaseVanished(ctx context.Context, tx *sqlx.Tx, deleted, back []string, now time.Time) (err error) {
	defer errs.Wrap(&err, "release records that had vanished")
	if len(deleted)+len(back) == 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, `
		update ledger.vanished v set is_held = false,
			returned_at = case when v.record_id = any($2) or v.confirmed_at is null then coalesce(v.returned_at, $3) end
		where v.record_id = any($1) and v.is_held
		   or v.record_id = any($2) and v.returned_at is null`,
		pq.Array(append(append([]string{}, deleted...), back...)), pq.Array(back), now)
	return err
}

// ConfirmVanished notes that a person says of a record that it is gone for good, and
// why. The hold ends when that is reconciled. It gives NotFound for what did not
// vanish, and Conflict for what is not held any more or was confirmed before.
func ConfirmVanished(ctx context.Context, tx *sqlx.Tx, id, actor, reason string, now time.Time) (v Vanished, err error) {
	defer errs.Wrap(&err, "confirm that %s is gone", id)
	if reason = strings.TrimSpace(reason); reason == "" {
		return v, errs.New(errs.Invalid, "nobody said why").WithHint("--reason is kept with it")
	}
	err = tx.GetContext(ctx, &v, `select `+vanishedColumns+` from ledger.vanished where record_id = $1 for update`, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return v, errs.New(errs.NotFound, "no recount has found that it vanished").
			WithHint("`partnersync discrepancies --kind %s` lists what has", KindVanished)
	case err != nil:
		return v, err
	case v.ConfirmedAt != nil && v.ReturnedAt == nil:
		return v, errs.New(errs.Conflict, "%s has confirmed it already, on %s: %s", v.ConfirmedBy, v.ConfirmedAt.UTC().Format(time.DateOnly), v.Reason)
	case !v.IsHeld:
		return v, errs.New(errs.Conflict, "Salesforce shows it again")
	}
	err = tx.GetContext(ctx, &v, `
		update ledger.vanished set confirmed_at = $2, confirmed_by = $3, reason = $4 where record_id = $1
		returning `+vanishedColumns, id, now, actor, reason)
	return v, err
}

// ReadVanished gives what is known of a record that vanished; NotFound if it never did.
func ReadVanished(ctx context.Context, q sqlx.QueryerContext, id string) (v Vanished, err error) {
	defer errs.Wrap(&err, "read what became of %s", id)
	err = sqlx.GetContext(ctx, q, &v, `select `+vanishedColumns+` from ledger.vanished where record_id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return v, errs.New(errs.NotFound, "it did not vanish")
	}
	return v, err
}
