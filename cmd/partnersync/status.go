package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/alert"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/watch"
)

func (a *app) statusCommand() *cobra.Command {
	var history int
	c := &cobra.Command{
		Use: "status", GroupID: groupLook, Args: cobra.NoArgs,
		Short: "Say how each stage last ran, what is owed, and what waits",
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("history") && history < 1 {
				return errs.New(errs.Invalid, "--history %d is not a number of runs", history)
			}
			return a.status(c, history)
		},
	}
	c.Flags().IntVar(&history, "history", 0, "show the last so many runs instead of the last of each stage")
	return c
}

// statusDocument is what `status --output json` gives.
type statusDocument struct {
	Runs          []runDocument             `json:"runs"`
	LastSuccess   map[string]time.Time      `json:"last_success"`
	Owed          []owed                    `json:"owed"`
	Outbox        []outbox.Tally            `json:"outbox"`
	Discrepancies []ledger.DiscrepancyCount `json:"open_discrepancies"`
	// PlansProposed is how many plan versions wait for a second person, FourEyes is on
	// or off (R8.5).
	PlansProposed int    `json:"plan_versions_proposed"`
	FourEyes      string `json:"four_eyes"`
	watched
	Alerts []alert.Alert `json:"open_alerts"`
}

func (a *app) status(c *cobra.Command, history int) error {
	return a.withLedger(c, func(d *database) error {
		ctx, now := c.Context(), a.clock.Now()
		runs, err := lastRuns(c, d, history)
		if err != nil {
			return err
		}
		success, err := schedule.LastSuccess(ctx, d)
		if err != nil {
			return err
		}
		owed, err := owedToAll(ctx, d)
		if err != nil {
			return err
		}
		waiting, err := outbox.Tallies(ctx, d, now)
		if err != nil {
			return err
		}
		open, err := ledger.CountDiscrepancies(ctx, d)
		if err != nil {
			return err
		}
		proposed, err := book.ProposedPlans(ctx, d, book.DefaultPlan)
		if err != nil {
			return err
		}
		w, err := watchOf(d.cfg)
		if err != nil {
			return err
		}
		state, err := watch.Look(ctx, d, w, now)
		if err != nil {
			return err
		}
		alerts, err := alert.List(ctx, d, 0)
		if err != nil {
			return err
		}
		document := statusDocument{
			watched: watchedOf(state, w, now), Alerts: orEmpty(alerts),
			Runs: documentsOf(runs), LastSuccess: success, Owed: owed, Outbox: orEmpty(waiting), Discrepancies: orEmpty(open),
			PlansProposed: len(proposed), FourEyes: d.cfg.Company.FourEyes,
		}
		return a.show(document, func(p *page) {
			p.status(runs, document, now)
			if n := document.PlansProposed; n > 0 {
				p.title("Plans")
				p.line("%s for a second person: `partnersync plans` shows what would change", waits(n))
			}
		})
	})
}

// shared says who did which part of runs that replicas shared.
func (p *page) shared(runs []schedule.Run) {
	for _, r := range runs {
		if text := r.Report.SharedText(); text != "" {
			p.sentence("%s was shared: %s", r.Stage, text)
		}
	}
}

func lastRuns(c *cobra.Command, d *database, history int) ([]schedule.Run, error) {
	if history > 0 {
		return schedule.History(c.Context(), d, history)
	}
	return schedule.Latest(c.Context(), d)
}

// status writes the runs, then what is owed, then what waits for somebody.
func (p *page) status(runs []schedule.Run, d statusDocument, now time.Time) {
	g := grid{heads: []string{"STAGE", "STATE", "STARTED", "#TOOK", "BY", "WHAT IT DID"}, wrap: []int{5}}
	for _, r := range runs {
		what, length := reportCounts(r.Report), took(r.Duration())
		if r.Running() {
			what, length = r.Progress.What, took(now.Sub(r.StartedAt))
		}
		if r.Error != "" {
			what = r.Error
		}
		g.add(r.Stage, p.state(r.State()), instant(r.StartedAt), length, r.Actor, what)
	}
	p.table(g)
	if len(runs) == 0 {
		p.line("no stage has run yet: `partnersync run` runs them all once")
	}
	for _, r := range runs {
		if at, ever := d.LastSuccess[r.Stage]; r.Status == stage.Failed && ever {
			p.line("%s last did its work at %s", r.Stage, instant(at))
		} else if r.Status == stage.Failed {
			p.line("%s has never done its work yet", r.Stage)
		}
	}
	p.shared(runs)
	p.notices(runs)
	p.watched(d.watched, d.Alerts, now)
	p.owed(d.Owed)
	p.waiting(d.Outbox, d.Discrepancies)
	p.ages(d.Ages, now)
}

// waiting writes what has not reached Salesforce and what asks for a person.
func (p *page) waiting(tallies []outbox.Tally, open []ledger.DiscrepancyCount) {
	if len(tallies) > 0 {
		p.title("Outbox")
	}
	for _, t := range tallies {
		p.line("%s %s to send, %s quarantined", thousands(t.Unsent), plural(t.Object, t.Unsent), thousands(t.Quarantined))
	}
	if len(open) == 0 {
		return
	}
	p.title("Open discrepancies")
	g := grid{heads: []string{"KIND", "RULE", "HOLD", "#OPEN"}}
	for _, o := range open {
		g.add(o.Kind, o.Rule, holdMark(o.IsHold), thousands(o.Open))
	}
	p.table(g)
}
