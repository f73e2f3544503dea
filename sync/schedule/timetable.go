package schedule

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/stage"
)

// Timetable says what runs by itself, and when. The zero value is an empty one.
type Timetable struct {
	lines []line
	// sequence is what "all" stands for.
	sequence []string
	zone     *time.Location
}

// line is a schedule and the name of what it starts.
type line struct {
	name     string
	schedule cron.Schedule
}

// NewTimetable reads cron lines by name: a stage's, or "all" for every stage without a
// line of its own. An empty line is no line; "off" keeps a stage out of "all" as well.
// They are meant in zone; nil is UTC. The error is errs.Invalid and names every line
// that is wrong.
func NewTimetable(schedules map[string]string, zone *time.Location) (Timetable, error) {
	t := Timetable{zone: zone}
	if t.zone == nil {
		t.zone = time.UTC
	}
	var faults []error
	known := append([]string{All}, stage.Names()...)
	for _, name := range slices.Sorted(maps.Keys(schedules)) {
		if !slices.Contains(known, name) {
			faults = append(faults, errs.New(errs.Invalid, "schedules.%s: there is no such stage; there are %s", name, strings.Join(known, ", ")))
		}
	}
	for _, name := range stage.Names() {
		text := strings.TrimSpace(schedules[name])
		if text == "" && slices.Contains(stage.Way(), name) {
			t.sequence = append(t.sequence, name)
		}
		faults = append(faults, t.readLine(name, text))
	}
	if len(t.sequence) > 0 {
		faults = append(faults, t.readLine(All, strings.TrimSpace(schedules[All])))
	}
	if err := errors.Join(faults...); err != nil {
		return Timetable{}, errs.New(errs.Invalid, "%w", err)
	}
	return t, nil
}

func (t *Timetable) readLine(name, text string) error {
	if text == "" || text == off {
		return nil
	}
	s, err := Parse(text, t.zone)
	errs.Wrap(&err, "schedules.%s", name)
	if err == nil {
		t.lines = append(t.lines, line{name: name, schedule: s})
	}
	return err
}

// stagesOf gives the stages that a job of that name runs.
func (t Timetable) stagesOf(name string) []string {
	if name == All {
		return t.sequence
	}
	return []string{name}
}

// Due is when something will next start by itself.
type Due struct {
	// Name is a stage's, or "all".
	Name string
	At   time.Time
}

// After gives when each line will next be due after an instant, soonest first, in the
// company zone.
func (t Timetable) After(now time.Time) []Due {
	out := make([]Due, 0, len(t.lines))
	for _, l := range t.lines {
		out = append(out, Due{Name: l.name, At: l.schedule.Next(now.In(t.zone)).In(t.zone)})
	}
	slices.SortStableFunc(out, func(a, b Due) int { return a.At.Compare(b.At) })
	return out
}

// nextOf gives when the line of a name will next be due after an instant, or the
// zero time if it has none.
func (t Timetable) nextOf(name string, after time.Time) time.Time {
	for _, l := range t.lines {
		if l.name == name {
			return l.schedule.Next(after)
		}
	}
	return time.Time{}
}
