package statement

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
)

// moved are sums of entries by what they did, in minor units; see the package comment.
type moved struct {
	Accrued    int64 `db:"accrued"`
	Adjusted   int64 `db:"adjusted"`
	ClawedBack int64 `db:"clawed_back"`
	BroughtIn  int64 `db:"brought_in"`
	Imported   int64 `db:"imported"`
	Approved   int64 `db:"approved"`
	Exported   int64 `db:"exported"`
	Paid       int64 `db:"paid"`
}

// movedColumns sum entries e into the columns of moved. An entry is on a line that
// adjusts if the slice in its line's key says so.
const movedColumns = `
	coalesce(sum(e.amount_minor) filter (where e.kind = '` + book.KindAccrue + `' and e.debit = '` + book.AccountExpense + `'
		and strpos(e.line_key, '` + adjusts + `') = 0), 0)::bigint as accrued,
	coalesce(sum(e.amount_minor) filter (where e.kind = '` + book.KindAccrue + `' and e.debit = '` + book.AccountExpense + `'
		and strpos(e.line_key, '` + adjusts + `') > 0), 0)::bigint as adjusted,
	coalesce(-sum(e.amount_minor) filter (where e.kind = '` + book.KindAccrue + `' and e.credit = '` + book.AccountExpense + `'), 0)::bigint as clawed_back,
	coalesce(sum(case when e.debit = '` + book.AccountBroughtIn + `' then e.amount_minor else -e.amount_minor end)
		filter (where e.kind = '` + book.KindOpening + `'), 0)::bigint as brought_in,
	coalesce(sum(case when e.debit = '` + book.AccountBroughtIn + `' then e.amount_minor else -e.amount_minor end)
		filter (where e.kind = '` + book.KindImport + `'), 0)::bigint as imported,
	coalesce(sum(case when e.credit = '` + book.AccountPayable + `' then e.amount_minor else -e.amount_minor end)
		filter (where e.kind = '` + book.KindApprove + `'), 0)::bigint as approved,
	coalesce(sum(case when e.credit = '` + book.AccountInPayment + `' then e.amount_minor else -e.amount_minor end)
		filter (where e.kind = '` + book.KindExport + `'), 0)::bigint as exported,
	coalesce(sum(case when e.credit = '` + book.AccountSettled + `' then e.amount_minor else -e.amount_minor end)
		filter (where e.kind = '` + book.KindPay + `'), 0)::bigint as paid`

// adjusts is in a key whose slice adjusts another, "referral~adj2:2026-09", and in no
// other: payees, regimes and sources have no tilde (R7.1).
const adjusts = `~adj`

func (m moved) plus(o moved) moved {
	return moved{
		m.Accrued + o.Accrued, m.Adjusted + o.Adjusted, m.ClawedBack + o.ClawedBack, m.BroughtIn + o.BroughtIn,
		m.Imported + o.Imported, m.Approved + o.Approved, m.Exported + o.Exported, m.Paid + o.Paid,
	}
}

// owes is what the movements add to what is owed.
func (m moved) owes() int64 { return m.Accrued + m.Adjusted + m.ClawedBack + m.BroughtIn - m.Paid }

func (m moved) in(c money.Currency) Movements {
	a := func(minor int64) Amount { return Amount{minor, c} }
	return Movements{
		a(m.Accrued), a(m.Adjusted), a(m.ClawedBack), a(m.BroughtIn), a(m.Imported), a(m.Approved), a(m.Exported), a(m.Paid),
	}
}

// owed is what the accounts hold that together are what is owed, in minor units.
type owed struct {
	Accrued   int64 `db:"in_accrued"`
	Payable   int64 `db:"in_payable"`
	InPayment int64 `db:"in_in_payment"`
}

func (o owed) sum() int64 { return o.Accrued + o.Payable + o.InPayment }

func (o owed) plus(p owed) owed {
	return owed{o.Accrued + p.Accrued, o.Payable + p.Payable, o.InPayment + p.InPayment}
}

// month is what one payee's entries of one month and currency did.
type month struct {
	Payee    string         `db:"payee_id"`
	Currency money.Currency `db:"currency"`
	Period   clock.Month    `db:"period"`
	Entries  int            `db:"entries"`
	moved
	owed
}

// account is a payee in a currency.
type account struct {
	payee    string
	currency money.Currency
}

// figures are the months of payees, each account's in the order of periods.
type figures map[account][]month

