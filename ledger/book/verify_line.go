package book

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/ledger/commission"
)

// standingOfLines sums, by line and currency, what is posted and what the accounts
// hold.
const standingOfLines = `
	select line_key, currency, ` + postedOfEntry + ` as posted,
		sum(case '` + AccountAccrued + `' when credit then amount_minor when debit then -amount_minor else 0 end)::bigint as accrued,
		sum(case '` + AccountPayable + `' when credit then amount_minor when debit then -amount_minor else 0 end)::bigint as payable,
		sum(case '` + AccountInPayment + `' when credit then amount_minor when debit then -amount_minor else 0 end)::bigint as in_payment,
		sum(case '` + AccountSettled + `' when credit then amount_minor when debit then -amount_minor else 0 end)::bigint as settled
	from ledger.entry group by line_key, currency`

// settledStatuses are those of lines that a person has approved.
const settledStatuses = `'` + StatusApproved + `', '` + StatusExported + `', '` + StatusPaid + `'`

// verifyLines holds every line against its own key and its entries.
func verifyLines(ctx context.Context, tx *sqlx.Tx, report Report) (looked int64, err error) {
	for _, q := range []struct{ meaning, query string }{
		{"The line's key (R7.1) does not say what the line says of itself. " + keptBeside, `
			select key, 'key', concat_ws('/', payee_id, regime, source_id, slice, period), key from ledger.line
			where key <> concat_ws('/', payee_id, regime, source_id, slice, period) order by key`},
		// What a line on hold says is what it would be, and what is posted of a line of a
		// closed month may be less, the rest being posted by lines that adjust it.
		{"The line says another amount than its entries add up to, in minor units. " + keptBeside, `
			with s as (` + standingOfLines + `)
			select l.key, 'amount_minor', coalesce(s.posted, 0) || ' ' || l.currency, l.amount_minor || ' ' || l.currency
			from ledger.line l left join s on s.line_key = l.key and s.currency = l.currency
			where l.status <> '` + statusOnHold + `' and l.amount_minor <> coalesce(s.posted, 0)
			and l.period > (select coalesce(max(period), '') from ledger.period_close)
			order by l.key`},
		{"Something is posted for the line in a currency that is not its own. " + keptBeside, `
			with s as (` + standingOfLines + `)
			select l.key, 'currency', '0 ' || s.currency, s.posted || ' ' || s.currency
			from ledger.line l join s on s.line_key = l.key and s.currency <> l.currency
			where s.posted <> 0 and l.status in ('` + statusAccrued + `', 'zero', '` + StatusVoid + `')
			and l.period > (select coalesce(max(period), '') from ledger.period_close)
			order by l.key, s.currency`},
		// Approved, exported or paid is what the earliest step says at which any of it is.
		{"The line's status does not agree with the accounts in which its amount is (R8.5). " + keptBeside, `
			with s as (
				select line_key, bool_or(accrued <> 0) as accrued, bool_or(payable <> 0) as payable,
					bool_or(in_payment <> 0) as in_payment, bool_or(settled <> 0) as settled
				from (` + standingOfLines + `) as c group by line_key),
			m as (
				select l.key, l.status, s.*, l.status in (` + settledStatuses + `) as is_settled,
					case when s.payable then '` + StatusApproved + `' when s.in_payment then '` + StatusExported + `'
						when s.settled then '` + StatusPaid + `' end as means
				from ledger.line l join s on s.line_key = l.key)
			select key, 'status', case when accrued then 'a status of what is not approved' else means end, status
			from m
			where case
				when accrued then is_settled or payable or in_payment
				when payable or in_payment then status <> means
				when settled then is_settled and status <> means end
			order by key`},
		{"What accrued and what is approved has no reason to be held or to be nothing. " + keptBeside, `
			select key, 'reason', '', reason from ledger.line
			where reason <> '' and status in ('` + statusAccrued + `', ` + settledStatuses + `) order by key`},
		{"A hold that a person put on a line (R8.5) names a line that is not there, or is of another source. " + keptBeside, `
			select h.line_key, 'hold', coalesce(l.source_id, 'no such line'), h.source_id
			from ledger.line_hold h left join ledger.line l on l.key = h.line_key
			where l.source_id is distinct from h.source_id order by h.line_key, h.id`},
	} {
		like := Difference{Check: "lines", Object: "line", Sentence: q.meaning}
		if err := DifferencesOf(ctx, tx, report, like, q.query); err != nil {
			return 0, err
		}
	}
	if err := verifyInputs(ctx, tx, report); err != nil {
		return 0, err
	}
	return countRows(ctx, tx, `select count(*) from ledger.line`)
}

