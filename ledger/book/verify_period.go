package book

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// verifyClosed holds what closes kept against the chains: that heads are entries of
// theirs, that nothing came into a closed month after it, and that closes follow each
// other. What their anchors and facts come to is for those who close.
func verifyClosed(ctx context.Context, tx *sqlx.Tx, report Report) (looked int64, err error) {
	for _, q := range []struct{ object, meaning, query string }{
		{"month", "The end of a chain that this close kept is no entry of the chain as it is. " + writtenPast, `
			select h.period || ' ' || h.payee_id, 'head', h.seq || ' ' || encode(h.hash, 'hex'),
				coalesce(e.seq || ' ' || encode(e.hash, 'hex'), 'no such entry')
			from ledger.period_head h left join ledger.entry e on e.payee_id = h.payee_id and e.seq = h.seq
			where h.hash is distinct from e.hash order by h.period, h.payee_id collate "C"`},
		{"entry", "The entry belongs to a month that was closed before it was posted (R8.4). " + writtenPast, `
			select e.line_key || '#' || e.nth, 'period', 'seq ' || coalesce(h.seq, 0) || ' at most in ' || c.period, 'seq ' || e.seq || ' of ' || e.period
			from ledger.entry e
			cross join lateral (select min(period) as period from ledger.period_close where period >= e.period) as c
			left join ledger.period_head h on h.period = c.period and h.payee_id = e.payee_id
			where e.period <= (select max(period) from ledger.period_close) and e.seq > coalesce(h.seq, 0)
			order by e.line_key, e.nth`},
		{"month", "This close does not follow the one before it: one of the two was changed, or one between them is gone. " + writtenPast, `
			select period, 'prev_anchor', encode(before, 'hex'), encode(prev_anchor, 'hex')
			from (select period, prev_anchor, coalesce(lag(anchor) over (order by period), '') as before from ledger.period_close) as c
			where prev_anchor <> before order by period`},
		{"month", "The close does not have the facts that it kept: some are gone, or were added. " + writtenPast, `
			select c.period, 'sources', count(f.source_id)::text, c.sources::text
			from ledger.period_close c left join ledger.period_facts f on f.period = c.period
			group by c.period, c.sources having c.sources <> count(f.source_id) order by c.period`},
		{"month", "The close says that it accrued through another day than its terms do. " + writtenPast, `
			select period, 'as_of', coalesce(terms ->> 'as_of', 'none'), as_of::text from ledger.period_close
			where terms ->> 'as_of' is distinct from as_of::text order by period`},
		{"month", "Whose this payee's balance was when the month was closed is not what the terms of the close say, or the payee had none. " + writtenPast, `
			with was (period, payee_id, partner_key) as (
				select c.period, p.key, p.value ->> 'Key' from ledger.period_close c, json_each(c.terms -> 'partners') as p)
			select coalesce(h.period, p.period) || ' ' || coalesce(h.payee_id, p.payee_id), 'partner_key',
				case when h.payee_id is null then 'not kept' else coalesce(w.partner_key, '') end, coalesce(p.partner_key, 'not kept')
			from ledger.period_head h
			full join ledger.period_payee p on p.period = h.period and p.payee_id = h.payee_id
			left join was w on w.period = h.period and w.payee_id = h.payee_id
			where h.payee_id is null or p.partner_key is distinct from coalesce(w.partner_key, '')
			order by coalesce(h.period, p.period), coalesce(h.payee_id, p.payee_id) collate "C"`},
	} {
		like := Difference{Check: "closed months", Object: q.object, Sentence: q.meaning}
		if err := DifferencesOf(ctx, tx, report, like, q.query); err != nil {
			return 0, err
		}
	}
	return countRows(ctx, tx, `select count(*) from ledger.period_head`)
}
