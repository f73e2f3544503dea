package book

import (
	"context"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
)

// posted is what the book holds for a line.
type posted struct {
	minor map[money.Currency]int64
	n     int // entries, of whatever kind
	last  int // place on the line of the last that accrued or was brought in
}

// stands says whether anything is posted for the line by now.
func (p posted) stands() bool {
	for _, minor := range p.minor {
		if minor != 0 {
			return true
		}
	}
	return false
}

// draft is an entry before it has a place in its payee's chain.
type draft struct {
	line     *Line
	kind     string
	currency money.Currency // of the entry; the line's own may be another by now
	delta    int64          // minor units, never 0
	nth      int
	period   clock.Month // of the book
	corrects string      // id of the entry that it corrects, or takes a step further
}

// differences gives the entries that bring the book to what is expected: one as a
// rule, none if they agree or the line is on hold. Where the source has changed
// its currency, what was posted in the former one is taken back in that one.
func differences(l *Line, p posted) []draft {
	if l.Status == statusOnHold {
		return nil
	}
	var out []draft
	add := func(c money.Currency, delta int64) {
		if delta != 0 {
			d := draft{line: l, kind: KindAccrue, currency: c, delta: delta, nth: p.n + len(out) + 1, period: l.Period, corrects: l.Corrects}
			switch {
			case len(out) > 0:
				d.corrects = entryID(l.Key, d.nth-1)
			case p.last > 0:
				d.corrects = entryID(l.Key, p.last)
			}
			out = append(out, d)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(p.minor)) {
		if c != l.Currency {
			add(c, -p.minor[c])
		}
	}
	add(l.Currency, l.AmountMinor-p.minor[l.Currency])
	return out
}

func moved(drafts []draft) map[string]int64 {
	out := map[string]int64{}
	for _, d := range drafts {
		out[string(d.currency)] += d.delta
	}
	return out
}

// postedOfEntry sums, of entries on lines, what they add to what is posted in minor
// units: what accrued, and what was paid for the line before this ledger (R8.9).
const postedOfEntry = `sum(case
	when debit in ('` + AccountExpense + `', '` + AccountBroughtIn + `') then amount_minor
	when credit in ('` + AccountExpense + `', '` + AccountBroughtIn + `') then -amount_minor
	else 0 end)::bigint`

func postedOfSources(ctx context.Context, q sqlx.QueryerContext, sources []string) (map[string]posted, error) {
	if len(sources) == 0 {
		return map[string]posted{}, nil
	}
	var rows []struct {
		Key      string         `db:"line_key"`
		Currency money.Currency `db:"currency"`
		Minor    int64          `db:"minor"`
		N        int            `db:"n"`
		Last     int            `db:"last"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select line_key, currency, count(*) as n,
			coalesce(max(nth) filter (where '`+AccountExpense+`' in (debit, credit) or kind = '`+KindImport+`'), 0) as last,
			`+postedOfEntry+` as minor
		from ledger.entry where source_id = any((select $1::text[])::text[]) group by line_key, currency`, pq.Array(sources)); err != nil {
		return nil, err
	}
	out := make(map[string]posted, len(rows))
	for _, r := range rows {
		p := out[r.Key]
		if p.minor == nil {
			p.minor = map[money.Currency]int64{}
		}
		p.minor[r.Currency] = r.Minor
		p.n += r.N
		p.last = max(p.last, r.Last)
		out[r.Key] = p
	}
	return out, nil
}
