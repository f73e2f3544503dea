package book

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Plain is what Salesforce is told of a line, as the database writes it: for whoever
// passes a hundred thousand lines on as text, and neither reckons with them nor keeps them.
type Plain struct {
	Key, PayeeID, Regime, SourceID, Slice string
	Period, Currency                      string
	Base, Rate                            string // exact numbers
	AmountMinor                           int64
	Status, Reason, AccountID, SpaceID    string
	Explanation                           []byte // JSON; it is another's after f has returned
	ComputedAt                            time.Time
}

// EachPlain gives the lines of the keys that exist to f, one after the other and each in the
// same place, in no order that is promised. They are read while f works.
func EachPlain(ctx context.Context, q sqlx.QueryerContext, keys []string, f func(*Plain) error) (err error) {
	defer errs.Wrap(&err, "read lines by key")
	rows, err := q.QueryContext(ctx, `
		select key, payee_id, regime, source_id, slice, period, currency, base, rate, amount_minor,
			status, reason, account_id, space_id, explanation, computed_at
		from ledger.line where key = any((select $1::text[])::text[])`, pq.StringArray(keys))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var p Plain
	var explanation rawText
	into := []any{
		&p.Key, &p.PayeeID, &p.Regime, &p.SourceID, &p.Slice, &p.Period, &p.Currency, &p.Base, &p.Rate, &p.AmountMinor,
		&p.Status, &p.Reason, &p.AccountID, &p.SpaceID, &explanation, &p.ComputedAt,
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		p.Explanation = explanation
		if err := f(&p); err != nil {
			return err
		}
	}
	return rows.Err()
}

// rawText is a column that is not copied.
type rawText []byte

// Scan keeps what the driver has, until its next row.
func (t *rawText) Scan(src any) error {
	switch v := src.(type) {
	case []byte:
		*t = v
		return nil
	case string:
		*t = append((*t)[:0], v...)
		return nil
	}
	return errs.New(errs.Unknown, "a text is wanted, and not a %T", src)
}
