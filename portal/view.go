package portal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// maxOwed is how many payees of a currency the page lists; the rest is a count.
const maxOwed = 50

// does says in a few words what a stage is for.
var does = map[string]string{
	stage.Pull:      "Salesforce → staging",
	stage.Reconcile: "staging → ledger",
	stage.Accrue:    "ledger → book",
	stage.Push:      "book → Salesforce",
	stage.Recount:   "Salesforce, staging: the same records?",
	stage.Verify:    "facts, book, Salesforce: the same?",
}

// view is what the template shows: texts, ready to be read.
type view struct {
	Verdict verdict
	// Refresh is after how many seconds the browser looks again; 0 never. It does
	// while something runs.
	Refresh       int
	At            moment
	Version       string
	OneApproves   bool // four eyes are off
	Stages        []stageView
	Owed          []owedView
	Discrepancies []discrepancyView
	Outbox        []outboxView
	Alerts        []alertView
	Objects       []objectView
	Late          []string
	Replicas      []replicaView
	// OfVersions says that the replicas are not all of one version.
	OfVersions bool
	Due        string
	Quota      quotaView
	Recent     []runView
}

// verdict is the state of everything in a sentence.
type verdict struct {
	Tone string // good, warn, bad or idle
	Text string
}

// moment is an instant as people and as machines read it.
type moment struct{ ISO, Text, Ago string }

type countView struct{ Name, N string }

type stageView struct {
	Name, Does, Next string
	Never            bool
	Run              runView
	LastSuccess      *moment
}

type runView struct {
	Calls                           string
	Warnings                        []string
	Stage, State, Tone, Actor, Took string
	// Worker is the process that ran it, Silent says that nobody hears of one that runs.
	Worker, Silent        string
	Started               moment
	Counts                []countView
	Problems              string
	Notices               []string
	Deferred, Error, Hint string
	// Shared says who did which part of a pass that replicas shared.
	Shared   string
	Progress *progressView
	// NothingNew says that a pass found nothing to do: all its counts are 0.
	NothingNew bool
}

type progressView struct {
	What, Text string
	// Done and Total fill the bar; Total is 0 where nobody knows.
	Done, Total int64
}

type owedView struct {
	Currency, Total string
	Rows            []payeeView
	More            string
}

type payeeView struct{ PayeeID, Partner, Amount, Lines string }

type discrepancyView struct {
	// KindParts are the kind's words, each with its underscore: between them a
	// narrow page may break the line.
	KindParts  []string
	Rule, Open string
	IsHold     bool
}

type outboxView struct{ Object, Unsent, Waiting, Quarantined, Oldest, OldestQuarantined string }

// view makes the page of a snapshot.
func (s *site) view(snap snapshot) view {
	v := view{
		At: s.moment(snap.at, snap.at), Version: s.Version, OneApproves: s.OneApproves,
		Stages: s.stageViews(snap), Owed: owedViews(snap.balances), Verdict: judge(snap),
	}
	for _, r := range snap.latest {
		if r.Running() {
			v.Refresh = 5
		}
	}
	for _, d := range snap.discrepancies {
		v.Discrepancies = append(v.Discrepancies, discrepancyView{KindParts: strings.SplitAfter(d.Kind, "_"), Rule: d.Rule, Open: grouped(d.Open), IsHold: d.IsHold})
	}
	for _, t := range snap.outbox {
		v.Outbox = append(v.Outbox, outboxViewOf(t, snap))
	}
	s.watchViews(&v, snap)
	for _, r := range snap.history {
		v.Recent = append(v.Recent, s.runView(r, snap.at))
	}
	return v
}

// unreadable is the page of a database that does not answer.
func (s *site) unreadable() view {
	now := s.Clock.Now()
	return view{
		Refresh: 10, At: s.moment(now, now), Version: s.Version, OneApproves: s.OneApproves,
		Verdict: verdict{"bad", "The database does not answer, so there is nothing to show. The log has the details."},
	}
}

// judge says how things are: worst first.
func judge(snap snapshot) verdict {
	var failed, putOff []string
	var look, unsent int64
	for _, r := range snap.latest {
		if r.Status == stage.Failed {
			failed = append(failed, r.Stage)
		}
		if r.Report.IsPutOff() {
			putOff = append(putOff, r.Stage)
		}
		look += r.Report.Problems
	}
	for _, d := range snap.discrepancies {
		look += d.Open
	}
	for _, t := range snap.outbox {
		look += t.Quarantined
		unsent += t.Unsent
	}
	switch {
	case len(failed) > 0:
		return verdict{"bad", "The last run failed: " + strings.Join(failed, ", ") + "."}
	case len(snap.watch.Late) > 0:
		return verdict{"bad", "Late: " + strings.Join(lateNames(snap), ", ") + "."}
	case len(putOff) > 0:
		return verdict{"warn", "Put off, because Salesforce’s requests are spent: " + strings.Join(putOff, ", ") + "."}
	case look > 0:
		return verdict{"warn", "The stages run, and some records want a person’s look."}
	case !allSucceeded(snap):
		return verdict{"idle", "Not every stage has done its work yet."}
	case unsent > 0:
		return verdict{"good", "All is well; " + grouped(unsent) + " records are on their way to Salesforce."}
	}
	return verdict{"good", "All is well, and Salesforce has everything."}
}

