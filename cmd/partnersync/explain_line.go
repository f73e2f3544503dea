package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/record"
)

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
	// Salesforce is how the line stands there; none if it was never to reach it.
	Salesforce *explainedWrite `json:"salesforce,omitempty"`

	is commission.Explanation // the same as Explanation
}

// explainedPost is an entry of the book on the line.
type explainedPost struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Amount   string    `json:"amount"` // signed: negative where it moves back what such an entry moves
	Currency string    `json:"currency"`
	Debit    string    `json:"debit"`  // the account that it moves the amount from
	Credit   string    `json:"credit"` // and to
	AsOf     string    `json:"as_of"`
	Corrects string    `json:"corrects,omitempty"`
	PostedBy string    `json:"posted_by"`
	PostedAt time.Time `json:"posted_at"`
}

// explainedWrite is how a line stands in Salesforce.
type explainedWrite struct {
	// Key is that of the record that stands for the line's source, or "" where the line has
	// a record of its own.
	Key          string       `json:"key,omitempty"`
	State        outbox.State `json:"state"`
	SalesforceID string       `json:"salesforce_id,omitempty"`
	WrittenAt    *time.Time   `json:"written_at,omitempty"`
	LastError    string       `json:"last_error,omitempty"`
}

func (a *app) explainLine(c *cobra.Command, key string, asText bool) error {
	return a.withLedger(c, func(d *database) error {
		line, err := explanationOf(c.Context(), d, key, a.clock.Now())
		if err != nil {
			return err
		}
		return a.show(line, func(p *page) {
			if asText {
				p.isLetter = true
				p.write(line.is.Text())
				return
			}
			p.explanation(line)
		})
	})
}

// explanationOf reads a line, its explanation, its entries and how it stands in
// Salesforce.
func explanationOf(ctx context.Context, q sqlx.QueryerContext, key string, now time.Time) (explained, error) {
	lines, err := book.LinesByKey(ctx, q, []string{key})
	if err != nil {
		return explained{}, err
	}
	entries, err := book.EntriesOfLine(ctx, q, key)
	if err != nil {
		return explained{}, err
	}
	if len(lines) == 0 {
		return explained{}, unknownLine(key, len(entries))
	}
	out, err := explainedLines(ctx, q, lines, entries, now)
	if err != nil {
		return explained{}, err
	}
	return out[0], nil
}

// explainedLines puts lines together with their entries and with how they stand in
// Salesforce, in the order of payee, regime, period and slice.
func explainedLines(ctx context.Context, q sqlx.QueryerContext, lines []book.Line, entries []book.Entry, now time.Time) ([]explained, error) {
	keys, posted := make([]string, len(lines)), map[string][]book.Entry{}
	for i, l := range lines {
		keys[i] = l.Key
	}
	sources := make([]string, len(lines))
	for i, l := range lines {
		sources[i] = record.SourceKey(l.Key, string(l.Currency))
	}
	for _, e := range entries {
		posted[e.LineKey] = append(posted[e.LineKey], e)
	}
	written, err := outbox.Find(ctx, q, outbox.Commission, append(keys, sources...))
	if err != nil {
		return nil, err
	}
	lines = slices.SortedFunc(slices.Values(lines), func(a, b book.Line) int {
		return cmp.Or(cmp.Compare(a.PayeeID, b.PayeeID), cmp.Compare(a.Regime, b.Regime),
			cmp.Compare(a.Period.String(), b.Period.String()), cmp.Compare(a.Slice, b.Slice))
	})
	out := make([]explained, len(lines))
	for i, l := range lines {
		if out[i], err = explainedLine(l, posted[l.Key]); err != nil {
			return nil, err
		}
		w, marked := written[l.Key]
		if marked {
			out[i].Salesforce = &explainedWrite{"", w.State(now), w.SalesforceID, w.ConfirmedAt, w.LastError}
		}
		// Where Salesforce holds a record for each source, push marks it after the line.
		if s, there := written[sources[i]]; there && (!marked || s.MarkedAt.After(w.MarkedAt)) {
			out[i].Salesforce = &explainedWrite{sources[i], s.State(now), s.SalesforceID, s.ConfirmedAt, s.LastError}
		}
	}
	return out, nil
}

// explainedLine puts a line and its entries together.
func explainedLine(l book.Line, entries []book.Entry) (explained, error) {
	out := explained{
		Key: l.Key, PayeeID: l.PayeeID, Regime: l.Regime, SourceID: l.SourceID, Slice: l.Slice, Period: l.Period.String(),
		Currency: string(l.Currency), Base: l.Base.String(), Rate: l.Rate.String(),
		Amount: l.Amount().StringFixed(l.Currency.Digits()), Status: l.Status, Reason: l.Reason,
		AccountID: l.AccountID, SpaceID: l.SpaceID, Plan: l.Plan,
		Explanation: l.Explanation, ComputedAt: l.ComputedAt.UTC(), Entries: []explainedPost{},
	}
	if err := json.Unmarshal(l.Explanation, &out.is); err != nil {
		return explained{}, fmt.Errorf("read the explanation of %s: %w", l.Key, err)
	}
	for _, n := range entries {
		c := money.Currency(n.Currency)
		out.Entries = append(out.Entries, explainedPost{
			ID: n.ID(), Kind: n.Kind, Amount: c.FromMinor(movedBy(n)).StringFixed(c.Digits()), Currency: n.Currency,
			Debit: n.Debit, Credit: n.Credit, AsOf: n.AsOf.Format(time.DateOnly), Corrects: n.Corrects, PostedBy: n.PostedBy, PostedAt: n.PostedAt.UTC(),
		})
	}
	return out, nil
}

