package book

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// account is an account of a payee in a currency.
type account struct{ payeeID, currency, name string }

// balances is what entries add to accounts, in minor units.
type balances map[account]int64

func (b balances) add(e *Entry) {
	b[account{e.PayeeID, e.Currency, e.Credit}] += e.AmountMinor
	b[account{e.PayeeID, e.Currency, e.Debit}] -= e.AmountMinor
}

// save adds to the balances that are kept. Whoever does holds the payees' chains, so
// nobody else adds to the same ones.
func (b balances) save(ctx context.Context, tx *sqlx.Tx) (err error) {
	defer errs.Wrap(&err, "save balances")
	all := slices.SortedFunc(maps.Keys(b), func(a, o account) int {
		return cmp.Or(cmp.Compare(a.payeeID, o.payeeID), cmp.Compare(a.currency, o.currency), cmp.Compare(a.name, o.name))
	})
	var payees, currencies, names []string
	var minor []int64
	for _, a := range all {
		payees, currencies, names = append(payees, a.payeeID), append(currencies, a.currency), append(names, a.name)
		minor = append(minor, b[a])
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.balance as b (payee_id, currency, account, minor)
		select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
		on conflict (payee_id, currency, account) do update set minor = b.minor + excluded.minor`,
		pq.Array(payees), pq.Array(currencies), pq.Array(names), pq.Array(minor))
	return err
}

// Balance is what a payee is owed in a currency, or was paid, in its minor units.
type Balance struct {
	PayeeID   string `db:"payee_id" json:"payee_id"`
	Partner   string `db:"partner" json:"partner"` // name; "" if the ID was issued to nobody
	Currency  string `db:"currency" json:"currency"`
	Minor     int64  `db:"minor" json:"minor"` // all that was worked out, corrections included
	Accrued   int64  `db:"accrued" json:"accrued"`
	Payable   int64  `db:"payable" json:"payable"`
	InPayment int64  `db:"in_payment" json:"in_payment"`
	Settled   int64  `db:"settled" json:"settled"`
	Lines     int64  `db:"lines" json:"lines"` // that have an entry in the currency
}

// Owed is what the payee is owed: what accrued, was approved or is on a bill, less what
// was taken back, in minor units.
func (b Balance) Owed() int64 { return b.Accrued + b.Payable + b.InPayment }

// Balances gives what every payee is owed and was paid, by currency, who is owed most
// first. It reads what is kept beside the entries, and none of these: status, page and
// metrics ask for it every few seconds.
func Balances(ctx context.Context, q sqlx.QueryerContext) (_ []Balance, err error) {
	defer errs.Wrap(&err, "read balances")
	var out []Balance
	err = sqlx.SelectContext(ctx, q, &out, `
		select b.payee_id, coalesce(p.name, '') as partner, b.currency,
			-b.minor as minor, b.accrued, b.payable, b.in_payment, b.settled, coalesce(l.lines, 0) as lines
		from (
			select payee_id, currency,
				coalesce(sum(minor) filter (where account in ('`+AccountExpense+`', '`+AccountBroughtIn+`')), 0)::bigint as minor,
				coalesce(sum(minor) filter (where account = '`+AccountAccrued+`'), 0)::bigint as accrued,
				coalesce(sum(minor) filter (where account = '`+AccountPayable+`'), 0)::bigint as payable,
				coalesce(sum(minor) filter (where account = '`+AccountInPayment+`'), 0)::bigint as in_payment,
				coalesce(sum(minor) filter (where account = '`+AccountSettled+`'), 0)::bigint as settled
			from ledger.balance group by payee_id, currency) as b
		left join ledger.posted_lines l on l.payee_id = b.payee_id and l.currency = b.currency
		left join ledger.partner_id i on i.id = b.payee_id
		left join ledger.partner p on p.key = i.partner_key
		order by b.currency, b.accrued + b.payable + b.in_payment desc, b.payee_id`)
	return out, err
}
