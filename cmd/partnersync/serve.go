package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/migrations"
	"github.com/partnersync/partnersync/portal"
	"github.com/partnersync/partnersync/sync/alert"
	"github.com/partnersync/partnersync/sync/quota"
	"github.com/partnersync/partnersync/sync/schedule"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", GroupID: groupStart, Args: cobra.NoArgs,
		Short: "Run stages by their schedule and serve the web pages",
		Long: `Run the stages by their cron lines, and serve the status page, /healthz, /readyz
and /metrics. Any number of replicas may run over one Postgres: an instant starts a
run once. A private Postgres has to be its own: while another command runs one,
serve refuses to start. SIGTERM and Ctrl-C stop it: what is in hand is finished or
rolled back.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.serve(c.Context()) },
	}
}

func (a *app) serve(ctx context.Context) (err error) {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	if err := cfg.NeedSalesforce(); err != nil {
		return err
	}
	log, err := a.logger(cfg.Log)
	if err != nil {
		return err
	}
	// First, because an address in use is the likeliest fault and the cheapest to find.
	l, err := portal.Listen(ctx, cfg.HTTP.Listen)
	if err != nil {
		return err
	}
	s := &service{cfg: cfg, app: a, listener: l, log: log}
	// The server closes its listener by itself; before it has one, we do.
	defer func() { err = errors.Join(err, s.closeListener()) }()
	return a.withDatabase(ctx, cfg, log, schemaCurrent, func(d *database) error {
		if err := d.needOwn(); err != nil {
			return err
		}
		p, err := newPlant(cfg, d.DB, a.clock, log)
		if err != nil {
			return err
		}
		defer p.close()
		s.database, s.plant = d, p
		return s.run(ctx, func() {
			log.Info("serving", zap.String("web", "http://"+l.Addr().String()), zap.String("salesforce", cfg.Salesforce.LoginURL),
				zap.String("zone", cfg.Company.Zone), zap.String("version", thisBuild().Version),
				zap.String("worker", schedule.WorkerName()))
		})
	})
}

// needOwn refuses a private server that another process runs: it ends with that
// process, and a daemon that should go on would be left without a database.
func (d *database) needOwn() error {
	if d.joined == nil {
		return nil
	}
	return errs.New(errs.Conflict, "serve would lose its database with the process that runs it: %w", d.joined).
		WithHint("wait until that process has ended, or stop it, and then start serve; or name a Postgres that stays in database.url (%s)",
			config.EnvName("database.url"))
}

// service is what `serve` and `demo` keep up until they are told to stop: the
// daemon that ticks and works, and the web.
type service struct {
	app      *app
	cfg      config.Config
	database *database
	plant    *plant
	listener net.Listener
	log      *zap.Logger
}

// run starts daemon and web, calls ready, and stops both when ctx ends, which is
// no error, or when something breaks, which is.
func (s *service) run(ctx context.Context, ready func()) error {
	registry := prometheus.NewRegistry()
	metrics := portal.NewRunMetrics(registry)
	s.plant.runner.Observe, s.plant.runner.ObservePart = metrics.Observe, metrics.ObservePart
	d, err := schedule.NewDaemon(schedule.DaemonConfig{
		Runner: s.plant.runner, Schedules: s.cfg.Schedules.ByName(), Zone: s.cfg.Company.Location(),
		Grace: s.cfg.Limits.StopTimeout / 2, Chores: s.chores(), PartWorkers: readers(s.cfg), Version: thisBuild().Version,
	})
	if err != nil {
		return err
	}
	if err := d.Start(ctx); err != nil {
		return err
	}
	webCtx, stopWeb := context.WithCancel(ctx)
	defer stopWeb()
	web := make(chan error, 1)
	go func() { web <- portal.ServeOn(webCtx, s.listener, s.handler(d, registry)) }()
	s.tellSystemd(daemon.SdNotifyReady)
	ready()

	var broken, webEnd error
	select {
	case <-ctx.Done():
		s.log.Info("stopping")
	case broken = <-web:
		web <- nil // it has ended already
	case <-s.database.gone():
		broken = errs.New(errs.Transient, "the private Postgres ended").WithHint("its log is in %s", s.cfg.Database.DataDir)
	}
	s.tellSystemd(daemon.SdNotifyStopping)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Limits.StopTimeout)
	defer cancel()
	stopWeb()
	stopped := d.Stop(stop)
	select {
	case webEnd = <-web:
	case <-stop.Done():
		webEnd = errs.New(errs.Transient, "the web server did not end in time")
	}
	if err := errors.Join(broken, stopped, webEnd); err != nil {
		return err
	}
	s.log.Info("stopped")
	return nil
}

// chores are what the daemon does beside the stages.
func (s *service) chores() []schedule.Chore {
	return []schedule.Chore{
		{What: "look after the alerts", Every: alert.Every, Do: s.plant.alerts.Once},
		{What: "forget old requests", Every: time.Hour, Do: func(ctx context.Context) error {
			return quota.Prune(ctx, s.database.DB, s.app.clock.Now())
		}},
	}
}

// handler is the web pages.
func (s *service) handler(d *schedule.Daemon, registry *prometheus.Registry) http.Handler {
	return portal.New(portal.Config{
		Registry: registry, Watch: s.plant.watch,
		DB: s.database.DB, Log: s.log.Named("web"), Clock: s.app.clock, Zone: s.cfg.Company.Location(),
		Ready:   func(ctx context.Context) error { return migrations.Check(ctx, s.database.DB) },
		Next:    d.Next,
		Version: thisBuild().Version, OneApproves: s.cfg.Company.OneApproves(),
		Hosts: s.hosts(),
	})
}

// hosts are the names under which the page may be asked for: those of the
// settings, the one that it listens on, and the machine's own.
func (s *service) hosts() []string {
	hosts := s.cfg.HTTP.HostNames()
	if host, _, err := net.SplitHostPort(s.cfg.HTTP.Listen); err == nil && host != "" {
		hosts = append(hosts, host)
	}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	return hosts
}

// tellSystemd says how the service is, where systemd started it and wants to know.
func (s *service) tellSystemd(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd was not told", zap.String("state", state), zap.Error(err))
	}
}

// closeListener closes what the web server may never have got to.
func (s *service) closeListener() error {
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
