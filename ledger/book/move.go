package book

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// Step is an amount of a line that goes one step of its life further (R8.5).
type Step struct {
	Line     *Line
	Currency money.Currency
	// Minor is what moves, in minor units, never 0. It is negative for a line that
	// takes back, and for a step back.
	Minor int64
}

// Move posts steps of one kind, at the day and in the month of c.AsOf: approval, export
// and payment are dated by themselves (R8.4). It neither asks whether the steps are
// allowed nor touches the lines' statuses; whoever calls it holds the terms
// (HoldTerms), so that nothing accrues to the lines meanwhile, and has looked. A day of
// a closed month, which a clock that went back would give, is errs.Conflict.
func Move(ctx context.Context, tx *sqlx.Tx, kind string, steps []Step, c Context) (err error) {
	defer errs.Wrap(&err, "%s %d amounts", kind, len(steps))
	if _, known := moves[kind]; !known {
		return errs.New(errs.Unknown, "there is no kind of entry %q", kind)
	}
	if len(steps) == 0 {
		return nil
	}
	closed, err := Closed(ctx, tx)
	if err != nil {
		return err
	}
	if (fixity{closed}).isClosed(c.AsOf.Month()) {
		return errs.New(errs.Conflict, "today is %s in the company zone, and the book is closed through %s", c.AsOf, closed).
			WithHint("Look whether the clock and company.zone are right: a closed month takes nothing any more (R8.4).")
	}
	lines := make([]*Line, len(steps))
	for i, s := range steps {
		lines[i] = s.Line
	}
	standing, err := Standing(ctx, tx, lines)
	if err != nil {
		return err
	}
	drafts := make([]draft, len(steps))
	for i, s := range steps {
		stands := standing[s.Line.Key]
		drafts[i] = draft{line: s.Line, kind: kind, currency: s.Currency, delta: s.Minor, nth: stands.Entries + 1, period: c.AsOf.Month()}
		if stands.Entries > 0 {
			drafts[i].corrects = entryID(s.Line.Key, stands.Entries)
		}
		stands.Entries++
		standing[s.Line.Key] = stands
	}
	return post(ctx, tx, drafts, c)
}

// Stands is what the accounts hold for one line.
type Stands struct {
	// Entries is the number of entries on the line.
	Entries int
	// Minor has the balances that are not zero, by account and currency, credits less
	// debits, in minor units.
	Minor map[string]map[money.Currency]int64
}

// In gives what an account holds in a currency, in minor units.
func (s Stands) In(account string, c money.Currency) int64 { return s.Minor[account][c] }

// Standing gives what the accounts hold for lines, by line key; a line without entries
// is not in it.
func Standing(ctx context.Context, q sqlx.QueryerContext, lines []*Line) (_ map[string]Stands, err error) {
	defer errs.Wrap(&err, "read what stands for %d lines", len(lines))
	keys, sources := make([]string, len(lines)), make([]string, len(lines))
	for i, l := range lines {
		keys[i], sources[i] = l.Key, l.SourceID
	}
	slices.Sort(sources)
	var rows []struct {
		Key      string         `db:"line_key"`
		Account  string         `db:"account"`
		Currency money.Currency `db:"currency"`
		Minor    int64          `db:"minor"`
		Last     int            `db:"last"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select e.line_key, a.account, e.currency, sum(a.minor)::bigint as minor, max(e.nth) as last
		from ledger.entry e, lateral (values (e.credit, e.amount_minor), (e.debit, -e.amount_minor)) as a (account, minor)
		where e.source_id = any((select $2::text[])::text[]) and e.line_key = any((select $1::text[])::text[])
		group by e.line_key, a.account, e.currency`, pq.Array(keys), pq.Array(slices.Compact(sources))); err != nil {
		return nil, err
	}
	out := map[string]Stands{}
	for _, r := range rows {
		s, known := out[r.Key]
		if !known {
			s.Minor = map[string]map[money.Currency]int64{}
		}
		s.Entries = max(s.Entries, r.Last)
		if r.Minor != 0 {
			if s.Minor[r.Account] == nil {
				s.Minor[r.Account] = map[money.Currency]int64{}
			}
			s.Minor[r.Account][r.Currency] = r.Minor
		}
		out[r.Key] = s
	}
	return out, nil
}

// LockLines gives the lines of the keys that exist, locked until the transaction ends,
// in the order of the keys.
func LockLines(ctx context.Context, tx *sqlx.Tx, keys []string) (_ []Line, err error) {
	defer errs.Wrap(&err, "lock lines")
	var out []Line
	err = tx.SelectContext(ctx, &out,
		`select `+lineColumns+` from ledger.line where key = any((select $1::text[])::text[]) order by key for update`, pq.Array(keys))
	return out, err
}

// SetStatus gives lines another status, and nothing else.
func SetStatus(ctx context.Context, tx *sqlx.Tx, keys []string, status string) (err error) {
	defer errs.Wrap(&err, "make %d lines %s", len(keys), status)
	_, err = tx.ExecContext(ctx,
		`update ledger.line set status = $2, reason = '' where key = any((select $1::text[])::text[])`, pq.Array(keys), status)
	return err
}
