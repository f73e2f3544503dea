package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/verify"
)

func (a *app) ledgerVerify() *cobra.Command {
	var withSalesforce bool
	var shown int
	c := &cobra.Command{
		Use: "verify", Args: cobra.NoArgs,
		Short: "Prove that the book agrees with itself, with the facts and with Salesforce",
		Long: `Compare the book with itself (chains, entries, balances, lines, bills, closed months,
statements), every line with what the facts come to now and, with --salesforce, every
record that Partnersync writes there with the book. What cannot be compared yet is
counted: sources that accrue has still to work out, records that are on their way.

It mends nothing and opens no discrepancies; ` + "`run verify`" + ` does the same every night
and opens them. It exits with 0 if everything agrees, and with 3 if anything differs;
the first difference is named, and how many there are by check.`,
		Example: "  partnersync ledger verify\n  partnersync ledger verify --salesforce --output json",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := atLeastOne(shown); err != nil {
				return err
			}
			return a.verify(c, withSalesforce, shown)
		},
	}
	c.Flags().BoolVar(&withSalesforce, "salesforce", false, "compare the records in Salesforce too")
	c.Flags().IntVar(&shown, "limit", 20, "name at most so many differences of each check")
	return c
}

// verifyDocument is a verification as --output json gives it.
type verifyDocument struct {
	Agrees      bool             `json:"agrees"`
	Salesforce  bool             `json:"salesforce"`
	At          time.Time        `json:"at"`
	TookSeconds float64          `json:"took_seconds"`
	Differences int64            `json:"differences"`
	First       *book.Difference `json:"first,omitempty"`
	Checks      []verify.Checked `json:"checks"`
}

func (a *app) verify(c *cobra.Command, withSalesforce bool, shown int) error {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	log, err := a.quiet(cfg.Log)
	if err != nil {
		return err
	}
	with := verify.Config{Clock: a.clock, Zone: cfg.Company.Location(), Shape: shapeOf(cfg), Log: log}
	if withSalesforce {
		if with.Mapping, err = loadMapping(cfg.Mapping); err != nil {
			return err
		}
		client, err := newClient(cfg, a.clock, log.Named("salesforce"))
		if err != nil {
			return err
		}
		defer client.Close()
		with.Source = client
	}
	return a.withDatabase(c.Context(), cfg, log, schemaCurrent, func(d *database) error {
		with.DB = d.DB
		return a.verified(c.Context(), with, shown)
	})
}

// verified verifies and shows what came of it; differences are its error.
func (a *app) verified(ctx context.Context, with verify.Config, shown int) error {
	at := a.clock.Now().UTC()
	progress := a.progress(stage.Verify)
	r, err := verify.New(with).Verify(ctx, progress.tell)
	progress.finish()
	if err != nil {
		return err
	}
	document := verifyDocument{
		Agrees: r.Differences() == 0, Salesforce: r.Salesforce, At: at, TookSeconds: r.Took.Seconds(), Differences: r.Differences(), Checks: r.Checks,
	}
	if first, differs := r.First(); differs {
		document.First = &first
	}
	for i := range document.Checks {
		document.Checks[i].Kept = document.Checks[i].Kept[:min(shown, len(document.Checks[i].Kept))]
	}
	if err := a.show(document, func(p *page) { p.verification(document, r.Took) }); err != nil {
		return err
	}
	if r.Differences() > 0 {
		return problemsError{problems: r.Differences()}
	}
	return nil
}

// verification writes what was looked at, then what differs.
func (p *page) verification(d verifyDocument, length time.Duration) {
	g := grid{heads: []string{"CHECK", "RESULT", "#LOOKED AT", "WHAT IS COMPARED"}, wrap: []int{3}}
	for _, c := range d.Checks {
		result := p.app.paint(p.w, green, "agrees")
		if c.Differences > 0 {
			result = p.app.paint(p.w, red, counted(c.Differences, "difference"))
		}
		g.add(c.Name, result, thousands(c.Looked)+" "+plural(c.Unit, c.Looked), c.Compares)
	}
	p.table(g)
	for _, c := range d.Checks {
		if c.LeftOut > 0 {
			p.sentence("%s %s: %s %s were left out: %s", p.app.paint(p.w, yellow, "note:"), c.Name, thousands(c.LeftOut), c.LeftOutUnit, c.Why)
		}
	}
	for _, c := range d.Checks {
		for i, x := range c.Kept {
			if i == 0 {
				p.title(fmt.Sprintf("%s: %s", c.Name, counted(c.Differences, "difference")))
			}
			p.difference(x)
		}
		if more := c.Differences - int64(len(c.Kept)); more > 0 && len(c.Kept) > 0 {
			p.line("… and %s more", thousands(more))
		}
	}
	against := "the book agrees with itself and with the facts"
	if d.Salesforce {
		against = "the book agrees with itself, with the facts and with Salesforce"
	}
	if d.First == nil {
		p.sentence("%s (%s)", p.app.paint(p.w, green, against), took(length))
		return
	}
	p.title(fmt.Sprintf("%s in all; the first is", counted(d.Differences, "difference")))
	p.difference(*d.First)
}

// difference writes one difference: what of what, what it is and has to be, and what
// to do.
func (p *page) difference(x book.Difference) {
	p.sentence("%s %s, %s: it is %s and has to be %s", x.Object, x.Subject, x.Field, value(x.Found), value(x.Expected))
	p.sentence("  %s", x.Sentence)
}

// value shows a value that is compared, at a length that a line takes.
func value(s string) string {
	const most = 160
	if s == "" {
		return "empty"
	}
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
