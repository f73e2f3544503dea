package brought

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
)

// kept is what a row said that is in the book.
type kept struct {
	LineKey   string         `db:"line_key"`
	Kind      Kind           `db:"kind"`
	PayeeID   string         `db:"payee_id"`
	SourceID  string         `db:"source_id"`
	Period    clock.Month    `db:"period"`
	Currency  money.Currency `db:"currency"`
	Minor     int64          `db:"amount_minor"`
	Reference string         `db:"reference"`
	PaidOn    clock.Date     `db:"paid_on"`
	File      string         `db:"file"`
}

// String says what it is: "101.92 USD (PAY-1, paid on 2026-02-15, from paid.csv)".
func (k kept) String() string {
	return fmt.Sprintf("%s from %s", said(k.Currency, k.Minor, k.Reference, k.PaidOn), k.File)
}

func (r *Row) String() string { return said(r.Currency, r.Minor, r.Reference, r.PaidOn) }

func said(c money.Currency, minor int64, reference string, paidOn clock.Date) string {
	if paidOn.IsZero() {
		return fmt.Sprintf("%s (%s)", c.FormatMinor(minor), reference)
	}
	return fmt.Sprintf("%s (%s, paid on %s)", c.FormatMinor(minor), reference, paidOn)
}

// covers says whether a row may be of the same line: it names the same payee, source and
// month, and no other regime or slice.
func (k kept) covers(r *Row) bool {
	parts := strings.Split(k.LineKey, "/") // payee, regime, source, slice, period (R7.1)
	return k.Kind == Paid && k.PayeeID == r.PartnerID && k.SourceID == r.OpportunityID && k.Period == r.Period &&
		(r.Regime == "" || r.Regime == parts[1]) && (r.Slice == "" || r.Slice == parts[3])
}

// says says whether a row that may be of the same line says the same of it. A note is no
// part of that. Another reference or day is another payment, even of the same amount.
func (k kept) says(r *Row) bool {
	return k.Currency == r.Currency && k.Minor == r.Minor && k.Period == r.Period && k.Reference == r.Reference && k.PaidOn == r.PaidOn
}

// owing is what an opening balance is known by.
type owing struct {
	payeeID   string
	currency  money.Currency
	reference string
}

func (r *Row) owing() owing { return owing{r.PartnerID, r.Currency, r.Reference} }

// memory is what was brought in before.
type memory struct {
	openings map[owing]kept
	paid     map[string][]kept // by opportunity
	last     int64             // the last number of an opening balance
}

// remember reads what was brought in before for the payees and opportunities of rows.
func remember(ctx context.Context, q sqlx.QueryerContext, rows []Row) (m memory, err error) {
	defer errs.Wrap(&err, "read what was brought in before")
	m = memory{openings: map[owing]kept{}, paid: map[string][]kept{}}
	var payees, sources []string
	for i := range rows {
		if rows[i].Kind == Paid {
			sources = append(sources, rows[i].OpportunityID)
		} else {
			payees = append(payees, rows[i].PartnerID)
		}
	}
	var all []kept
	if err := sqlx.SelectContext(ctx, q, &all, `
		select line_key, kind, payee_id, source_id, period, currency, amount_minor, reference, paid_on, file
		from ledger.brought
		where kind = 'opening' and payee_id = any((select $1::text[])::text[])
		or kind = 'paid' and source_id = any((select $2::text[])::text[])
		order by line_key`, pq.Array(payees), pq.Array(sources)); err != nil {
		return memory{}, err
	}
	for _, k := range all {
		if k.Kind == Opening {
			m.openings[owing{k.PayeeID, k.Currency, k.Reference}] = k
		} else {
			m.paid[k.SourceID] = append(m.paid[k.SourceID], k)
		}
	}
	err = sqlx.GetContext(ctx, q, &m.last, `
		select coalesce(max(substr(source_id, 4)::bigint), 0) from ledger.brought where kind = 'opening'`)
	return m, err
}

// nextNumber gives the source of the next opening balance. Those who bring something in
// take turns, so no two take one number.
func (m *memory) nextNumber() string {
	m.last++
	return fmt.Sprintf("OB-%06d", m.last)
}

// keep keeps what the rows of lines said.
func (w *work) keep(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "keep what the rows said")
	_, err = pg.CopyIn(ctx, w.tx, "ledger.brought", []string{
		"line_key", "kind", "payee_id", "source_id", "period", "currency", "amount_minor", "reference", "note", "paid_on",
		"file", "file_line", "file_hash", "brought_by", "brought_at",
	}, w.keptRows())
	return err
}

func (w *work) keptRows() iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		var cells []any
		for _, n := range w.found {
			r := n.row
			cells = append(cells[:0], n.line.Key, string(r.Kind), r.PartnerID, n.line.SourceID, r.Period.String(), string(r.Currency),
				r.Minor, r.Reference, r.Note, r.PaidOn, w.file.Name, int64(r.Line), bytes.Clone(w.file.Hash), w.Actor, w.Now)
			if !yield(cells, nil) {
				return
			}
		}
	}
}