// readFigures sums the entries of all periods through one, by payee, currency and
// period. nil payees means all. One statement reads every entry once.
func readFigures(ctx context.Context, q sqlx.QueryerContext, through clock.Month, payees []string) (_ figures, err error) {
	defer errs.Wrap(&err, "sum the entries through %s", through)
	var rows []month
	inAccount := func(name string) string {
		return `coalesce(sum(case '` + name + `' when e.credit then e.amount_minor when e.debit then -e.amount_minor else 0 end), 0)::bigint`
	}
	sums := `e.currency, e.period, count(*) as entries, ` + movedColumns + `,
			` + inAccount(book.AccountAccrued) + ` as in_accrued, ` + inAccount(book.AccountPayable) + ` as in_payable,
			` + inAccount(book.AccountInPayment) + ` as in_in_payment
		from ledger.entry e where e.period <= $1`
	query, args := `select e.payee_id, `+sums+` group by e.payee_id, e.currency, e.period`, []any{through}
	if payees != nil {
		// Each payee's are summed by themselves: found by index, and into as few sums as it has
		// months, where Postgres would sort the entries of all of them on disk.
		query, args = `
			select p.payee_id, m.* from unnest($2::text[]) as p (payee_id), lateral (
				select `+sums+` and e.payee_id = p.payee_id group by e.currency, e.period) as m`, append(args, pq.Array(payees))
	}
	if err := sqlx.SelectContext(ctx, q, &rows, query, args...); err != nil {
		return nil, err
	}
	out := figures{}
	for _, r := range rows {
		a := account{r.Payee, r.Currency}
		out[a] = append(out[a], r)
	}
	for _, months := range out {
		slices.SortFunc(months, func(a, b month) int { return cmp.Compare(a.Period.String(), b.Period.String()) })
	}
	return out, nil
}

// before sums what an account was owed by the entries of earlier periods.
func (f figures) before(a account, period clock.Month) (sum owed) {
	for _, m := range f[a] {
		if m.Period.Before(period) {
			sum = sum.plus(m.owed)
		}
	}
	return sum
}

// of gives what an account's entries of a period did.
func (f figures) of(a account, period clock.Month) month {
	for _, m := range f[a] {
		if m.Period == period {
			return m
		}
	}
	return month{}
}

// place is a holder in a currency: what a statement is of, in any period.
type place struct {
	holder   Holder
	currency money.Currency
}

// places gives what there is a statement of in a period, in the order of keys: every
// holder and currency with an entry up to it.
func (f figures) places(h *holders, period clock.Month) []place {
	all := map[place]bool{}
	for a, months := range f {
		if period.Before(months[0].Period) {
			continue
		}
		all[place{h.at(period, a.payee), a.currency}] = true
		all[place{h.at(previous(period), a.payee), a.currency}] = true
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b place) int {
		return cmp.Or(strings.Compare(a.holder.String(), b.holder.String()), cmp.Compare(a.currency, b.currency))
	})
}

// state makes the statement of a place in a period, without its lines.
func (f figures) state(h *holders, p place, period clock.Month) (Statement, error) {
	var opening, carried owed
	var is month
	for _, id := range h.ids(previous(period), p.holder) {
		opening = opening.plus(f.before(account{id, p.currency}, period))
	}
	ids := h.ids(period, p.holder)
	for _, id := range ids {
		a := account{id, p.currency}
		carried = carried.plus(f.before(a, period))
		m := f.of(a, period)
		is.moved, is.owed, is.Entries = is.moved.plus(m.moved), is.owed.plus(m.owed), is.Entries+m.Entries
	}
	closes := carried.plus(is.owed)
	a := func(minor int64) Amount { return Amount{minor, p.currency} }
	s := Statement{
		Key: Key(p.holder, period, p.currency), Partner: p.holder.Partner, Name: h.name[p.holder.Partner], IDs: ids,
		PrimaryID: cmp.Or(h.primary[p.holder.Partner], p.holder.ID), Period: period, Currency: p.currency,
		Opening: a(opening.sum()), Transferred: a(carried.sum() - opening.sum()), Movements: is.in(p.currency), Closing: a(closes.sum()),
		ClosingAccrued: a(closes.Accrued), ClosingPayable: a(closes.Payable), ClosingInPayment: a(closes.InPayment), Entries: is.Entries,
	}
	if c, closed := h.closing(period); closed {
		s.IsClosed, s.ClosedAt = true, c.At.UTC()
	}
	// The movements are told by kind, the closing by account: an entry that one of the
	// two does not know must not pass unnoticed.
	if is.owes() != is.sum() {
		return s, errs.New(errs.Unknown, "statement %s does not add up: its movements come to %s, its accounts to %s",
			s.Key, p.currency.FormatMinor(is.owes()), p.currency.FormatMinor(is.sum())).
			WithHint("Run `partnersync ledger verify`, and report what it says.")
	}
	return s, nil
}

// previous is the month before one.
func previous(m clock.Month) clock.Month { return m.First().AddDays(-1).Month() }
