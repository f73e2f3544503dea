package main

import (
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/brought"
)

// importDocument is what came of an import, as --output json gives it. Amounts are text.
type importDocument struct {
	File   string `json:"file"`
	DryRun bool   `json:"dry_run"`
	// Written says whether anything may have been written; a refused file writes nothing.
	Written bool            `json:"written"`
	Rows    int             `json:"rows"`
	Known   int             `json:"rows_known"` // in the book already
	Lines   []importLine    `json:"lines"`
	Totals  []importTotal   `json:"totals"`
	Next    []importNext    `json:"next_accrue"`
	Faults  []brought.Fault `json:"faults"`
}

// importLine is a line that was brought in. Posts is what accrue would post for it:
// expected less paid. OnHold is what it would post if a hold were gone.
type importLine struct {
	Row      int    `json:"line"`
	Kind     string `json:"kind"`
	Key      string `json:"key"`
	PayeeID  string `json:"payee_id"`
	Partner  string `json:"partner"`
	Period   string `json:"period"`
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
	Expected string `json:"expected,omitempty"` // of what was paid
	Posts    string `json:"accrue_posts,omitempty"`
	OnHold   string `json:"on_hold,omitempty"`
}

// importTotal sums the lines of a partner in a currency.
type importTotal struct {
	PartnerKey string `json:"partner_key"`
	Partner    string `json:"partner"`
	Currency   string `json:"currency"`
	Lines      int    `json:"lines"`
	Opening    string `json:"opening"`
	Paid       string `json:"paid"`
	Posts      string `json:"accrue_posts"`
}

// importNext is what the next accrue would post for the opportunities of what was paid.
type importNext struct {
	Currency string `json:"currency"`
	Corrects string `json:"corrects"`
	Others   string `json:"beside"`
}

func importOf(r brought.Report, dryRun, written bool) importDocument {
	out := importDocument{
		File: r.File, DryRun: dryRun, Written: written, Rows: r.Rows, Known: r.Known, Faults: orEmpty(r.Faults),
		Lines: []importLine{}, Totals: []importTotal{}, Next: []importNext{},
	}
	for _, l := range r.Lines {
		text := func(minor int64) string { return plainAmount(l.Currency, l.Currency.FromMinor(minor)) }
		x := importLine{
			Row: l.Row, Kind: string(l.Kind), Key: l.Key, PayeeID: l.PayeeID, Partner: l.Partner, Period: l.Period.String(),
			Currency: string(l.Currency), Amount: text(l.Minor),
		}
		if l.Kind == brought.Paid {
			x.Expected, x.Posts = text(l.Expected()), text(l.Posts)
		}
		if l.Held != 0 {
			x.OnHold = text(l.Held)
		}
		out.Lines = append(out.Lines, x)
	}
	for _, t := range r.Totals {
		out.Totals = append(out.Totals, importTotal{
			PartnerKey: t.PartnerKey, Partner: t.Partner, Currency: string(t.Currency), Lines: t.Lines,
			Opening: plainAmount(t.Currency, t.Opening), Paid: plainAmount(t.Currency, t.Paid), Posts: plainAmount(t.Currency, t.Posts),
		})
	}
	for _, n := range r.Next {
		out.Next = append(out.Next, importNext{
			Currency: string(n.Currency), Corrects: plainAmount(n.Currency, n.Corrects), Others: plainAmount(n.Currency, n.Others),
		})
	}
	return out
}

func plainAmount(c money.Currency, amount decimal.Decimal) string {
	return amount.StringFixed(c.Digits())
}

// broughtShown is how many lines, or faults, a page lists.
const broughtShown = 50

// brought writes what came of an import.
func (p *page) brought(d importDocument) {
	if len(d.Faults) > 0 {
		p.faults(d)
		return
	}
	if len(d.Lines) > 0 {
		p.broughtLines(d.Lines)
		p.broughtTotals(d)
		p.write("\n")
	}
	verdict := "brought in " + counted(int64(len(d.Lines)), "line")
	switch {
	case len(d.Lines) == 0:
		verdict = "nothing to bring in"
	case d.DryRun:
		verdict = "dry run: nothing was written; it would bring in " + counted(int64(len(d.Lines)), "line")
	}
	if d.Known > 0 {
		verdict += fmt.Sprintf("; %s%s in the book already", counted(int64(d.Known), "row"), areOrIs(int64(d.Known)))
	}
	p.line("%s", verdict)
}

func (p *page) broughtLines(lines []importLine) {
	p.title("Lines")
	g := grid{heads: []string{"#ROW", "KEY", "BROUGHT IN AS", "#AMOUNT", "#EXPECTED", "#ACCRUE POSTS", "#ON HOLD", "CURRENCY"}}
	for _, l := range lines[:min(len(lines), broughtShown)] {
		g.add(thousands(int64(l.Row)), l.Key, l.Kind, grouped(l.Amount), grouped(l.Expected), grouped(l.Posts), grouped(l.OnHold), l.Currency)
	}
	p.table(g)
	if more := len(lines) - broughtShown; more > 0 {
		p.line("%s more; --output json has them all", counted(int64(more), "line"))
	}
}

func (p *page) broughtTotals(d importDocument) {
	p.title("By partner")
	g := grid{heads: []string{"PARTNER", "#LINES", "#WAS OWED", "#WAS PAID", "#ACCRUE POSTS", "CURRENCY"}, wrap: []int{0}}
	for _, t := range d.Totals {
		g.add(t.Partner, thousands(int64(t.Lines)), grouped(t.Opening), grouped(t.Paid), grouped(t.Posts), t.Currency)
	}
	p.table(g)
	for _, n := range d.Next {
		p.sentence("The next accrue posts %s %s to correct what was paid, and %s %s that these opportunities pay beside it.",
			grouped(n.Corrects), n.Currency, grouped(n.Others), n.Currency)
	}
}

// faults lists what is wrong with a file.
func (p *page) faults(d importDocument) {
	p.title("What is wrong with " + d.File)
	g := grid{heads: []string{"#LINE", "COLUMN", "WHAT IS WRONG", "WHAT TO DO"}, wrap: []int{2, 3}}
	for _, f := range d.Faults[:min(len(d.Faults), broughtShown)] {
		g.add(thousands(int64(f.Line)), f.Column, f.What, f.Do)
	}
	p.table(g)
	if more := len(d.Faults) - broughtShown; more > 0 {
		p.line("%s more; --output json has them all", counted(int64(more), "fault"))
	}
}
