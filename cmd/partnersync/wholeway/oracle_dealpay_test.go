package wholeway_test

import (
	"math/big"
	"slices"
	"strings"
)

// due is what one claim earns of one slice, before rounding.
type due struct {
	claim *claim
	slice string
	base  *big.Rat
	rate  *big.Rat
	minor int64
	held  string // why its line is held, or ""
}

// payClaims pays the registrations of a sale and says whether they stand before
// the Space regime (R4.1).
func (s *simulation) payClaims(o *sold) (stands bool) {
	_, _, bad := o.days()
	trouble := s.trouble(o, "", bad)
	s.out.loose[o.id] = (trouble != "" || slices.ContainsFunc(o.claims, (*claim).isMalformed)) && readHeldSourceKeepsLines
	var paying []*claim
	for _, c := range o.claims {
		switch {
		case c.isOpen():
			stands = true
			if c.isMalformed() {
				s.hold("", "registration", o, "", "malformed_partner_id")
			} else {
				s.hold("", "registration", o, "", "")
			}
			if c.share != nil {
				paying = append(paying, c) // its share is nobody else's
			}
		case c.pays() && trouble != "":
			stands = true
			s.hold("", "", o, "", trouble)
		case c.pays():
			paying = append(paying, c)
		default: // rejected, withdrawn, revoked: a zero line may say so
			s.out.may[cell{regime: "registration", source: o.id}] = true
		}
	}
	if o.close < s.terms.goLive && len(o.claims) > 0 { // R4.5: what it would be need not be said
		s.out.may[cell{regime: "registration", source: o.id}] = true
		for c := range s.out.held {
			if c.source == o.id && c.regime == "registration" {
				delete(s.out.held, c)
			}
		}
		return readGoLiveClaimStands && (stands || len(paying) > 0) || slices.ContainsFunc(o.claims, (*claim).isMalformed)
	}
	if trouble != "" {
		return stands
	}
	if !sharesAreWhole(o.claims) {
		s.hold("", "registration", o, "", "")
		return true
	}
	var list []*due
	for _, c := range paying {
		dues, reason := s.duesOf(o, c)
		if reason != "" {
			stands = true
			s.out.loose[o.id] = readHeldSourceKeepsLines
			s.hold("", "registration", o, "", reason)
			continue
		}
		list = append(list, dues...)
	}
	return s.payDues(o, list, len(paying)) || stands
}

// sharesAreWhole says whether the shares of a group sum to 100 % (R5.4). A
// registration that is alone and states none has the whole.
func sharesAreWhole(group []*claim) bool {
	sum, isStated := new(big.Rat), false
	for _, c := range group {
		if c.share != nil && (c.pays() || c.isOpen()) {
			sum, isStated = plus(sum, c.share), true
		}
	}
	return !isStated || sum.Cmp(big.NewRat(1, 1)) == 0
}

// duesOf is R5.6 for one claim; reason says why it cannot be worked out.
func (s *simulation) duesOf(o *sold, c *claim) (list []*due, reason string) {
	terms, partner := o.plan.deal, s.partnerOf(c.payee)
	if partner == nil {
		d := &due{claim: c, slice: "referral", base: o.amount, rate: percent(terms.referral), held: "unknown_partner_id"}
		if strings.HasPrefix(c.payee, badID) || c.payee == "" {
			d.held = "malformed_partner_id"
		}
		return []*due{d}, ""
	}
	if s.kindOn(partner, o.close) != "consulting" || !s.isEngaged(o, c) {
		return []*due{{claim: c, slice: "referral", base: o.amount, rate: percent(terms.referral)}}, ""
	}
	netNew, reason := s.netNew(o)
	if reason != "" {
		return nil, reason
	}
	return []*due{
		{claim: c, slice: "net_new", base: netNew, rate: percent(terms.netNew)},
		{claim: c, slice: "remainder", base: less(o.amount, netNew), rate: percent(terms.remainder)},
	}, ""
}

// isEngaged is R5.7.
func (s *simulation) isEngaged(o *sold, c *claim) bool {
	if !strings.EqualFold(c.str("Involvement__c"), "engaged") {
		return false
	}
	for _, f := range s.records("Partner_Engagement__c") {
		v := f.now()
		on := v.date("Engaged_On__c")
		if v.str("Partner_Registration__c") == c.id && !v.flag("IsDeleted") && on <= o.close && on >= o.close-civil(o.plan.deal.engaged) {
			return true
		}
	}
	return false
}

