package outbox

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/statement"
)

// MarkStatements marks the statements that were touched since it was last called, and
// the lines that belong to other statements since, and gives the number of statements.
// through is the running month in the company zone. Push calls it before it looks what
// there is to send, so nobody else has to; whoever changes the book may, so that what
// is to be sent shows at once. Nothing is marked twice for one change.
func MarkStatements(ctx context.Context, tx *sqlx.Tx, through clock.Month, now time.Time) (_ int, err error) {
	defer errs.Wrap(&err, "mark statements for push")
	touched, err := statement.TakeTouched(ctx, tx, through)
	if err != nil {
		return 0, err
	}
	statements := make([]Key, len(touched.Statements))
	for i, s := range touched.Statements {
		statements[i] = Key{Key: s.Key, Parent: s.Holder}
	}
	if err := Mark(ctx, tx, Statement, statements, now); err != nil {
		return 0, err
	}
	return len(statements), Mark(ctx, tx, Commission, lineKeys(touched.Lines), now)
}

func lineKeys(lines []statement.TouchedLine) []Key {
	out := make([]Key, len(lines))
	for i, l := range lines {
		out[i] = Key{Key: l.Key, Parent: l.PayeeID}
	}
	return out
}

// MarkLinesOf marks the lines of statements that Salesforce has just come to know, as
// far as they were written before, or are in flight, and so without their link. The others link by
// themselves when they are sent.
func MarkLinesOf(ctx context.Context, tx *sqlx.Tx, statements []string, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark the lines of %d statements for push", len(statements))
	if len(statements) == 0 {
		return nil
	}
	lines, err := statement.LinesOf(ctx, tx, statements)
	if err != nil || len(lines) == 0 {
		return err
	}
	keys := make([]string, len(lines))
	for i, l := range lines {
		keys[i] = l.Key
	}
	_, err = tx.ExecContext(ctx, `
		with written as (
			select object, key from outbox.record
			where object = '`+Commission+`' and key = any((select $1::text[])::text[])
			and (wanted <= confirmed and confirmed_hash is not null
				or key in (select f.key from outbox.flown f where f.object = '`+Commission+`'))
			order by key collate "C" for update)
		update outbox.record r set wanted = r.wanted + 1, marked_at = $2
		from written w where r.object = w.object and r.key = w.key`, pq.Array(keys), now)
	return err
}

// KeysAfter gives at most limit keys of an object that were ever marked, those behind
// one, in the order of their bytes.
func KeysAfter(ctx context.Context, q sqlx.QueryerContext, object, after string, limit int) (keys []string, err error) {
	defer errs.Wrap(&err, "list %s keys", object)
	err = sqlx.SelectContext(ctx, q, &keys, `
		select key from outbox.record where object = $1 and key collate "C" > $2 order by key collate "C" limit $3`, object, after, limit)
	return keys, err
}
