package wholeway_test

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// difference lists in what the program's lines differ from the oracle's; an empty
// list is agreement to the minor unit.
func (x *expectation) difference(w *world, a answer) []string {
	c := comparison{x: x, holds: map[cell]bool{}, seen: map[string]bool{}, held: map[cell]bool{}, kept: map[cell]bool{}, zero: map[cell]bool{}}
	for _, f := range w.records("Opportunity") {
		if id := f.now().id; x.skip[id] {
			x.forget(id)
			continue
		}
		for _, r := range a.rows[f.now().id] {
			c.row(r)
		}
	}
	for _, v := range w.versions {
		for _, d := range a.problems[v.id] {
			c.holds[cell{source: v.id, reason: d.Kind}] = d.IsHold
		}
	}
	for _, k := range sortedKeys(x.accrued) {
		if !c.seen[k] {
			c.say("missing: %s = %d %s", k, x.accrued[k].minor, x.accrued[k].currency)
		}
	}
	for _, k := range sortedKeys(x.onHold) {
		if !c.seen[k] {
			c.say("missing on hold: %s = %d %s", k, x.onHold[k].minor, x.onHold[k].currency)
		}
	}
	c.cells("held", x.held, c.held)
	c.cells("zero", x.zero, c.zero)
	sort.Strings(c.said)
	return c.said
}

// forget drops what is expected of a source.
func (x *expectation) forget(source string) {
	for _, m := range []map[cell]bool{x.held, x.zero} {
		for c := range m {
			if c.source == source {
				delete(m, c)
			}
		}
	}
	for _, m := range []map[string]line{x.accrued, x.onHold} {
		for k := range m {
			if strings.Split(k, "/")[2] == source {
				delete(m, k)
			}
		}
	}
}

type comparison struct {
	x          *expectation
	seen       map[string]bool
	held, zero map[cell]bool // as the program has them
	kept       map[cell]bool // of those held, the ones of a held source that something is posted on
	holds      map[cell]bool // open discrepancies that are holds
	said       []string
}

func (c *comparison) say(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

// row compares one line of the program's.
func (c *comparison) row(r row) {
	got := line{r.Minor, r.Currency}
	have := cell{r.Payee, r.Regime, r.Source, r.Slice, r.Period, r.Reason}
	switch r.Status {
	case "accrued":
		c.seen[r.Key] = true
		if want, ok := c.x.accrued[r.Key]; !ok {
			c.say("not expected: %s = %d %s", r.Key, r.Minor, r.Currency)
		} else if want != got {
			c.say("differs: %s = %d %s, expected %d %s", r.Key, r.Minor, r.Currency, want.minor, want.currency)
		}
		if r.Posted != r.Minor {
			c.say("posted: %s is %d, its entries %d", r.Key, r.Minor, r.Posted)
		}
	case "on_hold":
		c.seen[r.Key] = true
		c.held[have] = true
		isKept := c.x.loose[r.Source] && r.Posted != 0
		c.kept[have] = isKept
		if want, ok := c.x.onHold[r.Key]; ok && want != got && !isKept {
			c.say("on hold differs: %s = %d %s, expected %d %s", r.Key, r.Minor, r.Currency, want.minor, want.currency)
		}
	case "zero":
		c.zero[have] = true
		fallthrough
	default:
		if r.Minor != 0 || r.Posted != 0 {
			c.say("posted: %s is %s, and comes to %d with entries of %d", r.Key, r.Status, r.Minor, r.Posted)
		}
	}
}

// cells compares held or zero lines both ways.
func (c *comparison) cells(what string, want, got map[cell]bool) {
	for _, w := range inOrder(want) {
		if !anyMatch(w, got) && !(what == "held" && c.isHeldWithoutLine(w)) {
			c.say("missing %s: %v", what, w)
		}
	}
	for _, g := range inOrder(got) {
		isMeant := what == "held" && c.kept[g]
		for _, allowed := range []map[cell]bool{want, c.x.may} {
			for w := range allowed {
				isMeant = isMeant || w.matches(g)
			}
		}
		if !isMeant {
			c.say("not expected %s: %v", what, g)
		}
	}
}

// isHeldWithoutLine says whether a hold of which the rulebook does not name the
// payee stands as a discrepancy alone: of the sale, or of the record that states
// a malformed Partner ID.
func (c *comparison) isHeldWithoutLine(w cell) bool {
	if w.reason == "malformed_partner_id" { // of the record that states it
		for h := range c.holds {
			if h.reason == w.reason {
				return true
			}
		}
	}
	for reason := range strings.SplitSeq(w.reason, "|") {
		if w.payee == "" && c.holds[cell{source: w.source, reason: reason}] {
			return true
		}
	}
	return false
}

func anyMatch(w cell, got map[cell]bool) bool {
	for g := range got {
		if w.matches(g) {
			return true
		}
	}
	return false
}

// matches says whether a line is what a cell expects; blank parts of the cell
// match everything.
func (w cell) matches(g cell) bool {
	same := func(w, g string) bool { return w == "" || w == g }
	return same(w.payee, g.payee) && same(w.regime, g.regime) && w.source == g.source &&
		same(w.slice, g.slice) && same(w.period, g.period) && (w.reason == "" || slices.Contains(strings.Split(w.reason, "|"), g.reason))
}

func inOrder(m map[cell]bool) []cell {
	out := make([]cell, 0, len(m))
	for c := range m {
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool { return fmt.Sprint(out[i]) < fmt.Sprint(out[j]) })
	return out
}
