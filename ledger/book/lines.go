package book

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
)

func linesOfSources(ctx context.Context, q sqlx.QueryerContext, sources []string) (map[string]map[string]Line, error) {
	var rows []Line
	if err := sqlx.SelectContext(ctx, q, &rows,
		`select `+lineColumns+` from ledger.line where source_id = any((select $1::text[])::text[])`, pq.Array(sources)); err != nil {
		return nil, err
	}
	out := map[string]map[string]Line{}
	for _, l := range rows {
		if out[l.SourceID] == nil {
			out[l.SourceID] = map[string]Line{}
		}
		out[l.SourceID][l.Key] = l
	}
	return out, nil
}

// newLineColumns are those of a line, in the order in which lineRow gives them.
var newLineColumns = []string{
	"key", "payee_id", "regime", "source_id", "slice", "period", "currency", "base", "rate", "amount_minor",
	"status", "reason", "account_id", "space_id", "plan", "explanation", "computed_at",
	"term_start", "term_end", "sale",
}

// lineRow writes a line into a row for COPY.
func lineRow(row []any, l *Line) []any {
	return append(row[:0], l.Key, l.PayeeID, l.Regime, l.SourceID, l.Slice, l.Period.String(), string(l.Currency),
		l.Base.String(), l.Rate.String(), l.AmountMinor, l.Status, l.Reason, l.AccountID, l.SpaceID, l.Plan, l.Explanation,
		l.ComputedAt, l.TermStart, l.TermEnd, l.Sale)
}

// saveNew settles what is expected, and copies the lines that are new. While one is
// written out here, the database stores those before it. A line is never deleted, so
// one that was not there when the source's lines were read can be there now only if
// another has settled the same source meanwhile; COPY then fails as a whole.
func (s *settlement) saveNew(ctx context.Context, tx *sqlx.Tx, expected []Expectation) (err error) {
	defer errs.Wrap(&err, "save new lines")
	_, err = pg.CopyIn(ctx, tx, "ledger.line", newLineColumns, func(yield func([]any, error) bool) {
		var row []any
		for l, err := range s.settle(expected) {
			if err != nil {
				yield(nil, err)
				return
			}
			row = lineRow(row, l)
			if !yield(row, nil) {
				return
			}
		}
	})
	return err
}

// rowsAtOnce bounds the rows of one statement, whose arguments are in memory
// several times over while they are sent.
const rowsAtOnce = 400

// saveChanged writes lines that are there and are different now, in the order of
// their keys.
func saveChanged(ctx context.Context, tx *sqlx.Tx, lines []*Line) (err error) {
	defer errs.Wrap(&err, "save changed lines")
	slices.SortFunc(lines, func(a, b *Line) int { return cmp.Compare(a.Key, b.Key) })
	for some := range slices.Chunk(lines, rowsAtOnce) {
		if err := saveSomeChanged(ctx, tx, some); err != nil {
			return err
		}
	}
	return nil
}

func saveSomeChanged(ctx context.Context, tx *sqlx.Tx, lines []*Line) error {
	const textColumns = 13
	text := make([][]string, textColumns)
	minor := make([]int64, len(lines))
	at := make([]time.Time, len(lines))
	for i, l := range lines {
		for j, v := range [textColumns]string{
			l.Key, string(l.Currency), l.Base.String(), l.Rate.String(), l.Status, l.Reason, l.AccountID, l.SpaceID, l.Plan,
			string(l.Explanation), l.TermStart.String(), l.TermEnd.String(), l.Sale,
		} {
			text[j] = append(text[j], v)
		}
		minor[i], at[i] = l.AmountMinor, l.ComputedAt
	}
	args := make([]any, 0, textColumns+2)
	for _, col := range text {
		args = append(args, pq.Array(col))
	}
	args = append(args, pq.Array(minor), pq.Array(at))
	_, err := tx.ExecContext(ctx, `
		update ledger.line l set
			currency = n.currency, base = n.base, rate = n.rate, status = n.status, reason = n.reason,
			account_id = n.account, space_id = n.space, plan = n.plan, explanation = n.explanation::json,
			amount_minor = n.minor, computed_at = n.at,
			term_start = nullif(n.term_start, '')::date, term_end = nullif(n.term_end, '')::date, sale = n.sale
		from unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::text[], $6::text[], $7::text[], $8::text[],
			$9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::timestamptz[])
			as n (key, currency, base, rate, status, reason, account, space, plan, explanation, term_start, term_end, sale, minor, at)
		where l.key = n.key collate "C"`, args...)
	return err
}
