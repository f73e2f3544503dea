package book

import (
	"context"
	"errors"
	"strconv"
	"strings"
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

// packedBy stands between the texts of a line that are read as one. Where a text has it in
// it, the line is read otherwise.
const packedBy = "\x1f"

// packedTexts is how many there are.
const packedTexts = 13

// PackedColumns read a line that is called l into a Packed, beside what else a statement
// reads; the join with the lines may be an outer one.
const PackedColumns = `concat_ws(E'\x1f', l.payee_id, l.regime, l.source_id, l.slice, l.period, l.currency, l.base, l.rate, l.amount_minor,
	l.status, l.reason, l.account_id, l.space_id, l.computed_at), l.explanation`

// Packed is a line as a database writes it at the least cost: all of its short texts are
// one, which costs less to write, to send and to keep than a column for each.
type Packed struct {
	texts       string
	explanation rawText
	plain       Plain
	stamp       string // of plain.ComputedAt
}

// Into is where PackedColumns are scanned into.
func (p *Packed) Into() []any { return []any{&p.texts, &p.explanation} }

// IsThere says whether there was a line to read.
func (p *Packed) IsThere() bool { return p.texts != "" }

// Plain gives the line of a key that was read, in the same place each time. It is not ok
// where a text of it has in it what stands between them: then it has to be read by EachPlain.
func (p *Packed) Plain(key string) (_ *Plain, ok bool, err error) {
	if strings.Count(p.texts, packedBy) != packedTexts {
		return nil, false, nil
	}
	rest := p.texts
	next := func() (text string) {
		text, rest, _ = strings.Cut(rest, packedBy)
		return text
	}
	l := &p.plain
	l.Key, l.PayeeID, l.Regime, l.SourceID, l.Slice = key, next(), next(), next(), next()
	l.Period, l.Currency, l.Base, l.Rate = next(), next(), next(), next()
	if l.AmountMinor, err = strconv.ParseInt(next(), 10, 64); err != nil {
		return nil, false, errs.New(errs.Unknown, "the amount of line %s: %w", key, err)
	}
	l.Status, l.Reason, l.AccountID, l.SpaceID = next(), next(), next(), next()
	if rest != p.stamp { // lines are worked out many at a time
		if l.ComputedAt, err = pq.ParseTimestamp(time.UTC, rest); err != nil {
			return nil, false, errs.New(errs.Unknown, "when line %s was worked out: %w", key, err)
		}
		p.stamp = rest
	}
	l.Explanation = p.explanation
	return l, true, nil
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

// rawText is a column that is not copied; null is none.
type rawText []byte

// Scan keeps what the driver has, until its next row.
func (t *rawText) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = nil
		return nil
	case []byte:
		*t = v
		return nil
	case string:
		*t = append((*t)[:0], v...)
		return nil
	}
	return errs.New(errs.Unknown, "a text is wanted, and not a %T", src)
}
