package company

import (
	"fmt"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/store"
	"github.com/shopspring/decimal"
)

// opportunities deals them out to the customers, some of whom buy far more than
// others, in the order of time for each customer, so that renewals follow what
// they renew.
func (g *generator) opportunities() error {
	left := g.opt.Opportunities
	for i, c := range g.clients {
		n := left / (len(g.clients) - i)
		if n > 1 && i < len(g.clients)-1 {
			n = 1 + g.rnd.IntN(2*n-1)
		}
		if i == len(g.clients)-1 {
			n = left
		}
		left -= n
		if err := g.deals(c, n); err != nil {
			return err
		}
	}
	return nil
}

// term is the last won term of a customer.
type term struct {
	end    time.Time
	amount decimal.Decimal
	space  string // the Space that its deal names; "" for none
}

// deals makes n opportunities of a customer.
func (g *generator) deals(c *client, n int) error {
	from := c.since.AddDate(0, 0, 5)
	last := g.end.AddDate(0, 2, 0)
	var running *term
	g.book = g.book[:0]
	holder := -1 // the deal of the running term
	for i := range n {
		// Spread over the customer's life, each a little after the one before.
		lo := from.Add(time.Duration(i) * (last.Sub(from) / time.Duration(n)))
		hi := from.Add(time.Duration(i+1) * (last.Sub(from) / time.Duration(n)))
		d := deal{close: g.between(lo, hi), number: i + 1, typ: "New Business", stage: "Closed Won"}
		if i > 0 {
			d.typ = pick(g, []string{"Expansion", "Expansion", "Existing Business", "New Business"})
		}
		d.amount = g.amount(c)
		g.outcome(&d)
		won := g.terms(&d, running)
		s := sold{running: holder, candidate: len(g.candidates)}
		var err error
		if s.r, err = g.deal(c, &d); err != nil {
			return err
		}
		if s.deal = d; s.candidate == len(g.candidates) {
			s.candidate = -1
		}
		if d.renews && holder >= 0 {
			g.book[holder].renewed = true
		}
		if won != nil {
			running, holder = won, len(g.book)
			running.space = d.space
		}
		g.book = append(g.book, s)
	}
	if n > 0 {
		c.firstDeal = g.book[0].r
	}
	g.turns(c, g.book)
	return nil
}

// deal is an opportunity on its way.
type deal struct {
	number     int
	close      time.Time
	typ, stage string
	amount     decimal.Decimal
	start, end string
	space      string // the Space that it names; "" for none
	renews     bool   // its Space is that of the term it renews
	noAmount   bool
}

func (g *generator) outcome(d *deal) {
	switch n := g.rnd.IntN(100); {
	case d.close.After(g.end.AddDate(0, 0, -1)) || n < 12:
		d.stage = pick(g, []string{"Prospecting", "Qualification", "Needs Analysis", "Value Proposition", "Proposal/Price Quote", "Negotiation/Review"})
	case n < 32:
		d.stage = "Closed Lost"
	}
}

// terms gives most deals a service term, and makes those that fall near the end of
// the last one its renewal. It gives the term of a won deal.
func (g *generator) terms(d *deal, running *term) *term {
	if !g.chance(650) {
		return nil
	}
	start := date(d.close.Year(), d.close.Month(), d.close.Day()).AddDate(0, 0, g.rnd.IntN(15))
	if running != nil && !running.end.Before(start.AddDate(0, 0, -60)) && running.end.Before(start.AddDate(0, 0, 60)) {
		start = running.end.AddDate(0, 0, 1)
		d.typ, d.renews, d.space = "Renewal", true, running.space
		if g.chance(600) { // most renew at a little more
			d.amount = running.amount.Mul(decimal.NewFromInt(int64(100+g.rnd.IntN(25)))).DivRound(decimal.NewFromInt(100), 2)
		}
	}
	months := pick(g, []int{12, 12, 12, 12, 24, 36, 6, 1, 3})
	end := start.AddDate(0, months, -1)
	d.start, d.end = day(start), day(end)
	if d.stage != "Closed Won" {
		return nil
	}
	return &term{end: end, amount: d.amount}
}

// amount makes up a price with cents, in the minor unit of its currency.
func (g *generator) amount(c *client) decimal.Decimal {
	minor := int64(50_000 + g.rnd.IntN(4_000_000))
	if g.chance(30) {
		minor *= 40
	}
	if g.chance(400) {
		minor -= minor % 10_000 // a round price
	}
	switch c.currency {
	case "JPY":
		return decimal.NewFromInt(minor)
	case "KWD":
		return decimal.New(minor, -3)
	}
	return decimal.New(minor, -2)
}

// deal makes the opportunity, and says of it which Space it names.
func (g *generator) deal(c *client, d *deal) (*store.Record, error) {
	g.untidy(d)
	created := g.between(d.close.AddDate(0, 0, -90), d.close.AddDate(0, 0, -3))
	changed := g.touched(d.close)
	v := values{"Name", fmt.Sprintf("Customer %d, deal %d", c.n+1, d.number), "AccountId", idOf(c.account), "StageName", d.stage,
		"CloseDate", day(d.close), "Type", d.typ, "CurrencyIsoCode", c.currency, "Service_Start__c", d.start, "Service_End__c", d.end}
	if !d.noAmount {
		v = append(v, "Amount", d.amount)
	}
	if d.typ == "Expansion" && g.chance(100) {
		v = append(v, "Net_New_Amount__c", d.amount)
	}
	if len(c.spaces) > 0 && g.chance(700) {
		if own := idOf(pick(g, c.spaces)); !d.renews {
			d.space = own
		}
	}
	v = append(v, "Space__c", d.space)
	r, err := g.put("Opportunity", created, changed, v)
	if err != nil || r == nil {
		return nil, err
	}
	rate := registered
	if d.renews {
		rate = registeredRenewals
	}
	if g.chosen.IntN(1000) < rate {
		g.candidates = append(g.candidates, candidate{c: c, opportunity: r, created: g.past(created), close: d.close, stage: d.stage})
	}
	if g.chance(5) {
		g.store.MarkDeleted(g.store.Tables["Opportunity"], r, true, store.Writer{UserID: g.owners[0], At: g.past(changed.AddDate(0, 0, 20))})
	}
	return r, nil
}

// untidy spoils a few opportunities in the ways that people do.
func (g *generator) untidy(d *deal) {
	switch n := g.rnd.IntN(2000); {
	case n < 6:
		d.noAmount = true
	case n < 8:
		d.amount = d.amount.Neg()
	case n < 11:
		d.end = ""
	case n < 14:
		d.start, d.end = d.end, d.start
	}
}
