package wholeway_test

import (
	"math/big"
	"strings"
	"testing"
)

func TestOracle_R5_8_R7_2_SumsHold(t *testing.T) {
	t.Parallel()
	seed := environ(t, "ORACLE_SEED", seedDefault)
	total := int(environ(t, "ORACLE_WORLDS", worldsDefault)) / 5
	t.Logf("seed %d, %d histories", seed, total)
	for round := 0; round*worldsARound < total; round++ {
		terms := generateTerms(seed, round)
		var worlds []*world
		for no := range min(worldsARound, total-round*worldsARound) {
			worlds = append(worlds, generate(seed, round, no, terms))
		}
		p := newStages(t, terms)
		p.feed(worlds, chance(seed, 1<<22, round))
		rows := p.rows()
		for _, w := range worlds {
			s := &simulation{world: w, spaces: w.travel()}
			for _, f := range w.records("Opportunity") {
				if said := s.sumsOf(s.sale(f), rows[f.now().id]); said != "" {
					t.Errorf("ORACLE_SEED=%d round %d world %d, %s: %s", seed, round, w.no, f.now().id, said)
				}
			}
		}
	}
}

// sumsOf checks what must hold of the lines of one sale, whatever they are.
func (s *simulation) sumsOf(o *sold, rows []row) string {
	var sum int64
	spaces := map[string]int64{} // payee → what his Space regime lines come to
	regimes, payees, keys := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		if keys[r.Key] || strings.Join([]string{r.Payee, r.Regime, r.Source, r.Slice, r.Period}, "/") != r.Key {
			return "a line has another's key, or one that it is not named by"
		}
		keys[r.Key] = true
		if r.Status == "accrued" {
			regimes[r.Regime], payees[r.Payee] = true, true
			sum += r.Minor
			if r.Regime == "space" {
				spaces[r.Payee] += r.Minor
			}
		}
	}
	if len(regimes) == 0 || o.plan == nil || o.amount == nil {
		return ""
	}
	if len(regimes) > 1 && !o.plan.beside {
		return "two regimes pay"
	}
	currency, rate, ok := s.payout(o, o.plan.payoutIn)
	if !ok {
		return "it pays without an exchange rate"
	}
	highest := new(big.Rat)
	for _, r := range []string{o.plan.rate, o.plan.deal.referral, o.plan.deal.netNew, o.plan.deal.remainder} {
		if p := percent(r); p.Cmp(highest) > 0 {
			highest = p
		}
	}
	if o.plan.beside {
		highest = times(highest, whole(2))
	}
	most := plus(inMinor(times(times(o.amount, highest), rate), currency), big.NewRat(int64(len(payees)+1), 2))
	if big.NewRat(sum, 1).Cmp(most) > 0 {
		return "it pays more than the highest rate of its Amount"
	}
	return s.wholes(o, spaces, currency, rate)
}

// wholes checks that the months of a term that is over sum to each holder's
// rounded whole (R7.2).
func (s *simulation) wholes(o *sold, spaces map[string]int64, currency string, rate *big.Rat) string {
	days, isTerm, bad := o.days()
	if bad || s.terms.goLive != never || isTerm && max(o.close, o.end) > s.terms.horizon() {
		return ""
	}
	counts := map[string]int{}
	for _, d := range days {
		counts[s.holder(o, d)]++
	}
	for payee, got := range spaces {
		part := times(times(o.amount, percent(o.plan.rate)), big.NewRat(int64(counts[payee]), int64(len(days))))
		if want := rounded(inMinor(times(part, rate), currency)); got != want {
			return payee + "'s months do not sum to its rounded whole"
		}
	}
	return ""
}
