package statement

import (
	"context"
	"iter"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
)

// lineRow is a line of a statement as it is read.
type lineRow struct {
	Place       int            `db:"place"`
	Currency    money.Currency `db:"currency"`
	Key         string         `db:"key"`
	PayeeID     string         `db:"payee_id"`
	SourceID    string         `db:"source_id"`
	Regime      string         `db:"regime"`
	Slice       string         `db:"slice"`
	Period      clock.Month    `db:"period"`
	Corrects    string         `db:"corrects"`
	Status      string         `db:"status"`
	Reason      string         `db:"reason"`
	Sentence    string         `db:"sentence"`
	Opportunity string         `db:"opportunity"`
	AccountID   string         `db:"account_id"`
	Account     string         `db:"account"`
	moved
}

// A line's payee, regime, slice and period are in its key (R7.1), which entries name.
const linesQuery = `
	with touched as (
		select h.place, e.currency, e.line_key, e.payee_id, e.source_id, ` + movedColumns + `,
			coalesce((array_agg(e.corrects order by e.nth) filter (where e.corrects <> ''
				and e.kind in ('` + book.KindAccrue + `', '` + book.KindOpening + `', '` + book.KindImport + `')))[1], '') as corrects
		from unnest($2::text[], $3::int[]) as h (payee_id, place)
		join ledger.entry e on e.payee_id = h.payee_id
		where e.period = $1 and ($4 = '' or e.currency = $4)
		group by h.place, e.currency, e.line_key, e.payee_id, e.source_id)
	select t.place, t.currency, t.line_key as key, t.payee_id, t.source_id, split_part(t.line_key, '/', 2) as regime,
		split_part(t.line_key, '/', 4) as slice, split_part(t.line_key, '/', 5) as period, t.corrects,
		t.accrued, t.adjusted, t.clawed_back, t.brought_in, t.imported, t.approved, t.exported, t.paid,
		coalesce(l.status, '') as status, coalesce(l.reason, '') as reason,
		coalesce(l.explanation->>'sentence', '') as sentence, coalesce(o.name, '') as opportunity,
		coalesce(l.account_id, '') as account_id, coalesce(c.name, '') as account
	from touched t
	left join ledger.line l on l.key = t.line_key
	left join ledger.opportunity o on o.id = t.source_id
	left join ledger.customer c on c.account_id = l.account_id
	order by t.place, t.currency collate "C", t.line_key`

// readLines gives the lines that have an entry of a period, by the place of their
// holder, currency and key; payees[i] belongs to places[i]. "" currency means all.
func readLines(ctx context.Context, q sqlx.QueryerContext, period clock.Month, currency money.Currency, payees []string, places []int) iter.Seq2[*lineRow, error] {
	return func(yield func(*lineRow, error) bool) {
		stopped := false
		err := eachLine(ctx, q, func(r *lineRow) bool {
			stopped = !yield(r, nil)
			return !stopped
		}, period, pq.Array(payees), pq.Array(places), string(currency))
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}

func eachLine(ctx context.Context, q sqlx.QueryerContext, f func(*lineRow) bool, args ...any) (err error) {
	defer errs.Wrap(&err, "read the lines of statements")
	rows, err := q.QueryxContext(ctx, linesQuery, args...) //nolint:sqlclosecheck // closed below; it misses that of an interface
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	for rows.Next() {
		var r lineRow
		if err := rows.StructScan(&r); err != nil {
			return err
		}
		if !f(&r) {
			return nil
		}
	}
	return rows.Err()
}

// line makes a line of what was read.
func (r *lineRow) line() Line {
	l := Line{
		Key: r.Key, PayeeID: r.PayeeID, Regime: r.Regime, SourceID: r.SourceID, Opportunity: r.Opportunity,
		AccountID: r.AccountID, Account: r.Account, Slice: r.Slice, Period: r.Period, Corrects: r.Corrects,
		Movements: r.in(r.Currency), Status: r.Status, Reason: r.Reason, Sentence: r.Sentence,
	}
	if _, nth, of := book.Adjusts(r.Slice); nth > 0 {
		l.Adjusts = of.String()
	}
	return l
}
