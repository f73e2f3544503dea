package main

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/stage"
)

// whatIf shows what the terms of a file would have paid: `run accrue --dry-run --plan`.
func (a *app) whatIf(c *cobra.Command, names []string, f passFlags, o stage.Options) error {
	program, err := a.readTerms(names, f)
	if err != nil {
		return err
	}
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	log, err := a.quiet(cfg.Log)
	if err != nil {
		return err
	}
	zone := cfg.Company.Location()
	if err := isOver(o.AsOf, clock.DateIn(a.clock.Now(), zone), cfg.Company.Zone); err != nil {
		return err
	}
	return a.withDatabase(c.Context(), cfg, log, schemaCurrent, func(d *database) error {
		shown := a.progress(stage.Accrue)
		o.Progress = shown.tell
		found, err := newAccrue(cfg, d.DB, a.clock).WhatIf(c.Context(), o, program)
		shown.finish()
		if err != nil {
			return err
		}
		result := whatIfOf(f.plan, found)
		return a.show(result, func(p *page) { p.whatIf(result) })
	})
}

// readTerms reads the file of a what-if, and refuses what makes none.
func (a *app) readTerms(names []string, f passFlags) (apply.File, error) {
	const usage = "`partnersync run accrue --dry-run --plan FILE`"
	switch {
	case len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return n != stage.Accrue }):
		return apply.File{}, errs.New(errs.Invalid, "--plan is for accrue alone: the other stages know no plan").WithHint("%s shows what other terms would have paid", usage)
	case !f.dryRun:
		return apply.File{}, errs.New(errs.Invalid, "--plan needs --dry-run: it shows what other terms would have paid, and posts nothing").
			WithHint("%s; to put terms in force, use `partnersync apply -f FILE`", usage)
	case f.plan == "":
		return apply.File{}, errs.New(errs.Invalid, "--plan names no file").WithHint("%s wants the path of a YAML file, or - for standard input", usage)
	}
	program, err := a.readProgram(f.plan)
	if unopened, is := errors.AsType[*fs.PathError](err); is {
		return apply.File{}, errs.New(errs.Invalid, "read the file: %w", unopened).WithHint("--plan wants the path of a YAML file as apply reads it, or - for standard input")
	}
	if err != nil {
		return apply.File{}, err
	}
	if n := int64(len(program.Partners)); n > 0 {
		return apply.File{}, errs.New(errs.Invalid, "%s names %s, and other terms are tried on the partners as they are", f.plan, counted(n, "partner")).
			WithHint("leave only plans and exchange_rates in the file; `partnersync apply -f FILE` states partners")
	}
	return program, nil
}

// whatIfDocument is a what-if as --output json gives it. Amounts are text, with the
// decimals of their currency.
type whatIfDocument struct {
	File          string         `json:"file"`
	AsOf          string         `json:"as_of"`
	TermThrough   string         `json:"term_through"`
	PostedThrough string         `json:"posted_through,omitempty"`
	Sources       int64          `json:"sources"`
	Frozen        int64          `json:"sources_on_hold"`
	Due           int64          `json:"sources_due"`
	Changes       []apply.Change `json:"changes"`
	Totals        []whatIfTotal  `json:"totals"`
	Partners      []whatIfTotal  `json:"by_partner"`
	Rules         []whatIfTotal  `json:"by_rule"`
	Sums          []whatIfTotal  `json:"by_partner_and_rule"`
	Notices       []string       `json:"notices,omitempty"`
}

// whatIfTotal is a sum by some of the things that money is summed by; those that it
// is not summed by are left out.
type whatIfTotal struct {
	PayeeID     string `json:"payee_id,omitempty"`
	PartnerKey  string `json:"partner_key,omitempty"`
	Partner     string `json:"partner,omitempty"`
	Regime      string `json:"regime,omitempty"`
	Slice       string `json:"slice,omitempty"`
	Plan        string `json:"plan,omitempty"`
	Currency    string `json:"currency"`
	Posted      string `json:"posted"`
	Would       string `json:"would_be_posted"`
	Difference  string `json:"difference"`
	OnHold      string `json:"on_hold"`
	WouldOnHold string `json:"would_be_on_hold"`

	minor whatIfMinor
}

// whatIfMinor is a total in minor units.
type whatIfMinor struct{ posted, would, held, wouldHold int64 }

func whatIfOf(file string, w accrue.WhatIf) whatIfDocument {
	by := func(what func(accrue.WhatIfSum) whatIfTotal) []whatIfTotal { return totalled(w.Sums, what) }
	out := whatIfDocument{
		File: file, AsOf: w.AsOf.String(), TermThrough: w.TermThrough.String(), PostedThrough: w.PostedThrough.String(),
		Sources: w.Sources, Frozen: w.Frozen, Due: w.Due, Changes: orEmpty(w.Changes),
		Totals: by(func(s accrue.WhatIfSum) whatIfTotal { return whatIfTotal{Currency: string(s.Currency)} }),
		Partners: by(func(s accrue.WhatIfSum) whatIfTotal {
			return whatIfTotal{PayeeID: s.PayeeID, PartnerKey: s.PartnerKey, Partner: s.Partner, Currency: string(s.Currency)}
		}),
		Rules: by(func(s accrue.WhatIfSum) whatIfTotal {
			return whatIfTotal{Regime: s.Regime, Slice: s.Slice, Plan: s.Plan, Currency: string(s.Currency)}
		}),
		Sums: by(func(s accrue.WhatIfSum) whatIfTotal {
			return whatIfTotal{
				PayeeID: s.PayeeID, PartnerKey: s.PartnerKey, Partner: s.Partner,
				Regime: s.Regime, Slice: s.Slice, Plan: s.Plan, Currency: string(s.Currency),
			}
		}),
		Notices: whatIfNotices(w),
	}
	return out
}
