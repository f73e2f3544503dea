package main

import (
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/ledger"
)

func (a *app) discrepanciesCommand() *cobra.Command {
	var filter ledger.DiscrepancyFilter
	c := &cobra.Command{
		Use: "discrepancies", GroupID: groupLook, Args: cobra.NoArgs,
		Short: "List what asks a person to look, holds first",
		Long: `List the discrepancies: what asks a person to look, each with its subject, the
rule and a sentence. A hold also stops the money. Those that are open are listed,
or with --resolved those that are settled; a discrepancy resolves by itself when
the facts no longer show it.`,
		Example: "  partnersync discrepancies\n  partnersync discrepancies --kind unknown_partner_id --output json",
		RunE:    func(c *cobra.Command, _ []string) error { return a.discrepancies(c, filter) },
	}
	c.AddCommand(a.discrepanciesConfirm())
	c.Flags().StringVar(&filter.Kind, "kind", "", "only of this kind, such as unknown_partner_id")
	c.Flags().StringVar(&filter.Subject, "subject", "", "only of this Salesforce id, e-mail key or Partner ID")
	c.Flags().BoolVar(&filter.Resolved, "resolved", false, "those that are resolved instead of those that are open")
	c.Flags().IntVar(&filter.Limit, "limit", 1000, "at most so many")
	return c
}

// narrowed says whether a filter leaves any out.
func narrowed(f ledger.DiscrepancyFilter) bool { return f.Kind != "" || f.Subject != "" }

func (a *app) discrepancies(c *cobra.Command, filter ledger.DiscrepancyFilter) error {
	if err := atLeastOne(filter.Limit); err != nil {
		return err
	}
	if err := isKind(filter.Kind); err != nil {
		return err
	}
	return a.withLedger(c, func(d *database) error {
		found, err := ledger.Discrepancies(c.Context(), d, filter)
		if err != nil {
			return err
		}
		counts, err := ledger.CountDiscrepancies(c.Context(), d)
		if err != nil {
			return err
		}
		document := struct {
			Open          []ledger.DiscrepancyCount `json:"open"`
			Discrepancies []ledger.Discrepancy      `json:"discrepancies"`
		}{orEmpty(counts), orEmpty(found)}
		return a.show(document, func(p *page) {
			g := grid{heads: []string{"KIND", "HOLD", "SUBJECT", "OBJECT", "RULE", "OPENED", "DETAIL"}, wrap: []int{6}}
			for _, f := range found {
				g.add(f.Kind, holdMark(f.IsHold), f.Subject, f.Object, f.Rule, f.OpenedAt.UTC().Format("2006-01-02"), f.Detail)
			}
			p.table(g)
			p.sentence("%s", discrepancySummary(counts, filter, len(found)))
		})
	})
}

func holdMark(hold bool) string {
	if hold {
		return "hold"
	}
	return ""
}

// discrepancySummary says how many are open, and whether the list shows them all.
func discrepancySummary(counts []ledger.DiscrepancyCount, filter ledger.DiscrepancyFilter, shown int) string {
	var open, holds int64
	for _, c := range counts {
		open += c.Open
		if c.IsHold {
			holds += c.Open
		}
	}
	s := counted(open, "open discrepancy")
	if open != 1 {
		s = thousands(open) + " open discrepancies"
	}
	if open > 0 {
		s += ", " + thousands(holds) + " of them of a kind that holds money"
	}
	if shown == 0 && narrowed(filter) {
		s = "none is as asked for; there are " + s
	}
	if shown == filter.Limit {
		s += "; the list stops at --limit " + thousands(int64(filter.Limit))
	}
	return s
}

// orEmpty makes JSON write [] where there is nothing, instead of null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
