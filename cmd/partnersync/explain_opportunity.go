package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/deal"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// explainedOpportunity is an opportunity with all that it pays and all who claimed
// it, as --output json gives it.
type explainedOpportunity struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	AccountID    string `json:"account_id,omitempty"`
	CustomerID   string `json:"customer_id,omitempty"`
	Customer     string `json:"customer,omitempty"`
	Amount       string `json:"amount,omitempty"`
	Currency     string `json:"currency"`
	CloseDate    string `json:"close_date"`
	ServiceStart string `json:"service_start,omitempty"`
	ServiceEnd   string `json:"service_end,omitempty"`
	Type         string `json:"type,omitempty"`
	NetNew       string `json:"stated_net_new,omitempty"`
	Stage        string `json:"stage,omitempty"`
	CreatedAt    string `json:"created_at"`
	// IsRevenue: Closed-Won, not deleted and readable. Standing says it in words.
	IsRevenue bool   `json:"is_revenue"`
	Standing  string `json:"standing"`
	// AsOf is the last day that is over, as of which the states of claims are meant;
	// PostedThrough the last day of which lines were worked out.
	AsOf          string `json:"as_of"`
	PostedThrough string `json:"posted_through,omitempty"`
	// Due: something has changed since its lines were worked out.
	Due           bool                 `json:"due"`
	Spaces        []explainedPlace     `json:"spaces"`
	Totals        []explainedTotal     `json:"totals"`
	Lines         []explained          `json:"lines"`
	Claims        []explainedClaim     `json:"claims"`
	Program       *explainedProgram    `json:"program_claim,omitempty"`
	Holders       []explainedHolder    `json:"holders"`
	Discrepancies []ledger.Discrepancy `json:"discrepancies"`
}

// explainedPlace is a Space by which an opportunity earns.
type explainedPlace struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	How  string `json:"how"`
}

// explainedTotal is what the lines of a payee come to in a currency, by how far they
// have come (R8.5).
type explainedTotal struct {
	PayeeID  string `json:"payee_id"`
	Partner  string `json:"partner,omitempty"`
	Currency string `json:"currency"`
	Accrued  string `json:"accrued"`  // and not approved yet
	Approved string `json:"approved"` // on a bill or not, and not paid yet
	Paid     string `json:"paid"`
	OnHold   string `json:"on_hold"`
	Posted   string `json:"posted"`
}

// explainedProgram is a program's conversion that is bound to an opportunity (R4.1).
type explainedProgram struct {
	ConversionID string `json:"conversion_id"`
	Program      string `json:"program"`
	PayeeID      string `json:"payee_id"`
	Stands       bool   `json:"stands"`
}

func (a *app) explainOpportunity(c *cobra.Command, f explainFlags) error {
	id, err := sfid.Parse(f.opportunity)
	if err != nil {
		return errs.New(errs.Invalid, "--opportunity %w", err).WithHint("give the opportunity's Salesforce id, of 15 or 18 characters, as its address in Salesforce shows it")
	}
	return a.withLedger(c, func(d *database) error {
		var out explainedOpportunity
		err := pg.InSnapshot(c.Context(), d.DB, func(ctx context.Context, tx *sqlx.Tx) error {
			terms, err := a.dealTerms(ctx, d, tx)
			if err != nil {
				return err
			}
			out, err = opportunityOf(ctx, tx, id, terms, a.clock.Now())
			return err
		})
		if err != nil {
			return err
		}
		return a.show(out, func(p *page) {
			if p.isLetter = f.text; f.text {
				p.opportunityText(out)
				return
			}
			p.opportunity(out)
		})
	})
}

// opportunityOf reads everything that there is to say of an opportunity.
func opportunityOf(ctx context.Context, q sqlx.QueryerContext, id string, t deal.Terms, now time.Time) (out explainedOpportunity, err error) {
	r, err := revenue.ReadRecord(ctx, q, id)
	if err != nil {
		return out, err
	}
	reached, err := book.ReadReached(ctx, q)
	if err != nil {
		return out, err
	}
	// As accrue reads it, with all that claims it.
	sources, err := revenue.Sources(ctx, q, []string{id}, t.Zone)
	if err != nil {
		return out, err
	}
	if err := deal.AddClaims(ctx, q, sources, t); err != nil {
		return out, err
	}
	out = recordOf(r, t.AsOf, reached.Posted)
	if out.Due, err = book.IsDue(ctx, q, id); err != nil {
		return out, err
	}
	if out.Discrepancies, err = ledger.Discrepancies(ctx, q, ledger.DiscrepancyFilter{Subject: id}); err != nil {
		return out, err
	}
	out.Discrepancies = orEmpty(out.Discrepancies)
	lines, err := book.LinesOfSource(ctx, q, id)
	if err != nil {
		return out, err
	}
	entries, err := book.EntriesOfSource(ctx, q, id)
	if err != nil {
		return out, err
	}
	s := sources[0]
	names, err := payeeNames(ctx, q, s, lines)
	if err != nil {
		return out, err
	}
	if out.Lines, err = explainedLines(ctx, q, lines, entries, now); err != nil {
		return out, err
	}
	out.Totals = totalsOf(lines, entries, names)
	out.Spaces, out.Claims, out.Holders = placesOf(s), claimsOf(s, names), holdersOf(r, s, names)
	if s.Program != nil {
		out.Program = &explainedProgram{s.Program.ConversionID, s.Program.Program, s.Program.PayeeID, s.Program.Stands}
	}
	return out, nil
}

