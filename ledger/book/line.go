// Package book keeps what is owed: the expected lines, and the append-only
// entries that post them.
package book

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// Line is an expected line as it is kept (R7.1).
type Line struct {
	Key         string          `db:"key"`
	PayeeID     string          `db:"payee_id"`
	Regime      string          `db:"regime"` // space, registration or program
	SourceID    string          `db:"source_id"`
	Slice       string          `db:"slice"`
	Period      clock.Month     `db:"period"`
	Currency    money.Currency  `db:"currency"`
	Base        decimal.Decimal `db:"base"` // the amount on which the rate works
	Rate        decimal.Decimal `db:"rate"` // 0.1 is ten per cent
	AmountMinor int64           `db:"amount_minor"`
	Status      string          `db:"status"` // accrued, on_hold, zero, void, approved, exported or paid
	Reason      string          `db:"reason"` // of a hold or a zero
	AccountID   string          `db:"account_id"`
	SpaceID     string          `db:"space_id"`
	Plan        string          `db:"plan"`
	Explanation json.RawMessage `db:"explanation"` // a commission.Explanation
	ComputedAt  time.Time       `db:"computed_at"`
	// What finance needs to spread its cost over the contract: the first and last day of
	// the service, none for point revenue, and what kind of sale it was (a
	// commission.SaleType, "" if the plan knows none).
	TermStart clock.Date `db:"term_start"`
	TermEnd   clock.Date `db:"term_end"`
	Sale      string     `db:"sale"`

	// Corrects is the id of the entry that the first one of a line that adjusts corrects.
	Corrects string `db:"-"`
}

// Amount is the line's amount in its currency.
func (l Line) Amount() decimal.Decimal { return l.Currency.FromMinor(l.AmountMinor) }

const lineColumns = `key, payee_id, regime, source_id, slice, period, currency, base, rate, amount_minor,
	status, reason, account_id, space_id, plan, explanation, computed_at, term_start, term_end, sale`

// LinesByKey gives the lines of the keys that exist, in the order of the keys.
func LinesByKey(ctx context.Context, q sqlx.QueryerContext, keys []string) (_ []Line, err error) {
	defer errs.Wrap(&err, "read lines by key")
	var out []Line
	err = sqlx.SelectContext(ctx, q, &out,
		`select `+lineColumns+` from ledger.line where key = any($1) order by key`, pq.Array(keys))
	return out, err
}
