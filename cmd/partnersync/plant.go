package main

import (
	"context"
	"net/http"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/sync/accrue"
	"github.com/partnersync/partnersync/sync/alert"
	"github.com/partnersync/partnersync/sync/pull"
	"github.com/partnersync/partnersync/sync/push"
	"github.com/partnersync/partnersync/sync/quota"
	"github.com/partnersync/partnersync/sync/reconcile"
	"github.com/partnersync/partnersync/sync/record"
	"github.com/partnersync/partnersync/sync/recount"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
	"github.com/partnersync/partnersync/sync/verify"
	"github.com/partnersync/partnersync/sync/watch"
)

// plant is the stages put together over one database and one org.
type plant struct {
	runner *schedule.Runner
	// client is nil when no org is named; then there is no pull, no recount and no push.
	client *salesforce.Client
	// watch says how things should be; alerts tells when they are not.
	watch  watch.Config
	alerts *alert.Watcher
}

// newPlant puts the stages together. Without an org, those that touch Salesforce
// are left out.
func newPlant(cfg config.Config, db *sqlx.DB, c clock.Clock, log *zap.Logger) (*plant, error) {
	return newPlantTo(ends{}, cfg, db, c, log)
}

// ends are what a plant has at its ends in place of the org.
type ends struct {
	// transport is what requests go through; nil is one of the client's own.
	transport http.RoundTripper
	// sink gives what push writes to, one record call at a time; nil is the org.
	sink func(*salesforce.Client) push.Sink
}

// newPlantTo puts the stages together between other ends.
func newPlantTo(e ends, cfg config.Config, db *sqlx.DB, c clock.Clock, log *zap.Logger) (*plant, error) {
	m, err := loadMapping(cfg.Mapping)
	if err != nil {
		return nil, err
	}
	zone := cfg.Company.Location()
	p := &plant{}
	if p.watch, err = watchOf(cfg); err != nil {
		return nil, err
	}
	if p.alerts, err = newAlerts(cfg, p.watch, db, c, log.Named("alert")); err != nil {
		return nil, err
	}
	verification := verify.Config{DB: db, Clock: c, Zone: zone, Mapping: m, Shape: shapeOf(cfg), Log: log.Named(stage.Verify)}
	stages := []stage.Stage{
		reconcile.New(reconcile.Config{DB: db, Mapping: m, Clock: c, Zone: zone, Currency: money.Currency(cfg.Company.Currency)}),
		newAccrue(cfg, db, c),
	}
	if cfg.Salesforce.IsSet() {
		if p.client, err = newClientThrough(e.transport, cfg, c, log.Named("salesforce")); err != nil {
			return nil, err
		}
		pc := push.Config{
			DB: db, Sink: p.client, Mapping: m, Clock: c, Zone: zone, Log: log.Named(stage.Push), Workers: writers(cfg),
			API: push.API(cfg.Push.API), BulkAbove: cfg.Push.BulkAbove, Part: cfg.Push.Part, Shape: shapeOf(cfg),
		}
		if e.sink != nil {
			pc.Sink, pc.Workers, pc.API = e.sink(p.client), 1, push.APICollections
		}
		stages = append(stages,
			pull.New(pull.Config{
				DB: db, Source: p.client, Mapping: m, Clock: c, Log: log.Named(stage.Pull),
				API: pull.API(cfg.Pull.API), BulkAbove: cfg.Pull.BulkAbove, Window: cfg.Pull.Window, Workers: readers(cfg),
				RefreshEvery: cfg.Pull.RefreshEvery, DescribeEvery: cfg.Pull.DescribeEvery,
			}),
			recount.New(recount.Config{
				DB: db, Source: p.client, Mapping: m, Clock: c, Log: log.Named(stage.Recount),
				Late: pull.DefaultOverlap, BulkAbove: countedByREST(cfg),
			}),
			push.New(pc),
		)
	}
	if p.client != nil {
		verification.Source = p.client
	}
	stages = append(stages, verify.New(verification))
	if p.client != nil {
		stages = p.governed(stages, db, c, log.Named("quota"))
	}
	p.runner = &schedule.Runner{DB: db, Stages: stages, Clock: c, Log: log.Named("run")}
	return p, nil
}

// governed puts the quota before the requests of the stages that make some.
func (p *plant) governed(stages []stage.Stage, db *sqlx.DB, c clock.Clock, log *zap.Logger) []stage.Stage {
	g := quota.New(quota.Config{
		DB: db, Org: p.client, Policy: p.watch.Policy, Clock: c, Log: log, Whole: []string{stage.Recount, stage.Verify},
		LastCalls: func(ctx context.Context, name string) (int64, error) { return schedule.LastCalls(ctx, db, name) },
	})
	out := make([]stage.Stage, len(stages))
	for i, s := range stages {
		switch out[i] = s; s.Name() {
		case stage.Reconcile, stage.Accrue: // they open nothing but the database
		default:
			out[i] = g.Guard(s)
		}
	}
	return out
}

// watchOf is what the settings say of how things should be.
func watchOf(cfg config.Config) (watch.Config, error) {
	table, err := schedule.NewTimetable(cfg.Schedules.ByName(), cfg.Company.Location())
	if err != nil {
		return watch.Config{}, err
	}
	policy, err := cfg.Salesforce.Quota.Policy()
	return watch.Config{Timetable: table, Grace: cfg.Alerts.LateAfter, Policy: policy}, err
}

// newAlerts gives what tells people of what goes wrong.
func newAlerts(cfg config.Config, w watch.Config, db *sqlx.DB, c clock.Clock, log *zap.Logger) (*alert.Watcher, error) {
	channels, err := cfg.Alerts.Channels(c)
	if err != nil {
		return nil, err
	}
	return alert.New(alert.Config{
		DB: db, Clock: c, Log: log, Watch: w, DriftKinds: verify.Kinds(), Channels: channels,
		Remind: cfg.Alerts.RemindAfter, From: cfg.Company.Name,
	}), nil
}

// shapeOf is how much of the book Salesforce is to hold.
func shapeOf(cfg config.Config) record.Shape {
	return record.Shape{Since: cfg.Push.SinceMonth(), Grain: record.Grain(cfg.Push.Grain)}
}

// newAccrue gives accrue, which needs no org.
func newAccrue(cfg config.Config, db *sqlx.DB, c clock.Clock) *accrue.Stage {
	liveOn, decided := cfg.Company.GoLiveOn()
	return accrue.New(accrue.Config{
		DB: db, Clock: c, Zone: cfg.Company.Location(), GoLive: book.GoLive{Decided: decided, On: liveOn},
	})
}

// writers is how many calls push has in flight: each holds a connection to the
// database, of which the run's own bookkeeping needs two.
func writers(cfg config.Config) int {
	return max(1, min(push.DefaultWorkers, cfg.Database.MaxConns-2, cfg.Limits.ConcurrentRequests))
}

// readers is how many windows of a large object pull reads at once; see writers.
func readers(cfg config.Config) int {
	return max(1, min(pull.DefaultWorkers, cfg.Database.MaxConns-2, cfg.Limits.ConcurrentRequests))
}

// countedByREST is up to how many records of an object a recount reads by REST, as pull
// does; -1 is any number.
func countedByREST(cfg config.Config) int {
	switch pull.API(cfg.Pull.API) {
	case pull.REST:
		return -1
	case pull.Bulk:
		return 1
	}
	return cfg.Pull.BulkAbove
}

// close gives up the connections to the org.
func (p *plant) close() {
	if p.client != nil {
		p.client.Close()
	}
}
