package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/company"
)

// sourceFlags say what the org of `emulator` holds, and where it is kept.
type sourceFlags struct {
	data     string
	generate string
	file     string
}

func (f *sourceFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.data, "data", "", "directory with Object.csv files, instead of an org that is made up")
	c.Flags().StringVar(&f.generate, "generate", "", "what to make up, such as customers=10000,seed=7; the keys are "+strings.Join(company.SpecKeys(), ", "))
	c.Flags().StringVar(&f.file, "file", "", "file that keeps the org through a restart; once it is filled, what else fills an org is not used")
}

// specOf reads --generate and puts it together with the flags and settings that say
// the same. What is said twice is refused; opportunities go with the customers that
// --generate states, else they are those of the settings.
func specOf(c *cobra.Command, f emulatorFlags, e config.Emulator) (company.Options, error) {
	o := company.Options{Customers: f.customers, Opportunities: e.Opportunities, Seed: e.Seed}
	if !c.Flags().Changed("generate") {
		return o, nil
	}
	if f.source.data != "" {
		return o, errs.New(errs.Invalid, "--generate and --data both fill the org").WithHint("Give one of them.")
	}
	spec, err := company.ParseSpec(f.source.generate)
	if err != nil {
		return o, fmt.Errorf("--generate: %w", err)
	}
	for _, name := range []string{"customers", "opportunities", "seed"} {
		if _, given := spec[name]; given && c.Flags().Changed(name) {
			return o, errs.New(errs.Invalid, "%s is given by --generate and by --%s", name, name).WithHint("Give it once.")
		}
	}
	said := spec.Options()
	_, hasSeed := spec["seed"]
	if said.Customers == 0 {
		said.Customers = o.Customers
	}
	if said.Opportunities == 0 && (said.Customers == 0 || c.Flags().Changed("opportunities")) {
		said.Opportunities = o.Opportunities
	}
	if !hasSeed {
		said.Seed = o.Seed
	}
	return said, nil
}

// openOrg makes the org, or takes it up from the file that keeps it. When the file
// cannot be written any more, stop is called with the reason.
func (a *app) openOrg(opt emulator.Options, file string, stop context.CancelCauseFunc) (org *emulator.Org, isFilled bool, err error) {
	if file == "" {
		return emulator.New(opt), false, nil
	}
	org, found, err := emulator.Open(opt, emulator.FileOptions{Path: file, Failed: func(err error) { stop(err) }})
	if err != nil {
		return nil, false, fmt.Errorf("--file: %w", err)
	}
	if found.Dropped > 0 {
		a.note("the last %d bytes of %s were a write that was cut off, and that nobody was told had been made: they are dropped", found.Dropped, file)
	}
	return org, found.Filled, nil
}

// fillOrg fills an org from what the flags name, and gives the objects that it then
// holds beside those that the mapping knows. One that its file had filled is left.
func (a *app) fillOrg(c *cobra.Command, org *emulator.Org, isFilled bool, f emulatorFlags, made company.Options) ([]string, error) {
	switch {
	case isFilled:
		for _, name := range []string{"data", "generate", "customers", "opportunities", "seed"} {
			if c.Flags().Changed(name) {
				a.note("%s holds an org already; --%s was not used", f.source.file, name)
			}
		}
		var objects []string
		for _, obj := range org.Schema.Objects {
			if obj.HistoryOf == "" && obj.Name != "User" && obj.Name != "Organization" {
				objects = append(objects, obj.Name)
			}
		}
		return objects, nil
	case f.source.data != "":
		return loadFiles(org, f.source.data)
	case f.bare:
		return nil, nil
	}
	return nil, a.makeUp(org, made)
}

// loadFiles fills an org from a directory, and gives the objects of its files.
func loadFiles(org *emulator.Org, dir string) ([]string, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, errs.New(errs.Invalid, "--data %s is not a directory", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, errs.New(errs.Invalid, "--data: %w", err)
	}
	var objects []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); strings.EqualFold(ext, ".csv") && !e.IsDir() {
			objects = append(objects, strings.TrimSuffix(e.Name(), ext))
		}
	}
	if len(objects) == 0 {
		return nil, errs.New(errs.Invalid, "--data %s: there is no .csv file in that directory", dir).
			WithHint("it wants one file for each object, named after it: Account.csv, Opportunity.csv; without --data an org is made up")
	}
	return objects, org.LoadDir(dir)
}

// serveUntil serves an org until ctx ends, and lets go of it. The error is also what
// ended ctx, unless that was a signal.
func (a *app) serveUntil(ctx context.Context, org *emulator.Org, address string, tell func(url string) error) error {
	server, err := serveOrg(ctx, org, address)
	if err != nil {
		return err
	}
	err = tell(server.URL())
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(err, cause)
	}
	return errors.Join(err, server.Close())
}
