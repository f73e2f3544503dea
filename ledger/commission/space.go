package commission

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
)

// spaceWork is one source under the Space regime: its earning days, cut into the
// segments in which one ID holds the Space.
type spaceWork struct {
	e      *Engine
	s      *Source
	plan   Plan
	over   superseder // the regime that stands before this one, if one does
	payout payout
	// first and last are the days over which the Amount is spread: the term, or
	// the CloseDate alone.
	first, last clock.Date
	// through is the last of them that is expected so far.
	through  clock.Date
	segments []segment
	// exact is Amount × rate, converted; wholeDays is the days over which it is spread.
	exact     decimal.Decimal
	wholeDays decimal.Decimal
	said      saidOnce
}

// segment is a run of earning days, both ends counting, in one Stretch.
type segment struct {
	first, last clock.Date
	by          Stretch
}

func (g segment) isHeldBy(payeeID string) bool {
	return g.by.PartnerID == payeeID && !g.by.Malformed && !g.by.Disagree
}

func newSpaceWork(e *Engine, s *Source, plan Plan, over superseder) *spaceWork {
	w := &spaceWork{
		e: e, s: s, plan: plan, over: over, payout: e.payout(s, plan), first: s.CloseDate, last: s.CloseDate, through: s.CloseDate,
	}
	if s.isTerm() {
		w.first, w.last, w.through = s.Start, s.End, e.TermThrough
	}
	for i, h := range s.Holders {
		seg := segment{first: clock.MaxDate(h.From, w.first), last: w.last, by: h}
		if i+1 < len(s.Holders) {
			seg.last = clock.MinDate(s.Holders[i+1].From.AddDays(-1), w.last)
		}
		if !seg.last.Before(seg.first) {
			w.segments = append(w.segments, seg)
		}
	}
	w.exact = s.Amount.Mul(plan.SpaceRate)
	if w.payout.converts() {
		w.exact = w.exact.Mul(w.payout.rate)
	}
	w.wholeDays = decimal.NewFromInt(int64(w.last.DaysSince(w.first) + 1))
	w.said = w.sayOnce()
	return w
}

// payees lists the well-formed Partner IDs that hold earning days, in the order
// in which they come to hold them.
func (w *spaceWork) payees() []string {
	var out []string
	for _, g := range w.segments {
		if g.by.PartnerID != "" && g.isHeldBy(g.by.PartnerID) && !slices.Contains(out, g.by.PartnerID) {
			out = append(out, g.by.PartnerID)
		}
	}
	return out
}

// held lists the days through d that the payee holds; a term earns nothing
// before its CloseDate, so before it the list is empty (R7.2).
func (w *spaceWork) held(payeeID string, d clock.Date) (days int, in []Interval) {
	if d.Before(w.s.CloseDate) {
		return 0, nil
	}
	for _, g := range w.segments {
		if !g.isHeldBy(payeeID) || g.first.After(d) {
			continue
		}
		last := clock.MinDate(g.last, d)
		n := last.DaysSince(g.first) + 1
		days += n
		in = append(in, Interval{
			SpaceID: g.by.SpaceID, First: g.first.String(), Last: last.String(), Days: n, From: g.by.Cause,
			Since: instant(g.by.At), Rules: g.by.Rules,
		})
	}
	return days, in
}

// cumulative is round(Amount × rate × days ÷ days in the term), converted before it
// is rounded where the plan pays in another currency (R7.2, R7.4, R7.5).
func (w *spaceWork) cumulative(days int) decimal.Decimal {
	return w.payout.currency.Ratio(w.exact, decimal.NewFromInt(int64(days)), w.wholeDays)
}

// lines works out the payee's lines: a month's line is the cumulative through its
// last day less that through the month before. What would accrue before go-live is
// in no line (R4.5). A payee whose lines all come to nothing has one zero line.
func (w *spaceWork) lines(payeeID string) []Line {
	status, reason, rule := w.standing(payeeID)
	if status == Zero {
		return w.zero(payeeID, reason, rule)
	}
	var out []Line
	paidDays, _ := w.held(payeeID, w.e.GoLive.AddDays(-1))
	t := step{cum: w.cumulative(paidDays), days: paidDays}
	for m := w.firstMonth(); !m.First().After(w.through); m = m.Next() {
		end := clock.MinDate(clock.MinDate(m.Last(), w.through), clock.MaxDate(w.last, w.s.CloseDate))
		days, in := w.held(payeeID, end)
		t = step{end: end, days: days, daysBefore: t.days, cum: w.cumulative(days), before: t.cum}
		if days > t.daysBefore && !t.cum.Equal(t.before) {
			l := w.line(payeeID, m, in[len(in)-1].SpaceID)
			l.Status, l.Reason, l.Explanation.Held, l.Amount = status, reason, in, t.cum.Sub(t.before)
			w.explain(&l, t, rule)
			out = append(out, l)
		}
		if !m.Last().Before(w.last) && !m.Last().Before(w.s.CloseDate) {
			break
		}
	}
	switch {
	case len(out) > 0:
		return out
	case w.payout.missing && t.days > paidDays: // nobody knows what it comes to in the currency that is paid
		return w.zero(payeeID, ReasonMissingRate, "R7.5")
	case paidDays > 0 && paidDays == t.days:
		return w.zero(payeeID, ReasonBeforeGoLive, "R4.5")
	}
	return w.zero(payeeID, ReasonNoMoney, "R7.6")
}

