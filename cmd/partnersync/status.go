package main

import (
	"strings"
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
			Runs: documentsOf(runs), LastSuccess: success, Owed: owed, Outbox: orEmpty(state.Tallies), Discrepancies: orEmpty(open),
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
	p.ran(runs, now)
	p.lastSuccess(runs, d.LastSuccess)
	p.shared(runs)
	p.notices(runs)
	p.watched(d.watched, d.Alerts, now)
	p.owed(d.Owed)
	p.waiting(d.Outbox, d.Ages, now)
	p.open(d.Discrepancies)
}

// ran writes runs as a table.
func (p *page) ran(runs []schedule.Run, now time.Time) {
	g := grid{heads: []string{"STAGE", "STATE", "STARTED", "#TOOK", "BY", "WHAT IT DID"}, wrap: []int{5}}
	for _, r := range runs {
		what, length := reportCounts(r.Report), took(r.Duration())
		if r.Running() {
			what, length = doing(r, now), took(now.Sub(r.StartedAt))
		}
		if r.Error != "" {
			what = r.Error
		}
		if r.Interrupted {
			length = "≥ " + length // nobody knows when it died
		}
		by := r.Actor
		if r.Worker != "" {
			by += " on " + r.Worker
		}
		g.add(r.Stage, p.state(r.State()), instant(r.StartedAt), length, by, what)
	}
	p.table(g)
	if len(runs) == 0 {
		p.line("no stage has run yet: `partnersync run` runs them all once")
	}
}

// doing says what a pass is at that runs, and whether anybody has heard of it lately.
func doing(r schedule.Run, now time.Time) string {
	what := r.Progress.What
	if r.Progress.Total > 0 {
		what += ", " + thousands(r.Progress.Done) + " of " + thousands(r.Progress.Total)
	}
	if silent := r.Silence(now); silent > 0 {
		what = strings.TrimPrefix(what+"; nobody has heard of it for "+roughly(silent)+": is its process gone, or without the database?", "; ")
	}
	return what
}

// lastSuccess says of each stage whose latest run failed since when it has not done its work.
func (p *page) lastSuccess(runs []schedule.Run, success map[string]time.Time) {
	latest := map[string]schedule.Run{}
	for _, r := range runs {
		if l, is := latest[r.Stage]; !is || r.StartedAt.After(l.StartedAt) {
			latest[r.Stage] = r
		}
	}
	for _, name := range stage.Names() {
		if latest[name].Status != stage.Failed {
			continue
		}
		if at, ever := success[name]; ever {
			p.line("%s last did its work at %s", name, instant(at))
		} else {
			p.line("%s has never done its work yet", name)
		}
	}
}

// waiting writes what has not reached Salesforce, and since when.
func (p *page) waiting(tallies []outbox.Tally, ages []outbox.Age, now time.Time) {
	if len(tallies) > 0 {
		p.title("Outbox")
	}
	byObject := map[string]outbox.Age{}
	for _, a := range ages {
		byObject[a.Object] = a
	}
	for _, t := range tallies {
		var parts []string
		if t.Unsent > 0 {
			parts = append(parts, thousands(t.Unsent)+" "+plural(t.Object, t.Unsent)+" to send"+oldest(byObject[t.Object].UnsentSince, now))
		}
		if t.Quarantined > 0 {
			parts = append(parts, thousands(t.Quarantined)+" "+plural(t.Object+" quarantined", t.Quarantined)+oldest(byObject[t.Object].QuarantinedSince, now))
		}
		p.line("%s", strings.Join(parts, "; "))
	}
}

// oldest says for how long the first of some wait.
func oldest(at *time.Time, now time.Time) string {
	if at == nil {
		return ""
	}
	return ", the oldest for " + since(at, now)
}

// open writes what asks for a person.
func (p *page) open(open []ledger.DiscrepancyCount) {
	if len(open) == 0 {
		return
	}
	p.title("Open discrepancies")
	g := grid{heads: []string{"KIND", "RULE", "HOLD", "#OPEN"}}
	for _, o := range open {
		g.add(o.Kind, o.Rule, holdMark(o.IsHold), thousands(o.Open))
	}
	p.table(g)
	p.line("`partnersync discrepancies` lists them, each with what to do")
}