// payDues rounds (R5.8) and expects the lines; it says whether any is not zero or
// on hold.
func (s *simulation) payDues(o *sold, list []*due, group int) (stands bool) {
	currency, rate, ok := s.payout(o, o.plan.payoutIn)
	if !ok {
		for _, d := range list {
			if !d.claim.isOpen() {
				stands = true
				if strings.HasPrefix(d.claim.payee, badID) {
					s.hold("", "registration", o, "", "malformed_partner_id")
					continue
				}
				s.hold(d.claim.payee, "registration", o, "", missingOr(s.partnerOf(d.claim.payee)))
				s.out.may[cell{payee: d.claim.payee, regime: "registration", source: o.id}] = true
			}
		}
		return stands
	}
	for _, slice := range []string{"referral", "net_new", "remainder"} {
		of := slices.DeleteFunc(slices.Clone(list), func(d *due) bool { return d.slice != slice })
		if len(of) == group || !readSharesAllotWholeGroups {
			allot(of, currency, rate)
		} else {
			for i := range of {
				allot(of[i:i+1], currency, rate)
			}
		}
		for _, d := range of {
			stands = s.expectDue(o, d, currency) || stands
		}
	}
	return stands
}

// allot rounds the parts of one slice.
func allot(of []*due, currency string, rate *big.Rat) {
	sum, areEqual := new(big.Rat), true
	part := func(d *due) *big.Rat {
		p := times(times(times(d.base, d.rate), rate), big.NewRat(1, 1))
		if d.claim.share != nil {
			p = times(p, d.claim.share)
		}
		return inMinor(p, currency)
	}
	for _, d := range of {
		d.minor = rounded(part(d))
		sum = plus(sum, part(d))
		areEqual = areEqual && d.rate.Cmp(of[0].rate) == 0
	}
	if !areEqual || len(of) < 2 {
		return
	}
	parts := make([]*big.Rat, len(of))
	for i, d := range of { // it is the rounded whole that is allotted
		parts[i] = new(big.Rat)
		if sum.Sign() != 0 {
			parts[i] = times(big.NewRat(rounded(sum), 1), over(part(d), sum))
		}
	}
	for i, n := range largestRemainder(rounded(sum), parts) {
		of[i].minor = n
	}
}

// largestRemainder allots a whole to parts that sum to about as much: each has
// its part rounded down, and what is left goes to the largest remainders, ties to
// the earlier.
func largestRemainder(whole int64, parts []*big.Rat) []int64 {
	out := make([]int64, len(parts))
	order := make([]int, len(parts))
	rest := make([]*big.Rat, len(parts))
	left := whole
	for i, p := range parts {
		out[i], order[i] = floored(p), i
		rest[i] = less(p, big.NewRat(out[i], 1))
		left -= out[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return rest[b].Cmp(rest[a]) })
	for i := 0; left > 0; i++ {
		out[order[i%len(order)]]++
		left--
	}
	return out
}

// expectDue expects the line of one due and says whether it stands.
func (s *simulation) expectDue(o *sold, d *due, currency string) bool {
	payee := d.claim.payee
	if d.claim.isOpen() {
		return true
	}
	c := cell{payee: payee, regime: "registration", source: o.id, slice: d.slice}
	if d.held == "malformed_partner_id" {
		s.hold("", "registration", o, "", d.held)
		return true
	}
	if d.minor == 0 && d.held != "" { // of nothing, neither is asked for
		s.out.may[c] = true
		return true
	}
	if d.minor == 0 {
		s.out.zero[c] = true
		return false
	}
	k := key(payee, "registration", o.id, d.slice, o.close.month())
	switch {
	case d.held != "":
		s.hold(payee, "registration", o, d.slice, d.held)
		s.out.onHold[k] = line{d.minor, currency}
	case s.isSuspended(s.partnerOf(payee)):
		s.hold(payee, "registration", o, d.slice, "")
		s.out.onHold[k] = line{d.minor, currency}
	default:
		s.out.accrued[k] = line{d.minor, currency}
	}
	return true
}

// superseded expects the zero lines of the Space regime where it lost (R4.1):
// one for each partner that would have been paid.
func (s *simulation) superseded(o *sold) {
	days, isTerm, bad := o.days()
	until := s.terms.asOf
	if isTerm {
		until = s.terms.horizon()
	}
	for _, d := range days {
		holder := s.holder(o, d)
		if holder == "" || o.accrues(d) > until {
			continue
		}
		partner := s.partnerOf(holder)
		c := cell{payee: holder, regime: "space", source: o.id, slice: "referral", reason: "superseded_by_registration"}
		switch {
		case bad || partner == nil || o.plan == nil || o.amount == nil || o.amount.Sign() <= 0:
			s.out.may[cell{regime: "space", source: o.id}] = true
		case o.plan.cutoff != never && partner.joined >= o.plan.cutoff:
			c.reason += "|joined_after_cutoff"
			s.out.zero[c] = true
		default:
			c.reason += "|before_go_live|amounts_to_nothing"
			s.out.zero[c] = true
		}
	}
}
