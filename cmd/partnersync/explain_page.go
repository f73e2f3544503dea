package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// opportunity writes an opportunity for a person: how it stands and what it pays
// first, then who claimed it and who held its Space.
func (p *page) opportunity(o explainedOpportunity) {
	name := o.Name
	if name == "" {
		name = o.ID
	}
	p.title("Opportunity " + name)
	p.sentence("%s", o.Standing)
	if o.Due {
		p.sentence("%s", dueNote)
	}
	p.write("\n")
	p.pairs(o.pairs()...)
	p.totals(o)
	p.opportunityLines(o)
	p.claims(o)
	p.holders(o)
	if len(o.Discrepancies) == 0 {
		return
	}
	p.title("Somebody has to look at")
	g := grid{heads: []string{"KIND", "HOLD", "RULE", "DETAIL"}, wrap: []int{3}}
	for _, d := range o.Discrepancies {
		g.add(d.Kind, holdMark(d.IsHold), d.Rule, d.Detail)
	}
	p.table(g)
}

// dueNote is what a source that is marked due is shown with.
const dueNote = "Something has changed since its lines were worked out: they are shown as they are before the next accrue."

func (o explainedOpportunity) pairs() [][2]string {
	term := ""
	if o.ServiceStart != "" || o.ServiceEnd != "" {
		term = orNothing(o.ServiceStart) + " to " + orNothing(o.ServiceEnd)
	}
	amount := "none"
	if o.Amount != "" {
		amount = grouped(o.Amount) + " " + o.Currency
	}
	all := [][2]string{
		{"Salesforce id", o.ID}, {"amount", amount}, {"close date", o.CloseDate}, {"service period", term}, {"type", o.Type},
		{"stated net-new", o.NetNew}, {"stage", o.Stage}, {"customer", strings.TrimSpace(o.Customer + " " + o.CustomerID)},
	}
	for _, s := range o.Spaces {
		all = append(all, [2]string{"Space", strings.TrimSpace(s.Name+" "+s.ID) + ", " + s.How})
	}
	out := all[:0]
	for _, pair := range all {
		if pair[1] != "" {
			out = append(out, pair)
		}
	}
	return out
}

