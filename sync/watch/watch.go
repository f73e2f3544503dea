// Package watch looks at how the sync fares as a whole: how fresh what it knows is, what
// waits and since when, which jobs are late, which replicas live, and how much of Salesforce's quota is left. It
// asks the rooms that own the tables, for the command line, the web and the metrics, so
// that all of them say the same.
package watch

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/outbox"
	"github.com/partnersync/partnersync/sync/quota"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/staging"
)

// DefaultGrace is how late a job may be before it is called late.
const DefaultGrace = 15 * time.Minute

// Config is what the settings say of how things should be.
type Config struct {
	Timetable schedule.Timetable
	// Grace is how late a job may be; 0 means DefaultGrace.
	Grace  time.Duration
	Policy quota.Policy
}

// State is how the sync fares at an instant.
type State struct {
	At time.Time
	// Objects are those of Salesforce that were ever read.
	Objects []staging.Freshness
	// Due is what accrue has to work out.
	Due book.Due
	// Outbox says since when what has to reach Salesforce waits.
	Outbox []outbox.Age
	Late   []schedule.Lateness
	Quota  quota.Standing
	// Replicas are those of the daemon.
	Replicas []schedule.Replica
}

// Look looks at everything.
func Look(ctx context.Context, q sqlx.QueryerContext, c Config, now time.Time) (_ State, err error) {
	s := State{At: now}
	if s.Objects, err = staging.Freshnesses(ctx, q); err != nil {
		return s, err
	}
	if s.Due, err = book.ReadDue(ctx, q); err != nil {
		return s, err
	}
	if s.Outbox, err = outbox.Ages(ctx, q); err != nil {
		return s, err
	}
	if s.Late, err = c.Late(ctx, q, now); err != nil {
		return s, err
	}
	if s.Replicas, err = schedule.Replicas(ctx, q); err != nil {
		return s, err
	}
	s.Quota, err = quota.Look(ctx, q, c.Policy, now)
	return s, err
}

// Late gives the jobs that are late.
func (c Config) Late(ctx context.Context, q sqlx.QueryerContext, now time.Time) ([]schedule.Lateness, error) {
	grace := c.Grace
	if grace <= 0 {
		grace = DefaultGrace
	}
	return c.Timetable.Late(ctx, q, now, grace)
}
