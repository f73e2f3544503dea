// Package portal is the web side: a status page for people, and health,
// readiness and metrics for machines. It only reads, and only from Postgres; it
// never calls Salesforce.
//
// Nobody logs in yet, and the page shows what partners are owed. So it listens
// on this machine alone unless it is told otherwise; whoever puts it on a network
// puts a proxy that knows its users in front.
//
// What it shows is one snapshot of the database, at most some seconds old and
// shared by everybody who asks meanwhile, so that a room full of open pages costs
// the database no more than one.
package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/watch"
)

// Config is what the portal needs. DB, Log and Clock must be set.
type Config struct {
	DB    *sqlx.DB
	Log   *zap.Logger
	Clock clock.Clock
	// Zone is the company zone, in which times are shown; nil is UTC.
	Zone *time.Location
	// Registry gets the portal's metrics and those of the Go runtime and the
	// process, and is what /metrics shows. nil is a new one.
	Registry *prometheus.Registry
	// Ready says why this process can't do its work, beside a database that does
	// not answer: migrations.Check, for one. nil asks nothing more. Text of
	// errors of a kind other than errs.Unknown and errs.Transient is shown to
	// whoever asks.
	Ready func(context.Context) error
	// Summary reads what the page and the metrics show; nil reads it from DB.
	Summary Summary
	// Watch says how things should be: what runs when, and how the quota is divided. The
	// Summary that reads from DB goes by it.
	Watch watch.Config
	// Next gives when what will run next by itself: schedule.Daemon's Next. nil
	// shows none.
	Next func() []schedule.Due
	// Hosts are the names under which the page may be asked for, in any case and
	// without ports. Addresses and localhost need not be named.
	Hosts []string
	// OneApproves says that four eyes are off, which every page says too (R8.5).
	OneApproves bool
	// Version is the program's, for the foot of the page.
	Version string
}

// site is the portal at work.
type site struct {
	Config
	page      page
	snapshots *snapshots
	asked     singleflight.Group // whether the replica is ready
}

// New gives the portal's handler. It opens nothing and starts nothing.
func New(c Config) http.Handler {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	if c.Summary == nil {
		c.Summary = rooms{db: c.DB, clock: c.Clock, watch: c.Watch}
	}
	s := &site{Config: c, page: loadPage(), snapshots: newSnapshots(c.Summary, c.Clock)}
	s.registerMetrics()
	return s.guarded(s.routes())
}
