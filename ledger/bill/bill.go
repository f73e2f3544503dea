// Package bill puts what is approved on bills, hands them to whoever pays as files, and
// keeps what became of them (R8.6).
//
// An export of a month makes one bill for each partner, over all its Partner IDs, and
// currency, of everything that is approved, not yet billed, and of that month or one
// before. A bill is never zero, never negative (R8.7) and never below the minimum payout
// (R8.8): what would be is carried, and comes with the next one. Bills, what became of
// them and the files that were handed over are append only.
//
//	          paid
//	exported ──────▶ paid
//	    │              │ returned
//	    │ failed       ▼
//	    └─────────▶ failed, returned: its lines are approved again, and the next export
//	                bills them anew
//
// Amounts are minor units of a bill's currency; days are those of the company zone.
package bill

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// The outcomes of a bill. The latest is where it stands.
const (
	Exported = "exported"
	Paid     = "paid"
	Failed   = "failed"   // the payment did not take place
	Returned = "returned" // it did, and the money came back
)

// Bill is what one partner is to be paid in one currency.
type Bill struct {
	// Number is the month, the payee and the currency, "2026-10-FG3877-USD"; that of the
	// second one in a month ends in "-2".
	Number string      `db:"number"`
	Period clock.Month `db:"period"`
	Export int         `db:"export"` // number of the export within its period
	// PayeeID is the partner's primary Partner ID, or an individual's id.
	PayeeID string `db:"payee_id"`
	Nth     int    `db:"nth"` // place among the bills of the period, payee and currency, from 1
	// PartnerKey and PartnerName are those of the partner when the bill was made; "" of
	// an ID that was issued to nobody.
	PartnerKey  string         `db:"partner_key"`
	PartnerName string         `db:"partner_name"`
	Currency    money.Currency `db:"currency"`
	AmountMinor int64          `db:"amount_minor"` // always above zero
	LineCount   int            `db:"lines"`
	ExportedOn  clock.Date     `db:"exported_on"`

	// State is the latest outcome, StateOn its day and Reference what was said of it.
	State     string     `db:"state"`
	StateOn   clock.Date `db:"state_on"`
	Reference string     `db:"reference"`
}

// Amount is the bill's amount in its currency.
func (b Bill) Amount() decimal.Decimal { return b.Currency.FromMinor(b.AmountMinor) }

// Payee is how the payee is called: by name or, where nobody is known, by id.
func (b Bill) Payee() string {
	if b.PartnerName != "" {
		return b.PartnerName
	}
	return b.PayeeID
}

// number gives the bill's number (R8.6).
func number(period clock.Month, payeeID string, c money.Currency, nth int) string {
	n := fmt.Sprintf("%s-%s-%s", period, payeeID, c)
	if nth > 1 {
		n += fmt.Sprintf("-%d", nth)
	}
	return n
}

// Line is a line on a bill, as it was when the bill was made.
type Line struct {
	Bill         string          `db:"bill"`
	Key          string          `db:"line_key"`
	PayeeID      string          `db:"payee_id"`
	Regime       string          `db:"regime"`
	SourceID     string          `db:"source_id"`
	Slice        string          `db:"slice"`
	Period       clock.Month     `db:"period"`
	Base         decimal.Decimal `db:"base"`
	Rate         decimal.Decimal `db:"rate"`
	AmountMinor  int64           `db:"amount_minor"` // in the bill's currency; never 0
	AccountID    string          `db:"account_id"`
	CustomerName string          `db:"customer_name"`
	Sale         string          `db:"sale"`
	TermStart    clock.Date      `db:"term_start"`
	TermEnd      clock.Date      `db:"term_end"`
}

// Event is something that became of a bill.
type Event struct {
	Bill       string     `db:"bill"`
	Nth        int        `db:"nth"`
	Outcome    string     `db:"outcome"`
	On         clock.Date `db:"on_date"`
	Reference  string     `db:"reference"`
	RecordedBy string     `db:"recorded_by"`
	RecordedAt time.Time  `db:"recorded_at"`
}

// Filter says which bills are meant. What is empty asks nothing.
type Filter struct {
	Period clock.Month
	Export int
	// Partner is a partner's key, or a Partner ID by which bills were named.
	Partner  string
	Currency money.Currency
	State    string
	Numbers  []string
	Limit    int // at most so many; 0 is all of an export or of the numbers
}

const billColumns = `b.number, b.period, b.export, b.payee_id, b.nth, b.partner_key, b.partner_name, b.currency,
	b.amount_minor, b.lines, x.exported_on, e.outcome as state, e.on_date as state_on, e.reference`

// List gives bills, those of the latest months first, and within one by number.
func List(ctx context.Context, q sqlx.QueryerContext, f Filter) (_ []Bill, err error) {
	defer errs.Wrap(&err, "list bills")
	var out []Bill
	err = sqlx.SelectContext(ctx, q, &out, `
		select `+billColumns+`
		from ledger.bill b
		join ledger.export x on x.period = b.period and x.number = b.export
		join lateral (
			select outcome, on_date, reference from ledger.bill_event where bill = b.number order by nth desc limit 1) as e on true
		where ($1 = '' or b.period = $1) and ($2 = 0 or b.export = $2) and ($3 = '' or $3 in (b.partner_key, b.payee_id))
		and ($4 = '' or b.currency = $4) and ($5 = '' or e.outcome = $5) and ($6::text[] is null or b.number = any($6))
		order by b.period desc, b.number collate "C" limit nullif($7, 0)`,
		f.Period.String(), f.Export, f.Partner, string(f.Currency), f.State, pq.Array(f.Numbers), f.Limit)
	return out, err
}

// Get gives a bill; errs.NotFound if there is none of that number.
func Get(ctx context.Context, q sqlx.QueryerContext, number string) (_ Bill, err error) {
	found, err := List(ctx, q, Filter{Numbers: []string{number}})
	if err == nil && len(found) == 0 {
		err = errs.New(errs.NotFound, "there is no bill %q", number).WithHint("`partnersync ledger bills` lists them.")
	}
	if err != nil {
		return Bill{}, err
	}
	return found[0], nil
}

// Lines gives the lines of bills, in the order of the bills and the keys.
func Lines(ctx context.Context, q sqlx.QueryerContext, bills []string) (_ []Line, err error) {
	defer errs.Wrap(&err, "read the lines of %d bills", len(bills))
	var out []Line
	err = sqlx.SelectContext(ctx, q, &out, `
		select bill, line_key, payee_id, regime, source_id, slice, period, base, rate, amount_minor, account_id,
			customer_name, sale, term_start, term_end
		from ledger.bill_line where bill = any((select $1::text[])::text[]) order by bill, line_key`, pq.Array(bills))
	return out, err
}

// Events gives what became of bills, in the order of the bills and in that in which it
// was recorded.
func Events(ctx context.Context, q sqlx.QueryerContext, bills []string) (_ []Event, err error) {
	defer errs.Wrap(&err, "read what became of %d bills", len(bills))
	var out []Event
	err = sqlx.SelectContext(ctx, q, &out, `
		select bill, nth, outcome, on_date, reference, recorded_by, recorded_at
		from ledger.bill_event where bill = any((select $1::text[])::text[]) order by bill, nth`, pq.Array(bills))
	return out, err
}
