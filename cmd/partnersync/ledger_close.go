package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/period"
)

func (a *app) ledgerClose() *cobra.Command {
	return &cobra.Command{
		Use: "close [MONTH]", Args: cobra.MaximumNArgs(1),
		Short: "Close a month: it takes no accrual any more; or list the closed ones",
		Long: `Close a month that is over and worked out. What changes afterwards comes as a line that
adjusts it, in an open month. The ends of all chains are kept under one hash, and so
are the facts, plan versions and rates that the month was worked out from: ` + "`ledger reproduce`" + `
works it out from them again. A closed month stays closed.`,
		Example: "  partnersync ledger close 2026-10",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listCloses(c)
			}
			m, err := parseMonth(args[0])
			if err != nil {
				return err
			}
			return a.closeMonth(c, m)
		},
	}
}

func parseMonth(s string) (clock.Month, error) {
	m, err := clock.ParseMonth(s)
	if err != nil {
		return m, errs.New(errs.Invalid, "%q is not a month like 2026-10", s).WithHint("write the year and the month in figures, with a dash between")
	}
	return m, nil
}

func (a *app) listCloses(c *cobra.Command) error {
	return a.withLedger(c, func(d *database) error {
		closes, err := period.Closes(c.Context(), d)
		if err != nil {
			return err
		}
		return a.show(orEmpty(closes), func(p *page) {
			if len(closes) == 0 {
				p.line("no month is closed yet")
				return
			}
			g := grid{heads: []string{"MONTH", "CLOSED", "BY", "ACCRUED THROUGH", "#SOURCES", "#CHAINS", "ANCHOR"}}
			for _, x := range closes {
				g.add(x.Period.String(), instant(x.ClosedAt), x.ClosedBy, x.AsOf.String(), thousands(x.Sources), thousands(x.Chains), x.Anchor.String()[:16])
			}
			p.table(g)
		})
	})
}

func (a *app) closeMonth(c *cobra.Command, m clock.Month) error {
	return a.withLedger(c, func(d *database) error {
		company := d.cfg.Company
		on, decided := company.GoLiveOn()
		closed, err := period.Month(c.Context(), d.DB, m, period.Options{
			Zone: company.Location(), GoLive: book.GoLive{Decided: decided, On: on}, Actor: a.actor, Now: a.clock.Now(),
		})
		if err != nil {
			return err
		}
		return a.show(closed, func(p *page) {
			p.line("%s is closed by %s; everything had accrued through %s", closed.Period, closed.ClosedBy, closed.AsOf)
			p.line("the facts of %s sources are kept, and the ends of %s chains under the anchor", thousands(closed.Sources), thousands(closed.Chains))
			p.line("  %s", closed.Anchor)
			p.line("write the anchor down where nobody who can change the database can change it; ledger verify works it out again")
		})
	})
}

func (a *app) ledgerReproduce() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "reproduce MONTH", Args: exactlyOne("MONTH", "a closed month such as 2026-10"),
		Short: "Work a closed month out again from the facts that were kept, to the byte",
		Long: `Work the sources of a closed month out again, from the facts, plan versions and rates
that its close kept. Their lines through that month are written as JSON, one on a
line; that these are the bytes of the close is checked by their hash.`,
		Example: "  partnersync ledger reproduce 2026-10 --out 2026-10.jsonl",
		RunE: func(c *cobra.Command, args []string) error {
			m, err := parseMonth(args[0])
			if err != nil {
				return err
			}
			return a.withLedger(c, func(d *database) error { return a.reproduce(c, d, m, out) })
		},
	}
	c.Flags().StringVar(&out, "out", "", "file for the lines (default: they are only checked)")
	return c
}

func (a *app) reproduce(c *cobra.Command, d *database, m clock.Month, out string) error {
	to, keep := io.Discard, func() error { return nil }
	if out != "" {
		file, err := createFile(out)
		if err != nil {
			return err
		}
		defer file.discard()
		to, keep = file.f, func() error { return file.keep(nil) }
	}
	r, err := period.Reproduce(c.Context(), d, m, to)
	if err != nil {
		return err
	}
	if err := keep(); err != nil {
		return err
	}
	if err := a.show(r, func(p *page) {
		p.line("%s was closed on %s by engine version %s, with the digest", r.Period, instant(r.ClosedAt), r.Engine)
		p.line("  %s", r.Digest)
		p.line("its %s sources, worked out again by engine version %s, come to", thousands(r.Sources), r.EngineNow)
		p.line("  %s", r.Is)
		if r.Agrees() {
			p.line("%s", p.app.paint(p.w, green, "which is the same, to the byte"))
		}
	}); err != nil {
		return err
	}
	if !r.Agrees() {
		why := "what was kept of it is no longer what it was"
		if r.Engine != r.EngineNow {
			why = fmt.Sprintf("it was closed by engine version %s, and this is %s", r.Engine, r.EngineNow)
		}
		return errs.New(errs.Conflict, "%s does not come to the same bytes: %s", m, why).
			WithHint("`partnersync ledger verify` tells whether the stored book was changed.")
	}
	return nil
}
