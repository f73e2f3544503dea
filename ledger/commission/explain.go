package commission

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
)

// step is the arithmetic of one period: cumulative through its end, less before.
type step struct {
	end              clock.Date
	days, daysBefore int
	cum, before      decimal.Decimal
}

// explain writes the sentence, the rules and the arithmetic of a line.
func (w *spaceWork) explain(l *Line, t step, rule string) {
	x := &l.Explanation
	if rule != "" {
		x.Rules = append(x.Rules, rule)
	}
	x.Rules = append(append(x.Rules, heldRules(x.Held)...), "R3.4", "R4.2")
	if w.s.isTerm() {
		x.Rules = append(x.Rules, "R7.2")
	}
	x.Rules = unique(append(x.Rules, "R7.4"))
	if l.Status == Zero {
		x.Sentence = fmt.Sprintf("%s earns nothing from opportunity %s, because %s.", l.PayeeID, w.s.label(), w.because(l))
		return
	}
	x.Arithmetic = w.arithmetic(t)
	x.Sentence = fmt.Sprintf("%s earns %s for %s: %s.", l.PayeeID, l.money(), monthName(l.Period), w.earned(l, t))
	if l.Status == OnHold {
		x.Sentence = fmt.Sprintf("%s for %s is on hold for %s, because %s. It would be %s.",
			l.money(), monthName(l.Period), l.PayeeID, w.because(l), w.earned(l, t))
	}
}

// heldRules are the rules by which the Partner ID came to be on the days held,
// each once, in order.
func heldRules(held []Interval) []string {
	var out []string
	for _, in := range held {
		for _, r := range in.Rules {
			if !slices.Contains(out, r) {
				out = append(out, r)
			}
		}
	}
	return out
}

// because says in words why a line is on hold or zero.
func (w *spaceWork) because(l *Line) string {
	switch l.Reason {
	case ReasonUnknownID:
		return fmt.Sprintf("the Partner ID %s, which is on the Space %s, has been issued to nobody", l.PayeeID, w.spaceLabel(l.SpaceID))
	case ReasonSuspended:
		return fmt.Sprintf("the partner %s is suspended", w.e.Partners[l.PayeeID].Name)
	case ReasonByRegistration, ReasonByProgram:
		return w.over.why
	case ReasonBeforeGoLive:
		return w.e.beforeGoLive()
	case ReasonMissingRate:
		return w.payout.why(w.s)
	case ReasonNoMoney:
		return fmt.Sprintf("%s of %s comes to less than half of the smallest unit of %s", percent(w.plan.SpaceRate), w.s.money(*w.s.Amount), l.Currency)
	case ReasonJoinedLate:
		return fmt.Sprintf("a Space pays only partners who joined before %s, and %s joined on %s; a registered opportunity would pay",
			w.plan.JoinedBefore, w.e.Partners[l.PayeeID].Name, w.e.Partners[l.PayeeID].JoinedOn)
	}
	return l.Reason
}

// earned says what the amount is a share of, and why.
func (w *spaceWork) earned(l *Line, t step) string {
	what := fmt.Sprintf("%s of %s (opportunity %s, closed on %s)",
		percent(w.plan.SpaceRate), w.s.money(*w.s.Amount), w.s.label(), w.s.CloseDate)
	space := "the customer's Space " + w.spaceLabel(l.SpaceID)
	if !w.s.isTerm() {
		return fmt.Sprintf("%s, as %s was on %s at the end of that day", what, l.PayeeID, space)
	}
	during := "of " + monthName(l.Period)
	if w.first.Before(l.Period.First()) && l.Period == w.s.CloseDate.Month() {
		during = "up to " + t.end.String() // it closed after its term began
	}
	return fmt.Sprintf("%s, spread evenly over the %s from %s to %s, for the %s %s on which %s was on %s",
		what, inDays(w.wholeDays()), w.first, w.last, inDays(t.days-t.daysBefore), during, l.PayeeID, space)
}

