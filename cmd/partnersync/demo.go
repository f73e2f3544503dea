package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/ledger/apply"
	"github.com/partnersync/partnersync/portal"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/sync/stage"
)

// demoProgram states the partners that made-up orgs know, and a plan.
//
//go:embed demo.yaml
var demoProgram []byte

// demoSettings is the file that the demo writes, so that other commands can join it.
const demoSettings = "demo.yaml"

// demoMark begins that file, and tells it from others.
const demoMark = "# Written by `partnersync demo`"

func (a *app) demoCommand() *cobra.Command {
	var f emulatorFlags
	var once bool
	c := &cobra.Command{
		Use: "demo", GroupID: groupStart, Args: cobra.NoArgs,
		Short: "See everything work, on a made-up org and a private Postgres",
		Long: `See everything work: start a private Postgres and an org in memory, apply a sample
program, run pull, reconcile, accrue and push once, show what came of it, and go
on serving until Ctrl-C. It needs Postgres' binaries and nothing else, and touches
neither the org nor the database that the settings name.

Each demo starts afresh: its org lives in memory, and a ledger that remembers
having written to an org that is gone would be wrong about it.`,
		Example: "  partnersync demo\n  partnersync demo --opportunities 20000 --once",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.demoConfig(c, f)
			if err != nil {
				return err
			}
			return a.demo(c.Context(), cfg, once)
		},
	}
	c.Flags().BoolVar(&once, "once", false, "end after the run, without serving")
	c.Flags().IntVar(&f.opportunities, "opportunities", 0, "how many to make up (default salesforce.emulator.opportunities)")
	c.Flags().Int64Var(&f.seed, "seed", 0, "the same seed makes the same org all day (default salesforce.emulator.seed)")
	return c
}

// demoConfig takes from the settings what a demo heeds, and nothing that leads to
// the org or the database of a company.
func (a *app) demoConfig(c *cobra.Command, f emulatorFlags) (config.Config, error) {
	given, err := a.settings()
	if err != nil {
		return given, err
	}
	cfg := config.Default()
	cfg.Company, cfg.HTTP, cfg.Log, cfg.Limits = given.Company, given.HTTP, given.Log, given.Limits
	cfg.Company.GoLive = config.NoGoLive // nobody else has paid the made-up partners
	cfg.Company.FourEyes = config.Off    // whoever looks on is alone (R8.5)
	a.oneApproves = true
	cfg.Database.DataDir, cfg.Database.PostgresBin = given.Database.DataDir, given.Database.PostgresBin
	cfg.Salesforce.Emulator = given.Salesforce.Emulator
	return cfg, f.into(c, &cfg.Salesforce.Emulator)
}

// demonstration is a demo at work.
type demonstration struct {
	app   *app
	cfg   config.Config
	log   *zap.Logger
	org   *emulator.Org
	db    *database
	plant *plant
	// example is the key of a line that is worth explaining.
	example string
}

