package schedule

import (
	"time"

	"github.com/partnersync/partnersync/sync/stage"
)

// All is the name that stands for the stages in the order of the data's way.
const All = "all"

// ActorSchedule is who runs what a cron line started.
const ActorSchedule = "schedule"

// Run is one pass of one stage, as the history keeps it.
type Run struct {
	// ID is the run's place in the history; 0 for a dry run, which leaves none.
	ID int64
	// Stage is the name of the stage: pull, reconcile, accrue, push.
	Stage string
	// Actor is who ran it: "schedule", or a person's name.
	Actor string
	// Worker is the process that ran it, or led those that did: the name of its machine
	// and its number there.
	Worker    string
	StartedAt time.Time
	// FinishedAt is zero while the pass runs. Of an interrupted run it is when
	// somebody last heard of it.
	FinishedAt time.Time
	// Status is empty while the pass runs.
	Status stage.Status
	// Interrupted says that the process that ran this ended without a word.
	Interrupted bool
	Report      stage.Report
	// Error is what stopped the pass, and what to do about it on a second line
	// where that is known; or "".
	Error string
	// Progress is how far a pass came that runs or was interrupted.
	Progress Progress
}

// Progress is what a pass last told of itself.
type Progress struct {
	// SeenAt is when, by the database's clock.
	SeenAt time.Time `json:"seen_at"`
	// What is being worked on; Done of Total items of it are finished, and Total
	// is 0 when nobody knows.
	What  string `json:"what,omitempty"`
	Done  int64  `json:"done,omitempty"`
	Total int64  `json:"total,omitempty"`
}

// Running says whether the pass has not ended yet.
func (r Run) Running() bool { return r.FinishedAt.IsZero() }

// silentAfter is how long nobody may have heard of a pass before that is worth a word:
// three beats.
const silentAfter = 3 * beatEvery

// Silence says for how long nobody has heard of a pass that runs, if that is longer than
// one that lives takes between two words: its process is gone or frozen, or has no database.
// 0 otherwise.
func (r Run) Silence(now time.Time) time.Duration {
	if silent := now.Sub(latest(r.StartedAt, r.Progress.SeenAt)); r.Running() && silent > silentAfter {
		return silent
	}
	return 0
}

// Duration is how long the pass took; 0 while it runs. Of one that was interrupted it is
// the time through which somebody heard of it.
func (r Run) Duration() time.Duration {
	if r.Running() {
		return 0
	}
	return max(r.FinishedAt.Sub(r.StartedAt), 0)
}

// State is the run's status in one word or two: running, ok, ok with problems,
// failed, interrupted, deferred.
func (r Run) State() string {
	switch {
	case r.Running():
		return "running"
	case r.Interrupted:
		return "interrupted"
	case r.Status == stage.OK && r.Report.Deferred != "":
		return "deferred"
	}
	return string(r.Status)
}
