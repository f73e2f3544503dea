package brought

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/facts"
)

// sourcesAtOnce bounds the opportunities that are in memory at once.
const sourcesAtOnce = 1000

// wholeRate is the rate of what is a part of nothing else.
var wholeRate = decimal.New(1, 0)

// checkPaid finds the lines of what was paid, opportunity by opportunity.
func (w *work) checkPaid(ctx context.Context, paid map[string][]*Row) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(paid)), sourcesAtOnce) {
		sources, err := facts.Sources(ctx, w.tx, ids, w.engine)
		if err != nil {
			return err
		}
		there := make(map[string]bool, len(sources))
		for i := range sources {
			there[sources[i].ID] = true
			e := w.expect(&sources[i])
			for _, r := range paid[sources[i].ID] {
				if !r.isFaulty {
					w.checkPayment(r, e)
				}
			}
		}
		for _, id := range ids {
			for _, r := range paid[id] {
				if !there[id] {
					w.fault(r, opportunityColumn, "Look whether the id is right. If it is, let pull and reconcile run first: `partnersync run pull reconcile`.",
						"no pull has seen the opportunity %s", id)
				}
			}
		}
	}
	return nil
}

// expected is what accrue expects of an opportunity, and what it would without a go-live.
type expected struct {
	source     *commission.Source
	now, whole commission.Result
	goLive     clock.Date // none if everything accrues
}

func (w *work) expect(s *commission.Source) expected {
	e := expected{source: s, now: w.engine.Lines(s), goLive: w.engine.GoLive}
	if w.whole != nil {
		e.whole = w.whole.Lines(s)
	}
	return e
}

// isDue says whether a line has an amount, be it on hold.
func isDue(l commission.Line) bool { return l.Status != commission.Zero }

// isOf says whether a line may be the one that a row is of.
func isOf(l commission.Line, r *Row) bool {
	return l.PayeeID == r.PartnerID && l.Period == r.Period && (r.Regime == "" || l.Regime == r.Regime) && (r.Slice == "" || l.Slice == r.Slice)
}

// among gives the lines that a row may be of.
func among(lines []commission.Line, r *Row) (due, zero []commission.Line) {
	for _, l := range lines {
		switch {
		case !isOf(l, r):
		case isDue(l):
			due = append(due, l)
		default:
			zero = append(zero, l)
		}
	}
	return due, zero
}

// checkPayment finds the line of what was paid.
func (w *work) checkPayment(r *Row, e expected) {
	var before []kept
	for _, k := range w.before.paid[r.OpportunityID] {
		if k.covers(r) {
			before = append(before, k)
		}
	}
	if i := slices.IndexFunc(before, func(k kept) bool { return k.says(r) }); i >= 0 {
		if w.isFirst(r, before[i].LineKey) {
			w.known++
		}
		return
	}
	faults := len(w.faults)
	l, ok := w.lineOf(r, e)
	if !ok {
		if len(before) > 0 { // what is wrong is that it is there already
			w.faults = w.faults[:faults]
			w.checkAgain(r, before[0])
		}
		return
	}
	if !w.isFirst(r, l.Key) {
		return
	}
	if i := slices.IndexFunc(before, func(k kept) bool { return k.LineKey == l.Key }); i >= 0 {
		w.checkAgain(r, before[i])
		return
	}
	if w.isOpen(r) {
		w.found = append(w.found, &finding{row: r, line: l})
	}
}

