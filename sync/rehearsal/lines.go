package rehearsal

import (
	"context"
	"strconv"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
)

// LineState is a line at one of two times.
type LineState struct {
	Status      string `db:"status" json:"status"`
	AmountMinor int64  `db:"amount_minor" json:"amount_minor"`
	Reason      string `db:"reason" json:"reason,omitempty"`
}

// LineChange is a line that would become another. Before is nil of one that would be
// new.
type LineChange struct {
	Key      string     `json:"key"`
	PayeeID  string     `json:"payee_id"`
	SourceID string     `json:"source_id"`
	Currency string     `json:"currency"`
	Before   *LineState `json:"before"`
	After    LineState  `json:"after"`
}

// Watch lets a copy remember how every line was before it is touched for the first
// time. Call it before the stages run.
func Watch(ctx context.Context, copied *sqlx.DB) (err error) {
	defer errs.Wrap(&err, "watch the lines of the copy")
	_, err = copied.ExecContext(ctx, `
		create schema rehearsal;
		create table rehearsal.line (
			key text collate "C" primary key, existed boolean not null, status text, amount_minor bigint, reason text);
		create function rehearsal.remember() returns trigger language plpgsql as $$
		begin
			if tg_op = 'INSERT' then
				insert into rehearsal.line (key, existed) values (new.key, false) on conflict do nothing;
			else
				insert into rehearsal.line values (old.key, true, old.status, old.amount_minor, old.reason) on conflict do nothing;
			end if;
			return null;
		end
		$$;
		create trigger remember after insert or update or delete on ledger.line for each row execute function rehearsal.remember()`)
	return err
}

// LineTotal is what changes of one currency come to. Accrued counts lines that are
// neither on hold nor zero.
type LineTotal struct {
	Currency string `db:"currency" json:"currency"`
	New      int64  `db:"new" json:"new"`
	Changed  int64  `db:"changed" json:"changed"`
	Before   int64  `db:"before" json:"accrued_before_minor"`
	After    int64  `db:"after" json:"accrued_after_minor"`
}

// changed joins what was with what is, of lines that differ in what people see.
const changed = `
	from rehearsal.line b join ledger.line l on l.key = b.key
	where not b.existed or (b.status, b.amount_minor, b.reason) is distinct from (l.status, l.amount_minor, l.reason)`

// LineTotals sums the changes by currency.
func LineTotals(ctx context.Context, copied *sqlx.DB) (out []LineTotal, err error) {
	defer errs.Wrap(&err, "sum the lines that would change")
	err = copied.SelectContext(ctx, &out, `
		select l.currency, count(*) filter (where not b.existed) as new, count(*) filter (where b.existed) as changed,
			coalesce(sum(b.amount_minor) filter (where b.status not in ('on_hold', 'zero', 'void')), 0) as before,
			coalesce(sum(l.amount_minor) filter (where l.status not in ('on_hold', 'zero', 'void')), 0) as after `+changed+`
		group by l.currency order by l.currency`)
	return out, err
}

// Lines gives the lines that would change, those first whose amounts would change most,
// at most limit of them; 0 is all. An error of each ends it and is returned as it is.
func Lines(ctx context.Context, copied *sqlx.DB, limit int, each func(LineChange) error) (err error) {
	defer errs.Wrap(&err, "compare the lines")
	query := `
		select l.key, l.payee_id, l.source_id, l.currency, b.existed, coalesce(b.status, '') as was_status,
			coalesce(b.amount_minor, 0) as was_amount, coalesce(b.reason, '') as was_reason, l.status, l.amount_minor, l.reason ` + changed + `
		order by abs(l.amount_minor - coalesce(b.amount_minor, 0)) desc, l.key`
	if limit > 0 {
		query += ` limit ` + strconv.Itoa(limit)
	}
	rows, err := copied.QueryxContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	for rows.Next() {
		var r struct {
			Key       string `db:"key"`
			PayeeID   string `db:"payee_id"`
			SourceID  string `db:"source_id"`
			Currency  string `db:"currency"`
			Existed   bool   `db:"existed"`
			WasStatus string `db:"was_status"`
			WasAmount int64  `db:"was_amount"`
			WasReason string `db:"was_reason"`
			LineState
		}
		if err := rows.StructScan(&r); err != nil {
			return err
		}
		c := LineChange{Key: r.Key, PayeeID: r.PayeeID, SourceID: r.SourceID, Currency: r.Currency, After: r.LineState}
		if r.Existed {
			c.Before = &LineState{r.WasStatus, r.WasAmount, r.WasReason}
		}
		if err := each(c); err != nil {
			return err
		}
	}
	return rows.Err()
}
