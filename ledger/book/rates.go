package book

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/commission"
)

// ExchangeRates gives the exchange rates that are in force, in the order of From,
// To and On (R7.5). Each holds from its day until the next of the same two
// currencies.
func ExchangeRates(ctx context.Context, q sqlx.QueryerContext) (_ []commission.ExchangeRate, err error) {
	defer errs.Wrap(&err, "read exchange rates")
	var rows []struct {
		From money.Currency  `db:"from_currency"`
		To   money.Currency  `db:"to_currency"`
		On   clock.Date      `db:"rate_on"`
		Rate decimal.Decimal `db:"rate"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select from_currency, to_currency, rate_on, rate from ledger.exchange_rate where superseded_at is null
		order by from_currency collate "C", to_currency collate "C", rate_on`); err != nil {
		return nil, err
	}
	out := make([]commission.ExchangeRate, len(rows))
	for i, r := range rows {
		out[i] = commission.ExchangeRate(r)
	}
	return out, nil
}

// SaveExchangeRate keeps a rate, which supersedes that of the same two currencies
// and day. A rate of zero takes that one back.
func SaveExchangeRate(ctx context.Context, tx *sqlx.Tx, r commission.ExchangeRate, actor string, now time.Time) (err error) {
	defer errs.Wrap(&err, "save the exchange rate %s to %s on %s", r.From, r.To, r.On)
	if _, err := tx.ExecContext(ctx, `
		update ledger.exchange_rate set superseded_by = $4, superseded_at = $5
		where from_currency = $1 and to_currency = $2 and rate_on = $3 and superseded_at is null`,
		r.From, r.To, r.On, actor, now); err != nil || r.Rate.IsZero() {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.exchange_rate (from_currency, to_currency, rate_on, rate, applied_by, applied_at)
		values ($1, $2, $3, $4, $5, $6)`, r.From, r.To, r.On, r.Rate, actor, now)
	return err
}

// MarkConverted marks due the won opportunities that closed on a date or later and
// may be paid in another currency than theirs: those on which a changed rate of
// that day bears. Where no plan version has a payout currency there are none.
func MarkConverted(ctx context.Context, tx *sqlx.Tx, from clock.Date, now time.Time) (err error) {
	defer errs.Wrap(&err, "mark what is converted from %s", from)
	_, err = tx.ExecContext(ctx, `
		insert into ledger.due_source (source_id, marked_at)
		select o.id, $2::timestamptz from ledger.opportunity o
		where o.is_won and o.close_date >= $1 and exists (
			select from ledger.plan_version v
			where v.approved_at is not null and v.superseded_at is null and v.terms ->> 'payout_currency' not in ('', o.currency))
		order by o.id
		on conflict (source_id) do update set marked_at = excluded.marked_at`, from, now)
	return err
}