// allSucceeded says whether each stage of the data's way has done its work at least once.
func allSucceeded(snap snapshot) bool {
	for _, name := range stage.Way() {
		if _, ok := snap.successes[name]; !ok {
			return false
		}
	}
	return true
}

// stageViews shows the stages of the data's way, also those that never ran, and
// others that did after them.
func (s *site) stageViews(snap snapshot) []stageView {
	runs := make(map[string]schedule.Run, len(snap.latest))
	names := stage.Names()
	for _, r := range snap.latest {
		runs[r.Stage] = r
		if _, ok := does[r.Stage]; !ok {
			names = append(names, r.Stage)
		}
	}
	out := make([]stageView, 0, len(names))
	for _, name := range names {
		r, ok := runs[name]
		v := stageView{Name: name, Does: does[name], Never: !ok, Next: s.nextOf(name)}
		if ok {
			v.Run = s.runView(r, snap.at)
		}
		if at, ok := snap.successes[name]; ok && !at.Equal(r.FinishedAt) {
			m := s.moment(at, snap.at)
			v.LastSuccess = &m
		}
		out = append(out, v)
	}
	return out
}

// nextOf says when a stage is next due: by its own line, or with all, if it is one of
// those.
func (s *site) nextOf(name string) string {
	if s.Next == nil {
		return ""
	}
	all := ""
	for _, due := range s.Next() {
		text := due.At.In(s.Zone).Format("2 Jan 15:04")
		switch due.Name {
		case name:
			return text
		case schedule.All:
			if slices.Contains(stage.Way(), name) {
				all = text
			}
		}
	}
	return all
}

func (s *site) runView(r schedule.Run, now time.Time) runView {
	v := runView{
		Stage: r.Stage, State: r.State(), Tone: tone(r), Actor: r.Actor, Worker: r.Worker,
		Started: s.moment(r.StartedAt, now), Took: took(r.Duration()),
		Notices: r.Report.Remarks(), Deferred: r.Report.Deferred, Shared: r.Report.SharedText(),
	}
	if r.Running() {
		v.Took = took(now.Sub(r.StartedAt))
	}
	if r.Interrupted {
		v.Took = "at least " + v.Took // nobody knows when it died
	}
	if silent := r.Silence(now); silent > 0 {
		v.Silent = "Nobody has heard of it for " + took(silent.Truncate(time.Second)) + ": is its process gone, or without the database?"
	}
	v.Error, v.Hint, _ = strings.Cut(r.Error, "\n")
	switch n := r.Report.CallsMade(); n {
	case 0:
	case 1:
		v.Calls = "1 request"
	default:
		v.Calls = grouped(n) + " requests"
	}
	for _, w := range r.Report.Warnings {
		if w.Kind != stage.OutOfQuota || !r.Report.IsPutOff() { // why it is put off is said already
			v.Warnings = append(v.Warnings, w.Text)
		}
	}
	if r.Report.Problems > 0 {
		v.Problems = grouped(r.Report.Problems)
	}
	for _, c := range r.Report.Counts {
		if c.N != 0 {
			v.Counts = append(v.Counts, countView{c.Name, grouped(c.N)})
		}
	}
	v.NothingNew = len(r.Report.Counts) > 0 && len(v.Counts) == 0 && !r.Running() && r.Status != stage.Failed && r.Report.Deferred == ""
	if p := r.Progress; p.What != "" {
		v.Progress = &progressView{What: p.What, Done: p.Done, Total: p.Total, Text: grouped(p.Done)}
		if p.Total > 0 {
			v.Progress.Text += " of " + grouped(p.Total)
		}
	}
	return v
}

// tone is the colour of a run's state.
func tone(r schedule.Run) string {
	switch r.State() {
	case "running", "deferred":
		return "idle"
	case string(stage.OK):
		return "good"
	case string(stage.WithProblems):
		return "warn"
	}
	return "bad"
}

// owedViews groups balances by currency; they come so ordered.
func owedViews(balances []book.Balance) []owedView {
	var out []owedView
	for start := 0; start < len(balances); {
		end, total := start, int64(0)
		for end < len(balances) && balances[end].Currency == balances[start].Currency {
			total += balances[end].Owed()
			end++
		}
		v := owedView{Currency: balances[start].Currency, Total: amount(balances[start].Currency, total)}
		for _, b := range balances[start:min(end, start+maxOwed)] {
			v.Rows = append(v.Rows, payeeView{b.PayeeID, b.Partner, amount(b.Currency, b.Owed()), grouped(b.Lines)})
		}
		if more := end - start - maxOwed; more > 0 {
			v.More = fmt.Sprintf("and %s more", grouped(int64(more)))
		}
		out = append(out, v)
		start = end
	}
	return out
}
