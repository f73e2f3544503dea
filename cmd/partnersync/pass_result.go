package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/alert"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// alertWithin is how long a run waits, after its end, for people to be told of it.
const alertWithin = 20 * time.Second

// alert tells people of what the runs have changed, as serve would. That it could not is a
// note: it changes nothing of what was run, and what is kept is told later.
func (a *app) alert(ctx context.Context, w *alert.Watcher) {
	if ctx.Err() != nil {
		return // it is stopped; the next look tells
	}
	ctx, cancel := context.WithTimeout(ctx, alertWithin)
	defer cancel()
	if err := w.Once(ctx); err != nil {
		a.note("alerts: %v", err)
	}
}

// runDocument is a run as --output json gives it.
type runDocument struct {
	ID              int64           `json:"id,omitempty"`
	Stage           string          `json:"stage"`
	Actor           string          `json:"actor"`
	Worker          string          `json:"worker,omitempty"`
	StartedAt       time.Time       `json:"started_at"`
	FinishedAt      *time.Time      `json:"finished_at,omitempty"`
	DurationSeconds float64         `json:"duration_seconds"`
	State           string          `json:"state"`
	Counts          []stage.Count   `json:"counts"`
	In              int64           `json:"rows_in"`
	Out             int64           `json:"rows_out"`
	Failed          int64           `json:"rows_failed"`
	Quarantined     int64           `json:"rows_quarantined"`
	Calls           []stage.Count   `json:"calls"`
	Shared          []stage.Shared  `json:"shared,omitempty"`
	AsOf            string          `json:"as_of,omitempty"`
	Warnings        []stage.Warning `json:"warnings,omitempty"`
	Problems        int64           `json:"problems"`
	Notices         []string        `json:"notices,omitempty"`
	Deferred        string          `json:"deferred,omitempty"`
	Error           string          `json:"error,omitempty"`
	Progress        *progressOfARun `json:"progress,omitempty"`
}

// progressOfARun is how far a run has come that still works.
type progressOfARun struct {
	What  string `json:"what"`
	Done  int64  `json:"done"`
	Total int64  `json:"total,omitempty"`
}

func documentOf(r schedule.Run) runDocument {
	d := runDocument{
		ID: r.ID, Stage: r.Stage, Actor: r.Actor, Worker: r.Worker, StartedAt: r.StartedAt.UTC(),
		DurationSeconds: r.Duration().Seconds(), State: r.State(),
		Counts: orEmpty(r.Report.Counts), Problems: r.Report.Problems,
		In: r.Report.In, Out: r.Report.Out, Failed: r.Report.RowsFailed, Quarantined: r.Report.RowsQuarantined,
		Calls: orEmpty(r.Report.Calls), Shared: r.Report.Shared, AsOf: r.Report.AsOf, Warnings: r.Report.Warnings,
		Notices: r.Report.Notices, Deferred: r.Report.Deferred, Error: r.Error,
	}
	if !r.FinishedAt.IsZero() {
		at := r.FinishedAt.UTC()
		d.FinishedAt = &at
	}
	if r.Progress.What != "" {
		d.Progress = &progressOfARun{What: r.Progress.What, Done: r.Progress.Done, Total: r.Progress.Total}
	}
	return d
}

func documentsOf(runs []schedule.Run) []runDocument {
	out := make([]runDocument, 0, len(runs))
	for _, r := range runs {
		out = append(out, documentOf(r))
	}
	return out
}

// tellRuns shows what the stages did. A failure stays the command's failure, and
// is shown as the last row too. Of several things that went wrong the exit code is that of
// the worst: a failure, then rows that need a person, then what was put off.
func (a *app) tellRuns(runs []schedule.Run, names []string, f passFlags, failure error) error {
	s := sumUp(runs, names, failure)
	if len(runs) > 0 {
		document := map[string]any{"dry_run": f.dryRun, "problems": s.problems, "status": s.status(), "runs": documentsOf(runs)}
		err := a.show(document, func(p *page) {
			p.runs(runs, f.dryRun)
			p.verdict(s)
		})
		if failure == nil {
			failure = err
		}
	}
	switch {
	case failure != nil:
		return failure
	case s.problems > 0 && !f.lenient:
		return problemsError{problems: s.problems}
	case s.putOff != "":
		return errs.New(errs.Limit, "not all was done: %s", s.putOff).WithHint("nothing is lost; run it again later. `partnersync status` shows how Salesforce's quota stands")
	}
	return nil
}

// runs writes what stages did: a row each, then notices.
func (p *page) runs(runs []schedule.Run, dryRun bool) {
	g := grid{heads: []string{"STAGE", "RESULT", "#TOOK", "#IN", "#OUT", "#REQUESTS", "WHAT IT DID"}, wrap: []int{6}}
	for _, r := range runs {
		what := reportCounts(r.Report)
		if r.Status == stage.Failed {
			what, _, _ = strings.Cut(r.Error, "\n")
		}
		g.add(r.Stage, p.state(r.State()), took(r.Duration()), some(r.Report.In), some(r.Report.Out), some(r.Report.CallsMade()), what)
	}
	p.table(g.filled())
	p.notices(runs)
	if dryRun && !slices.ContainsFunc(runs, saysDryRun) {
		p.line("dry run: nothing was written")
	}
}

// some writes a number that is something.
func some(n int64) string {
	if n == 0 {
		return ""
	}
	return thousands(n)
}

