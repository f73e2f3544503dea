package wholeway_test

import (
	"math/big"
	"slices"
	"strings"
)

// netNew is R3.5; reason says why it cannot be worked out.
func (s *simulation) netNew(o *sold) (amount *big.Rat, reason string) {
	if n := o.number("Net_New_Amount__c"); n != "" {
		return between(exact(n), o.amount), ""
	}
	switch saleTypes[strings.ToLower(o.str("Type"))] {
	case "new_business", "expansion":
		return o.amount, ""
	case "renewal":
	default:
		return nil, "unmapped_type"
	}
	renewed := s.renewedBy(o)
	if len(renewed) == 0 {
		return nil, "renewed_unknown"
	}
	sum := new(big.Rat)
	for _, t := range renewed {
		part := s.shareIn(t, o)
		if days, isTerm, _ := o.days(); isTerm {
			part = times(over(part, whole(int(t.end-t.start)+1)), whole(len(days)))
		}
		sum = plus(sum, part)
	}
	return between(less(o.amount, sum), o.amount), ""
}

// between keeps net-new from falling below 0 and rising above Amount.
func between(n, amount *big.Rat) *big.Rat {
	if n.Sign() < 0 {
		return new(big.Rat)
	}
	if n.Cmp(amount) > 0 {
		return amount
	}
	return n
}

// isTermRevenue says whether a sale is a won term with an Amount.
func (o *sold) isTermRevenue() bool {
	_, isTerm, _ := o.days()
	return o.isRevenue && isTerm && o.amount != nil && o.amount.Sign() >= 0
}

// begins is the day on which a renewal takes over.
func (o *sold) begins() civil {
	if _, isTerm, _ := o.days(); isTerm {
		return o.start
	}
	return o.close
}

// renewedBy lists the terms that a renewal renews.
func (s *simulation) renewedBy(o *sold) (out []*sold) {
	var running []*sold
	for _, t := range s.sales {
		if t == o || !t.isTermRevenue() || t.currency != o.currency || t.customer != o.customer || o.customer == "" || !sameSpace(t, o) {
			continue
		}
		starts := o.begins()
		switch {
		case t.end < starts && starts-t.end <= civil(o.plan.renewal):
			out = append(out, t)
		case t.start < starts && starts <= t.end:
			running = append(running, t)
		}
	}
	if len(out) == 0 {
		return running
	}
	return out
}

// sameSpace says that two sales are not of two Spaces. A sale has a Space where
// R3.3 finds it one.
func sameSpace(a, b *sold) bool {
	return len(a.spaces) != 1 || len(b.spaces) != 1 || a.spaces[0] == b.spaces[0]
}

// shareIn gives how much of a term's Amount one of its renewals renews.
func (s *simulation) shareIn(t, o *sold) *big.Rat {
	var weights []*big.Rat
	sum, at := new(big.Rat), 0
	for _, r := range s.sales {
		isRenewal := r.isRevenue && r.plan != nil && saleTypes[strings.ToLower(r.str("Type"))] == "renewal" && r.amount != nil && r.amount.Sign() > 0
		if _, _, bad := r.days(); r != o && (!isRenewal || bad || !s.renews(r, t)) {
			continue
		}
		if r == o {
			at = len(weights)
		}
		weights = append(weights, r.amount)
		sum = plus(sum, r.amount)
	}
	if len(weights) < 2 || sum.Sign() == 0 {
		return t.amount
	}
	amount := inMinor(t.amount, t.currency)
	for i, w := range weights {
		weights[i] = times(amount, over(w, sum))
	}
	back := over(inMinor(big.NewRat(1, 1), t.currency), big.NewRat(1, 1))
	return over(big.NewRat(largestRemainder(rounded(amount), weights)[at], 1), back)
}

// renews says whether a renewal renews a term.
func (s *simulation) renews(r, t *sold) bool {
	return slices.Contains(s.renewedBy(r), t)
}
