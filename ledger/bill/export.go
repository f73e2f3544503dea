package bill

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
)

// Result is what an export came to.
type Result struct {
	// Number is that of the export within its period; 0 if no bill was made.
	Number int
	// Bills were made, in the order of their numbers.
	Bills []Bill
	// Carried is what comes with a later bill.
	Carried []Carried
	// Waiting is what would take something off a bill and is not approved yet.
	Waiting []Carried
	// Taken are the lines that are on the bills. They have to be sent on.
	Taken []book.Taken
}

// Export puts everything that is approved, not yet on a bill, and of a month or one
// before it on bills (R8.6). Where that comes to nothing, no export is made and Number is
// 0. What is not billed the result names, with its reason.
//
// errs.Invalid if the month has not begun on c.AsOf, which is today in the company zone.
func Export(ctx context.Context, tx *sqlx.Tx, period clock.Month, c book.Context) (_ Result, err error) {
	defer errs.Wrap(&err, "export %s", period)
	if err := begin(ctx, tx, c); err != nil {
		return Result{}, err
	}
	if c.AsOf.Month().Before(period) {
		return Result{}, errs.New(errs.Invalid, "%s has not begun on %s", period, c.AsOf).
			WithHint("Export the running month at the latest.")
	}
	out, sheets, err := gather(ctx, tx, period, c.AsOf)
	if err != nil || len(sheets) == 0 {
		return out, err
	}
	if out.Number, err = newExport(ctx, tx, period, c); err != nil {
		return Result{}, err
	}
	for i := range sheets {
		s := &sheets[i]
		s.Period, s.Export, s.ExportedOn, s.LineCount = period, out.Number, c.AsOf, len(s.parts)
		s.State, s.StateOn = Exported, c.AsOf
		taken, err := s.save(ctx, tx, c)
		if err != nil {
			return Result{}, err
		}
		out.Bills, out.Taken = append(out.Bills, s.Bill), append(out.Taken, taken...)
	}
	return out, nil
}

// begin starts a change of bills: nobody else makes one until the transaction ends.
func begin(ctx context.Context, tx *sqlx.Tx, c book.Context) error {
	if strings.TrimSpace(c.Actor) == "" {
		return errs.New(errs.Invalid, "nobody is named who does this").WithHint("Say who acts with --actor.")
	}
	return book.HoldTerms(ctx, tx)
}

// newExport begins an export and gives its number within the period.
func newExport(ctx context.Context, tx *sqlx.Tx, period clock.Month, c book.Context) (n int, err error) {
	err = tx.GetContext(ctx, &n, `
		insert into ledger.export (period, number, exported_on, exported_by, exported_at)
		select $1, coalesce(max(number), 0) + 1, $2, $3, $4 from ledger.export where period = $1
		returning number`, period, c.AsOf, c.Actor, c.Now)
	return n, err
}

// LastExport gives the number of the last export of a period; 0 if there was none.
func LastExport(ctx context.Context, q sqlx.QueryerContext, period clock.Month) (n int, err error) {
	defer errs.Wrap(&err, "look for exports of %s", period)
	err = sqlx.GetContext(ctx, q, &n, `select coalesce(max(number), 0) from ledger.export where period = $1`, period)
	return n, err
}

// sheet is a bill that is being made.
type sheet struct {
	Bill
	parts []book.Part
}

// save keeps the bill and moves what is on it (R8.2).
func (s *sheet) save(ctx context.Context, tx *sqlx.Tx, c book.Context) (_ []book.Taken, err error) {
	if err := tx.GetContext(ctx, &s.Nth, `
		select coalesce(max(nth), 0) + 1 from ledger.bill where period = $1 and payee_id = $2 and currency = $3`,
		s.Period, s.PayeeID, string(s.Currency)); err != nil {
		return nil, err
	}
	s.Number = number(s.Period, s.PayeeID, s.Currency, s.Nth)
	defer errs.Wrap(&err, "bill %s", s.Number)
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.bill (number, period, export, payee_id, nth, partner_key, partner_name, currency, amount_minor, lines)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		s.Number, s.Period, s.Export, s.PayeeID, s.Nth, s.PartnerKey, s.PartnerName, string(s.Currency), s.AmountMinor, s.LineCount); err != nil {
		return nil, err
	}
	if err := s.saveLines(ctx, tx); err != nil {
		return nil, err
	}
	if err := record(ctx, tx, Event{Bill: s.Number, Nth: 1, Outcome: Exported, On: c.AsOf}, c); err != nil {
		return nil, err
	}
	return book.Advance(ctx, tx, book.KindExport, false, s.parts, c)
}

var lineColumns = []string{
	"bill", "line_key", "payee_id", "regime", "source_id", "slice", "period", "base", "rate", "amount_minor", "account_id",
	"customer_name", "sale", "term_start", "term_end",
}

// linesAtOnce bounds the lines that are read with their explanations.
const linesAtOnce = 500

// saveLines keeps the bill's lines as they are now.
func (s *sheet) saveLines(ctx context.Context, tx *sqlx.Tx) error {
	for start := 0; start < len(s.parts); start += linesAtOnce {
		parts := s.parts[start:min(start+linesAtOnce, len(s.parts))]
		lines, names, err := describe(ctx, tx, parts)
		if err != nil {
			return err
		}
		if _, err := pg.CopyIn(ctx, tx, "ledger.bill_line", lineColumns, func(yield func([]any, error) bool) {
			for _, p := range parts {
				l := lines[p.LineKey]
				if !yield([]any{s.Number, l.Key, l.PayeeID, l.Regime, l.SourceID, l.Slice, l.Period.String(), l.Base.String(),
					l.Rate.String(), p.Minor, l.AccountID, names[l.AccountID], l.Sale, l.TermStart, l.TermEnd}, nil) {
					return
				}
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

// describe reads the lines of parts, and the names of their customers.
func describe(ctx context.Context, q sqlx.QueryerContext, parts []book.Part) (map[string]book.Line, map[string]string, error) {
	keys := make([]string, len(parts))
	for i, p := range parts {
		keys[i] = p.LineKey
	}
	read, err := book.LinesByKey(ctx, q, keys)
	if err != nil {
		return nil, nil, err
	}
	lines := make(map[string]book.Line, len(read))
	accounts := make([]string, len(read))
	for i, l := range read {
		lines[l.Key], accounts[i] = l, l.AccountID
	}
	names, err := ledger.CustomerNames(ctx, q, accounts)
	return lines, names, err
}

// record keeps what became of a bill.
func record(ctx context.Context, tx *sqlx.Tx, e Event, c book.Context) error {
	_, err := tx.ExecContext(ctx, `
		insert into ledger.bill_event (bill, nth, outcome, on_date, reference, recorded_by, recorded_at)
		values ($1, $2, $3, $4, $5, $6, $7)`, e.Bill, e.Nth, e.Outcome, e.On, e.Reference, c.Actor, c.Now)
	return err
}

// partsOf gives what is on a bill as parts of lines.
func partsOf(ctx context.Context, q sqlx.QueryerContext, bills ...string) (map[string][]book.Part, error) {
	var rows []struct {
		Bill string `db:"bill"`
		book.Part
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select l.bill, l.line_key, l.payee_id, b.currency, l.amount_minor as minor
		from ledger.bill_line l join ledger.bill b on b.number = l.bill
		where l.bill = any($1) order by l.bill, l.line_key`, pq.Array(bills)); err != nil {
		return nil, err
	}
	out := map[string][]book.Part{}
	for _, r := range rows {
		out[r.Bill] = append(out[r.Bill], r.Part)
	}
	return out, nil
}
