package commission

import (
	"fmt"
	"math/big"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
)

// payout says in which currency a source's lines are paid, and at what rate the
// source's currency is converted (R7.5).
type payout struct {
	currency money.Currency  // of the lines
	from     money.Currency  // of the source
	rate     decimal.Decimal // what one unit of the source's currency is worth; 1 if nothing is converted
	on       clock.Date      // the day from which the rate holds
	// missing: the plan pays in another currency, and no rate is known for the day. The
	// lines then stay in the source's currency, on hold.
	missing bool
	wanted  money.Currency // of the plan, if missing
}

// payout finds the rate in effect on the source's CloseDate.
func (e *Engine) payout(s *Source, plan Plan) payout {
	p := payout{currency: s.Currency, from: s.Currency, rate: decimal.New(1, 0)}
	if plan.PayoutCurrency == "" || plan.PayoutCurrency == s.Currency {
		return p
	}
	p.missing, p.wanted = true, plan.PayoutCurrency
	for _, r := range e.Rates {
		if r.From == s.Currency && r.To == plan.PayoutCurrency && !r.On.After(s.CloseDate) && !r.On.Before(p.on) {
			p.missing, p.currency, p.rate, p.on = false, r.To, r.Rate, r.On
		}
	}
	return p
}

func (p payout) converts() bool { return p.currency != p.from }

// round converts an exact amount of the source's currency and rounds it once.
func (p payout) round(r *big.Rat) decimal.Decimal {
	if p.converts() {
		r = new(big.Rat).Mul(r, p.rate.Rat())
	}
	return p.currency.Round(r)
}

// facts names the rate, its day and its origin.
func (p payout) facts() []Fact {
	if !p.converts() {
		return nil
	}
	return []Fact{{Name: "Exchange rate", Value: fmt.Sprintf("1 %s = %s %s", p.from, p.rate, p.currency), At: p.on.String(), From: "the rate in effect on CloseDate"}}
}

// times is the factor as arithmetic writes it: " × 0.92 EUR/USD", or nothing.
func (p payout) times() string {
	if !p.converts() {
		return ""
	}
	return fmt.Sprintf(" × %s %s/%s", p.rate, p.currency, p.from)
}

// why is the reason of a hold for a missing rate, in words.
func (p payout) why(s *Source) string {
	return fmt.Sprintf("no exchange rate from %s to %s is known for %s, when it closed", p.from, p.wanted, s.CloseDate)
}
