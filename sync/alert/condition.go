package alert

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// The kinds of alerts.
const (
	Failed     = "failed"     // subject: a stage
	Late       = "late"       // subject: a job, a stage or all
	Quarantine = "quarantine" // subject: an object of the outbox
	Drift      = "drift"      // subject: a stage and what drifted, or a kind of discrepancy
	Stopped    = "stopped"    // subject: a stage and a kind of fact
	Quota      = "quota"      // subject: a stage
)

// Kinds lists them.
func Kinds() []string { return []string{Failed, Late, Quarantine, Drift, Stopped, Quota} }

// condition is something that somebody has to be told of.
type condition struct {
	Kind    string `db:"kind"`
	Subject string `db:"subject"`
	Title   string `db:"title"` // a few words
	Said    string `db:"said"`  // a sentence or some
	Hint    string `db:"hint"`  // what to do
	// Mark makes it another condition when it changes, Figure one that is worth telling
	// again when it grows.
	Mark   string `db:"mark"`
	Figure int64  `db:"figure"`
	// foundAt is when the pass ended that found it, of what one pass says and the next do not.
	foundAt time.Time
}

// key is what there is one open alert of.
func (c condition) key() string { return c.Kind + " " + c.Subject }

// stays says whether the condition is one that a pass has said once: what has changed in the
// org is not seen a second time. It holds until a person has looked, or it is as it was.
func (c condition) stays() bool { return c.Kind == Drift && strings.Contains(c.Subject, " ") }

// found are the conditions that hold, those that are over, and those of which nobody can say
// at the moment whether they hold: a stage that fails finds nothing stopped.
type found struct {
	conditions []condition
	settled    map[string]bool // by key
	undecided  map[string]bool // by kind and stage
}

// isUndecided says whether an alert may be over, or not.
func (f found) isUndecided(kind, subject string) bool {
	name, _, _ := strings.Cut(subject, " ")
	return f.undecided[kind+" "+name]
}

// look gathers the conditions.
func (w *Watcher) look(ctx context.Context, q sqlx.QueryerContext, now time.Time) (f found, err error) {
	defer errs.Wrap(&err, "look for what somebody has to be told of")
	ended, err := schedule.Ended(ctx, q)
	if err != nil {
		return f, err
	}
	f.undecided, f.settled = map[string]bool{}, map[string]bool{}
	for _, r := range ended {
		f.ofRun(r)
	}
	late, err := w.Watch.Late(ctx, q, now)
	if err != nil {
		return f, err
	}
	for _, l := range late {
		f.add(condition{
			Kind: Late, Subject: l.Name, Title: l.Job() + " is late", Said: sentence(l.String()), Mark: fmt.Sprint(l.Begun),
			Hint: "`partnersync status` shows what runs. Is a `partnersync serve` running, and does its log complain?",
		})
	}
	tallies, err := outbox.Tallies(ctx, q, now)
	if err != nil {
		return f, err
	}
	for _, t := range tallies {
		if t.Quarantined > 0 {
			f.add(condition{
				Kind: Quarantine, Subject: t.Object, Title: fmt.Sprintf("%s quarantined", records(t.Quarantined, t.Object)),
				Said:   fmt.Sprintf("Salesforce refuses %s, and will until somebody mends the cause.", records(t.Quarantined, t.Object)),
				Hint:   "`partnersync outbox list --state quarantined` says why; then `partnersync outbox retry`.",
				Figure: t.Quarantined,
			})
		}
	}
	return f, f.ofDiscrepancies(ctx, q, w.DriftKinds)
}

func (f *found) add(c condition) { f.conditions = append(f.conditions, c) }

// ofRun adds what the run says that last said how its stage fares.
func (f *found) ofRun(r schedule.Run) {
	isPutOff := r.Report.Deferred != ""
	if isPutOff {
		f.undecided[Failed+" "+r.Stage] = true
	}
	if isPutOff || r.Status == stage.Failed {
		f.undecided[Stopped+" "+r.Stage] = true
	}
	for _, subject := range r.Report.Settled {
		f.settled[condition{Kind: Drift, Subject: r.Stage + " " + subject}.key()] = true
	}
	if r.Status == stage.Failed {
		f.undecided[Quota+" "+r.Stage] = true
		said, hint, _ := strings.Cut(r.Error, "\n")
		where := ""
		if r.Worker != "" && !r.Interrupted {
			where = " It ran on " + r.Worker + "." // of several replicas one may have the wrong settings
		}
		f.add(condition{
			Kind: Failed, Subject: r.Stage, Title: r.Stage + " failed", Said: sentence(said) + where, Mark: withoutNumbers(said),
			Hint: strings.TrimSpace(hint + " The next run tries again; `partnersync status` shows how it went."),
		})
	}
	for _, w := range r.Report.Warnings {
		switch w.Kind {
		case stage.OutOfQuota:
			f.add(condition{
				Kind: Quota, Subject: r.Stage, Title: r.Stage + " is put off: Salesforce's requests are spent", Said: w.Text,
				Hint: "Nothing is lost: a later run does it. salesforce.quota divides the requests; `partnersync status` shows what they were spent on.",
			})
		case stage.Drift:
			f.add(condition{
				Kind: Drift, Subject: r.Stage + " " + w.Subject, Title: w.Subject + " has drifted", Said: w.Text, Mark: w.Text,
				Hint: "`partnersync doctor` compares the mapping with what the org has. When you have looked, end the alert with " +
					"`partnersync alerts close`: the org does not say it again.",
				foundAt: r.FinishedAt,
			})
		case stage.Stopped:
			f.add(condition{
				Kind: Stopped, Subject: r.Stage + " " + w.Subject, Title: "the mapping of " + w.Subject + " is stopped", Said: w.Text, Mark: w.Text,
				Hint: "`partnersync doctor` compares the mapping with what the org has. The other mappings go on; the next " + r.Stage + " tries this one again.",
			})
		}
	}
}

// ofDiscrepancies adds what verify found to be otherwise than it has to be.
func (f *found) ofDiscrepancies(ctx context.Context, q sqlx.QueryerContext, kinds []string) error {
	open, err := ledger.CountDiscrepancies(ctx, q)
	if err != nil {
		return err
	}
	for _, d := range open {
		if slices.Contains(kinds, d.Kind) {
			f.add(condition{
				Kind: Drift, Subject: d.Kind, Title: fmt.Sprintf("%d open: %s", d.Open, d.Kind), Figure: d.Open,
				Said: fmt.Sprintf("Comparing the book, the facts and Salesforce has found %d of the kind %s.", d.Open, d.Kind),
				Hint: "`partnersync discrepancies --kind " + d.Kind + "` lists them.",
			})
		}
	}
	return nil
}

// records counts records of an object of the outbox.
func records(n int64, object string) string {
	if n == 1 {
		return "1 " + object + " record"
	}
	return fmt.Sprintf("%d %s records", n, object)
}

// sentence begins and ends a text like one. What begins with a name keeps it as it is.
func sentence(s string) string {
	first, _, _ := strings.Cut(s, " ")
	first = strings.TrimRight(first, ":,")
	if first != "" && strings.IndexFunc(first, notSmall) < 0 && !slices.Contains(stage.Names(), first) {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

func notSmall(r rune) bool { return r < 'a' || r > 'z' }

var number = regexp.MustCompile(`[0-9]+`)

// withoutNumbers is an error without what makes each occurrence of it another one:
// attempts, instants, counts.
func withoutNumbers(s string) string { return number.ReplaceAllString(s, "#") }
