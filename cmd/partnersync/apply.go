package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/ledger/book"
)

func (a *app) applyCommand() *cobra.Command {
	var file string
	var dryRun bool
	c := &cobra.Command{
		Use: "apply -f FILE", GroupID: groupWork, Args: cobra.NoArgs,
		Short: "State partners, plans and exchange rates from a YAML file",
		Long: `State partners, their Partner IDs, plans and exchange rates from a YAML file. What
differs from the ledger is shown and changed, in one transaction; what the file
does not name stays as it is. The next accrue works out what follows from it.

A plan version is proposed: it governs nothing until a second person approves it with
` + "`partnersync plans approve`" + `.`,
		Example: "  partnersync apply -f program.yaml --dry-run\n  partnersync apply -f program.yaml",
		RunE:    func(c *cobra.Command, _ []string) error { return a.apply(c, file, dryRun) },
	}
	c.Flags().StringVarP(&file, "file", "f", "", "the file; - is standard input")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, change nothing")
	return c
}

func (a *app) apply(c *cobra.Command, path string, dryRun bool) error {
	if path == "" {
		return errs.New(errs.Invalid, "no file is named").WithHint("name one with -f FILE, or -f - for standard input")
	}
	f, err := a.readProgram(path)
	if err != nil {
		return err
	}
	return a.withLedger(c, func(d *database) error {
		changes, err := apply.Diff(c.Context(), d, f)
		if err != nil {
			return err
		}
		var refused error
		if len(changes) > 0 {
			changes, refused = a.applyProgram(c.Context(), d, f, changes, dryRun)
		}
		applied := !dryRun && refused == nil
		waiting, err := book.ProposedPlans(c.Context(), d, book.DefaultPlan)
		if err != nil {
			return errors.Join(refused, err)
		}
		document := map[string]any{"applied": applied, "changes": orEmpty(changes), "plan_versions_proposed": len(waiting)}
		// A refused file still shows what it would have changed.
		return errors.Join(refused, a.show(document, func(p *page) {
			p.changes(changes, applied)
			if n := len(waiting); n > 0 {
				p.line("%s for a second person: `partnersync plans` shows what would change", waits(n))
			}
		}))
	})
}

// waits says how many plan versions wait.
func waits(n int) string {
	if n == 1 {
		return "1 plan version waits"
	}
	return fmt.Sprintf("%d plan versions wait", n)
}

// errDryRun rolls a transaction back that went well.
var errDryRun = errors.New("dry run")

// applyProgram changes the ledger; when it refuses, what the file would have
// changed is given back with the reason. A dry run does the same and takes it
// back, so that it refuses what would be refused.
func (a *app) applyProgram(ctx context.Context, d *database, f apply.File, diff []apply.Change, dryRun bool) ([]apply.Change, error) {
	changes := diff
	err := pg.InTx(ctx, d.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		done, err := apply.Apply(ctx, tx, f, a.applying(d))
		if err != nil {
			return err
		}
		changes = done
		if dryRun {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return changes, err
}

// applying says who applies, or decides on plan versions, and whether he may do so alone.
func (a *app) applying(d *database) apply.Options {
	company := d.cfg.Company
	return apply.Options{Actor: a.actor, Zone: company.Location(), Now: a.clock.Now().UTC().Truncate(time.Microsecond), Alone: company.OneApproves()}
}

func (a *app) readProgram(path string) (_ apply.File, err error) {
	if path == "-" {
		return apply.Read(a.in, "standard input")
	}
	f, err := os.Open(path)
	if err != nil {
		return apply.File{}, errs.New(errs.Invalid, "read the file: %w", err).
			WithHint("-f wants the path of a YAML file, or - for standard input; docs/partners-and-plans.md says what is in it")
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return apply.Read(f, path)
}

// changes writes a diff: + for what is new, ~ for what changes.
func (p *page) changes(changes []apply.Change, applied bool) {
	proposed := 0
	for _, c := range changes {
		sign, how := "~", yellow
		if c.IsNew {
			sign, how = "+", green
		}
		p.line("%s %s", p.app.paint(p.w, how, sign), c.What)
		for _, f := range c.Fields {
			p.line("    %s", f)
		}
		if applied && c.State == book.PlanProposed {
			proposed++
			p.line("    proposed as version %d: it governs nothing until it is approved", c.Version)
		}
	}
	switch {
	case len(changes) == 0:
		p.line("nothing to change")
	case applied && proposed == len(changes):
		p.line("proposed %s", counted(int64(proposed), "plan version"))
	case applied && proposed > 0:
		p.line("applied %s, proposed %s", counted(int64(len(changes)-proposed), "change"), counted(int64(proposed), "plan version"))
	case applied:
		p.line("applied %s", counted(int64(len(changes)), "change"))
	default:
		p.line("not applied: %s", counted(int64(len(changes)), "change"))
	}
}
