package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/statement"
)

// The values of --format.
const (
	formatText = "text"
	formatCSV  = "csv"
	formatPDF  = "pdf"
	formatJSON = "json"
)

// statementOptions is what the command was asked.
type statementOptions struct {
	all              bool
	currency, format string
	out              string

	partner string
	month   clock.Month
}

func (a *app) ledgerStatement() *cobra.Command {
	var o statementOptions
	c := &cobra.Command{
		Use:   "statement PARTNER MONTH | statement --all MONTH",
		Short: "Show what a partner was owed in a month, and by what",
		Long: `A statement is of one partner over all its Partner IDs, one currency and one month: what
was owed before, what accrued, was adjusted, clawed back, brought in and paid, what is owed
after, and every line under it. PARTNER is a partner's key or one of its Partner IDs.

Those of a closed month never change; those of an open one say as of when they hold.
With --all it is every partner's: a list, a CSV, or with --out a file for each in a directory.`,
		Example: "  partnersync ledger statement FG3877 2026-10\n" +
			"  partnersync ledger statement bluefin 2026-10 --currency USD --out statement.pdf\n" +
			"  partnersync ledger statement --all 2026-10 --out statements/",
		Args: func(c *cobra.Command, args []string) error {
			if o.all {
				return exactlyOne("MONTH", "a month such as 2026-10")(c, args)
			}
			if len(args) != 2 {
				return fmt.Errorf("%s wants a PARTNER and a MONTH such as 2026-10, and %d were given", c.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) (err error) {
			if o.month, err = parseMonth(args[len(args)-1]); err != nil {
				return err
			}
			o.partner = args[0]
			if err := o.complete(a.output); err != nil {
				return err
			}
			return a.withLedger(c, func(d *database) error {
				if o.all {
					return a.allStatements(c.Context(), d, o)
				}
				return a.statement(c.Context(), d, o)
			})
		},
	}
	c.Flags().BoolVar(&o.all, "all", false, "the statements of every partner")
	c.Flags().StringVar(&o.currency, "currency", "", "only the statement in this currency, such as USD")
	c.Flags().StringVar(&o.format, "format", "", "text, csv, pdf or json (default: what the file is named, else text; of a directory pdf)")
	c.Flags().StringVar(&o.out, "out", "", "file to write (default standard output); with --all a directory")
	return c
}

// complete checks what was asked, and fills in what follows from the rest.
func (o *statementOptions) complete(output string) error {
	if o.currency != "" {
		c, err := money.ParseCurrency(strings.ToUpper(o.currency))
		if err != nil {
			return errs.New(errs.Invalid, "--currency: %w", err)
		}
		o.currency = string(c)
	}
	formats := []string{formatText, formatCSV, formatPDF, formatJSON}
	if o.format == "" {
		ending := strings.TrimPrefix(strings.ToLower(filepath.Ext(o.out)), ".")
		switch {
		case o.all && o.out != "":
			o.format = formatPDF
		case slices.Contains(formats, ending):
			o.format = ending
		case output == outputJSON:
			o.format = formatJSON
		default:
			o.format = formatText
		}
	}
	if !slices.Contains(formats, o.format) {
		return errs.New(errs.Invalid, "--format %q is none of %s", o.format, strings.Join(formats, ", "))
	}
	if o.all && o.out == "" && o.format == formatPDF {
		return errs.New(errs.Invalid, "letters of all partners need a directory").WithHint("name one: --out statements/")
	}
	return nil
}

// statement shows or writes the statements of one partner.
func (a *app) statement(ctx context.Context, d *database, o statementOptions) error {
	var all []statement.Statement
	if err := pg.InSnapshot(ctx, d.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if o.currency == "" {
			all, err = statement.OfPartner(ctx, tx, o.partner, o.month)
			return err
		}
		one, err := statement.Of(ctx, tx, o.partner, money.Currency(o.currency), o.month)
		all = []statement.Statement{one}
		return err
	}); err != nil {
		return err
	}
	if o.format == formatPDF && len(all) > 1 {
		var currencies []string
		for _, s := range all {
			currencies = append(currencies, string(s.Currency))
		}
		return errs.New(errs.Invalid, "%s has statements in %s, and a letter is of one currency", all[0].HolderName(), allOf(currencies)).
			WithHint("choose one: --currency %s", currencies[0])
	}
	if o.out == "" && o.format == formatText { // as wide as the terminal
		p := &page{app: a, w: a.out}
		for i := range all {
			p.statement(&all[i])
		}
		return p.err
	}
	content, err := a.render(d, o.format, all)
	if err != nil {
		return err
	}
	if o.out == "" {
		_, err := a.out.Write(content)
		return err
	}
	if err := writeStatement(o.out, content); err != nil {
		return err
	}
	a.say("%s written to %s", counted(int64(len(all)), "statement"), o.out)
	return nil
}

// render gives statements in a format.
func (a *app) render(d *database, format string, all []statement.Statement) ([]byte, error) {
	var b bytes.Buffer
	switch format {
	case formatPDF:
		return statement.PDF(&all[0], statement.LetterOptions{Company: d.cfg.Company.Name, At: a.clock.Now()})
	case formatCSV:
		table := statement.NewCSV(&b)
		for i := range all {
			if err := table.Write(&all[i]); err != nil {
				return nil, err
			}
		}
		if err := table.Flush(); err != nil {
			return nil, err
		}
	case formatJSON:
		if err := encodeJSON(&b, all); err != nil {
			return nil, err
		}
	default:
		p := &page{app: a, w: &b}
		for i := range all {
			p.statement(&all[i])
		}
		return b.Bytes(), p.err
	}
	return b.Bytes(), nil
}

func writeStatement(path string, content []byte) error {
	f, err := createFile(path)
	if err != nil {
		return err
	}
	defer f.discard()
	return f.keep(content)
}
