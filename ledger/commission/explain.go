package commission

import (
	"fmt"
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

// saidOnce is what the explanations of all lines of a source under the Space regime
// have in common.
type saidOnce struct {
	facts   []Fact
	what    string // "10 % of 12000.00 USD (opportunity “Acme”, closed on 2025-12-20)"
	spread  string // ", spread evenly over the 365 days from 2026-01-01 to 2026-12-31, for the "
	formula string // "12000.00 USD × 10 %"
	of      string // "365"
}

func (w *spaceWork) sayOnce() saidOnce {
	amount, rate := w.s.money(*w.s.Amount), percent(w.plan.SpaceRate)
	return saidOnce{
		facts:   append(w.s.facts(), w.payout.facts()...),
		what:    rate + " of " + amount + " (opportunity " + w.s.label() + ", closed on " + w.s.CloseDate.String() + ")",
		spread:  ", spread evenly over the " + inDays(int(w.wholeDays.IntPart())) + " from " + w.first.String() + " to " + w.last.String() + ", for the ",
		formula: amount + " × " + rate + w.payout.times(),
		of:      w.wholeDays.String(),
	}
}

// explain writes the sentence, the rules and the arithmetic of a line.
func (w *spaceWork) explain(l *Line, t step, rule string) {
	x := &l.Explanation
	x.Rules = make([]string, 0, 12)
	if rule != "" {
		x.Rules = append(x.Rules, rule)
	}
	for _, in := range x.Held { // by which the Partner ID came to be on the days held
		x.Rules = append(x.Rules, in.Rules...)
	}
	x.Rules = append(x.Rules, "R3.4", "R4.2")
	if w.s.isTerm() {
		x.Rules = append(x.Rules, "R7.2")
	}
	x.Rules = unique(append(x.Rules, "R7.4"))
	if t.end.IsZero() && l.Status == OnHold {
		x.Sentence = fmt.Sprintf("What %s earns from opportunity %s is on hold, because %s.", l.PayeeID, w.s.label(), w.because(l))
		return
	}
	if l.Status == Zero {
		x.Sentence = fmt.Sprintf("%s earns nothing from opportunity %s, because %s.", l.PayeeID, w.s.label(), w.because(l))
		return
	}
	x.Arithmetic = w.arithmetic(t)
	x.Sentence = l.PayeeID + " earns " + l.money() + " for " + monthName(l.Period) + ": " + w.earned(l, t) + "."
	if l.Status == OnHold {
		x.Sentence = fmt.Sprintf("%s for %s is on hold for %s, because %s. It would be %s.",
			l.money(), monthName(l.Period), l.PayeeID, w.because(l), w.earned(l, t))
	}
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
	space := "the customer's Space " + w.spaceLabel(l.SpaceID)
	if !w.s.isTerm() {
		return w.said.what + ", as " + l.PayeeID + " was on " + space + " at the end of that day"
	}
	during := "of " + monthName(l.Period)
	if w.first.Before(l.Period.First()) && l.Period == w.s.CloseDate.Month() {
		during = "up to " + t.end.String() // it closed after its term began
	}
	return w.said.what + w.said.spread + inDays(t.days-t.daysBefore) + " " + during + " on which " + l.PayeeID + " was on " + space
}

// arithmetic gives the formula with its numbers.
func (w *spaceWork) arithmetic(t step) []string {
	c := w.payout.currency
	if !w.s.isTerm() {
		return []string{w.said.formula + " = " + w.exact.String() + ", rounded to " + c.Format(t.cum)}
	}
	exact := quotient(w.exact.Mul(decimal.NewFromInt(int64(t.days))), w.wholeDays, c.Digits()+4)
	out := make([]string, 0, 3)
	out = append(out,
		"Through "+t.end.String()+": "+inDays(t.days)+" of "+w.said.of+" held",
		w.said.formula+" × "+strconv.Itoa(t.days)+" ÷ "+w.said.of+" = "+exact+", rounded to "+c.Format(t.cum))
	if t.daysBefore > 0 {
		out = append(out, c.Format(t.cum)+" less "+c.Format(t.before)+" for the "+inDays(t.daysBefore)+
			" of the months before = "+c.Format(t.cum.Sub(t.before)))
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
