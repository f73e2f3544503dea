package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/bill"
	"github.com/partnersync/partnersync/ledger/book"
)

// exportOptions is what the command was asked.
type exportOptions struct {
	format string
	out    string
	number int
	dryRun bool
}

func (a *app) ledgerExport() *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use: "export MONTH", Args: exactlyOne("MONTH", "a month such as 2026-10"),
		Short: "Put what is approved on bills, and write them as a file",
		Long: `Put what is approved through a month, and on no bill yet, on bills: one for each partner
and currency. What is negative, or below the minimum payout, is carried to a later one.
The file goes to --out, or to standard output.

Run again when nothing is new, it exports nothing and gives the same file again. Any
earlier export's file is given by its --number, to the byte.`,
		Example: "  partnersync ledger export 2026-10 --dry-run\n" +
			"  partnersync ledger export 2026-10 --format xero --out bills.csv\n" +
			"  partnersync ledger export 2026-10 --number 1 --out again.csv",
		RunE: func(c *cobra.Command, args []string) error {
			m, err := parseMonth(args[0])
			if err != nil {
				return err
			}
			if o.number < 0 || o.number > 0 && o.dryRun {
				return errs.New(errs.Invalid, "--number %d is not that of an export that was made", o.number)
			}
			return a.withLedger(c, func(d *database) error { return a.export(c, d, m, o) })
		},
	}
	c.Flags().StringVar(&o.format, "format", string(bill.CSV), "csv, xero, quickbooks or payroll")
	c.Flags().StringVar(&o.out, "out", "", "file to write (default standard output)")
	c.Flags().IntVar(&o.number, "number", 0, "give the file of the month's export of this number, and export nothing")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would be billed, bill nothing")
	return c
}

func (a *app) export(c *cobra.Command, d *database, m clock.Month, o exportOptions) error {
	format, settings := bill.Format(o.format), exportSettings(d.cfg.Export)
	var file *newFile
	if o.out != "" && !o.dryRun {
		// That there is no place for the file is found out before anything is billed.
		var err error
		if file, err = createFile(o.out); err != nil {
			return err
		}
		defer file.discard()
	}
	var r bill.Result
	var content []byte
	err := a.inBook(c, d, o.dryRun, func(ctx context.Context, tx *sqlx.Tx, by book.Context) ([]book.Taken, error) {
		var err error
		r, content, err = exportOrAgain(ctx, tx, m, o.number, format, settings, by)
		return r.Taken, err
	})
	if err != nil {
		return err
	}
	if file != nil && content != nil {
		if err := file.keep(content); err != nil {
			return errs.New(errs.KindOf(err), "the bills are made and their file is not written: %w", err).
				WithHint("`partnersync ledger export %s --number %d --format %s --out FILE` gives it again.", m, r.Number, format)
		}
	}
	return a.showExport(m, r, content, o)
}

// exportOrAgain exports a month, or gives what was exported: the export of a number or,
// where nothing is new, the last one.
func exportOrAgain(ctx context.Context, tx *sqlx.Tx, m clock.Month, number int, f bill.Format, s bill.Settings, by book.Context) (r bill.Result, content []byte, err error) {
	r = bill.Result{Number: number}
	if number == 0 {
		// Nothing is billed of which there could be no file.
		if err := f.Check(s); err != nil {
			return r, nil, err
		}
		if r, err = bill.Export(ctx, tx, m, by); err != nil {
			return r, nil, err
		}
	}
	if r.Number == 0 {
		if r.Number, err = bill.LastExport(ctx, tx, m); err != nil || r.Number == 0 {
			return r, nil, err
		}
	}
	content, err = bill.File(ctx, tx, m, r.Number, f, s, by)
	return r, content, err
}

func exportSettings(e config.Export) bill.Settings {
	return bill.Settings{AccountCode: e.AccountCode, TaxType: e.TaxType, DueDays: e.DueDays, EarningCode: e.EarningCode, Dates: e.Dates}
}

