package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/partnersync/partnersync/internal/errs"
)

const (
	maxLine  = 200
	maxEvery = 366 * 24 * time.Hour
	// lookBack is how far Previous searches. Leap days are the rarest instants
	// that a line can name.
	lookBack = 9 * 366 * 24 * time.Hour
)

// reference is where a new schedule is asked for its next instant, to see
// whether it has any; cron looks five years ahead, and finds 2024-02-29.
var reference = time.Date(2023, 3, 1, 0, 0, 0, 0, time.UTC)

// Parse reads a cron line: five fields (minute, hour, day of month, month, day
// of week), or @hourly, @daily, @weekly, @monthly, @yearly, or "@every 10m". The
// fields are meant in zone (nil: UTC), unless the line begins with
// TZ=Europe/Berlin or CRON_TZ=Europe/Berlin. Where clocks go forward, a time
// that is skipped has no instant on that day; where they go back, a time that
// comes twice has two.
//
// @every counts from 1970-01-01T00:00:00Z, not from whenever a process was
// started, so that all replicas mean the same instants: "@every 15m" is every
// quarter of an hour, "@every 24h" is midnight UTC.
//
// The error is errs.Invalid and says what is wrong with the line, also where
// cron's own parser would panic (a zone and nothing else) or accept a line that
// never comes due (30 February).
func Parse(line string, zone *time.Location) (cron.Schedule, error) {
	s, err := parse(line, zone)
	if err != nil {
		return nil, errs.New(errs.Invalid, "cron line %.*q: %w", maxLine, line, err).WithHint(
			"Write five fields (minute hour day month weekday), such as */15 * * * *, " +
				"or @hourly, @daily, @every 10m; TZ=Europe/Berlin in front names another zone.")
	}
	return s, nil
}

func parse(line string, zone *time.Location) (cron.Schedule, error) {
	if len(line) > maxLine {
		return nil, fmt.Errorf("has %d characters; %d are allowed", len(line), maxLine)
	}
	fields := strings.Fields(line)
	if zone == nil {
		zone = time.UTC
	}
	if len(fields) > 0 {
		if name, ok := zoneOf(fields[0]); ok {
			var err error
			if zone, err = loadZone(name); err != nil {
				return nil, err
			}
			fields = fields[1:]
		}
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("says no time")
	}
	// cron's parser looks for a zone again, and panics when nothing follows it.
	if _, ok := zoneOf(fields[0]); ok {
		return nil, fmt.Errorf("names two zones")
	}
	if fields[0] == "@every" {
		return parseEvery(fields[1:])
	}
	return parseFields(fields, zone)
}

// zoneOf gives the zone that a field such as TZ=Europe/Berlin names.
func zoneOf(field string) (string, bool) {
	if name, ok := strings.CutPrefix(field, "CRON_TZ="); ok {
		return name, true
	}
	return strings.CutPrefix(field, "TZ=")
}

// loadZone refuses what would mean another zone on another machine.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone like Europe/Berlin or UTC", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not a time zone like Europe/Berlin or UTC: %w", name, err)
	}
	return zone, nil
}

func parseFields(fields []string, zone *time.Location) (cron.Schedule, error) {
	s, err := cron.ParseStandard(strings.Join(fields, " "))
	if err != nil {
		return nil, err
	}
	spec, ok := s.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("is a kind of schedule (%T) that is not known here", s)
	}
	spec.Location = zone
	if spec.Next(reference).IsZero() {
		return nil, fmt.Errorf("never comes due: no year has such a day")
	}
	return spec, nil
}

// every is a period that is counted from the Unix epoch.
type every time.Duration

func parseEvery(rest []string) (cron.Schedule, error) {
	if len(rest) != 1 {
		return nil, fmt.Errorf("@every wants one duration, such as 10m")
	}
	d, err := time.ParseDuration(rest[0])
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a duration such as 10m or 1h30m", rest[0])
	case d < time.Second || d%time.Second != 0:
		return nil, fmt.Errorf("%s is not a whole number of seconds, at least one", rest[0])
	case d > maxEvery:
		return nil, fmt.Errorf("%s is longer than a year", rest[0])
	}
	return every(d), nil
}

// Next gives the first multiple of the period after t.
func (e every) Next(t time.Time) time.Time {
	period := int64(time.Duration(e) / time.Second)
	return time.Unix((t.Unix()/period+1)*period, 0).In(t.Location())
}

// Previous gives the last instant of the schedule at or before now, in UTC; or
// the zero time if there was none in the last nine years.
func Previous(s cron.Schedule, now time.Time) time.Time {
	now = now.UTC()
	due := func(t time.Time) bool {
		next := s.Next(t)
		return !next.IsZero() && !next.After(now)
	}
	// Next grows with its argument. So the last instant that is due lies between
	// the latest t that still has one due, and the t after it: halve.
	ago := time.Minute
	for !due(now.Add(-ago)) {
		if ago *= 2; ago > lookBack {
			return time.Time{}
		}
	}
	low, high := now.Add(-ago), now
	for high.Sub(low) > time.Second {
		if middle := low.Add(high.Sub(low) / 2); due(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	// Less than a second before an instant there can be no other, but two may
	// lie around low, when the lines' instants are whole seconds.
	last := s.Next(low)
	for next := s.Next(last); !next.IsZero() && !next.After(now); next = s.Next(next) {
		last = next
	}
	return last.UTC()
}
