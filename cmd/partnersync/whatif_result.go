package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/sync/accrue"
)

// totalled sums by what a function leaves of each sum, in the order of currencies,
// and within one in that of Partner IDs and of rules.
func totalled(sums []accrue.WhatIfSum, what func(accrue.WhatIfSum) whatIfTotal) []whatIfTotal {
	byKey := map[whatIfTotal]*whatIfMinor{}
	for _, s := range sums {
		key := what(s)
		m := byKey[key]
		if m == nil {
			m = &whatIfMinor{}
			byKey[key] = m
		}
		m.posted, m.would = m.posted+s.Posted, m.would+s.Would
		m.held, m.wouldHold = m.held+s.Held, m.wouldHold+s.WouldHold
	}
	out := make([]whatIfTotal, 0, len(byKey))
	for t, m := range byKey {
		c := money.Currency(t.Currency)
		text := func(minor int64) string { return c.FromMinor(minor).StringFixed(c.Digits()) }
		t.minor, t.Posted, t.Would, t.Difference = *m, text(m.posted), text(m.would), text(m.would-m.posted)
		t.OnHold, t.WouldOnHold = text(m.held), text(m.wouldHold)
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b whatIfTotal) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.PayeeID, b.PayeeID),
			cmp.Compare(a.Regime, b.Regime), cmp.Compare(a.Slice, b.Slice), cmp.Compare(a.Plan, b.Plan))
	})
	return out
}

// whatIfNotices says what else than the terms makes a difference.
func whatIfNotices(w accrue.WhatIf) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if len(w.Changes) == 0 {
		say("The file says nothing else than what is in force.")
	}
	switch {
	case w.PostedThrough.IsZero():
		say("Nothing is posted yet, so all of it differs.")
	case w.AsOf.After(w.PostedThrough):
		say("The book is posted through %s; what the days after it would pay is in the difference.", w.PostedThrough)
	case w.AsOf.Before(w.PostedThrough) && w.AsOf != w.AsOf.Month().Last():
		say("%s lies within a month of which the book may have more; the last day of a month compares like with like.", w.AsOf)
	}
	if w.Due > 0 {
		say("%s still to be worked out under the terms in force; part of the difference may be theirs, and goes with the next accrue.", counted(w.Due, "source")+areOrIs(w.Due))
	}
	if w.Frozen > 0 {
		say("%s on hold until a person has mended them; what was posted for them stays under any terms.", counted(w.Frozen, "source")+areOrIs(w.Frozen))
	}
	return out
}

func areOrIs(n int64) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

// whatIfShown is how many payees of a currency are listed, those with the largest
// differences.
const whatIfShown = 20

// whatIf writes a what-if for a person: the totals first, then who and why.
func (p *page) whatIf(w whatIfDocument) {
	p.title("Other terms: " + w.File)
	for _, c := range w.Changes {
		p.line("%s: %s", c.What, strings.Join(c.Fields, "; "))
	}
	p.title("Through " + w.AsOf + ", " + opportunities(w.Sources))
	for _, t := range w.Totals {
		p.line("%s", t.verdict())
	}
	if len(w.Totals) == 0 {
		p.line("  nothing was posted, and nothing would have been")
	} else {
		p.whatIfPartners(w.Partners)
		p.whatIfRules(w.Rules)
	}
	if len(w.Notices) > 0 {
		p.title("Note")
	}
	for _, n := range w.Notices {
		p.sentence("%s", n)
	}
	p.write("\n")
	p.line("dry run: nothing was written")
}

// whatIfRules lists what each rule pays.
func (p *page) whatIfRules(all []whatIfTotal) {
	p.title("By rule")
	g := whatIfGrid("REGIME", "SLICE", "PLAN")
	for _, t := range all {
		g.add(t.cells(t.Regime, t.Slice, t.Plan)...)
	}
	p.table(g)
}

func opportunities(n int64) string {
	if n == 1 {
		return "1 won opportunity"
	}
	return thousands(n) + " won opportunities"
}

// whatIfPartners lists the payees of each currency whose money differs most.
func (p *page) whatIfPartners(all []whatIfTotal) {
	p.title("By partner")
	g := whatIfGrid("PARTNER ID", "PARTNER")
	g.wrap = []int{1}
	shown := slices.Clone(all)
	slices.SortStableFunc(shown, func(a, b whatIfTotal) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(b.minor.weight(), a.minor.weight()))
	})
	listed, more := map[string]int{}, 0
	for _, t := range shown {
		if listed[t.Currency]++; listed[t.Currency] > whatIfShown {
			more++
			continue
		}
		g.add(t.cells(t.PayeeID, t.Partner)...)
	}
	p.table(g)
	if more > 0 {
		p.line("%s more with smaller differences; --output json has them all", counted(int64(more), "payee"))
	}
}

// weight is how much a total differs, whichever way.
func (m whatIfMinor) weight() int64 { return max(m.would-m.posted, m.posted-m.would) }

func whatIfGrid(heads ...string) grid {
	return grid{heads: append(heads, "#POSTED", "#WOULD BE", "#DIFFERENCE", "#ON HOLD", "#WOULD HOLD", "CURRENCY")}
}

// cells are a row behind its names. What is nothing on hold stays blank.
func (t whatIfTotal) cells(names ...string) []string {
	difference := grouped(t.Difference)
	if t.minor.would > t.minor.posted {
		difference = "+" + difference
	}
	onHold, wouldHold := "", ""
	if t.minor.held != 0 || t.minor.wouldHold != 0 {
		onHold, wouldHold = grouped(t.OnHold), grouped(t.WouldOnHold)
	}
	return append(names, grouped(t.Posted), grouped(t.Would), difference, onHold, wouldHold, t.Currency)
}

// verdict says a total in words.
func (t whatIfTotal) verdict() string {
	out := fmt.Sprintf("%s %s posted, %s under these terms: ", grouped(t.Posted), t.Currency, grouped(t.Would))
	c := money.Currency(t.Currency)
	by := grouped(c.FromMinor(t.minor.weight()).StringFixed(c.Digits()))
	switch {
	case t.minor.would > t.minor.posted:
		return out + by + " more"
	case t.minor.would < t.minor.posted:
		return out + by + " less"
	}
	return out + "the same"
}
