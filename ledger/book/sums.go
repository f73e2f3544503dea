package book

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// Sum is what the book has for a payee under one rule, in one currency and its minor
// units.
type Sum struct {
	PayeeID  string         `db:"payee_id"`
	Regime   string         `db:"regime"`
	Slice    string         `db:"slice"` // that of an adjustment is the one that it adjusts (R8.4)
	Plan     string         `db:"plan"`  // the version, such as "default from 2010-01-01"
	Currency money.Currency `db:"currency"`
	// Posted is what was accrued, corrections included, and what was brought in (R8.9).
	Posted int64 `db:"posted"`
	// Held is what lines on hold would add to it if they were released now.
	Held int64 `db:"held"`
}

// SumsByRule sums the book by payee, regime, slice, plan version and currency, over
// the lines of all periods up to one; of an adjustment the period that it corrects
// counts (R8.4). No month means all. What comes to nothing is left out.
func SumsByRule(ctx context.Context, q sqlx.QueryerContext, through clock.Month) (_ []Sum, err error) {
	defer errs.Wrap(&err, "sum the book by rule")
	var out []Sum
	err = sqlx.SelectContext(ctx, q, &out, `
		with l as (
			select key, payee_id, regime, split_part(slice, '~', 1) as slice, plan, currency, amount_minor, status = 'on_hold' as is_held
			from ledger.line
			where $1 = '' or case when slice like '%~adj%:%' then split_part(slice, ':', 2) else period end <= $1),
		parts as (
			select l.payee_id, l.regime, l.slice, l.plan, e.currency, e.moved as posted,
				case when l.is_held and e.currency = l.currency then -e.moved else 0 end as held
			from l join (
				select line_key, currency, `+postedOfEntry+` as moved
				from ledger.entry group by line_key, currency) as e on e.line_key = l.key
			union all
			select payee_id, regime, slice, plan, currency, 0, amount_minor from l where is_held)
		select payee_id, regime, slice, plan, currency, sum(posted)::bigint as posted, sum(held)::bigint as held
		from parts group by payee_id, regime, slice, plan, currency
		having sum(posted) <> 0 or sum(held) <> 0
		order by currency, payee_id, regime, slice, plan`, through.String())
	return out, err
}