func recordOf(r revenue.Record, asOf, posted clock.Date) explainedOpportunity {
	out := explainedOpportunity{
		ID: r.ID, Name: r.Name, AccountID: r.AccountID, CustomerID: r.CustomerID, Customer: r.Customer, Currency: string(r.Currency),
		CloseDate: r.CloseDate.String(), ServiceStart: r.ServiceStart.String(), ServiceEnd: r.ServiceEnd.String(), Type: r.Type,
		Stage: r.Stage, CreatedAt: rfc3339(r.CreatedAt), AsOf: asOf.String(), PostedThrough: posted.String(), Standing: standingOf(r, posted),
		IsRevenue: r.IsWon && !r.IsDeleted && !r.IsUnreadable && !r.IsVanished,
	}
	out.Amount, out.NetNew = amountIn(r.Currency, r.Amount), amountIn(r.Currency, r.NetNewAmount)
	return out
}

// amountIn writes an amount with the decimals of its currency, or more if it has
// more; "" for none.
func amountIn(c money.Currency, amount *decimal.Decimal) string {
	if amount == nil {
		return ""
	}
	return amount.StringFixed(max(c.Digits(), -amount.Exponent()))
}

// standingOf says whether an opportunity is revenue, and why not, where lines are
// worked out through a day.
func standingOf(r revenue.Record, through clock.Date) string {
	switch {
	case r.IsDeleted:
		return "It was deleted in Salesforce and earns nothing any more (R9.1)."
	case r.IsVanished:
		return "It is gone from Salesforce and nobody saw it deleted, so what it earned stays as it is until somebody says what became of it (R9.1)."
	case r.IsUnreadable:
		return "Its latest version could not be read, so what it earns is on hold and what is here is old (R3.1)."
	case r.IsClosed && !r.IsWon:
		return "It is closed and not won, so it earns nothing (R3.1)."
	case !r.IsWon:
		return "It is not closed; it earns nothing before it is won (R3.1)."
	case through.IsZero():
		return "It is won, and nothing has been accrued yet (R3.1)."
	case r.CloseDate.After(through):
		return "It is won, and earns from its CloseDate on, which is after " + through.String() + ", the last day worked out (R3.1)."
	}
	return "It is won (R3.1)."
}

// payeeNames gives the names of whoever is paid for the Partner IDs that claims,
// holders and lines name; an ID that was issued to nobody is not among them.
func payeeNames(ctx context.Context, q sqlx.QueryerContext, s commission.Source, lines []book.Line) (map[string]string, error) {
	ids := map[string]bool{}
	for _, c := range s.Claims {
		ids[c.PartnerID] = true
	}
	for _, h := range s.Holders {
		ids[h.PartnerID] = true
	}
	for _, l := range lines {
		ids[l.PayeeID] = true
	}
	return namesOf(ctx, q, slices.Collect(maps.Keys(ids)))
}

// namesOf gives the names of whoever is paid for Partner IDs.
func namesOf(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]string, error) {
	partners, err := ledger.PartnersByID(ctx, q, orEmpty(ids))
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(partners))
	for _, p := range partners {
		out[p.ID] = p.SurvivorName
	}
	return out, nil
}

// totalsOf sums lines and entries by payee and currency.
func totalsOf(lines []book.Line, entries []book.Entry, names map[string]string) []explainedTotal {
	type key struct{ payee, currency string }
	type sums struct{ accrued, approved, paid, onHold, posted int64 }
	all := map[key]*sums{}
	at := func(payee, currency string) *sums {
		k := key{payee, currency}
		if all[k] == nil {
			all[k] = &sums{}
		}
		return all[k]
	}
	for _, l := range lines {
		s := at(l.PayeeID, string(l.Currency))
		switch l.Status {
		case string(commission.OnHold):
			s.onHold += l.AmountMinor
		case string(commission.Accrued), string(commission.Zero):
			s.accrued += l.AmountMinor
		case book.StatusApproved, book.StatusExported:
			s.approved += l.AmountMinor
		case book.StatusPaid:
			s.paid += l.AmountMinor
		}
	}
	for _, e := range entries {
		at(e.PayeeID, e.Currency).posted += e.Signed()
	}
	out := make([]explainedTotal, 0, len(all))
	for k, s := range all {
		c := money.Currency(k.currency)
		text := func(minor int64) string { return c.FromMinor(minor).StringFixed(c.Digits()) }
		out = append(out, explainedTotal{
			PayeeID: k.payee, Partner: names[k.payee], Currency: k.currency, Accrued: text(s.accrued), Approved: text(s.approved),
			Paid: text(s.paid), OnHold: text(s.onHold), Posted: text(s.posted),
		})
	}
	slices.SortFunc(out, func(a, b explainedTotal) int {
		return cmp.Or(cmp.Compare(a.PayeeID, b.PayeeID), cmp.Compare(a.Currency, b.Currency))
	})
	return out
}

func placesOf(s commission.Source) []explainedPlace {
	out := make([]explainedPlace, len(s.Spaces))
	for i, p := range s.Spaces {
		out[i] = explainedPlace(p)
	}
	return out
}
