package main

import (
	"fmt"
	"strings"
	"time"
)

// space writes a Space's history for a person; the answer to --on comes first.
func (p *page) space(s explainedSpace) {
	p.title("Space " + s.label())
	p.pairs([][2]string{{"Salesforce id", s.ID}, {"Space key", s.Key}, {"name", s.Name}}...)
	if s.Known != nil {
		p.sentence("This is what the ledger believed at %s.", exactly(*s.Known))
	}
	if s.Pending {
		p.sentence("Partner ID histories are still to be worked out from what was pulled; reconcile does that, and this one may change by it.")
	}
	if s.On != nil {
		p.title("On " + s.On.Date)
		p.sentence("%s", s.held())
	}
	p.title("Partner ID")
	p.table(spellGrid(s.History))
	if len(s.History) == 0 {
		p.line("  the ledger knew nothing of this Space")
	}
	if len(s.GivenUp) > 0 {
		p.title("No longer believed")
		p.table(spellGrid(s.GivenUp))
		p.sentence("`--known INSTANT` shows the history as it was believed then.")
	}
	if len(s.Discrepancies) == 0 {
		return
	}
	p.title("Somebody has to look at")
	g := grid{heads: []string{"KIND", "HOLD", "RULE", "DETAIL"}, wrap: []int{3}}
	for _, d := range s.Discrepancies {
		g.add(d.Kind, holdMark(d.IsHold), d.Rule, d.Detail)
	}
	p.table(g)
}

func (s explainedSpace) label() string {
	for _, name := range []string{s.Name, s.Key} {
		if name != "" {
			return name
		}
	}
	return s.ID
}

// held says in a sentence who held the Space on the day that was asked for.
func (s explainedSpace) held() string {
	day := s.On
	switch {
	case !day.Existed:
		return "The Space did not exist by the end of that day, as far as was known (R3.4)."
	case day.PartnerID == "":
		return fmt.Sprintf("Nobody held it at the end of that day (R3.4): %s.", day.Interval.Why)
	}
	who := day.PartnerID
	switch {
	case day.Interval.Malformed:
		who = fmt.Sprintf("%q, which is not a Partner ID,", day.PartnerID)
	case day.Partner != "":
		who += " (" + day.Partner + ")"
	}
	return fmt.Sprintf("%s held it at the end of that day (R3.4), since %s: %s.", who, exactly(day.Interval.From), day.Interval.Why)
}

func spellGrid(spells []explainedSpell) grid {
	g := grid{
		heads: []string{"FROM", "TO", "PARTNER ID", "PARTNER", "BECAUSE", "RULES", "LEARNED", "GIVEN UP"},
		wrap:  []int{3, 4},
	}
	for _, h := range spells {
		who := h.PartnerID
		switch {
		case who == "":
			who = "nobody"
		case h.Malformed:
			who = fmt.Sprintf("malformed: %q", who)
		}
		to, givenUp := "", ""
		if h.To != nil {
			to = exactly(*h.To)
		}
		if h.SupersededAt != nil {
			givenUp = exactly(*h.SupersededAt)
		}
		g.add(exactly(h.From), to, who, h.Partner, h.Why, strings.Join(h.Rules, ", "), exactly(h.LearnedAt), givenUp)
	}
	return g
}

// exactly writes an instant so that --known takes it and means the same.
func exactly(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999Z") }
