package company

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// sold is a deal of a customer that was made, with what the next ones did with it.
type sold struct {
	deal
	r         *store.Record
	candidate int // its place among the candidates, or -1
	// running is the deal whose term ran when this one was made, -1 for none.
	running int
	renewed bool
}

// turns gives renewals and expansions the turns that they take in life, when all
// deals of a customer are made: they buy less or far more, early or late, and let
// what they add end with what they have. They draw for themselves, so that which
// deals a seed has does not depend on it.
func (g *generator) turns(c *client, book []sold) {
	for i := range book {
		s := &book[i]
		if s.r == nil || s.stage != "Closed Won" || s.noAmount || !s.amount.IsPositive() || s.end == "" || s.start > s.end {
			continue
		}
		switch {
		case s.renews:
			g.turnOfRenewal(c, s)
		case s.typ == "Expansion" && !s.renewed && s.running >= 0:
			g.coTerm(s, book[s.running].end)
		}
	}
}

// turnOfRenewal changes the amount of some renewals, and the day on which others
// were signed.
func (g *generator) turnOfRenewal(c *client, s *sold) {
	start, err := time.Parse(time.DateOnly, s.start)
	if err != nil {
		return
	}
	switch n := g.turn.IntN(100); {
	case n < 12: // downsell
		g.resell(c, s, 60+g.turn.IntN(36))
	case n < 22: // upsell
		g.resell(c, s, 125+g.turn.IntN(56))
	case n < 30: // months before the former term ends
		g.redate(c, s, start.AddDate(0, 0, -60-g.turn.IntN(120)).Add(s.close.Sub(s.close.Truncate(24*time.Hour))))
	case n < 38: // when the customer has been without one for weeks
		g.redate(c, s, start.AddDate(0, 0, 1+g.turn.IntN(24)).Add(s.close.Sub(s.close.Truncate(24*time.Hour))))
	}
}

// resell changes the amount to so many per cent, in the currency's minor unit.
func (g *generator) resell(c *client, s *sold, percent int) {
	places := map[string]int32{"JPY": 0, "KWD": 3}
	digits, ok := places[c.currency]
	if !ok {
		digits = 2
	}
	s.amount = s.amount.Mul(decimal.NewFromInt(int64(percent))).DivRound(decimal.NewFromInt(100), digits)
	g.rewrite(s, values{"Amount", s.amount})
}

// redate moves the day on which a deal was closed, and its record with it. It leaves
// deals that would come before their customer, or after the end.
func (g *generator) redate(c *client, s *sold, to time.Time) {
	if to.Before(c.since.AddDate(0, 0, 5)) || to.After(g.end.AddDate(0, 0, -1)) || to.Equal(s.close) {
		return
	}
	by := to.Sub(s.close)
	s.close = to
	created := time.Unix(s.r.Created, 0).Add(by)
	if first := c.since; created.Before(first) {
		created = first
	}
	changed := g.past(time.Unix(s.r.Modstamp, 0).Add(by))
	if changed.Before(created) {
		changed = created
	}
	next := s.r.Clone()
	next.Created, next.Modified, next.Modstamp = created.Unix(), changed.Unix(), changed.Unix()
	g.store.Tables["Opportunity"].Replace(s.r, next)
	g.rewrite(s, values{"CloseDate", day(to)})
	if s.candidate >= 0 {
		d := &g.candidates[s.candidate]
		d.close, d.created = to, g.past(created)
	}
}

// coTerm lets some expansions end on the day on which the term that they expand ends.
func (g *generator) coTerm(s *sold, ends string) {
	start, err := time.Parse(time.DateOnly, s.start)
	if err != nil || ends == s.end || ends < day(start.AddDate(0, 1, 0)) || g.turn.IntN(100) >= 45 {
		return
	}
	s.end = ends
	g.rewrite(s, values{"Service_End__c", ends})
}

// rewrite makes a record say something else, as if it always had.
func (g *generator) rewrite(s *sold, v values) {
	t := g.store.Tables["Opportunity"]
	next := s.r.Clone()
	for i := 0; i < len(v); i += 2 {
		f, ok := t.Object.Field(v[i].(string))
		if !ok {
			continue
		}
		if text, err := f.Canon(v[i+1]); err == nil {
			next.Set(f, text)
		}
	}
	t.Replace(s.r, next)
}
