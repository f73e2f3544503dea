package book

import (
	"cmp"
	"context"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
)

// Part is an amount of a line, in the minor units of its currency.
type Part struct {
	LineKey  string         `db:"line_key"`
	PayeeID  string         `db:"payee_id"`
	Currency money.Currency `db:"currency"`
	Minor    int64          `db:"minor"`
}

// Payable gives what is approved and not yet on a bill, of the lines of all months up to
// one, in the order of their keys: at most so many parts.
func Payable(ctx context.Context, q sqlx.QueryerContext, through clock.Month, most int) (_ []Part, err error) {
	defer errs.Wrap(&err, "read what is approved through %s", through)
	var out []Part
	err = sqlx.SelectContext(ctx, q, &out, `
		select l.key as line_key, l.payee_id, e.currency, sum(a.minor)::bigint as minor
		from ledger.line l
		join ledger.entry e on e.source_id = l.source_id and e.payee_id = l.payee_id and e.line_key = l.key,
		lateral (values (e.credit, e.amount_minor), (e.debit, -e.amount_minor)) as a (account, minor)
		where l.status = '`+StatusApproved+`' and l.period <= $1 and a.account = '`+AccountPayable+`'
		group by l.key, e.currency having sum(a.minor) <> 0
		order by l.key, e.currency limit $2`, through.String(), most)
	return out, err
}

// Awaiting is what lines that take back, and that nobody has approved yet, come to.
type Awaiting struct {
	PayeeID  string         `db:"payee_id"`
	Currency money.Currency `db:"currency"`
	Lines    int64          `db:"lines"`
	Minor    int64          `db:"minor"` // below zero
}

// UnapprovedNegatives sums, by payee and currency, the lines of all months up to one that
// take something back and wait to be approved: they come off no bill until then (R8.7).
func UnapprovedNegatives(ctx context.Context, q sqlx.QueryerContext, through clock.Month) (_ []Awaiting, err error) {
	defer errs.Wrap(&err, "read what is to be taken back through %s", through)
	var out []Awaiting
	err = sqlx.SelectContext(ctx, q, &out, `
		select payee_id, currency, count(*) as lines, sum(amount_minor)::bigint as minor from ledger.line
		where status in ('`+statusAccrued+`', '`+statusOnHold+`') and amount_minor < 0 and period <= $1
		group by payee_id, currency order by payee_id, currency`, through.String())
	return out, err
}

// Advance moves parts of lines one step from approval to payment, or back, and gives the
// lines the statuses that what then stands on them means (R8.5). Every part has to be
// all that the account it leaves holds for its line; anything else is a fault of ours
// and is refused. The caller holds the terms. c.AsOf is today in the company zone.
func Advance(ctx context.Context, tx *sqlx.Tx, kind string, back bool, parts []Part, c Context) (out []Taken, err error) {
	defer errs.Wrap(&err, "advance %d lines", len(parts))
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b Part) int {
		return cmp.Or(cmp.Compare(a.LineKey, b.LineKey), cmp.Compare(a.Currency, b.Currency))
	})
	for some := range slices.Chunk(parts, linesAtOnce) {
		taken, err := advanceSome(ctx, tx, kind, back, some, c)
		if err != nil {
			return nil, err
		}
		out = append(out, taken...)
	}
	return out, nil
}

func advanceSome(ctx context.Context, tx *sqlx.Tx, kind string, back bool, parts []Part, c Context) ([]Taken, error) {
	lines, err := LockLines(ctx, tx, keysOfParts(parts))
	if err != nil {
		return nil, err
	}
	byKey := map[string]*Line{}
	for i := range lines {
		byKey[lines[i].Key] = &lines[i]
	}
	standing, err := Standing(ctx, tx, pointers(lines))
	if err != nil {
		return nil, err
	}
	from := moves[kind].debit
	if back {
		from = moves[kind].credit
	}
	steps := make([]Step, len(parts))
	for i, p := range parts {
		l, stands := byKey[p.LineKey], standing[p.LineKey].In(from, p.Currency)
		if l == nil || stands != p.Minor && from != AccountSettled {
			return nil, errs.New(errs.Unknown, "%s: %s holds %s, and %s was to leave it",
				p.LineKey, from, p.Currency.FormatMinor(stands), p.Currency.FormatMinor(p.Minor))
		}
		steps[i] = Step{Line: l, Currency: p.Currency, Minor: p.Minor}
		if back {
			steps[i].Minor = -p.Minor
		}
	}
	if err := Move(ctx, tx, kind, steps, c); err != nil {
		return nil, err
	}
	return restatus(ctx, tx, lines, parts)
}

// restatus gives lines the statuses that what stands on them means.
func restatus(ctx context.Context, tx *sqlx.Tx, lines []Line, parts []Part) ([]Taken, error) {
	standing, err := Standing(ctx, tx, pointers(lines))
	if err != nil {
		return nil, err
	}
	byStatus := map[string][]string{}
	out := make([]Taken, len(lines))
	for i, l := range lines {
		status := standing[l.Key].status()
		byStatus[status] = append(byStatus[status], l.Key)
		out[i] = Taken{Key: l.Key, PayeeID: l.PayeeID, Status: status}
		for _, p := range parts {
			if p.LineKey == l.Key {
				out[i].Amounts = append(out[i].Amounts, Amount{p.Currency, p.Minor})
			}
		}
	}
	for _, status := range []string{StatusApproved, StatusExported, StatusPaid} {
		if err := SetStatus(ctx, tx, byStatus[status], status); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// status is that of an approved line on which this stands: the earliest step that any
// of it is at.
func (s Stands) status() string {
	switch {
	case len(s.Minor[AccountPayable]) > 0:
		return StatusApproved
	case len(s.Minor[AccountInPayment]) > 0:
		return StatusExported
	}
	return StatusPaid
}

func keysOfParts(parts []Part) []string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = p.LineKey
	}
	return slices.Compact(out)
}
