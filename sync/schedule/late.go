package schedule

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/stage"
)

// clocksDiffer is by how much the clocks of replicas may differ: a run that began that
// much before its instant is taken for the instant's.
const clocksDiffer = 30 * time.Second

// Lateness says that a job is late.
type Lateness struct {
	// Name is a stage's, or "all".
	Name string
	// Due is when the run was due that has not begun, or has not ended.
	Due time.Time
	// Begun says that it has begun. Then it has not ended although the next one was due,
	// and the grace is over.
	Begun bool
}

// Job is the job in words: "all" says nothing to who did not write the settings.
func (l Lateness) Job() string {
	if l.Name == All {
		return "the run of all stages"
	}
	return l.Name
}

// String says it in a sentence.
func (l Lateness) String() string {
	due := l.Due.UTC().Format("2006-01-02 15:04:05Z")
	if l.Begun {
		return fmt.Sprintf("%s was due at %s and has not ended, although the next run was due since", l.Job(), due)
	}
	return fmt.Sprintf("%s was due at %s and has not begun", l.Job(), due)
}

// Late gives the jobs that are late at an instant: those that did not begin within the
// grace after they were due, and those that did not end within the grace after the next
// instant. A line that was first ticked after an instant could not miss it, and a
// database that no daemon uses has no late jobs.
func (t Timetable) Late(ctx context.Context, q sqlx.QueryerContext, now time.Time, grace time.Duration) (_ []Lateness, err error) {
	defer errs.Wrap(&err, "look for jobs that are late")
	var out []Lateness
	for _, l := range t.lines {
		due := Previous(l.schedule, now.Add(-grace))
		if due.IsZero() {
			continue
		}
		before := Previous(l.schedule, due.Add(-time.Second))
		state, err := t.progressOf(ctx, q, l.name, due, before)
		if err != nil {
			return nil, err
		}
		switch {
		case !state.WasTicked:
		case !state.HasBegun && !state.IsRunning:
			out = append(out, Lateness{Name: l.name, Due: due})
		case !state.WasTickedBefore || before.IsZero():
		case !state.HasEnded:
			out = append(out, Lateness{Name: l.name, Due: before, Begun: true})
		}
	}
	return out, nil
}

// jobState is what became of a job since an instant at which it was due.
type jobState struct {
	WasTicked       bool `db:"was_ticked"`        // the line was there at the instant
	WasTickedBefore bool `db:"was_ticked_before"` // and at the one before
	HasBegun        bool `db:"has_begun"`         // since the instant
	IsRunning       bool `db:"is_running"`        // and lives
	HasEnded        bool `db:"has_ended"`         // since the instant before, as a whole or by a failure
}

func (t Timetable) progressOf(ctx context.Context, q sqlx.QueryerContext, name string, due, before time.Time) (s jobState, err error) {
	stages := t.stagesOf(name)
	err = sqlx.GetContext(ctx, q, &s, `
		select exists (select from job.tick where stage = $1 and at <= $2) as was_ticked,
			exists (select from job.tick where stage = $1 and at <= $3) as was_ticked_before,
			exists (select from job.run where stage = $4 and started_at >= $2 - $6 * interval '1 second') as has_begun,
			exists (select from job.run where stage = any($5) and finished_at is null
				and `+seenAt+` >= now() - $7 * interval '1 second') as is_running,
			exists (select from job.run where stage = any($5) and finished_at >= $3
				and (stage = $8 or status = $9)) as has_ended`,
		name, due, before, stages[0], pq.Array(stages), int64(clocksDiffer/time.Second), int64(lease/time.Second),
		stages[len(stages)-1], stage.Failed)
	return s, err
}