func (a *app) demo(ctx context.Context, cfg config.Config, once bool) (err error) {
	demo := &demonstration{app: a, cfg: cfg}
	if a.logLevel == "" {
		cfg.Log.Level = "warn" // what it does is said in sentences
	}
	if demo.log, err = a.logger(cfg.Log); err != nil {
		return err
	}
	var web net.Listener
	if !once {
		if web, err = portal.Listen(ctx, cfg.HTTP.Listen); err != nil {
			return err
		}
	}
	s := &service{app: a, listener: web, log: demo.log}
	if web != nil {
		defer func() { err = errors.Join(err, s.closeListener()) }()
	}
	holdOrg()
	demo.org = emulator.New(emulator.Options{Clock: a.clock, Logger: demo.log.Named("emulator"), MultiCurrency: true, NoCompression: true})
	server, err := serveOrg(ctx, demo.org, cfg.Salesforce.Emulator.Listen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if err := demo.prepare(ctx, server.URL()); err != nil {
		return errors.Join(err, demo.close(ctx))
	}
	err = demo.show(ctx)
	if err == nil && !once {
		s.cfg, s.database, s.plant = demo.cfg, demo.db, demo.plant
		err = s.run(ctx, func() { demo.invite(web.Addr().String(), server.URL()) })
	}
	return errors.Join(err, demo.close(ctx))
}

// prepare makes the org and the database, writes the settings for other commands,
// and puts the stages together.
func (d *demonstration) prepare(ctx context.Context, orgURL string) (err error) {
	say := d.app.say
	say("Making up an org with %s (seed %d)", thousands(int64(d.cfg.Salesforce.Emulator.Opportunities))+" opportunities", d.cfg.Salesforce.Emulator.Seed)
	if err := d.app.makeUp(d.org, emulator.GenerateOptions{Opportunities: d.cfg.Salesforce.Emulator.Opportunities, Seed: d.cfg.Salesforce.Emulator.Seed}); err != nil {
		return err
	}
	say("Starting a private Postgres")
	d.cfg.Salesforce.LoginURL = orgURL
	d.cfg.Salesforce.ClientID = emulator.DemoClientID
	d.cfg.Salesforce.ClientSecret = config.NewSecret(emulator.DemoClientSecret)
	if d.db, err = d.app.openDemoDatabase(ctx, d.cfg, d.log); err != nil {
		return err
	}
	if err := d.writeSettings(); err != nil {
		return err
	}
	d.plant, err = newPlant(d.cfg, d.db.DB, d.app.clock, d.log)
	return err
}

// show applies the sample program, runs all stages once, and shows what came of it.
func (d *demonstration) show(ctx context.Context) error {
	f, err := apply.Read(bytes.NewReader(demoProgram), "the sample program")
	if err != nil {
		return err
	}
	if _, err = d.app.applyProgram(ctx, d.db, f, nil, false); err != nil {
		return err
	}
	d.app.say("Applied a sample program: %s and %s", counted(int64(len(f.Partners)), "partner"), counted(int64(len(f.Plans)), "plan"))
	runs, err := d.app.runOnce(ctx, d.plant.runner, stage.Way(), stage.Options{Actor: d.app.actor})
	if err != nil {
		return err
	}
	r, err := d.result(ctx, runs)
	if err != nil {
		return err
	}
	d.example = r.Example.Key
	return d.app.show(r, func(p *page) { p.demoResult(r, runs) })
}

// close ends what prepare has begun, as far as it came.
func (d *demonstration) close(ctx context.Context) error {
	if d.plant != nil {
		d.plant.close()
	}
	if d.db != nil {
		return d.db.close(context.WithoutCancel(ctx))
	}
	return nil
}

// writeSettings writes a file with which every command joins the running demo.
func (d *demonstration) writeSettings() error {
	settings := map[string]any{
		"company":  map[string]any{"zone": d.cfg.Company.Zone, "currency": d.cfg.Company.Currency, "go_live": d.cfg.Company.GoLive, "four_eyes": d.cfg.Company.FourEyes},
		"database": map[string]any{"url": d.db.dsn},
		"salesforce": map[string]any{
			"login_url": d.cfg.Salesforce.LoginURL, "client_id": emulator.DemoClientID, "client_secret": emulator.DemoClientSecret,
			"emulator": map[string]any{"listen": d.cfg.Salesforce.Emulator.Listen},
		},
		"http": map[string]any{"listen": d.cfg.HTTP.Listen},
	}
	text, err := yaml.Marshal(settings)
	if err != nil {
		return err
	}
	head := demoMark + "; it works while the demo runs. The credentials are\n# the made-up org's.\n"
	if err := os.WriteFile(d.settingsPath(), append([]byte(head), text...), 0o600); err != nil {
		return fmt.Errorf("write the settings of the demo: %w", err)
	}
	return nil
}

// isDemo says whether a file of settings is one that a demo wrote.
func isDemo(file string) bool {
	if file == "" {
		return false
	}
	text, err := os.ReadFile(file)
	return err == nil && bytes.HasPrefix(text, []byte(demoMark))
}

func (d *demonstration) settingsPath() string {
	return filepath.Join(d.cfg.Database.DataDir, demoSettings)
}

// invite says what to open and what to try, once everything is up.
func (d *demonstration) invite(web, orgURL string) {
	command := os.Args[0] + " --config " + d.settingsPath() + " "
	say := func(format string, args ...any) { d.app.say(format, args...) }
	say("\n%s", d.app.paint(d.app.err, bold, "Open http://"+web+" for the status page. Ctrl-C stops the demo."))
	say("Open %s to see the commissions inside of the org (`partnersync emulator --help` says more).", orgURL)
	say("Try from another terminal:\n")
	for _, try := range []string{"status", "discrepancies", d.exampleCommand(), "run pull reconcile accrue push", "doctor"} {
		if try != "" {
			say("  %s%s", command, try)
		}
	}
}

func (d *demonstration) exampleCommand() string {
	if d.example == "" {
		return ""
	}
	return "explain " + d.example
}
