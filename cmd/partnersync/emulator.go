package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/mapping"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// emulatorFlags are those of `emulator`, and in part of `demo`. What is not
// given comes from salesforce.emulator of the settings.
type emulatorFlags struct {
	bare          bool
	listen        string
	customers     int
	multiCurrency bool
	opportunities int
	seed          int64
	org           orgFlags
	source        sourceFlags
}

// into puts the flags that were given over the settings.
func (f emulatorFlags) into(c *cobra.Command, e *config.Emulator) error {
	if c.Flags().Changed("listen") {
		e.Listen = f.listen
	}
	if c.Flags().Changed("opportunities") {
		e.Opportunities = f.opportunities
	}
	if c.Flags().Changed("seed") {
		e.Seed = f.seed
	}
	if e.Opportunities < 1 {
		return errs.New(errs.Invalid, "--opportunities %d is not a number of opportunities", e.Opportunities)
	}
	if f.customers < 0 {
		return errs.New(errs.Invalid, "--customers %d is not a number of customers", f.customers)
	}
	return nil
}

func (a *app) emulatorCommand() *cobra.Command {
	var f emulatorFlags
	c := &cobra.Command{
		Use: "emulator", GroupID: groupStart, Args: cobra.NoArgs,
		Short: "Serve a Salesforce org from memory, to try things out",
		Long: `Serve a Salesforce org from memory: REST, SOQL, OAuth and SOAP login. With --data it
holds the records of DIR/Object.csv files, else it makes a company up. It prints the
address and the credentials that it accepts; the address opened in a browser shows
the org's records and its latest requests. It forgets everything when it stops,
unless --file names a file that keeps it.`,
		Example: "  partnersync emulator\n  partnersync emulator --generate customers=10000,seed=7 --file org.snapshot\n  partnersync emulator --data testdata/org --listen 127.0.0.1:9000\n  partnersync emulator --faults faults.yaml",
		RunE:    func(c *cobra.Command, _ []string) error { return a.emulate(c, f) },
	}
	c.Flags().StringVar(&f.listen, "listen", "", "host:port (default salesforce.emulator.listen)")
	f.source.add(c)
	c.Flags().IntVar(&f.opportunities, "opportunities", 0, "how many to make up (default salesforce.emulator.opportunities)")
	c.Flags().IntVar(&f.customers, "customers", 0, "how many customers to make up (default one for every 20 opportunities)")
	c.Flags().BoolVar(&f.multiCurrency, "multi-currency", false, "an org whose records each have a currency")
	c.Flags().BoolVar(&f.bare, "bare", false, "an org without salesforce/package: only standard objects and the License Management App's, and no made-up records")
	c.Flags().Int64Var(&f.seed, "seed", 0, "the same seed makes the same org all day (default salesforce.emulator.seed)")
	f.org.add(c)
	return c
}

func (a *app) emulate(c *cobra.Command, f emulatorFlags) (err error) {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	log, err := a.quiet(cfg.Log)
	if err != nil {
		return err
	}
	if err := f.into(c, &cfg.Salesforce.Emulator); err != nil {
		return err
	}
	holdOrg()
	f.org.into(c, &cfg.Salesforce.Emulator)
	plan, err := readFaults(cfg.Salesforce.Emulator.Faults)
	if err != nil {
		return err
	}
	opt, err := f.org.options(a.clock)
	if err != nil {
		return err
	}
	made, err := specOf(c, f, cfg.Salesforce.Emulator)
	if err != nil {
		return err
	}
	opt.Logger, opt.MultiCurrency, opt.Bare = log.Named("emulator"), f.multiCurrency, f.bare
	ctx, stop := context.WithCancelCause(c.Context())
	defer stop(nil)
	org, isFilled, err := a.openOrg(opt, f.source.file, stop)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, org.CloseFile()) }()
	files, err := a.fillOrg(c, org, isFilled, f, made)
	if err != nil {
		return err
	}
	org.PlayFaults(plan, uint64(cfg.Salesforce.Emulator.FaultSeed))
	return a.serveUntil(ctx, org, cfg.Salesforce.Emulator.Listen, func(url string) error {
		return a.tellOrg(url, holdings(org, files), f.source.file)
	})
}

// holding is how many records of an object an org has.
type holding struct {
	Object  string `json:"object"`
	Records int    `json:"records"`
}

// holdings counts the records that an org has: of the objects that the mapping
// knows, in its order, and of those that files were given of.
func holdings(org *emulator.Org, files []string) []holding {
	var objects []string
	for _, kind := range mapping.Kinds() {
		objects = append(objects, mapping.Default().Object(kind))
	}
	for _, t := range mapping.Targets() {
		objects = append(objects, mapping.Default().Target(t).Object)
	}
	seen := map[string]bool{}
	var out []holding
	for _, object := range append(objects, files...) {
		// A file may write the name in another case.
		if name := strings.ToLower(object); !seen[name] {
			seen[name] = true
			if n := org.Count(object); n > 0 {
				out = append(out, holding{object, n})
			}
		}
	}
	return orEmpty(out)
}

// makeUp fills an org with a company's records. The org's history ends with
// yesterday (UTC), so that the same seed makes the same org whenever in the day it
// is made.
func (a *app) makeUp(org *emulator.Org, made emulator.GenerateOptions) error {
	made.Now = a.clock.Now().UTC().Truncate(24 * time.Hour)
	return org.Generate(made)
}

// serveOrg opens the org to the network, or says in whose way it is. It serves
// until it is closed, also after a signal: whoever talks to it stops first.
func serveOrg(ctx context.Context, org *emulator.Org, address string) (*emulator.Server, error) {
	server, err := emulator.Serve(context.WithoutCancel(ctx), org, address)
	return server, explainListen(err, address, "salesforce.emulator.listen (PARTNERSYNC_SALESFORCE_EMULATOR_LISTEN)")
}

// tellOrg says how to reach the org, and what it holds.
func (a *app) tellOrg(url string, held []holding, file string) error {
	document := map[string]any{
		"url": url, "client_id": emulator.DemoClientID, "client_secret": emulator.DemoClientSecret,
		"username": emulator.DemoUsername, "password": emulator.DemoPassword,
		"security_token": emulator.DemoSecurityToken, "refresh_token": emulator.DemoRefreshToken,
		"holds": held,
	}
	if file != "" {
		document["file"] = file
	}
	return a.show(document, func(p *page) {
		p.line("An org is at %s. Open it in a browser to see its records, query them and watch its requests.", p.app.paint(p.w, bold, url))
		p.line("It accepts these made-up credentials:")
		p.line("")
		p.line("  salesforce:")
		p.line("    login_url: %s", url)
		p.line("    client_id: %s", emulator.DemoClientID)
		p.line("    client_secret: %s", emulator.DemoClientSecret)
		p.line("")
		p.line("or the user %s with password %s and security token %s.", emulator.DemoUsername, emulator.DemoPassword, emulator.DemoSecurityToken)
		p.line("")
		p.line("It holds:")
		for _, h := range held {
			p.line("  %s %s", thousands(int64(h.Records)), h.Object)
		}
		if len(held) == 0 {
			p.line("  nothing")
		}
		p.line("")
		if file != "" {
			p.line("Ctrl-C stops it; %s keeps it.", file)
			return
		}
		p.line("Ctrl-C stops it, and it forgets everything.")
	})
}
