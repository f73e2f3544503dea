package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/outbox"
)

// lifeChange changes the book and gives the lines that went a step.
type lifeChange func(ctx context.Context, tx *sqlx.Tx, by book.Context) ([]book.Taken, error)

// inBook changes the book as the actor, in one transaction with the marks by which the
// lines reach Salesforce. A dry run does the same and takes it back, so that it refuses
// what would be refused.
func (a *app) inBook(c *cobra.Command, d *database, dryRun bool, change lifeChange) error {
	by := a.bookContext(d)
	err := pg.InTx(c.Context(), d.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		taken, err := change(ctx, tx, by)
		if err != nil {
			return err
		}
		if dryRun {
			return errDryRun
		}
		keys := make([]outbox.Key, len(taken))
		for i, t := range taken {
			keys[i] = outbox.Key{Key: t.Key, Parent: t.PayeeID}
		}
		return outbox.Mark(ctx, tx, outbox.Commission, keys, by.Now)
	})
	if errors.Is(err, errDryRun) {
		return nil
	}
	return err
}

// bookContext is who acts, and today in the company zone.
func (a *app) bookContext(d *database) book.Context {
	now := a.clock.Now().UTC().Truncate(time.Microsecond)
	return book.Context{AsOf: clock.DateIn(now, d.cfg.Company.Location()), Actor: a.actor, Now: now}
}

// payeesOf gives the payee ids that a person means by a Partner ID or the key of a
// partner: that ID, or all that the partner is paid for (R1.1). "" means everybody.
func payeesOf(ctx context.Context, q sqlx.QueryerContext, partner string) ([]string, error) {
	if strings.TrimSpace(partner) == "" {
		return nil, nil
	}
	if id, ok := ledger.ParsePartnerID(partner); ok {
		return []string{id}, nil
	}
	ids, err := ledger.PaidThrough(ctx, q, []string{strings.TrimSpace(partner)})
	if err == nil && len(ids) == 0 {
		err = errs.New(errs.NotFound, "there is no partner %q", partner).WithHint("--partner wants a partner's key, or a Partner ID such as FG3877")
	}
	return ids, err
}

// amountOut is an amount as --output json gives it.
type amountOut struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// lineOut is a line that went a step, as --output json gives it.
type lineOut struct {
	Line    string      `json:"line"`
	PayeeID string      `json:"payee_id"`
	Status  string      `json:"status"`
	Amounts []amountOut `json:"amounts"`
}

func linesOut(taken []book.Taken) []lineOut {
	out := make([]lineOut, len(taken))
	for i, t := range taken {
		out[i] = lineOut{Line: t.Key, PayeeID: t.PayeeID, Status: t.Status, Amounts: make([]amountOut, len(t.Amounts))}
		for j, m := range t.Amounts {
			out[i].Amounts[j] = amountOut{m.Currency.FromMinor(m.Minor).StringFixed(m.Currency.Digits()), string(m.Currency)}
		}
	}
	return out
}

// mostShown bounds the rows of a table that nobody asked to be complete.
const mostShown = 50

// showOutcome shows what became of a selection, and gives the error that it ends with:
// a line that was named and refused is one, a line that a filter found is not.
func (a *app) showOutcome(o book.Outcome, named int, done string, dryRun bool) error {
	if named == 1 && len(o.Refused) == 1 {
		return o.Refused[0].Err()
	}
	document := struct {
		DryRun  bool           `json:"dry_run"`
		Done    []lineOut      `json:"done"`
		Refused []book.Refusal `json:"refused"`
	}{dryRun, linesOut(o.Done), orEmpty(o.Refused)}
	err := a.show(document, func(p *page) {
		p.outcome(o)
		would := ""
		if dryRun {
			would = " would be"
		}
		p.line("%s%s %s%s", counted(int64(len(o.Done)), "line"), would, done, comingTo(o.Done))
		if n := len(o.Refused); n > 0 {
			p.line("%s refused", counted(int64(n), "line"))
		}
	})
	if named > 0 && len(o.Refused) > 0 {
		err = errors.Join(err, errs.New(errs.Conflict, "%d of %d lines were refused", len(o.Refused), named).
			WithHint("the reasons are above; what was not refused is done"))
	}
	return err
}

// outcome writes the lines that went a step, and those that did not, with the reasons.
func (p *page) outcome(o book.Outcome) {
	g := grid{heads: []string{"LINE", "STATUS", "#AMOUNT"}}
	for _, l := range linesOut(o.Done[:min(len(o.Done), mostShown)]) {
		var amounts []string
		for _, m := range l.Amounts {
			amounts = append(amounts, grouped(m.Amount)+" "+m.Currency)
		}
		g.add(l.Line, l.Status, strings.Join(amounts, ", "))
	}
	p.table(g)
	p.refused(o.Refused)
	if len(o.Done) > mostShown {
		p.line("the table stops at %d rows; --output json has them all", mostShown)
	}
}

// refused writes why lines did not go: each with what to do, or, of many, how many for which
// reason, with one for an example.
func (p *page) refused(refused []book.Refusal) {
	const fewRefused = 12
	if len(refused) <= fewRefused {
		g := grid{heads: []string{"REFUSED", "WHY", "HINT"}, wrap: []int{1, 2}}
		for _, r := range refused {
			g.add(r.Key, r.Reason, r.Hint)
		}
		p.table(g)
		return
	}
	var reasons []string
	lines, first := map[string]int64{}, map[string]string{}
	for _, r := range refused {
		if lines[r.Reason]++; lines[r.Reason] == 1 {
			reasons = append(reasons, r.Reason)
			first[r.Reason] = r.Key
		}
	}
	g := grid{heads: []string{"#REFUSED", "WHY", "THE FIRST OF THEM"}, wrap: []int{1, 2}}
	for _, reason := range reasons {
		g.add(thousands(lines[reason]), reason, first[reason])
	}
	p.table(g)
	p.line("`partnersync explain LINE` says what a line waits for; --output json names every line that was refused")
}

// comingTo sums what lines come to, by currency: ": 12.00 EUR, 30.00 USD", or nothing.
func comingTo(taken []book.Taken) string {
	sums := map[money.Currency]int64{}
	for _, t := range taken {
		for _, m := range t.Amounts {
			sums[m.Currency] += m.Minor
		}
	}
	var out []string
	for _, c := range slices.Sorted(maps.Keys(sums)) {
		out = append(out, grouped(c.FromMinor(sums[c]).StringFixed(c.Digits()))+" "+string(c))
	}
	if len(out) == 0 {
		return ""
	}
	return ": " + strings.Join(out, ", ")
}
