package record

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/ledger/book"
)

// SourceKey gives the key of the record that stands for all lines of a line's payee,
// regime, source and currency.
func SourceKey(lineKey, currency string) string { return SourcePrefix(lineKey) + "/" + currency }

// sources gives the states of source keys: sums over the lines that the shape holds.
func (s Shape) sources(ctx context.Context, q sqlx.QueryerContext, keys []string) (map[string]State, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	prefixes := make([]string, len(keys))
	for i, k := range keys {
		prefixes[i] = SourcePrefix(k)
	}
	lines, err := book.LinesUnder(ctx, q, prefixes)
	if err != nil {
		return nil, err
	}
	issued, err := issuedTo(ctx, q, lines)
	if err != nil {
		return nil, err
	}
	of, old := map[string][]book.Line{}, map[string]bool{}
	for _, l := range lines {
		if key := SourceKey(l.Key, string(l.Currency)); s.holds(l.Period) {
			of[key] = append(of[key], l)
		} else {
			old[key] = true
		}
	}
	out := make(map[string]State, len(keys))
	for _, key := range keys {
		switch lines := of[key]; {
		case len(lines) > 0:
			out[key] = sourceState(lines, issued[lines[0].PayeeID])
		case old[key]:
			out[key] = s.unwantedBefore()
		}
	}
	return out, nil
}

// advance orders the statuses of lines that count, the least advanced first: a sum is as
// far as what is least far in it.
var advance = map[string]int{"accrued": 1, "approved": 2, "exported": 3, "paid": 4}

// sourceState gives the values of a source's record. Its amount is that of the lines that
// count; what is on hold is told beside it, and is the amount only where nothing counts.
func sourceState(lines []book.Line, isPartner bool) State {
	slices.SortFunc(lines, func(a, b book.Line) int {
		return cmp.Or(cmp.Compare(a.Period.String(), b.Period.String()), cmp.Compare(a.Key, b.Key))
	})
	last := lines[len(lines)-1]
	sum, held := decimal.Zero, decimal.Zero
	status, reason := "", last.Reason
	for _, l := range lines {
		switch n := advance[l.Status]; {
		case n > 0:
			sum = sum.Add(l.Amount())
			if status == "" || n < advance[status] {
				status = l.Status
			}
		case l.Status == "on_hold":
			held, reason = held.Add(l.Amount()), l.Reason
		}
		if l.ComputedAt.After(last.ComputedAt) {
			last.ComputedAt = l.ComputedAt
		}
	}
	isHeld := slices.ContainsFunc(lines, func(l book.Line) bool { return l.Status == "on_hold" })
	switch {
	case status != "":
		reason = ""
	case isHeld:
		status, sum = "on_hold", held
	default:
		status = "zero"
	}
	last.Status, last.Reason = status, reason
	values := lineValues(last, isPartner)
	values["amount"], values["slice"] = sum, nil
	values["explanation"] = tellSource(lines, sum, held, status)
	values["rate"], values["base"] = only(lines, func(l book.Line) decimal.Decimal { return l.Rate.Shift(2) }), only(lines, func(l book.Line) decimal.Decimal { return l.Base })
	return State{Values: values}
}

// only gives the value that all lines have, or none.
func only(lines []book.Line, of func(book.Line) decimal.Decimal) any {
	first := of(lines[0])
	for _, l := range lines[1:] {
		if !of(l).Equal(first) {
			return nil
		}
	}
	return first
}

// tellSource says what the sum is made of: a sentence, and a line for each line.
func tellSource(lines []book.Line, sum, held decimal.Decimal, status string) string {
	var b strings.Builder
	first, last := lines[0], lines[len(lines)-1]
	fmt.Fprintf(&b, "%d lines of %s to %s come to %s %s", len(lines), first.Period, last.Period, sum.StringFixed(first.Currency.Digits()), first.Currency)
	if len(lines) == 1 {
		b.Reset()
		fmt.Fprintf(&b, "One line, of %s, comes to %s %s", first.Period, sum.StringFixed(first.Currency.Digits()), first.Currency)
	}
	if !held.IsZero() && status != "on_hold" {
		fmt.Fprintf(&b, "; %s %s more are on hold", held.StringFixed(first.Currency.Digits()), first.Currency)
	}
	b.WriteString(".")
	for _, l := range lines {
		fmt.Fprintf(&b, "\n%s %s: %s, %s", l.Period, l.Slice, l.Amount().StringFixed(l.Currency.Digits()), strings.ReplaceAll(l.Status, "_", " "))
		if l.Reason != "" {
			b.WriteString(" (" + l.Reason + ")")
		}
	}
	return b.String()
}

// sourceKeysAfter gives at most limit source keys that the ledger has, those behind one,
// in the order of their bytes.
func (s Shape) sourceKeysAfter(ctx context.Context, q sqlx.QueryerContext, after string, limit int) (out []string, err error) {
	from := ""
	if after != "" {
		from = SourcePrefix(after) + "/"
	}
	var prefix string
	var currencies []string // of the source that is being read
	flush := func() {
		slices.Sort(currencies)
		for _, c := range slices.Compact(currencies) {
			if key := prefix + "/" + c; key > after {
				out = append(out, key)
			}
		}
		currencies = currencies[:0]
	}
	for len(out) < limit {
		heads, err := book.HeadsAfter(ctx, q, from, max(limit, 100))
		if err != nil {
			return nil, err
		}
		if len(heads) == 0 {
			flush()
			break
		}
		for _, h := range heads {
			if p := SourcePrefix(h.Key); p != prefix {
				flush()
				prefix = p
			}
			if s.holds(h.Period) {
				currencies = append(currencies, string(h.Currency))
			}
			from = h.Key
		}
	}
	return out[:min(len(out), limit)], nil
}