// arithmetic gives the formula with its numbers.
func (w *spaceWork) arithmetic(t step) []string {
	exact := w.s.Amount.Mul(w.plan.SpaceRate).Mul(w.payout.rate)
	c, fx := w.payout.currency, w.payout.times()
	if !w.s.isTerm() {
		return []string{fmt.Sprintf("%s × %s%s = %s, rounded to %s",
			w.s.money(*w.s.Amount), percent(w.plan.SpaceRate), fx, exact, c.Format(t.cum))}
	}
	n := exact.Mul(decimal.NewFromInt(int64(t.days)))
	out := []string{
		fmt.Sprintf("Through %s: %s of %s held", t.end, inDays(t.days), strconv.Itoa(w.wholeDays())),
		fmt.Sprintf("%s × %s%s × %d ÷ %d = %s, rounded to %s", w.s.money(*w.s.Amount), percent(w.plan.SpaceRate), fx,
			t.days, w.wholeDays(), quotient(n, decimal.NewFromInt(int64(w.wholeDays())), c.Digits()+4), c.Format(t.cum)),
	}
	if t.daysBefore > 0 {
		out = append(out, fmt.Sprintf("%s less %s for the %s of the months before = %s",
			c.Format(t.cum), c.Format(t.before), inDays(t.daysBefore), c.Format(t.cum.Sub(t.before))))
	}
	return out
}

// facts lists what all of the source's lines rest on. Who held the Space is told
// by each line for its own days, so that a later takeover leaves it as it was.
func (s *Source) facts() []Fact {
	out := []Fact{{Name: "Opportunity", Value: s.Name, ID: s.ID}}
	if s.Amount != nil {
		out = append(out, Fact{Name: "Amount", Value: s.money(*s.Amount), ID: s.ID})
	}
	out = append(out, Fact{Name: "CloseDate", Value: s.CloseDate.String(), ID: s.ID})
	if !s.Start.IsZero() || !s.End.IsZero() {
		out = append(out, Fact{Name: "Service period", Value: orNone(s.Start) + " to " + orNone(s.End), ID: s.ID})
	}
	for _, sp := range s.Spaces {
		out = append(out, Fact{Name: "Space", Value: sp.Name, ID: sp.ID, From: sp.How})
	}
	return out
}

// label is how a sentence names the opportunity.
func (s *Source) label() string {
	if s.Name == "" {
		return s.ID
	}
	return "“" + s.Name + "”"
}

func (w *spaceWork) spaceLabel(id string) string {
	for _, sp := range w.s.Spaces {
		if sp.ID == id && sp.Name != "" {
			return "“" + sp.Name + "”"
		}
	}
	return id
}

// money writes an amount with at least the currency's decimals; more if it has more.
func (s *Source) money(d decimal.Decimal) string {
	places := max(s.Currency.Digits(), -d.Exponent())
	out := d.StringFixed(places)
	for places > s.Currency.Digits() && out[len(out)-1] == '0' {
		out = out[:len(out)-1]
		places--
	}
	if places == 0 && out[len(out)-1] == '.' {
		out = out[:len(out)-1]
	}
	return out + " " + string(s.Currency)
}

// percent writes a rate: 0.1 is "10 %".
func percent(rate decimal.Decimal) string { return rate.Shift(2).String() + " %" }

// quotient writes n ÷ d cut after some decimals, with an ellipsis if more follow.
func quotient(n, d decimal.Decimal, places int32) string {
	q, rest := n.QuoRem(d, places)
	if rest.IsZero() {
		return q.String()
	}
	return q.StringFixed(places) + "…"
}

func inDays(n int) string {
	if n == 1 {
		return "1 day"
	}
	return strconv.Itoa(n) + " days"
}

func monthName(m clock.Month) string { return m.First().Start(time.UTC).Format("January 2006") }

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
