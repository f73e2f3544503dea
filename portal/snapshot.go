package portal

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/sync/alert"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/watch"
)

const (
	// freshFor is for how long a snapshot is shown again.
	freshFor = 3 * time.Second
	// readWithin bounds the reading of one.
	readWithin = 15 * time.Second
	// recentRuns is how many runs the page lists.
	recentRuns = 25
)

// Summary reads what the page and the metrics show. Its methods may be called
// from several goroutines at a time.
type Summary interface {
	// Latest gives the latest run of each stage, in the order of the data's way.
	Latest(ctx context.Context) ([]schedule.Run, error)
	// History gives the latest runs of all stages, newest first.
	History(ctx context.Context, limit int) ([]schedule.Run, error)
	// LastSuccess gives when each stage last did its work.
	LastSuccess(ctx context.Context) (map[string]time.Time, error)
	// Balances gives what is owed, by currency, largest first.
	Balances(ctx context.Context) ([]book.Balance, error)
	// Discrepancies counts the open ones by kind, holds first.
	Discrepancies(ctx context.Context) ([]ledger.DiscrepancyCount, error)
	// Watch looks how fresh things are, what waits to reach Salesforce and since when,
	// what is late, and how much of Salesforce's quota is left.
	Watch(ctx context.Context) (watch.State, error)
	// Alerts gives the open alerts.
	Alerts(ctx context.Context) ([]alert.Alert, error)
}

// rooms is the Summary that asks the rooms that own the tables.
type rooms struct {
	db    *sqlx.DB
	clock clock.Clock
	watch watch.Config
}

func (r rooms) Latest(ctx context.Context) ([]schedule.Run, error) {
	return schedule.Latest(ctx, r.db)
}

func (r rooms) History(ctx context.Context, limit int) ([]schedule.Run, error) {
	return schedule.History(ctx, r.db, limit)
}

func (r rooms) LastSuccess(ctx context.Context) (map[string]time.Time, error) {
	return schedule.LastSuccess(ctx, r.db)
}

func (r rooms) Balances(ctx context.Context) ([]book.Balance, error) {
	return book.Balances(ctx, r.db)
}

func (r rooms) Discrepancies(ctx context.Context) ([]ledger.DiscrepancyCount, error) {
	return ledger.CountDiscrepancies(ctx, r.db)
}

func (r rooms) Watch(ctx context.Context) (watch.State, error) {
	return watch.Look(ctx, r.db, r.watch, r.clock.Now())
}

func (r rooms) Alerts(ctx context.Context) ([]alert.Alert, error) { return alert.List(ctx, r.db, 0) }

// snapshot is the state of things at an instant.
type snapshot struct {
	at            time.Time
	latest        []schedule.Run
	history       []schedule.Run
	successes     map[string]time.Time
	balances      []book.Balance
	discrepancies []ledger.DiscrepancyCount
	watch         watch.State
	alerts        []alert.Alert
}

// snapshots reads snapshots, one at a time, and shows one again while it is
// fresh; a failure too, so that a database in trouble is not asked more often.
type snapshots struct {
	summary Summary
	clock   clock.Clock
	// turn is held by whoever reads or looks; unlike a mutex it can be given up.
	turn chan struct{}
	last snapshot
	err  error
	// known says that last and err are of some reading.
	known bool
}

func newSnapshots(s Summary, c clock.Clock) *snapshots {
	return &snapshots{summary: s, clock: c, turn: make(chan struct{}, 1)}
}

// get gives a snapshot that is at most freshFor old when get was called.
func (s *snapshots) get(ctx context.Context) (snapshot, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return snapshot{}, ctx.Err()
	}
	now := s.clock.Now()
	if !s.known || now.Sub(s.last.at) >= freshFor || now.Before(s.last.at) {
		// Others will share what is read, so it must not end with one's patience.
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), readWithin)
		defer cancel()
		s.last, s.err = s.read(shared, now)
		s.known = true
	}
	return s.last, s.err
}

func (s *snapshots) read(ctx context.Context, now time.Time) (_ snapshot, err error) {
	out := snapshot{at: now}
	steps := []func() error{
		func() (err error) { out.latest, err = s.summary.Latest(ctx); return err },
		func() (err error) { out.history, err = s.summary.History(ctx, recentRuns); return err },
		func() (err error) { out.successes, err = s.summary.LastSuccess(ctx); return err },
		func() (err error) { out.balances, err = s.summary.Balances(ctx); return err },
		func() (err error) { out.discrepancies, err = s.summary.Discrepancies(ctx); return err },
		func() (err error) { out.watch, err = s.summary.Watch(ctx); return err },
		func() (err error) { out.alerts, err = s.summary.Alerts(ctx); return err },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return snapshot{at: now}, err
		}
	}
	return out, nil
}
