package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/bill"
	"github.com/partnersync/partnersync/ledger/book"
)

// paidOptions is what the command was told.
type paidOptions struct {
	on, reference, outcome, file string
}

func (a *app) ledgerPaid() *cobra.Command {
	var o paidOptions
	c := &cobra.Command{
		Use: "paid [BILL]", Args: cobra.MaximumNArgs(1),
		Short: "Confirm what became of bills: paid, failed or returned",
		Long: `Confirm that a bill was paid, that its payment failed, or that it came back. Of a payment
that failed or came back the lines are approved again, and the next export bills them
anew. Confirming the same again changes nothing.

A file confirms many. It is CSV with a heading: bill, paid_on, amount, currency and, if
wanted, reference and outcome. All rows are checked before anything is done.`,
		Example: "  partnersync ledger paid 2026-10-FG3877-USD --on 2026-11-28 --reference TRX-4711\n" +
			"  partnersync ledger paid -f payments.csv",
		RunE: func(c *cobra.Command, args []string) error {
			all, err := a.readPaid(args, o)
			if err != nil {
				return err
			}
			return a.withLedger(c, func(d *database) error { return a.confirmPaid(c, d, all) })
		},
	}
	c.Flags().StringVar(&o.on, "on", "", "the day on which it was, such as 2026-11-28")
	c.Flags().StringVar(&o.reference, "reference", "", "the bank's reference, or why it failed or came back")
	c.Flags().StringVar(&o.outcome, "outcome", bill.Paid, "paid, failed or returned")
	c.Flags().StringVarP(&o.file, "file", "f", "", "a CSV file with many; - is standard input")
	return c
}

// readPaid gives what is confirmed, by a bill's number or by a file.
func (a *app) readPaid(args []string, o paidOptions) (_ []bill.Confirmation, err error) {
	switch {
	case o.file != "" && (len(args) > 0 || o.on != "" || o.reference != "" || o.outcome != bill.Paid):
		return nil, errs.New(errs.Invalid, "a file says everything itself").WithHint("name a bill with --on, or a file with -f")
	case o.file != "":
		return a.readPaidFile(o.file)
	case len(args) == 0:
		return nil, errs.New(errs.Invalid, "it is not said which bill").WithHint("name it, or a file with -f")
	case o.on == "":
		return nil, errs.New(errs.Invalid, "it is not said on which day").WithHint("say --on 2026-11-28")
	}
	on, err := clock.ParseDate(o.on)
	if err != nil {
		return nil, errs.New(errs.Invalid, "--on %q is not a date like 2026-11-28", o.on)
	}
	return []bill.Confirmation{{Bill: billNumber(args[0]), Outcome: o.outcome, On: on, Reference: o.reference}}, nil
}

func (a *app) readPaidFile(path string) (_ []bill.Confirmation, err error) {
	var r io.Reader = a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, errs.New(errs.Invalid, "%w", err).WithHint("-f wants the path of a CSV file, or - for standard input")
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		r = f
	}
	return bill.ReadConfirmations(r)
}

func (a *app) confirmPaid(c *cobra.Command, d *database, all []bill.Confirmation) error {
	var done bill.Confirmed
	err := a.inBook(c, d, false, func(ctx context.Context, tx *sqlx.Tx, by book.Context) (_ []book.Taken, err error) {
		done, err = bill.Confirm(ctx, tx, all, by)
		return done.Taken, err
	})
	if err != nil {
		return err
	}
	bills := billOuts(done.Bills)
	return a.show(map[string]any{"bills": bills, "known_already": done.Same}, func(p *page) {
		p.bills(bills)
		p.line("%s confirmed", counted(int64(len(bills)), "bill"))
		if done.Same > 0 {
			p.line("%s known already, and changed nothing", counted(int64(done.Same), "confirmation"))
		}
	})
}
