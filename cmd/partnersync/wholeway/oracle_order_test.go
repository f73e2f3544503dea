package wholeway_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// reordered is the world with the same facts in other batches.
func (w *world) reordered(r *rand.Rand) *world {
	c := *w
	c.versions, c.partners = slices.Clone(w.versions), slices.Clone(w.partners)
	for i := range c.versions {
		c.versions[i].batches = []int{r.IntN(batches)}
	}
	for i := range c.partners {
		if p := &c.partners[i]; p.first == "" && p.mergedInto == "" && p.batches[0] != 0 {
			p.batches = []int{r.IntN(batches)}
		}
	}
	return &c
}

// stands gives everything that the program says of each source and subject: the
// lines that are not void, to the byte, but for when they were worked out, and
// the open discrepancies. history_incomplete is not among them: it says what the
// org still had when a record was first seen, which is another fact in another
// order of pulls (R2.6).
func (p *stages) stands() map[string][]string {
	p.t.Helper()
	var list []struct{ Subject, Said string }
	must(p.t, p.db.Select(&list, `select source_id as subject, (to_jsonb(l) - 'computed_at' - 'explanation')::text || l.explanation::text as said
			from ledger.line l where status <> 'void'
		union all select subject, concat_ws(' ', kind, object, rule, is_hold, detail) from ledger.discrepancy
			where resolved_at is null and kind <> 'history_incomplete'
		order by 1, 2`))
	out := map[string][]string{}
	for _, s := range list {
		out[s.Subject] = append(out[s.Subject], s.Said)
	}
	return out
}

func TestOracle_R7_7_OrderNeverMatters(t *testing.T) {
	t.Parallel()
	seed := environ(t, "ORACLE_SEED", seedDefault)
	total := int(environ(t, "ORACLE_WORLDS", worldsDefault)) / 5
	t.Logf("seed %d, %d histories", seed, total)
	for round := 0; round*worldsARound < total; round++ {
		terms := generateTerms(seed, round)
		var one, other []*world
		order := chance(seed, 1<<21, round)
		for no := range min(worldsARound, total-round*worldsARound) {
			w := generate(seed, round, no, terms)
			one, other = append(one, w), append(other, w.reordered(order))
		}
		a, b := newStages(t, terms), newStages(t, terms)
		a.feed(one, order)
		b.feed(other, order)
		left, right := a.stands(), b.stands()
		answers := []answer{a.answer(), b.answer()}
		n := 0
		for i, w := range one {
			if said := w.apart(left, right); said != "" {
				if n++; n < 4 {
					t.Errorf("ORACLE_SEED=%d round %d world %d: two orders of the same facts differ:\n%s\nthe oracle says of the first: %s\nof the second: %s\n%s\n%s",
						seed, round, w.no, said, simulate(w).difference(w, answers[0]), simulate(w).difference(w, answers[1]), w.script(), other[i].script())
				}
			}
		}
		if n > 0 {
			t.Fatalf("%d of %d worlds of round %d differ", n, len(one), round)
		}
	}
}

// apart says in what two answers about a world differ. Sales that are held as a
// whole are left out: what they had earned before that stays.
func (w *world) apart(left, right map[string][]string) string {
	loose := simulate(w).loose
	seen := map[string]bool{}
	for _, v := range w.versions {
		for _, subject := range []string{v.id, emailKey(v.str("Email__c")), readID(v.str("Partner_ID__c"))} {
			if seen[subject] || subject == "" || loose[v.id] {
				continue
			}
			seen[subject] = true
			a, b := left[subject], right[subject]
			if !slices.Equal(a, b) {
				only := func(x, y []string) string {
					return strings.Join(slices.DeleteFunc(slices.Clone(x), func(s string) bool { return slices.Contains(y, s) }), "\n  ")
				}
				return subject + "\n- " + only(a, b) + "\n+ " + only(b, a)
			}
		}
	}
	return ""
}
