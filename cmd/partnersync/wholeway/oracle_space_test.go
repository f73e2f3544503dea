package wholeway_test

import (
	"math/big"
	"slices"
	"sort"
	"strings"
)

// pay works out everything that a sale pays.
func (s *simulation) pay(o *sold) {
	stands := s.payClaims(o)
	if stands && (o.plan == nil || !o.plan.beside) {
		s.superseded(o)
		return
	}
	s.paySpace(o)
}

// accrues is the date on which a day of a sale accrues: nothing before CloseDate.
func (o *sold) accrues(d civil) civil { return max(d, o.close) }

// days lists the days on which a sale is earned; bad says that its term is none.
func (o *sold) days() (days []civil, isTerm, bad bool) {
	switch {
	case o.start == never && o.end == never:
		return []civil{o.close}, false, false
	case o.start == never || o.end == never || o.start > o.end:
		return []civil{o.close}, false, true
	}
	for d := o.start; d <= o.end; d++ {
		days = append(days, d)
	}
	return days, true, false
}

// paySpace is the Space regime (R4.2).
func (s *simulation) paySpace(o *sold) {
	days, isTerm, bad := o.days()
	held := map[string][]civil{} // holder → when each of his days accrues
	for _, d := range days {
		if h := s.holder(o, d); h != "" {
			held[h] = append(held[h], o.accrues(d))
		}
	}
	if s.trouble(o, "", bad) != "" {
		s.out.loose[o.id] = readHeldSourceKeepsLines
	}
	until := s.terms.asOf
	if isTerm {
		until = s.terms.horizon()
	}
	for _, holder := range sortedKeys(held) {
		accruals := held[holder]
		slices.Sort(accruals)
		if accruals[0] > until {
			continue // not yet
		}
		reason := s.trouble(o, holder, bad)
		if reason != "" {
			s.holdSource(o, holder, reason)
			continue
		}
		s.payHolder(o, holder, accruals, len(days), until)
	}
}

// trouble lists, with strokes between them, the reasons for which nothing that a
// holder would have of a sale can be worked out. The rulebook does not say which
// is named first.
func (s *simulation) trouble(o *sold, holder string, bad bool) string {
	var reasons []string
	if o.plan == nil {
		reasons = append(reasons, "no_plan")
	}
	if o.amount == nil {
		reasons = append(reasons, "no_amount")
	} else if o.amount.Sign() < 0 {
		reasons = append(reasons, "negative_amount")
	}
	if bad {
		reasons = append(reasons, "bad_term")
	}
	if holder == differs {
		reasons = append(reasons, "opportunity_without_space")
	}
	return strings.Join(reasons, "|")
}

// holdSource expects a hold of everything that a holder would have of a sale. The
// rulebook does not say under which payee.
func (s *simulation) holdSource(o *sold, _, reason string) {
	s.hold("", "space", o, "referral", reason)
}

// payHolder works out the lines of one holder of a sale; accruals has a date for
// each of his days.
func (s *simulation) payHolder(o *sold, holder string, accruals []civil, days int, until civil) {
	const slice = "referral"
	if strings.HasPrefix(holder, badID) {
		s.hold("", "space", o, slice, "malformed_partner_id")
		return
	}
	partner := s.partnerOf(holder)
	if partner != nil && o.plan.cutoff != never && partner.joined >= o.plan.cutoff && (readZeroBeatsSuspended || !s.isSuspended(partner)) { // R4.3
		s.out.zero[cell{holder, "space", o.id, slice, accruals[0].month(), "joined_after_cutoff"}] = true
		return
	}
	lines, reason := s.monthly(o, accruals, days, until, o.plan.payoutIn)
	if reason == "missing_rate" {
		// What does not accrue here at all needs no rate (R4.5); what does is held, also
		// if it would come to nothing in the currency of the sale (R7.5).
		isOurs := func(d civil) bool { return d <= until && (s.terms.goLive == never || d >= s.terms.goLive) }
		if !slices.ContainsFunc(accruals, isOurs) {
			s.out.zero[cell{holder, "space", o.id, slice, "", "before_go_live"}] = true
			return
		}
		s.hold(holder, "space", o, slice, missingOr(partner))
		return
	}
	if len(lines) == 0 {
		s.out.zero[cell{holder, "space", o.id, slice, "", reason}] = true
		return
	}
	for _, month := range sortedKeys(lines) {
		k := key(holder, "space", o.id, slice, month)
		switch {
		case partner == nil:
			s.hold(holder, "space", o, slice, "unknown_partner_id")
			s.out.onHold[k] = lines[month]
		case s.isSuspended(partner):
			s.hold(holder, "space", o, slice, "")
			s.out.onHold[k] = lines[month]
		default:
			s.out.accrued[k] = lines[month]
		}
	}
}

// missingOr names the reasons for which a line without an exchange rate may be
// held.
func missingOr(p *partnerFact) string {
	switch {
	case p == nil:
		return "missing_rate|unknown_partner_id"
	case p.status == "active":
		return "missing_rate"
	}
	return ""
}

// monthly is R7.2: what one holder's days come to, by month. Without a line, it
// says why.
func (s *simulation) monthly(o *sold, accruals []civil, days int, until civil, payoutIn string) (map[string]line, string) {
	lines := map[string]line{}
	share := times(times(o.amount, percent(o.plan.rate)), big.NewRat(1, int64(days)))
	currency, rate, ok := s.payout(o, payoutIn)
	if !ok {
		return nil, "missing_rate"
	}
	posted, counted, before := int64(0), 0, 0
	for i, d := range accruals {
		if d > until {
			break
		}
		isBefore := d < s.terms.goLive
		if isBefore {
			before++
		}
		if !isBefore || readGoLiveTakesOff {
			counted++
		}
		isLast := i+1 == len(accruals) || accruals[i+1] > until
		if !isLast && accruals[i+1].month() == d.month() && (!isBefore || accruals[i+1] < s.terms.goLive) {
			continue
		}
		cumulative := rounded(inMinor(times(times(share, whole(counted)), rate), currency))
		if cumulative != posted && !isBefore {
			lines[d.month()] = line{cumulative - posted, currency}
		}
		posted = cumulative
	}
	if posted != 0 && before > 0 && before == counted {
		return lines, "before_go_live"
	}
	return lines, ""
}

// payout gives the currency in which a sale is paid, and the rate (R7.5).
func (s *simulation) payout(o *sold, in string) (string, *big.Rat, bool) {
	if in == "" || in == o.currency {
		return o.currency, big.NewRat(1, 1), true
	}
	var found *rateFact
	for i := range s.terms.rates {
		r := &s.terms.rates[i]
		if r.from == o.currency && r.to == in && r.on <= o.close && (found == nil || r.on > found.on) {
			found = r
		}
	}
	if found == nil {
		return in, nil, false
	}
	return in, exact(found.rate), true
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
