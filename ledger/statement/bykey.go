package statement

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
)

// ByKey gives the statements of keys, without their lines; those that are blank, and
// what is no key, are left out. The entries of their holders are read once, however
// many periods the keys are of.
func ByKey(ctx context.Context, q sqlx.QueryerContext, keys []string) (_ map[string]Statement, err error) {
	defer errs.Wrap(&err, "read %d statements", len(keys))
	periods, through := map[clock.Month]bool{}, clock.Month{}
	named := map[Holder]bool{}
	for _, k := range keys {
		h, period, _, ok := ParseKey(k)
		if !ok {
			continue
		}
		named[h], periods[period], periods[previous(period)] = true, true, true
		if through.Before(period) {
			through = period
		}
	}
	if len(named) == 0 {
		return nil, nil
	}
	h, ids, err := readNamed(ctx, q, periods, named)
	if err != nil {
		return nil, err
	}
	f, err := readFigures(ctx, q, through, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Statement, len(keys))
	for _, k := range keys {
		holder, period, c, ok := ParseKey(k)
		if !ok {
			continue
		}
		s, err := f.state(h, place{holder, c}, period)
		if err != nil {
			return nil, err
		}
		if !s.IsBlank() {
			out[k] = s
		}
	}
	return out, nil
}

// readNamed reads whose the IDs were in some periods, and which of them some holders have
// ever held.
func readNamed(ctx context.Context, q sqlx.QueryerContext, periods map[clock.Month]bool, named map[Holder]bool) (h *holders, ids []string, err error) {
	if h, err = readHolders(ctx, q, slices.Collect(maps.Keys(periods)), nil); err != nil {
		return nil, nil, err
	}
	ids, err = h.everHeld(ctx, q, slices.Collect(maps.Keys(named)))
	return h, ids, err
}

// KeysOfLines gives the key of the statement that a line's accruals are in: its
// payee's, of the line's period and currency.
func KeysOfLines(ctx context.Context, q sqlx.QueryerContext, lines []book.Line) (_ map[string]string, err error) {
	defer errs.Wrap(&err, "find the statements of %d lines", len(lines))
	if len(lines) == 0 {
		return nil, nil
	}
	payees, periods := map[string]bool{}, map[clock.Month]bool{}
	for _, l := range lines {
		payees[l.PayeeID], periods[l.Period] = true, true
	}
	keys, err := ReadKeys(ctx, q, slices.Collect(maps.Keys(periods)), slices.Sorted(maps.Keys(payees)))
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(lines))
	for _, l := range lines {
		out[l.Key] = keys.Of(l.PayeeID, l.Period, l.Currency)
	}
	return out, nil
}

// Keys knows in which statements the accruals of some payees and periods are.
type Keys struct{ holders *holders }

// ReadKeys reads whose the IDs of payees were in some periods.
func ReadKeys(ctx context.Context, q sqlx.QueryerContext, periods []clock.Month, payees []string) (Keys, error) {
	h, err := readHolders(ctx, q, periods, payees)
	return Keys{h}, err
}

// Of gives the key of the statement that accruals of a payee are in.
func (k Keys) Of(payee string, period clock.Month, c money.Currency) string {
	return Key(k.holders.at(period, payee), period, c)
}

// LinesOf gives the lines whose accruals are in statements, named by their keys.
func LinesOf(ctx context.Context, q sqlx.QueryerContext, keys []string) (_ []TouchedLine, err error) {
	defer errs.Wrap(&err, "find the lines of %d statements", len(keys))
	wanted, periods, named := map[string]bool{}, map[clock.Month]bool{}, map[Holder]bool{}
	for _, k := range keys {
		if h, period, _, ok := ParseKey(k); ok {
			wanted[k], periods[period], named[h] = true, true, true
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	h, ids, err := readNamed(ctx, q, periods, named)
	if err != nil {
		return nil, err
	}
	var months []string
	for m := range periods {
		months = append(months, m.String())
	}
	var rows []book.Line
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select l.key, l.payee_id, l.period, l.currency from unnest($1::text[]) as p (payee_id)
		join ledger.line l on l.key > p.payee_id || '/' and l.key < p.payee_id || '0'
		where l.period = any($2)`, pq.Array(ids), pq.Array(months)); err != nil {
		return nil, err
	}
	var out []TouchedLine
	for _, l := range rows {
		if wanted[Key(h.at(l.Period, l.PayeeID), l.Period, l.Currency)] {
			out = append(out, TouchedLine{l.Key, l.PayeeID})
		}
	}
	slices.SortFunc(out, func(a, b TouchedLine) int { return cmp.Compare(a.Key, b.Key) })
	return out, nil
}