// outcomeOfRuns is how runs went as a whole.
type outcomeOfRuns struct {
	problems, failed, quarantined int64
	warnings                      int
	failedStage                   string
	undone                        []string // stages that were not begun because of it
	putOff                        string   // why a stage was put off for want of requests
	putOffStage                   string
	stages                        int
	in, out, calls                int64
}

func sumUp(runs []schedule.Run, names []string, failure error) outcomeOfRuns {
	var s outcomeOfRuns
	begun := map[string]bool{}
	for _, r := range runs {
		begun[r.Stage] = true
		s.stages++
		s.problems += max(r.Report.Problems, r.Report.RowsFailed+r.Report.RowsQuarantined)
		s.failed, s.quarantined = s.failed+r.Report.RowsFailed, s.quarantined+r.Report.RowsQuarantined
		s.in, s.out, s.calls = s.in+r.Report.In, s.out+r.Report.Out, s.calls+r.Report.CallsMade()
		s.warnings += len(r.Report.Warnings)
		if r.Status == stage.Failed {
			s.failedStage = r.Stage
		}
		if isPutOff(r) {
			s.warnings-- // it is told as such
			s.putOff, s.putOffStage = r.Report.Deferred, r.Stage
		}
	}
	if failure == nil {
		return s
	}
	for _, name := range names {
		if !begun[name] {
			s.undone = append(s.undone, name)
		}
	}
	return s
}

// isPutOff says whether a run did not do all for want of Salesforce's requests.
func isPutOff(r schedule.Run) bool {
	return r.Report.IsPutOff()
}

// status is the worst of the runs'.
func (s outcomeOfRuns) status() stage.Status {
	switch {
	case s.failedStage != "":
		return stage.Failed
	case s.problems > 0:
		return stage.WithProblems
	}
	return stage.OK
}

// verdict says whether all went well, what did not, and what to do: what a person wants to
// know first stands last, where the eye is when a command ends.
func (p *page) verdict(s outcomeOfRuns) {
	switch {
	case s.failedStage != "":
		text := s.failedStage + " failed; what was committed before stays"
		if len(s.undone) > 0 {
			text += ", and " + strings.Join(s.undone, ", ") + " did not run"
		}
		p.sentence("%s %s.", p.app.paint(p.w, red, "FAILED:"), text)
	case s.problems > 0:
		p.sentence("%s %s somebody has to look at:", p.app.paint(p.w, yellow, "NOT ALL WENT WELL:"), counted(s.problems, "thing")+" that")
	case s.putOff != "":
		p.sentence("%s %s: %s.", p.app.paint(p.w, yellow, "PUT OFF:"), s.putOffStage, s.putOff)
	case s.failedStage == "" && len(s.undone) == 0:
		text := fmt.Sprintf("%s, %s in, %s out", counted(int64(s.stages), "stage"), counted(s.in, "row"), thousands(s.out))
		if s.calls > 0 {
			text += ", " + counted(s.calls, "request") + " to Salesforce"
		}
		p.line("%s %s", p.app.paint(p.w, green, "ALL WENT WELL:"), text)
	}
	p.whatToDo(s)
}

func (p *page) whatToDo(s outcomeOfRuns) {
	if s.quarantined > 0 {
		p.sentence("  - %s quarantined: `partnersync outbox list --state quarantined` says why; mend it, then `partnersync outbox retry`", counted(s.quarantined, "row"))
	}
	if s.failed > 0 {
		p.sentence("  - %s failed and will be tried again: `partnersync outbox list --state waiting` says why and when", counted(s.failed, "row"))
	}
	if n := s.problems - s.failed - s.quarantined; n > 0 {
		besides := ""
		if n < s.problems {
			besides = counted(n, "thing") + " besides: "
		}
		p.sentence("  - %s`partnersync discrepancies`, and the warnings and notes above say what, and what to do", besides)
	}
	if s.problems > 0 && s.putOff != "" {
		p.sentence("  - %s is put off: %s", s.putOffStage, s.putOff)
	}
	if s.warnings > 0 {
		p.sentence("  - %s above, of what may come to matter", counted(int64(s.warnings), "warning"))
	}
}

// saysDryRun says whether a run's own notices say that nothing was written.
func saysDryRun(r schedule.Run) bool {
	return slices.ContainsFunc(r.Report.Notices, func(n string) bool { return strings.Contains(n, "dry run: nothing was written") })
}

// notices writes what runs want a person to know, each sentence once: that a
// mapping is stopped, and why, for one.
func (p *page) notices(runs []schedule.Run) {
	said := map[string]bool{}
	for _, r := range runs {
		for _, w := range r.Report.Warnings {
			if !isPutOff(r) || w.Kind != stage.OutOfQuota {
				p.sentence("%s %s: %s", p.app.paint(p.w, yellow, "warning:"), r.Stage, w.Text)
			}
		}
		for _, n := range r.Report.Remarks() {
			if notice := r.Stage + ": " + n; !said[notice] {
				said[notice] = true
				p.sentence("%s %s", p.app.paint(p.w, yellow, "note:"), notice)
			}
		}
	}
}

// state paints the word for how a run ended.
func (p *page) state(state string) string {
	switch {
	case state == string(stage.OK):
		return p.app.paint(p.w, green, state)
	case strings.HasPrefix(state, string(stage.OK)), state == "deferred":
		return p.app.paint(p.w, yellow, state)
	case state == string(stage.Failed), state == "interrupted":
		return p.app.paint(p.w, red, state)
	}
	return state
}
