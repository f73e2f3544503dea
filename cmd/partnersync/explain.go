package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain KEY", GroupID: groupLook, Args: exactlyOne("KEY", "the key of a commission line"),
		Short: "Say of one commission line why it is what it is",
		Long: `Say of one commission line why it is what it is: the facts with their Salesforce
ids, the days that were held, the rule, the arithmetic; and beside it the entries
that the book has for it. KEY is the line's key, as Salesforce shows it in
Commission_Key__c: PAYEE_ID/regime/source id/slice/period.`,
		Example: "  partnersync explain FG3877/space/0065g00000XyZAbAAN/referral/2026-10",
		RunE:    func(c *cobra.Command, args []string) error { return a.explain(c, strings.TrimSpace(args[0])) },
	}
}

// explained is a line with what the book has for it, as --output json gives it.
type explained struct {
	Key         string          `json:"key"`
	PayeeID     string          `json:"payee_id"`
	Regime      string          `json:"regime"`
	SourceID    string          `json:"source_id"`
	Slice       string          `json:"slice"`
	Period      string          `json:"period"`
	Currency    string          `json:"currency"`
	Base        string          `json:"base"`
	Rate        string          `json:"rate"`
	Amount      string          `json:"amount"`
	Status      string          `json:"status"`
	Reason      string          `json:"reason,omitempty"`
	AccountID   string          `json:"account_id,omitempty"`
	SpaceID     string          `json:"space_id,omitempty"`
	Plan        string          `json:"plan,omitempty"`
	Explanation json.RawMessage `json:"explanation"`
	ComputedAt  time.Time       `json:"computed_at"`
	Entries     []explainedPost `json:"entries"`
}

// explainedPost is an entry of the book on the line.
type explainedPost struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Amount   string    `json:"amount"` // signed: what it adds to what is owed
	AsOf     string    `json:"as_of"`
	Corrects string    `json:"corrects,omitempty"`
	PostedBy string    `json:"posted_by"`
	PostedAt time.Time `json:"posted_at"`
}

func (a *app) explain(c *cobra.Command, key string) error {
	return a.withLedger(c, func(d *database) error {
		line, e, err := explanationOf(c.Context(), d, key)
		if err != nil {
			return err
		}
		return a.show(line, func(p *page) { p.explanation(line, e) })
	})
}

// explanationOf reads a line, its explanation and its entries.
func explanationOf(ctx context.Context, q sqlx.QueryerContext, key string) (explained, commission.Explanation, error) {
	var e commission.Explanation
	lines, err := book.LinesByKey(ctx, q, []string{key})
	if err != nil {
		return explained{}, e, err
	}
	entries, err := book.EntriesOfLine(ctx, q, key)
	if err != nil {
		return explained{}, e, err
	}
	if len(lines) == 0 {
		return explained{}, e, unknownLine(key, len(entries))
	}
	l := lines[0]
	if err := json.Unmarshal(l.Explanation, &e); err != nil {
		return explained{}, e, fmt.Errorf("read the explanation of %s: %w", key, err)
	}
	out := explained{
		Key: l.Key, PayeeID: l.PayeeID, Regime: l.Regime, SourceID: l.SourceID, Slice: l.Slice, Period: l.Period.String(),
		Currency: string(l.Currency), Base: l.Base.String(), Rate: l.Rate.String(),
		Amount: l.Amount().StringFixed(l.Currency.Digits()), Status: l.Status, Reason: l.Reason,
		AccountID: l.AccountID, SpaceID: l.SpaceID, Plan: l.Plan,
		Explanation: l.Explanation, ComputedAt: l.ComputedAt.UTC(), Entries: []explainedPost{},
	}
	for _, n := range entries {
		out.Entries = append(out.Entries, explainedPost{
			ID: n.ID(), Kind: n.Kind, Amount: l.Currency.FromMinor(n.Signed()).StringFixed(l.Currency.Digits()),
			AsOf: n.AsOf.Format("2006-01-02"), Corrects: n.Corrects, PostedBy: n.PostedBy, PostedAt: n.PostedAt.UTC(),
		})
	}
	return out, e, nil
}

func unknownLine(key string, entries int) error {
	if entries > 0 {
		return errs.New(errs.NotFound, "the line %s is no longer expected; the book has %s that took it back to nothing", key, entryCount(entries)).
			WithHint("the source's other lines say who earns from it now")
	}
	hint := "keys look like FG3877/space/0065g00000XyZAbAAN/referral/2026-10 and are case-sensitive; Salesforce shows them as Commission_Key__c"
	if strings.Count(key, "/") == 4 {
		hint = "keys are case-sensitive; a line appears once its source was pulled, reconciled and accrued (`partnersync status` says when that last ran)"
	}
	return errs.New(errs.NotFound, "there is no line %s", key).WithHint("%s", hint)
}

// explanation writes a line for a person: the sentence first, then what it rests on.
func (p *page) explanation(l explained, e commission.Explanation) {
	p.line("%s", p.app.paint(p.w, bold, l.Key))
	p.sentence("%s", e.Sentence)
	p.write("\n")
	state := l.Status
	if l.Reason != "" {
		state += ": " + l.Reason
	}
	p.pairs([][2]string{
		{"amount", l.Amount + " " + l.Currency}, {"status", state}, {"plan", l.Plan}, {"rules", strings.Join(e.Rules, ", ")},
	}...)
	p.facts(e)
	if len(e.Arithmetic) > 0 {
		p.title("Arithmetic")
		for _, step := range e.Arithmetic {
			p.line("  %s", step)
		}
	}
	p.title("In the book")
	g := grid{heads: []string{"ENTRY", "#AMOUNT", "AS OF", "BY", "POSTED"}}
	for _, n := range l.Entries {
		g.add(n.ID, n.Amount, n.AsOf, n.PostedBy, instant(n.PostedAt))
	}
	p.table(g)
	if len(l.Entries) == 0 {
		p.line("  nothing is posted")
	}
}

// facts writes the facts and the days held.
func (p *page) facts(e commission.Explanation) {
	p.title("Facts")
	g := grid{heads: []string{"FACT", "VALUE", "SALESFORCE ID", "SINCE", "BECAUSE"}, wrap: []int{0, 1, 4}}
	for _, f := range e.Facts {
		g.add(f.Name, f.Value, f.ID, f.At, f.From)
	}
	p.table(g)
	if len(e.Held) == 0 {
		return
	}
	p.title("Days held")
	held := grid{heads: []string{"SPACE", "FIRST", "LAST", "#DAYS", "BECAUSE"}, wrap: []int{4}}
	for _, h := range e.Held {
		held.add(h.SpaceID, h.First, h.Last, thousands(int64(h.Days)), h.From)
	}
	p.table(held)
}

func entryCount(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return thousands(int64(n)) + " entries"
}