// exportOut is an export as --output json gives it.
type exportOut struct {
	Period string `json:"period"`
	// Number is that of the export whose file it is; 0 if there is none.
	Number int  `json:"number"`
	DryRun bool `json:"dry_run"`
	// Bills are those that were made now.
	Bills   []billOut    `json:"bills"`
	Carried []carriedOut `json:"carried"`
	Waiting []carriedOut `json:"waiting"`
	File    string       `json:"file,omitempty"`
}

type carriedOut struct {
	PayeeID string `json:"payee_id"`
	Partner string `json:"partner"`
	amountOut
	Lines  int64  `json:"lines"`
	Reason string `json:"reason"`
	Says   string `json:"says"`
}

func carriedOuts(cs []bill.Carried) []carriedOut {
	out := make([]carriedOut, len(cs))
	for i, c := range cs {
		out[i] = carriedOut{
			PayeeID: c.PayeeID, Partner: c.PartnerName, Lines: c.Lines, Reason: c.Reason, Says: c.Says,
			amountOut: amountOut{c.Currency.FromMinor(c.Minor).StringFixed(c.Currency.Digits()), string(c.Currency)},
		}
	}
	return out
}

// showExport tells what was billed. The file, where no --out takes it, is the result
// itself; what there is to say then goes beside it.
func (a *app) showExport(m clock.Month, r bill.Result, content []byte, o exportOptions) error {
	document := exportOut{
		Period: m.String(), Number: r.Number, DryRun: o.dryRun, Bills: billOuts(r.Bills),
		Carried: carriedOuts(r.Carried), Waiting: carriedOuts(r.Waiting),
	}
	if content != nil && !o.dryRun {
		document.File = o.out
	}
	if a.output == outputJSON || o.dryRun || o.out != "" || content == nil {
		return a.show(document, func(p *page) { p.export(document, o) })
	}
	p := &page{app: a, w: a.err}
	p.export(document, o)
	_, err := a.out.Write(content)
	return errors.Join(p.err, err)
}

func (p *page) export(e exportOut, o exportOptions) {
	p.bills(e.Bills)
	for _, group := range []struct {
		head string
		list []carriedOut
	}{{"CARRIED", e.Carried}, {"NOT APPROVED", e.Waiting}} {
		g := grid{heads: []string{group.head, "#AMOUNT", "#LINES", "WHY"}, wrap: []int{0, 3}}
		for _, c := range group.list {
			g.add(c.PayeeID+" "+c.Partner, grouped(c.Amount)+" "+c.Currency, thousands(c.Lines), c.Says)
		}
		p.table(g)
	}
	made := counted(int64(len(e.Bills)), "bill")
	switch {
	case e.DryRun && len(e.Bills) > 0:
		p.line("%s would be made", made)
	case len(e.Bills) > 0:
		p.line("%s made by the export no. %d of %s", made, e.Number, e.Period)
	case o.number > 0:
		p.line("this is the export no. %d of %s again", e.Number, e.Period)
	case e.Number > 0:
		p.line("nothing is new; this is the export no. %d of %s again", e.Number, e.Period)
	default:
		p.line("nothing is to be billed through %s", e.Period)
	}
	if e.File != "" {
		p.line("written to %s as %s", e.File, o.format)
	}
}

// newFile is a file that appears under its name when it is complete, and not before.
type newFile struct {
	f    *os.File
	path string
}

// createFile makes place for a file that only its owner may read, beside the one that it
// will take the place of.
func createFile(path string) (*newFile, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, errs.New(errs.Invalid, "--out %s is there and is no file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return nil, errs.New(errs.Invalid, "--out: %w", err).WithHint("name a file in a directory that is there and may be written to")
	}
	return &newFile{f, path}, nil
}

// keep writes the content and gives the file its name.
func (n *newFile) keep(content []byte) error {
	_, err := n.f.Write(content)
	if err == nil {
		err = n.f.Sync()
	}
	if err = errors.Join(err, n.f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", n.path, err)
	}
	return os.Rename(n.f.Name(), n.path)
}

// discard removes what was not kept.
func (n *newFile) discard() {
	_ = n.f.Close() // again, if it was kept
	if err := os.Remove(n.f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return // a file that nobody reads is left behind
	}
}
