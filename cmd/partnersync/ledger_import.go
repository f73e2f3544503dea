package main

import (
	"context"
	"errors"
	"os"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/brought"
)

func (a *app) ledgerImport() *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use: "import FILE", Args: exactlyOne("FILE", "the path of a CSV file, or - for standard input"),
		Short: "Bring in opening balances and commissions that were paid before",
		Long: `Bring in what another system had worked out, so that a company can begin in the middle
of its life (rule R8.9). FILE is CSV; its first line names the columns:

  kind,partner_id,currency,amount,period,reference,note,opportunity_id,paid_on,regime,slice
  opening,FG3877,USD,500.00,2026-04,INV-1027,invoice of April,,,,
  paid,FG3877,USD,101.92,2026-01,PAY-311,,0065g00000XyZAbAAN,2026-02-15,,

An opening balance is what was owed at the end of a month; the next export bills it. What
the partner owes back is negative. What was paid is of an opportunity and a month: accrue
then posts only what is expected less what was paid. Its regime and slice may be left out
where one line alone is expected.

Every row is checked before any is written, and one that is wrong keeps the whole file
out. Rows that are in the book already are passed over, so the same file again is no
change. Import before the first month is closed: a closed month takes nothing any more.`,
		Example: "  partnersync ledger import brought.csv --dry-run\n  partnersync ledger import brought.csv --actor ana",
		RunE:    func(c *cobra.Command, args []string) error { return a.importBrought(c, args[0], dryRun) },
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be written, and what accrue would make of it; write nothing")
	return c
}

func (a *app) importBrought(c *cobra.Command, path string, dryRun bool) error {
	f, err := a.readBrought(path)
	if err != nil {
		return err
	}
	return a.withLedger(c, func(d *database) error {
		report, refused := a.bringIn(c, d, f, dryRun)
		if refused != nil && len(report.Faults) == 0 {
			return refused
		}
		document := importOf(report, dryRun, refused == nil && !dryRun)
		// A refused file still shows all that is wrong with it.
		return errors.Join(refused, a.show(document, func(p *page) { p.brought(document) }))
	})
}

// readBrought reads the file, or standard input.
func (a *app) readBrought(path string) (_ brought.File, err error) {
	if path == "-" {
		return brought.Read(a.in, "standard input")
	}
	f, err := os.Open(path)
	if err != nil {
		return brought.File{}, errs.New(errs.Invalid, "read the file: %w", err).
			WithHint("FILE is the path of a CSV file, or - for standard input; `partnersync ledger import --help` shows what is in it")
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return brought.Read(f, path)
}

// bringIn brings a file in, in one transaction with the marks for push.
func (a *app) bringIn(c *cobra.Command, d *database, f brought.File, dryRun bool) (r brought.Report, err error) {
	liveOn, decided := d.cfg.Company.GoLiveOn()
	err = a.inBook(c, d, dryRun, func(ctx context.Context, tx *sqlx.Tx, by book.Context) ([]book.Taken, error) {
		var err error
		r, err = brought.Bring(ctx, tx, f, brought.Context{
			Zone: d.cfg.Company.Location(), GoLive: book.GoLive{Decided: decided, On: liveOn}, Actor: by.Actor, Now: by.Now,
		})
		taken := make([]book.Taken, len(r.Lines))
		for i, l := range r.Lines {
			taken[i] = book.Taken{Key: l.Key, PayeeID: l.PayeeID}
		}
		return taken, err
	})
	return r, err
}