// line starts a line of this regime.
func (w *spaceWork) line(payeeID string, m clock.Month, spaceID string) Line {
	l := w.s.line(payeeID, RegimeSpace, SliceReferral, m, w.plan, w.said.facts)
	l.SpaceID, l.Rate, l.Currency = spaceID, w.plan.SpaceRate, w.payout.currency
	return l
}

// zero is the zero line of a payee in the first period in which its days would
// accrue; none while they do not yet (R7.6). For want of an exchange rate it is held.
func (w *spaceWork) zero(payeeID, reason, rule string) []Line {
	i := slices.IndexFunc(w.segments, func(g segment) bool { return g.isHeldBy(payeeID) })
	on := clock.MaxDate(w.segments[i].first, w.s.CloseDate)
	if w.s.isTerm() && on.After(w.through) {
		return nil
	}
	_, in := w.held(payeeID, clock.MinDate(on.Month().Last(), clock.MaxDate(w.through, on)))
	l := w.line(payeeID, on.Month(), in[0].SpaceID)
	l.Status, l.Reason, l.Explanation.Held = Zero, reason, in
	if reason == ReasonMissingRate {
		l.Status = OnHold
	}
	w.explain(&l, step{}, rule)
	return []Line{l}
}

// standing says whether what the payee holds is paid, held or zero, and by which rule.
func (w *spaceWork) standing(payeeID string) (status Status, reason, rule string) {
	p, issued := w.e.Partners[payeeID]
	switch {
	case w.over.reason != "":
		return Zero, w.over.reason, "R4.1"
	case issued && !w.plan.JoinedBefore.IsZero() && !p.JoinedOn.Before(w.plan.JoinedBefore):
		return Zero, ReasonJoinedLate, "R4.3"
	case !issued:
		return OnHold, ReasonUnknownID, "R2.8"
	case w.payout.missing:
		return OnHold, ReasonMissingRate, "R7.5"
	case p.Suspended:
		return OnHold, ReasonSuspended, "R2.11"
	}
	return Accrued, "", ""
}

// findings tells of earning days that pay nobody because somebody has to decide.
func (w *spaceWork) findings() []Finding {
	var out []Finding
	if w.over.reason != "" { // they would pay nobody here in any case
		return nil
	}
	for _, g := range w.segments {
		switch {
		case g.by.Disagree && !hasKind(out, ReasonNoSpace):
			out = append(out, Finding{
				Kind: ReasonNoSpace, Rule: "R3.3", IsHold: true,
				Detail: fmt.Sprintf("Opportunity %s names no Space, and the %d Spaces of its customer hold different Partner IDs from %s on. Name its Space.",
					w.s.label(), len(w.s.Spaces), g.first),
			})
		case g.by.Malformed && !hasKind(out, ReasonMalformedID):
			out = append(out, Finding{
				Kind: ReasonMalformedID, Rule: "R1.1", IsHold: true,
				Detail: fmt.Sprintf("Opportunity %s earns from %s on under %q, which is not a Partner ID. Correct it on the Space %s.",
					w.s.label(), g.first, g.by.PartnerID, g.by.SpaceID),
			})
		}
	}
	return out
}

func hasKind(fs []Finding, kind string) bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.Kind == kind })
}

// nextOn is the first as-of on which the term has more months to post: the last
// day of the first month that is not yet expected in full.
func (w *spaceWork) nextOn() clock.Date {
	end := clock.MaxDate(w.last, w.s.CloseDate)
	if !w.s.isTerm() || !w.through.Before(end) {
		return clock.Date{}
	}
	return clock.MaxDate(w.through.AddDays(1), clock.MaxDate(w.first, w.s.CloseDate)).Month().Last()
}

// firstMonth is the first month that can have a line: that of the first earning day,
// of the CloseDate or of go-live, whichever is last (R7.2, R4.5).
func (w *spaceWork) firstMonth() clock.Month {
	return clock.MaxDate(clock.MaxDate(w.first, w.s.CloseDate), w.e.GoLive).Month()
}
