package config

import (
	"errors"

	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// stated lists the cron lines by name: all first, then the stages in the order of
// the data's way.
func (s Schedules) stated() []struct{ Name, Line string } {
	return []struct{ Name, Line string }{
		{schedule.All, s.All}, {stage.Pull, s.Pull}, {stage.Reconcile, s.Reconcile}, {stage.Accrue, s.Accrue}, {stage.Push, s.Push},
		{stage.Recount, s.Recount}, {stage.Verify, s.Verify},
	}
}

// ByName gives the cron lines as the scheduler takes them: by stage, or "all". An
// empty line is none; "off" keeps a stage out of "all" as well.
func (s Schedules) ByName() map[string]string {
	out := map[string]string{}
	for _, one := range s.stated() {
		out[one.Name] = one.Line
	}
	return out
}

// schedules checks each cron line as the scheduler itself reads it.
func (v *validation) schedules() {
	for _, s := range v.config.Schedules.stated() {
		if s.Line == Off || s.Line == "" && s.Name != schedule.All {
			continue
		}
		_, err := schedule.Parse(s.Line, v.config.Company.Location())
		if err == nil {
			continue
		}
		// The scheduler's own operation would say again which line it is.
		if cause := errors.Unwrap(errors.Unwrap(err)); cause != nil {
			err = cause
		}
		v.add("schedules."+s.Name, `%q is not a cron line: %v; write five fields like "*/5 * * * *", or %q`, s.Line, err, Off)
	}
}
