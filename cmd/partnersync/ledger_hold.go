package main

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/ledger/book"
)

func (a *app) ledgerHold() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "hold KEY...", Args: needsKeys,
		Short: "Put lines on hold for a reason, until somebody releases them",
		Long: `Put lines on hold that are not approved yet. What is posted on them stays posted;
nothing more is, and nobody can approve them until they are released.`,
		Example: `  partnersync ledger hold FG3877/space/006000000000001AAA/referral/2026-10 --reason "customer disputes it"`,
		RunE: func(c *cobra.Command, keys []string) error {
			return a.stepLines(c, keys, "held", func(ctx context.Context, tx *sqlx.Tx, by book.Context) (book.Outcome, error) {
				return book.Hold(ctx, tx, keys, reason, by)
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why (needed)")
	return c
}

func (a *app) ledgerRelease() *cobra.Command {
	return &cobra.Command{
		Use: "release KEY...", Args: needsKeys,
		Short:   "End the hold that a person has put on lines",
		Long:    "End the hold that a person has put on lines. The next accrue works them out anew.",
		Example: "  partnersync ledger release FG3877/space/006000000000001AAA/referral/2026-10",
		RunE: func(c *cobra.Command, keys []string) error {
			return a.stepLines(c, keys, "released", func(ctx context.Context, tx *sqlx.Tx, by book.Context) (book.Outcome, error) {
				return book.Release(ctx, tx, keys, by)
			})
		},
	}
}
