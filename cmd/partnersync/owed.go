package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
)

// owed is what a payee is owed in one currency, whatever was paid.
type owed struct {
	PayeeID  string `json:"payee_id"`
	Partner  string `json:"partner"`
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
	Lines    int64  `json:"lines"`
}

// owedToAll reads what every payee is owed, by currency, the largest first.
func owedToAll(ctx context.Context, q sqlx.QueryerContext) ([]owed, error) {
	balances, err := book.Balances(ctx, q)
	if err != nil {
		return nil, err
	}
	out := make([]owed, 0, len(balances))
	for _, b := range balances {
		c := money.Currency(b.Currency)
		out = append(out, owed{b.PayeeID, b.Partner, b.Currency, c.FromMinor(b.Owed()).StringFixed(c.Digits()), b.Lines})
	}
	return out, nil
}

// owedShown is how many payees of a currency are listed.
const owedShown = 10

// owed writes what is owed to whom: the largest of each currency, and its sum.
func (p *page) owed(all []owed) {
	p.title("Owed to partners")
	g := grid{heads: []string{"PARTNER ID", "PARTNER", "#OWED", "CURRENCY", "#LINES"}, wrap: []int{1}}
	shown, sums, more := map[string]int{}, map[string]decimal.Decimal{}, map[string]int{}
	var currencies []string
	for _, o := range all {
		if _, seen := sums[o.Currency]; !seen {
			currencies = append(currencies, o.Currency)
		}
		amount, err := decimal.NewFromString(o.Amount)
		if err != nil {
			p.err = errors.Join(p.err, err)
			continue
		}
		sums[o.Currency] = sums[o.Currency].Add(amount)
		if shown[o.Currency]++; shown[o.Currency] <= owedShown {
			g.add(o.PayeeID, o.Partner, grouped(o.Amount), o.Currency, thousands(o.Lines))
		} else {
			more[o.Currency]++
		}
	}
	p.table(g)
	for _, c := range currencies {
		line := fmt.Sprintf("%s %s in all", grouped(sums[c].StringFixed(money.Currency(c).Digits())), c)
		if more[c] > 0 {
			line += fmt.Sprintf(", %s more in this currency included", counted(int64(more[c]), "payee"))
		}
		p.line("%s", line)
	}
	if len(all) == 0 {
		p.line("  nothing yet")
	}
}
