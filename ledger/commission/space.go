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
	e    *Engine
	s    *Source
	plan Plan
	// first and last are the days over which the Amount is spread: the term, or
	// the CloseDate alone.
	first, last clock.Date
	// through is the last of them that is expected so far.
	through  clock.Date
	segments []segment
}

// segment is a run of earning days, both ends counting, in one Stretch.
type segment struct {
	first, last clock.Date
	by          Stretch
}

func newSpaceWork(e *Engine, s *Source, plan Plan) *spaceWork {
	w := &spaceWork{e: e, s: s, plan: plan, first: s.CloseDate, last: s.CloseDate, through: s.CloseDate}
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
	return w
}

// wholeDays is the number of days over which the Amount is spread.
func (w *spaceWork) wholeDays() int { return w.last.DaysSince(w.first) + 1 }

// payees lists the well-formed Partner IDs that hold earning days, in the order
// in which they come to hold them.
func (w *spaceWork) payees() []string {
	var out []string
	for _, g := range w.segments {
		if g.by.PartnerID != "" && !g.by.Malformed && !g.by.Disagree && !slices.Contains(out, g.by.PartnerID) {
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
		if g.by.PartnerID != payeeID || g.by.Malformed || g.by.Disagree || g.first.After(d) {
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

// cumulative is round(Amount × rate × days ÷ days in the term) (R7.2, R7.4).
func (w *spaceWork) cumulative(days int) decimal.Decimal {
	return w.s.Currency.Ratio(w.s.Amount.Mul(w.plan.SpaceRate),
		decimal.NewFromInt(int64(days)), decimal.NewFromInt(int64(w.wholeDays())))
}

// lines works out the payee's lines: a month's line is the cumulative through
// its last day less that through the month before.
func (w *spaceWork) lines(payeeID string) []Line {
	status, reason, rule := w.standing(payeeID)
	var out []Line
	before, daysBefore := decimal.Zero, 0
	for m := w.s.earliestMonth(w.first); !m.First().After(w.through); m = m.Next() {
		end := clock.MinDate(clock.MinDate(m.Last(), w.through), clock.MaxDate(w.last, w.s.CloseDate))
		days, in := w.held(payeeID, end)
		cum := w.cumulative(days)
		if days > daysBefore && (!cum.Equal(before) || status == Zero) {
			l := w.s.line(payeeID, m, w.plan)
			l.SpaceID, l.Status, l.Reason = in[len(in)-1].SpaceID, status, reason
			l.Explanation.Held = in
			if status != Zero {
				l.Amount = cum.Sub(before)
			}
			w.explain(&l, step{end: end, days: days, daysBefore: daysBefore, cum: cum, before: before}, rule)
			out = append(out, l)
			if status == Zero { // one is enough (R7.6)
				return out
			}
		}
		before, daysBefore = cum, days
		if !m.Last().Before(w.last) && !m.Last().Before(w.s.CloseDate) {
			break
		}
	}
	if len(out) == 0 && daysBefore > 0 {
		return []Line{w.nothing(payeeID)}
	}
	return out
}

// standing says whether what the payee holds is paid, held or zero, and by which rule.
func (w *spaceWork) standing(payeeID string) (status Status, reason, rule string) {
	p, issued := w.e.Partners[payeeID]
	switch {
	case !issued:
		return OnHold, ReasonUnknownID, "R2.8"
	case !w.plan.JoinedBefore.IsZero() && !p.JoinedOn.Before(w.plan.JoinedBefore):
		return Zero, ReasonJoinedLate, "R4.3"
	case p.Suspended:
		return OnHold, ReasonSuspended, "R2.11"
	}
	return Accrued, "", ""
}

// nothing is the zero line of a payee whose days come to less than half a minor
// unit, in the first period in which they count.
func (w *spaceWork) nothing(payeeID string) Line {
	_, in := w.held(payeeID, clock.MaxDate(w.through, w.s.CloseDate))
	first := w.s.CloseDate
	if d, err := clock.ParseDate(in[0].First); err == nil {
		first = clock.MaxDate(d, first)
	}
	l := w.s.line(payeeID, first.Month(), w.plan)
	l.SpaceID, l.Status, l.Reason = in[0].SpaceID, Zero, ReasonNoMoney
	l.Explanation.Held = in
	l.Explanation.Rules = []string{"R4.2", "R7.4", "R7.6"}
	l.Explanation.Sentence = fmt.Sprintf("%s earns nothing from opportunity %s: %s of %s comes to less than half of the smallest unit of %s.",
		payeeID, w.s.label(), percent(w.plan.SpaceRate), w.s.money(*w.s.Amount), w.s.Currency)
	return l
}

// findings tells of earning days that pay nobody because somebody has to decide.
func (w *spaceWork) findings() []Finding {
	var out []Finding
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

// earliestMonth is the first month that can have a line: that of the first
// earning day, or of the CloseDate if that is later (R7.2).
func (s *Source) earliestMonth(first clock.Date) clock.Month {
	return clock.MaxDate(first, s.CloseDate).Month()
}