// lineOf gives the line of what was paid: the one that the row names, or the only one
// that is expected for its payee, opportunity and month. What is wrong is noted.
func (w *work) lineOf(r *Row, e expected) (book.Line, bool) {
	if !e.goLive.IsZero() && e.leavesOut(r) {
		w.fault(r, periodColumn, "Leave the row out: it needs no import, and with one accrue would take the amount back (R4.5).",
			"the go-live on %s leaves it out already: what was before it was paid by another system", e.goLive)
		return book.Line{}, false
	}
	due, zero := among(e.now.Lines, r)
	var like *commission.Line
	switch {
	case len(due) == 1:
		like = &due[0]
	case r.Regime != "" && r.Slice != "":
		if len(zero) > 0 {
			like = &zero[0]
		}
	case len(due) > 1:
		w.fault(r, regimeColumn, "Name regime and slice.", "it may be of several lines: %s", named(due))
		return book.Line{}, false
	default:
		w.unexpected(r, e, zero)
		return book.Line{}, false
	}
	l := bare(r, e.source)
	if like != nil {
		l.Regime, l.Slice, l.Base, l.Rate, l.Plan = like.Regime, like.Slice, like.Base, like.Rate, like.Plan
		l.AccountID, l.SpaceID, l.TermStart, l.TermEnd, l.Sale = like.AccountID, like.SpaceID, like.TermStart, like.TermEnd, string(like.Sale)
	}
	l.Key = commission.Key(l.PayeeID, l.Regime, l.SourceID, l.Slice, l.Period)
	if like != nil && isDue(*like) && like.Currency != r.Currency {
		w.fault(r, currencyColumn, "State what was paid in the currency in which it is due here; else accrue would take back the one and post the other.",
			"%s is due in %s, not in %s", l.Key, like.Currency, r.Currency)
		return book.Line{}, false
	}
	return l, true
}

// bare is the line that a row names by itself.
func bare(r *Row, s *commission.Source) book.Line {
	return book.Line{
		PayeeID: r.PartnerID, Regime: r.Regime, SourceID: s.ID, Slice: r.Slice, Period: r.Period, Currency: r.Currency,
		AmountMinor: r.Minor, AccountID: s.AccountID, TermStart: s.Start, TermEnd: s.End,
	}
}

// leavesOut says whether the go-live is why nothing is expected for a row (R4.5).
func (e expected) leavesOut(r *Row) bool {
	if r.Period.Last().Before(e.goLive) {
		return true
	}
	due, _ := among(e.now.Lines, r)
	would, _ := among(e.whole.Lines, r)
	return len(due) == 0 && len(would) > 0
}

// unexpected says why no line can be told for a row.
func (w *work) unexpected(r *Row, e expected, zero []commission.Line) {
	const orName = "If it was paid all the same, name regime and slice; the next accrue will then take it back."
	switch {
	case len(zero) > 0:
		w.fault(r, periodColumn, orName, "nothing is due for it here: %s", named(zero))
	case !e.source.IsRevenue:
		w.fault(r, opportunityColumn, orName, "the opportunity %s is not won, or is deleted, so nothing is expected of it", e.source.ID)
	case e.now.Frozen:
		w.fault(r, opportunityColumn, "Mend that first, or name regime and slice.", "what it pays is on hold: %s", strings.TrimSuffix(e.now.Why, "."))
	case slices.ContainsFunc(e.now.Lines, isDue):
		w.fault(r, periodColumn, "Correct the row. What was paid in advance for several months is one row for each. "+orName,
			"no line is expected of it for %s in %s; expected: %s", r.PartnerID, r.Period, named(e.nearest(r)))
	default:
		w.fault(r, opportunityColumn, orName, "no line at all is expected of the opportunity %s", e.source.ID)
	}
}

// nearest gives the lines that are expected of an opportunity, those of the row's month
// or else of its payee where there are any.
func (e expected) nearest(r *Row) []commission.Line {
	var all, month, payee []commission.Line
	for _, l := range e.now.Lines {
		if !isDue(l) {
			continue
		}
		all = append(all, l)
		if l.Period == r.Period {
			month = append(month, l)
		}
		if l.PayeeID == r.PartnerID {
			payee = append(payee, l)
		}
	}
	switch {
	case len(month) > 0:
		return month
	case len(payee) > 0:
		return payee
	}
	return all
}

// named names lines with what they are, the first few of many.
func named(lines []commission.Line) string {
	const most = 5
	var out []string
	for _, l := range lines[:min(len(lines), most)] {
		what := l.Currency.Format(l.Amount)
		if l.Status != commission.Accrued {
			what = strings.ReplaceAll(string(l.Status), "_", " ") + ", " + l.Reason
		}
		out = append(out, fmt.Sprintf("%s (%s)", l.Key, what))
	}
	if n := len(lines) - most; n > 0 {
		out = append(out, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(out, ", ")
}