func orNothing(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

func (p *page) totals(o explainedOpportunity) {
	p.title("What it pays")
	heads, wentOn := []string{"PARTNER ID", "PARTNER", "#ACCRUED"}, slices.ContainsFunc(o.Totals, explainedTotal.wentOn)
	if wentOn {
		heads = append(heads, "#APPROVED", "#PAID")
	}
	g := grid{heads: append(heads, "#ON HOLD", "#POSTED", "CURRENCY"), wrap: []int{1}}
	for _, t := range o.Totals {
		cells := []string{t.PayeeID, t.Partner, grouped(t.Accrued)}
		if wentOn {
			cells = append(cells, grouped(t.Approved), grouped(t.Paid))
		}
		g.add(append(cells, grouped(t.OnHold), grouped(t.Posted), t.Currency)...)
	}
	p.table(g)
	if len(o.Totals) == 0 {
		p.line("  it has no lines")
	}
}

// wentOn says whether anything of it was approved, or paid.
func (t explainedTotal) wentOn() bool {
	return strings.Trim(t.Approved, "0.") != "" || strings.Trim(t.Paid, "0.") != ""
}

// opportunityLines writes every line with its sentence.
func (p *page) opportunityLines(o explainedOpportunity) {
	if len(o.Lines) == 0 {
		return
	}
	p.title("Lines")
	g := grid{heads: []string{"PARTNER ID", "REGIME", "SLICE", "PERIOD", "#AMOUNT", "STATUS", "WHY"}, wrap: []int{6}}
	for _, l := range o.Lines {
		g.add(l.PayeeID, l.Regime, l.Slice, l.Period, grouped(l.Amount)+" "+l.Currency, l.Status, l.is.Sentence)
	}
	p.table(g)
	p.line("`partnersync explain KEY` shows the arithmetic of one, such as %s", o.Lines[0].Key)
}

// claims writes who claimed the opportunity, with what became of it.
func (p *page) claims(o explainedOpportunity) {
	p.title("Claims")
	g := grid{heads: []string{"REGISTRATION", "PARTNER ID", "PARTNER", "STATE", "SUBMITTED", "SHARE", "OUTCOME"}, wrap: []int{2, 6}}
	for _, c := range o.Claims {
		g.add(c.Name, c.PartnerID, c.Partner, c.State, c.SubmittedAt, c.share(), c.outcome())
	}
	if o.Program != nil {
		outcome := "its conversion comes to nothing"
		if o.Program.Stands {
			outcome = "its conversion " + o.Program.ConversionID + " stands before Space attribution"
		}
		g.add("program "+o.Program.Program, o.Program.PayeeID, "", "", "", "", outcome)
	}
	p.table(g)
	if len(g.rows) == 0 {
		p.line("  nobody registered it")
	}
	engagements := grid{heads: []string{"REGISTRATION", "ENGAGED ON", "KIND", "ID", "COUNTS"}, wrap: []int{4}}
	for _, c := range o.Claims {
		for _, e := range c.Engagements {
			counts := "yes"
			if !e.Counts {
				counts = "no: " + e.WhyNot
			}
			engagements.add(c.Name, e.On, e.Kind, e.ID, counts)
		}
	}
	if len(engagements.rows) > 0 {
		p.title("Engagements")
		p.table(engagements)
	}
}

// share writes a share as a percentage.
func (c explainedClaim) share() string {
	fraction, err := decimal.NewFromString(c.Share)
	if err != nil {
		return c.Share // "": it has none
	}
	return fraction.Shift(2).String() + " %"
}

// outcome says what became of a claim: by what it is linked, or why it is not, and
// what was decided.
func (c explainedClaim) outcome() string {
	out := "linked: " + c.How
	if !c.Linked {
		out = "lost: " + c.WhyLost
		if c.WhyLost == "" {
			out = "lost: it is " + c.State
		}
	}
	if c.Malformed {
		out += fmt.Sprintf("; %q is not a Partner ID", c.PartnerID)
	}
	for _, more := range []string{c.ShareFault, c.Reason} {
		if more != "" {
			out += "; " + more
		}
	}
	return out
}

// holders writes who held the Space on the days over which the Amount is spread.
func (p *page) holders(o explainedOpportunity) {
	p.title("Who held its Space on the days that earn")
	g := grid{heads: []string{"FIRST", "LAST", "#DAYS", "PARTNER ID", "PARTNER", "SINCE", "BECAUSE"}, wrap: []int{4, 6}}
	for _, h := range o.Holders {
		g.add(h.First, h.Last, thousands(int64(h.Days)), h.who(), h.Partner, h.Since, h.Because)
	}
	p.table(g)
	if len(o.Holders) == 0 {
		p.line("  no Space was found")
	}
}

// who names a holder where there may be none.
func (h explainedHolder) who() string {
	switch {
	case h.Disagree:
		return "several"
	case h.PartnerID == "":
		return "nobody"
	case h.Malformed:
		return fmt.Sprintf("malformed: %q", h.PartnerID)
	}
	return h.PartnerID
}

// opportunityText writes every line's explanation as plain text.
func (p *page) opportunityText(o explainedOpportunity) {
	p.line("%s", o.Standing)
	if o.Due {
		p.line("%s", dueNote)
	}
	for _, l := range o.Lines {
		p.write("\n")
		p.line("%s (%s)", l.Key, l.Status)
		p.write(l.is.Text())
	}
	for _, c := range o.Claims {
		if !c.Linked {
			p.write("\n")
			p.line("Registration %s of %s, %s: %s", c.Name, c.PartnerID, c.State, c.outcome())
		}
	}
}
