package brought

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/facts"
)

// Report says what came, or would come, of a file.
type Report struct {
	File string
	Rows int
	// Known is how many rows were in the book already.
	Known int
	// Lines are what is new, in the order of the file.
	Lines []Line
	// Totals are by partner and currency, in the order of currencies and of partners.
	Totals []Total
	// Next is what the next accrue would post for the opportunities that are named, by
	// currency in order: corrections of what was brought in, and what else they pay.
	Next []Next
	// Faults are in the order of the file. If there is any, nothing is brought in.
	Faults []Fault
}

// Line is a line that was brought in, with what accrue makes of it. Amounts are in minor
// units.
type Line struct {
	Row      int // line of the file
	Kind     Kind
	Key      string
	PayeeID  string
	Partner  string // name of whoever is paid
	Period   clock.Month
	Currency money.Currency
	Minor    int64
	// Posts is what accrue would still post, or take back: expected − imported. Held is
	// what it would post if a hold were gone. Both are nothing of an opening balance.
	Posts, Held int64
}

// Expected is what is expected in all, holds left aside.
func (l Line) Expected() int64 { return l.Minor + l.Posts }

// Total sums the lines of a partner in a currency.
type Total struct {
	PartnerKey, Partner  string
	Currency             money.Currency
	Lines                int
	Opening, Paid, Posts decimal.Decimal
}

// Next is what the next accrue would post in a currency.
type Next struct {
	Currency money.Currency
	// Corrects is expected − imported over the lines that were brought in, Others what
	// the same opportunities pay beside them.
	Corrects, Others decimal.Decimal
}

// adjusted is what accrue would post for a line that is fixed.
type adjusted struct{ posts, held int64 }

// lineOfSlice is what an adjustment has in common with the line that it adjusts (R8.4).
type lineOfSlice struct {
	payeeID, regime, source, slice string
	period                         clock.Month
	currency                       money.Currency
}

// report says what was brought in, and what accrue would make of it.
func (w *work) report(ctx context.Context, r *Report) error {
	adjusts, moved, err := w.outlook(ctx)
	if err != nil {
		return err
	}
	corrects := map[money.Currency]decimal.Decimal{}
	for _, n := range w.found {
		l := Line{
			Row: n.row.Line, Kind: n.row.Kind, Key: n.line.Key, PayeeID: n.line.PayeeID, Period: n.line.Period,
			Partner: w.partners[n.line.PayeeID].SurvivorName, Currency: n.line.Currency, Minor: n.line.AmountMinor,
		}
		a := adjusts[sliceOf(&n.line)]
		l.Posts, l.Held = a.posts, a.held
		r.Lines = append(r.Lines, l)
		corrects[l.Currency] = corrects[l.Currency].Add(l.Currency.FromMinor(l.Posts))
	}
	for _, c := range slices.Sorted(maps.Keys(moved)) {
		r.Next = append(r.Next, Next{Currency: c, Corrects: corrects[c], Others: moved[c].Sub(corrects[c])})
	}
	r.Totals = w.totals(r.Lines)
	return nil
}

func sliceOf(l *book.Line) lineOfSlice {
	slice, nth, period := book.Adjusts(l.Slice)
	if nth == 0 {
		period = l.Period
	}
	return lineOfSlice{l.PayeeID, l.Regime, l.SourceID, slice, period, l.Currency}
}

// outlook works out what accrue would post for the opportunities of what was paid, with
// the import as it stands in the transaction: for its lines, and in all by currency.
func (w *work) outlook(ctx context.Context) (map[lineOfSlice]adjusted, map[money.Currency]decimal.Decimal, error) {
	var ids []string
	for _, n := range w.found {
		if n.row.Kind == Paid {
			ids = append(ids, n.row.OpportunityID)
		}
	}
	slices.Sort(ids)
	adjusts, moved := map[lineOfSlice]adjusted{}, map[money.Currency]decimal.Decimal{}
	for some := range slices.Chunk(slices.Compact(ids), sourcesAtOnce) {
		settled, err := w.settle(ctx, some)
		if err != nil {
			return nil, nil, err
		}
		for i := range settled.Changed {
			l := &settled.Changed[i]
			if _, nth, _ := book.Adjusts(l.Slice); nth == 0 {
				continue
			}
			a := adjusts[sliceOf(l)]
			if l.Status == string(commission.OnHold) {
				a.held += l.AmountMinor
			} else {
				a.posts += l.AmountMinor
			}
			adjusts[sliceOf(l)] = a
		}
		for currency, minor := range settled.Moved {
			c := money.Currency(currency)
			moved[c] = moved[c].Add(c.FromMinor(minor))
		}
	}
	return adjusts, moved, nil
}

// settle compares some opportunities with the book as accrue would.
func (w *work) settle(ctx context.Context, ids []string) (book.Settled, error) {
	sources, err := facts.Sources(ctx, w.tx, ids, w.engine)
	if err != nil {
		return book.Settled{}, err
	}
	expected := make([]book.Expectation, len(sources))
	for i := range sources {
		e := w.engine.Lines(&sources[i])
		expected[i] = book.Expectation{
			SourceID: sources[i].ID, Lines: e.Lines, Frozen: e.Frozen, FrozenRegime: e.FrozenRegime, Reason: e.Reason, Why: e.Why,
		}
	}
	return book.Compare(ctx, w.tx, expected, book.Context{AsOf: w.engine.AsOf, Actor: w.Actor, Now: w.Now})
}

// totals sums lines by partner and currency.
func (w *work) totals(lines []Line) []Total {
	type partner struct {
		key      string
		currency money.Currency
	}
	by := map[partner]*Total{}
	for _, l := range lines {
		k := partner{w.partners[l.PayeeID].SurvivorKey, l.Currency}
		t := by[k]
		if t == nil {
			t = &Total{PartnerKey: k.key, Partner: l.Partner, Currency: l.Currency}
			by[k] = t
		}
		t.Lines++
		amount := l.Currency.FromMinor(l.Minor)
		if l.Kind == Opening {
			t.Opening = t.Opening.Add(amount)
		} else {
			t.Paid = t.Paid.Add(amount)
		}
		t.Posts = t.Posts.Add(l.Currency.FromMinor(l.Posts))
	}
	out := make([]Total, 0, len(by))
	for t := range maps.Values(by) {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Total) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Partner, b.Partner), cmp.Compare(a.PartnerKey, b.PartnerKey))
	})
	return out
}
