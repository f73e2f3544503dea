package book

import (
	"context"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// verifyEntries looks whether every entry is one that can be.
func verifyEntries(ctx context.Context, tx *sqlx.Tx, report Report) (looked int64, err error) {
	var kinds, debits, credits []string
	for _, kind := range slices.Sorted(maps.Keys(moves)) {
		kinds, debits, credits = append(kinds, kind), append(debits, moves[kind].debit), append(credits, moves[kind].credit)
	}
	for _, q := range []struct {
		meaning, query string
		args           []any
	}{
		{"An entry of this kind never moves money between these accounts. " + writtenPast, `
			select e.line_key || '#' || e.nth, 'accounts', e.kind || ': ' || coalesce(m.debit || ' and ' || m.credit, 'no such kind'),
				e.debit || ' to ' || e.credit
			from ledger.entry e
			left join unnest($1::text[], $2::text[], $3::text[]) as m (kind, debit, credit) on m.kind = e.kind
			where ((e.debit, e.credit) = (m.debit, m.credit) or (e.debit, e.credit) = (m.credit, m.debit)) is not true
			order by e.line_key, e.nth`,
			[]any{pq.Array(kinds), pq.Array(debits), pq.Array(credits)}},
		{"Entries of this line are missing, or there twice. " + writtenPast, `
			select line_key, 'nth', '1 to ' || count(*), min(nth) || ' to ' || max(nth) || ', ' || count(distinct nth) || ' of them'
			from ledger.entry group by line_key
			having min(nth) <> 1 or max(nth) <> count(*) or count(distinct nth) <> count(*)
			order by line_key`, nil},
		{"The line that this entry is of is not there, or is another payee's or another source's. Restore the line from a backup, or find out who wrote to the database.", `
			select e.line_key || '#' || e.nth, 'line', e.payee_id || ' ' || e.source_id, coalesce(l.payee_id || ' ' || l.source_id, 'no such line')
			from ledger.entry e left join ledger.line l on l.key = e.line_key
			where (e.payee_id, e.source_id) is distinct from (l.payee_id, l.source_id)
			order by e.line_key, e.nth`, nil},
		{"What accrues belongs to the month of its line (R8.4). " + writtenPast, `
			select e.line_key || '#' || e.nth, 'period', l.period, e.period
			from ledger.entry e join ledger.line l on l.key = e.line_key
			where e.kind = $1 and e.period <> l.period
			order by e.line_key, e.nth`, []any{KindAccrue}},
		{"The entry that this one corrects or takes further is not there, or came after it. " + writtenPast, `
			select e.line_key || '#' || e.nth, 'corrects', 'an earlier entry of ' || e.payee_id, e.corrects
			from ledger.entry e
			left join ledger.entry c on c.source_id = e.source_id and c.payee_id = e.payee_id
				and c.line_key || '#' || c.nth = e.corrects and c.seq < e.seq
			where e.corrects <> '' and c.seq is null
			order by e.line_key, e.nth`, nil},
		{"Something accrued as of a later day than the book says it was posted through, so the next accrual would work with too early a day (R7.3). " + keptBeside, `
			select 'as_of', 'posted', max(e.as_of)::text, coalesce(max(a.posted)::text, 'none')
			from ledger.entry e left join ledger.as_of a on true
			where e.kind = $1
			having max(e.as_of) > coalesce(max(a.posted), '-infinity')`, []any{KindAccrue}},
	} {
		like := Difference{Check: "entries", Object: "entry", Sentence: q.meaning}
		if err := DifferencesOf(ctx, tx, report, like, q.query, q.args...); err != nil {
			return 0, err
		}
	}
	return countRows(ctx, tx, `select count(*) from ledger.entry`)
}

// verifyBalances adds the entries up again, and all accounts of a currency to zero, and
// counts the lines.
func verifyBalances(ctx context.Context, tx *sqlx.Tx, report Report) (looked int64, err error) {
	if err := DifferencesOf(ctx, tx, report, Difference{
		Check: "balances", Object: "balance",
		Sentence: "This account does not hold what its entries add up to, in minor units of the currency. " + keptBeside,
	}, `
		with sums as (
			select e.payee_id, e.currency, a.account, sum(a.minor)::bigint as minor
			from ledger.entry e, lateral (values (e.credit, e.amount_minor), (e.debit, -e.amount_minor)) as a (account, minor)
			group by e.payee_id, e.currency, a.account)
		select subject, 'minor', expected, found from (
			select concat_ws(' ', coalesce(s.payee_id, b.payee_id), coalesce(s.currency, b.currency), coalesce(s.account, b.account)) as subject,
				coalesce(s.minor::text, 'no such account') as expected, coalesce(b.minor::text, 'not kept') as found
			from sums s full join ledger.balance b on b.payee_id = s.payee_id and b.currency = s.currency and b.account = s.account
			where s.minor is distinct from b.minor) as d
		order by subject collate "C"`); err != nil {
		return 0, err
	}
	if err := DifferencesOf(ctx, tx, report, Difference{
		Check: "balances", Object: "currency",
		Sentence: "The sum over all accounts of a currency is zero, always (R8.2). " + keptBeside,
	}, `
		select currency, 'sum of all accounts', '0', sum(minor)::text from ledger.balance
		group by currency having sum(minor) <> 0 order by currency collate "C"`); err != nil {
		return 0, err
	}
	if err := DifferencesOf(ctx, tx, report, Difference{
		Check: "balances", Object: "balance",
		Sentence: "This is not how many lines of the payee have an entry in the currency. " + keptBeside,
	}, `
		with counted as (
			select payee_id, currency, count(distinct line_key) as lines from ledger.entry group by payee_id, currency)
		select subject, 'lines', expected, found from (
			select concat_ws(' ', coalesce(c.payee_id, p.payee_id), coalesce(c.currency, p.currency)) as subject,
				coalesce(c.lines::text, 'no entry') as expected, coalesce(p.lines::text, 'not kept') as found
			from counted c full join ledger.posted_lines p on p.payee_id = c.payee_id and p.currency = c.currency
			where c.lines is distinct from p.lines) as d
		order by subject collate "C"`); err != nil {
		return 0, err
	}
	return countRows(ctx, tx, `select count(*) from ledger.balance`)
}
