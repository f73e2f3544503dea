package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// passFlags are those of `run`.
type passFlags struct {
	asOf    string
	dryRun  bool
	lenient bool
	repair  bool
	believe bool   // with recount, however much is gone
	limit   int    // rows of a diff that are shown
	plan    string // the file of other terms, for a what-if
}

func (a *app) runCommand() *cobra.Command {
	var f passFlags
	c := &cobra.Command{
		Use: "run [all | pull | recount | reconcile | accrue | push | verify]...", GroupID: groupWork,
		Args: onlyStages, ValidArgs: append([]string{schedule.All}, stage.Names()...),
		Short: "Run stages now, once, and say what they did",
		Long: `Run stages now, once each: all of them, or those that are named. Without a name,
all, which are those of the data's way: pull, reconcile, accrue and push. Recount and
verify run when they are named. A stage that fails stops those after it.

Recount goes through the ids of everything that is mapped, there and here: it stages
what pulls have missed, and holds what is gone from Salesforce although nobody saw it
deleted. ` + "`partnersync discrepancies confirm`" + ` says that such a record is gone for good.

Verify compares: the book with itself, the lines with the facts, and Salesforce with
the book. What differs is a discrepancy. ` + "`run push --repair`" + ` sends again what verify
has found to differ in Salesforce.

Every stage can be stopped at any moment (Ctrl-C) and run again: what was in hand
is rolled back, and the next run takes it up.

A dry run of all, or of reconcile with others, runs the stages on a private copy of the
ledger, which needs Postgres' binaries on this machine, and shows what would change:
each line before and after, and each record in Salesforce, field by field. Nothing is
written, here or there. Other dry runs are of each stage for itself.

With --plan, ` + "`run accrue --dry-run`" + ` shows what the plan versions and exchange rates
of a file, laid over those in force, would have paid for history as it is, by
partner and by rule, beside what was posted. FILE is one as apply reads it, without
partners; - is standard input.`,
		Example: "  partnersync run\n  partnersync run pull reconcile\n  partnersync run accrue --as-of 2026-10-31 --dry-run\n" +
			"  partnersync run accrue --dry-run --plan other-plan.yaml",
		RunE: func(c *cobra.Command, names []string) error { return a.runStages(c, names, f) },
	}
	c.Flags().StringVar(&f.asOf, "as-of", "", "last day that counts, such as 2026-10-31 (default yesterday in the company zone)")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "compute and report, write nothing; of all, show what would change")
	c.Flags().IntVar(&f.limit, "limit", 20, "how many changes of a kind a dry run shows at most (JSON has all)")
	c.Flags().BoolVar(&f.repair, "repair", false, "with push: send again what verify found to differ in Salesforce")
	c.Flags().BoolVar(&f.believe, "believe", false, "with recount: what Salesforce does not show any more is gone, however much that is")
	c.Flags().BoolVar(&f.lenient, "lenient", false, "exit with 0 although some records need a person")
	c.Flags().StringVar(&f.plan, "plan", "", "a `FILE` of other terms to try on history, in a dry run of accrue")
	return c
}

func (a *app) runStages(c *cobra.Command, names []string, f passFlags) error {
	o := stage.Options{DryRun: f.dryRun, Repair: f.repair, Believe: f.believe, Actor: a.actor}
	if f.asOf != "" {
		day, err := clock.ParseDate(f.asOf)
		if err != nil {
			return errs.New(errs.Invalid, "--as-of %w", err)
		}
		o.AsOf = day
	}
	if c.Flags().Changed("plan") {
		return a.whatIf(c, names, f, o)
	}
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	log, err := a.quiet(cfg.Log)
	if err != nil {
		return err
	}
	if err := isOver(o.AsOf, clock.DateIn(a.clock.Now(), cfg.Company.Location()), cfg.Company.Zone); err != nil {
		return err
	}
	names = inOrder(names)
	if f.repair && !slices.Contains(names, stage.Push) {
		return errs.New(errs.Invalid, "--repair is for push, which is not among the stages that were named").
			WithHint("`partnersync run push --repair` sends again what verify found to differ in Salesforce")
	}
	if f.believe && !slices.Contains(names, stage.Recount) {
		return errs.New(errs.Invalid, "--believe is for recount, which is not among the stages that were named").
			WithHint("`partnersync run recount --believe` holds all that Salesforce does not show any more, however much it is")
	}
	if touchesSalesforce(names) {
		if err := cfg.NeedSalesforce(); err != nil {
			return err
		}
	}
	return a.withDatabase(c.Context(), cfg, log, schemaCurrent, func(d *database) error {
		if f.dryRun && slices.Contains(names, stage.Reconcile) {
			return a.rehearse(c.Context(), cfg, d, log, names, o, f)
		}
		p, err := newPlant(cfg, d.DB, a.clock, log)
		if err != nil {
			return err
		}
		defer p.close()
		runs, err := a.runOnce(c.Context(), p.runner, names, o)
		if !f.dryRun {
			a.alert(c.Context(), p.alerts)
		}
		if err == nil && slices.Contains(names, stage.Accrue) {
			err = a.notePlans(c.Context(), d)
		}
		return a.tellRuns(runs, names, f, err)
	})
}

// isOver refuses a day that is not over on today's date in the company zone, as
// accrue would (R7.3), but before a run is recorded that never had a chance.
func isOver(day, today clock.Date, zone string) error {
	if day.IsZero() || day.Before(today) {
		return nil
	}
	return errs.New(errs.Invalid, "--as-of %s is not over yet in the company zone %s", day, zone).
		WithHint("only a day that is over counts: %s at the latest", today.AddDays(-1))
}

// inOrder gives the stages that were named, each once, in the order of the
// data's way; none named, or "all", is all.
func inOrder(names []string) []string {
	var out []string
	for _, s := range stage.Order() {
		all := (len(names) == 0 || slices.Contains(names, schedule.All)) && slices.Contains(stage.Way(), s)
		if all || slices.Contains(names, s) {
			out = append(out, s)
		}
	}
	return out
}

func touchesSalesforce(names []string) bool {
	return slices.Contains(names, stage.Pull) || slices.Contains(names, stage.Recount) || slices.Contains(names, stage.Push)
}

// runOnce runs stages one after the other with their progress shown, and stops at
// the first that fails.
func (a *app) runOnce(ctx context.Context, r *schedule.Runner, names []string, o stage.Options) ([]schedule.Run, error) {
	var runs []schedule.Run
	for _, name := range names {
		shown := a.progress(name)
		o.Progress = shown.tell
		done, err := r.RunOnce(ctx, []string{name}, o)
		shown.finish()
		runs = append(runs, done...)
		if err != nil {
			return runs, err
		}
	}
	return runs, nil
}