// movedBy is what an entry moves the way that its kind goes, in minor units (R8.2).
func movedBy(e book.Entry) int64 {
	switch e.Kind {
	case book.KindApprove:
		return e.In(book.AccountPayable)
	case book.KindExport:
		return e.In(book.AccountInPayment)
	case book.KindPay:
		return e.In(book.AccountSettled)
	}
	return e.Signed()
}

func unknownLine(key string, entries int) error {
	if entries > 0 {
		return errs.New(errs.NotFound, "the line %s is no longer expected; the book has %s that took it back to nothing", key, entryCount(entries)).
			WithHint("the source's other lines say who earns from it now: `partnersync explain --opportunity %s`", strings.Split(key, "/")[2])
	}
	return errs.New(errs.NotFound, "there is no line %s", key).WithHint("%s", hintForLine(key))
}

// hintForLine says what may have been meant by a text that is no line's key.
func hintForLine(key string) string {
	line, _, isEntry := strings.Cut(key, "#")
	id, err := sfid.Parse(key)
	parts := strings.Split(key, "/")
	switch {
	case isEntry && strings.Count(line, "/") == 4:
		return fmt.Sprintf("that is an entry of the line %s: `partnersync explain %s` lists its entries", line, line)
	case err == nil && strings.HasPrefix(id, "006"):
		return "that is an opportunity's id: `partnersync explain --opportunity " + id + "`"
	case strings.HasPrefix(strings.ToUpper(key), "REG-"):
		return "that is a registration's id: `partnersync registrations show " + strings.ToUpper(key) + "`"
	case len(parts) == 5:
		if _, err := sfid.Parse(parts[2]); err == nil {
			return "keys are case-sensitive; `partnersync explain --opportunity " + parts[2] + "` lists the lines that there are"
		}
		return "keys are case-sensitive; a line appears once its source was pulled, reconciled and accrued (`partnersync status` says when that last ran)"
	}
	return "keys look like FG3877/space/0065g00000XyZAbAAN/referral/2026-10 and are case-sensitive; Salesforce shows them as Commission_Key__c"
}

// explanation writes a line for a person: the sentence first, then what it rests on.
func (p *page) explanation(l explained) {
	e := l.is
	p.line("%s", p.app.paint(p.w, bold, l.Key))
	p.sentence("%s", e.Sentence)
	p.write("\n")
	state := l.Status
	if l.Reason != "" {
		state += ": " + l.Reason
	}
	p.pairs([][2]string{
		{"amount", grouped(l.Amount) + " " + l.Currency}, {"status", state}, {"plan", l.Plan}, {"rules", strings.Join(e.Rules, ", ")},
	}...)
	p.facts(e)
	if len(e.Arithmetic) > 0 {
		p.title("Arithmetic")
		for _, step := range e.Arithmetic {
			p.line("  %s", step)
		}
	}
	p.title("In the book")
	g := grid{heads: []string{"ENTRY", "KIND", "#AMOUNT", "CURRENCY", "AS OF", "BY", "POSTED"}}
	for _, n := range l.Entries {
		g.add(n.ID, n.Kind, grouped(n.Amount), n.Currency, n.AsOf, n.PostedBy, instant(n.PostedAt))
	}
	p.table(g)
	if len(l.Entries) == 0 {
		p.line("  nothing is posted")
	}
	p.title("In Salesforce")
	p.sentence("  %s", l.Salesforce.words())
}

// words says how a line stands in Salesforce.
func (w *explainedWrite) words() string {
	if w == nil {
		return "it was never to reach Salesforce"
	}
	out := "not written yet"
	if w.WrittenAt != nil {
		out = "written at " + instant(*w.WrittenAt)
		if w.SalesforceID != "" {
			out += " as " + w.SalesforceID
		}
		if w.Key != "" {
			out += ", in the sum of its source, " + w.Key
		}
		if w.State != outbox.Settled {
			out += ", and changed since"
		}
	}
	switch w.State {
	case outbox.Settled:
		return out
	case outbox.Unsent:
		return out + "; the next push writes it"
	case outbox.InFlight:
		return out + "; it is on its way"
	case outbox.Waiting:
		out += "; put off for a while"
	case outbox.Quarantined:
		out += "; Salesforce refused it"
	}
	if w.LastError == "" {
		return out
	}
	return out + ": " + w.LastError
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
