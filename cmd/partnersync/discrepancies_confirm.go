package main

import (
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/sync/recount"
)

func (a *app) discrepanciesConfirm() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "confirm ID", Args: needsOneID,
		Short: "Say that a record which vanished from Salesforce is gone for good",
		Long: `Say that a record which vanished from Salesforce is gone for good (R9.1). The next
reconcile takes that like a deletion that was seen: what the record earned is taken
back. Who said so, when and why is kept. If Salesforce shows the record again after
all, the next recount takes it up.`,
		Example: `  partnersync discrepancies --kind vanished_in_salesforce
  partnersync discrepancies confirm 006Hs00000AbCdEIAV --reason "a duplicate, cleaned up by Ana"`,
		RunE: func(c *cobra.Command, ids []string) error { return a.confirmVanished(c, ids[0], reason) },
	}
	c.Flags().StringVar(&reason, "reason", "", "why; it is kept")
	return c
}

// needsOneID wants the id of one record.
func needsOneID(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errs.New(errs.Invalid, "name one record by its Salesforce id").
			WithHint("`partnersync discrepancies --kind vanished_in_salesforce` lists what has vanished")
	}
	return nil
}

func (a *app) confirmVanished(c *cobra.Command, id, reason string) error {
	whole, err := sfid.Parse(id)
	if err != nil {
		return errs.New(errs.Invalid, "%w", err).WithHint("`partnersync discrepancies --kind vanished_in_salesforce` shows the ids in the column SUBJECT")
	}
	return a.withLedger(c, func(d *database) error {
		v, err := recount.Confirm(c.Context(), d.DB, whole, a.actor, reason, a.clock.Now())
		if err != nil {
			return err
		}
		return a.show(v, func(p *page) {
			p.line("%s %s is gone for good, says %s: %s", v.Object, v.RecordID, v.ConfirmedBy, v.Reason)
			p.sentence("The next reconcile takes that like a deletion that was seen, and accrue takes back what it earned.")
		})
	})
}
