package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/ledger/deal"
)

func (a *app) registrationsConflicts() *cobra.Command {
	return &cobra.Command{
		Use: "conflicts", Args: cobra.NoArgs,
		Short: "Show the registrations that wait for a decision, beside those that they are in conflict with",
		Long: `Show every registration that was submitted for a customer within another partner's
exclusivity, side by side with the registrations that came before it. Approve it
with shares that come to 100 %, or reject it.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.showConflicts(c) },
	}
}

// conflictDocument is a conflict as --output json gives it.
type conflictDocument struct {
	Claim  registrationDocument   `json:"claim"`
	Rivals []registrationDocument `json:"rivals"`
}

func (a *app) showConflicts(c *cobra.Command) error {
	return a.aboutDeals(c, func(d *database, terms deal.Terms) error {
		queue, err := deal.Queue(c.Context(), d, terms)
		if err != nil {
			return err
		}
		documents := make([]conflictDocument, len(queue))
		var ids []string
		for i, q := range queue {
			documents[i] = conflictDocument{Claim: registrationDocumentOf(q.Claim), Rivals: []registrationDocument{}}
			ids = append(ids, q.Claim.PartnerID)
			for _, r := range q.Rivals {
				documents[i].Rivals = append(documents[i].Rivals, registrationDocumentOf(r))
				ids = append(ids, r.PartnerID)
			}
		}
		name, err := namesOfPartners(c.Context(), d, ids...)
		if err != nil {
			return err
		}
		return a.show(map[string]any{"conflicts": documents}, func(p *page) {
			for _, q := range queue {
				p.conflict(q, name, terms)
			}
			if len(queue) == 0 {
				p.line("no registration is in conflict")
			}
		})
	})
}

// conflict writes a conflict for a person: what both say side by side, in the order in
// which they came, and how to end it.
func (p *page) conflict(q deal.Conflict, name func(string) string, t deal.Terms) {
	p.title(fmt.Sprintf("%s for %s", q.Claim.ID, customerOf(q.Claim)))
	p.table(compare(append(slices.Clone(q.Rivals), q.Claim), name, t, widthOf(p.w)))
	if q.Claim.Origin == deal.OriginSalesforce {
		p.sentence("Salesforce owns %s: it is decided there.", q.Claim.ID)
		return
	}
	shares := " --share " + q.Claim.ID + "=PERCENT%"
	for _, r := range q.Rivals {
		shares = " --share " + r.ID + "=PERCENT%" + shares
	}
	p.line("  partnersync registrations approve %s%s", q.Claim.ID, shares)
	p.line("  partnersync registrations reject %s --reason TEXT", q.Claim.ID)
}

// compare gives registrations for a line of so many characters: side by side, a column
// for each and a row for each thing that any of them says; or, where that does not
// fit, one after the other.
func compare(vs []deal.View, name func(string) string, t deal.Terms, width int) grid {
	g, after := grid{heads: []string{"REGISTRATION"}}, grid{heads: []string{"REGISTRATION"}}
	facts := make([][][2]string, len(vs))
	for i, v := range vs {
		g.heads = append(g.heads, v.ID)
		g.wrap = append(g.wrap, i+1)
		after.add(v.ID)
		facts[i] = append([][2]string{{"state", stateOf(v)}}, registrationFacts(v, name(v.PartnerID), t)...)
	}
	for n := range facts[0] {
		row, says := []string{facts[0][n][0]}, false
		for i := range vs {
			row = append(row, facts[i][n][1])
			says = says || facts[i][n][1] != ""
		}
		if !says {
			continue
		}
		g.add(row...)
		after.heads = append(after.heads, row[0])
		for i := range vs {
			after.rows[i] = append(after.rows[i], row[i+1])
		}
	}
	if _, fits := g.fit(width); fits {
		return g
	}
	return after
}
