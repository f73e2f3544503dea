package wholeway_test

import (
	"fmt"
	"slices"
	"testing"
)

// judge runs one world alone and says what is wrong with it.
func judge(t testing.TB, w *world) (said []string, a answer) {
	t.Helper()
	if s, ok := t.(*testing.T); ok {
		s.Run("alone", func(t *testing.T) {
			all, got := runRound(t, w.terms, []*world{w}, chance(1, 1, 1))
			said, a = all[0], got
		})
	}
	return said, a
}

// shrink takes facts away from a world as long as the program and the oracle go
// on to disagree about it.
func shrink(t testing.TB, w *world) *world {
	t.Helper()
	if !disagrees(t, w) {
		return w // it takes the others to fail
	}
	for isSmaller := true; isSmaller; {
		isSmaller = false
		for _, smaller := range smallerThan(w) {
			if disagrees(t, smaller) {
				w, isSmaller = smaller, true
				break
			}
		}
	}
	return w
}

// smallerThan gives the worlds that lack one thing of this.
func smallerThan(w *world) []*world {
	var out []*world
	with := func(change func(*world)) {
		c := *w
		c.versions, c.partners = slices.Clone(w.versions), slices.Clone(w.partners)
		change(&c)
		out = append(out, &c)
	}
	if slices.ContainsFunc(w.versions, func(v version) bool { return fmt.Sprint(v.batches) != "[0]" }) {
		with(func(c *world) {
			for i := range c.versions {
				c.versions[i].batches = []int{0}
			}
			for i := range c.partners {
				c.partners[i].batches, c.partners[i].first = []int{0}, ""
			}
		})
	}
	for _, n := range []int{8, 4, 2, 1} {
		for i := 0; i+n <= len(w.versions); i += n {
			with(func(c *world) { c.versions = slices.Delete(c.versions, i, i+n) })
		}
	}
	for i := range w.partners {
		with(func(c *world) { c.partners = slices.Delete(c.partners, i, i+1) })
	}
	for i, v := range w.versions {
		if len(v.batches) > 1 {
			with(func(c *world) { c.versions[i].batches = v.batches[:1] })
		}
		if v.batches[0] > 0 {
			with(func(c *world) { c.versions[i].batches = []int{0} })
		}
	}
	return out
}

// got shows what the program has on a world's sales, for a person.
func (a answer) got(w *world) string {
	out := ""
	seen := map[string]bool{}
	for _, v := range w.versions {
		if seen[v.id] {
			continue
		}
		seen[v.id] = true
		for _, r := range a.rows[v.id] {
			out += fmt.Sprintf("got %s %s %s %d %s (posted %d)\n", r.Key, r.Status, r.Reason, r.Minor, r.Currency, r.Posted)
		}
		for _, h := range append(a.holdings[v.id], a.holdings[emailKey(v.str("Email__c"))]...) {
			out += fmt.Sprintf("got %s\n", h)
		}
		for _, d := range a.problems[v.id] {
			out += fmt.Sprintf("got discrepancy %s hold=%v: %s\n", d.Kind, d.IsHold, d.Detail)
		}
	}
	return out
}

func disagrees(t testing.TB, w *world) bool {
	t.Helper()
	said, _ := judge(t, w)
	return len(said) > 0
}