// restedLine is a line, its last entry of any kind and the instant of the last one that
// accrued or was brought in.
type restedLine struct {
	Line
	Nth       int          `db:"nth"`
	InputHash []byte       `db:"input_hash"`
	PostedAt  time.Time    `db:"posted_at"`
	AccruedAt sql.NullTime `db:"accrued_at"`
}

// verifyInputs holds what every line says against the hash of it that its last entry
// kept: of an open line that is as a rule its accrual, of another its approval, export
// or payment. A line that was worked out again since, without a difference that had to
// be posted, may explain itself in other words: the facts say whether they are right.
func verifyInputs(ctx context.Context, tx *sqlx.Tx, report Report) (err error) {
	rows, err := tx.QueryxContext(ctx, `
		with last as (
			select distinct on (line_key) line_key, nth, input_hash, posted_at,
				max(posted_at) filter (where kind = any($1)) over (partition by line_key) as accrued_at
			from ledger.entry order by line_key, nth desc)
		select `+lineColumns+`, e.nth, e.input_hash, e.posted_at, e.accrued_at
		from ledger.line l join last e on e.line_key = l.key order by l.key`, pq.Array([]string{KindAccrue, KindOpening, KindImport}))
	if err != nil {
		return err
	}
	defer func() { err = errorOr(err, rows.Close()) }()
	var m message
	for rows.Next() {
		var l restedLine
		if err := rows.StructScan(&l); err != nil {
			return err
		}
		if err := l.verify(&m, report); err != nil {
			return err
		}
	}
	return rows.Err()
}

// statusesPosted are those that a line can have when an entry is posted on it.
var statusesPosted = []string{statusAccrued, StatusApproved, StatusExported, StatusPaid, StatusVoid, string(commission.Zero)}

// formerInputHash is what entries kept before the hash took in all that a line says.
func (l *Line) formerInputHash(status string, m *message) []byte {
	m.text(l.Key)
	m.text(status)
	m.number(l.AmountMinor)
	m.bytes(l.Explanation)
	return m.hash()
}

func (l *restedLine) verify(m *message, report Report) error {
	is := Difference{Check: "lines", Object: "line", Subject: l.Key}
	if l.AccruedAt.Valid && l.ComputedAt.Before(l.AccruedAt.Time) {
		is.Field, is.Expected, is.Found = "computed_at", l.AccruedAt.Time.UTC().Format(time.RFC3339Nano), l.ComputedAt.UTC().Format(time.RFC3339Nano)
		is.Sentence = "The line says that it was worked out before an entry was posted from it. " + keptBeside
		return report(is)
	}
	if l.ComputedAt.Sub(l.PostedAt) > time.Microsecond { // which is what rounding may add
		return nil
	}
	for _, status := range statusesPosted {
		if bytes.Equal(l.inputHash(status, m), l.InputHash) || bytes.Equal(l.formerInputHash(status, m), l.InputHash) {
			return nil
		}
	}
	is.Field, is.Expected, is.Found = "what it rests on", hex.EncodeToString(l.InputHash), hex.EncodeToString(l.inputHash(l.Status, m))
	is.Sentence = "The line does not say any more what it said when " + entryID(l.Key, l.Nth) +
		" was posted: its amount, its explanation or anything else that it rests on was changed. " + keptBeside
	return report(is)
}
