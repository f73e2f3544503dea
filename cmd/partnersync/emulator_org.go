package main

import (
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/config"
	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
)

// orgFlags say how the org of `emulator` behaves and misbehaves. A limit of zero
// is the platform's.
type orgFlags struct {
	faults                        string
	faultSeed                     int64
	clock                         string
	anyHost, unpacked             bool
	dailyLimit, longLimit         int
	maxCursors, maxHead, writes   int
	maxBody                       int64
	longRequest, cursorTTL, login time.Duration
}

func (f *orgFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.faults, "faults", "", "file that says how the org misbehaves (default salesforce.emulator.faults)")
	c.Flags().Int64Var(&f.faultSeed, "fault-seed", 0, "the same seed gives the same faults (default salesforce.emulator.fault_seed)")
	c.Flags().StringVar(&f.clock, "clock", "", "let the org's clock stand at an instant like 2026-11-27T09:00:00Z, until /emulator/clock moves it")
	c.Flags().BoolVar(&f.anyHost, "admin-any-host", false, "let /emulator/ and the page answer for other host names than this machine's")
	c.Flags().IntVar(&f.dailyLimit, "daily-limit", 0, "API requests in 24 hours (default 100000)")
	c.Flags().IntVar(&f.longLimit, "long-limit", 0, "requests at work for long, at once (default 25)")
	c.Flags().DurationVar(&f.longRequest, "long-request", 0, "from when on a request is at work for long (default 20s)")
	c.Flags().IntVar(&f.maxCursors, "max-cursors", 0, "open query results of a user (default 1000)")
	c.Flags().DurationVar(&f.cursorTTL, "cursor-ttl", 0, "how long a query's further pages last (default 48h)")
	c.Flags().DurationVar(&f.login, "session-ttl", 0, "how long a session lasts without a request (default 2h)")
	c.Flags().IntVar(&f.maxHead, "max-head", 0, "bytes of URI and headers (default 16384)")
	c.Flags().IntVar(&f.writes, "writes-per-second", 0, "rows that calls and Bulk jobs write in a second (default as many as can be)")
	c.Flags().BoolVar(&f.unpacked, "no-compression", false, "answer unpacked, also clients that take gzip: faster on one machine")
	c.Flags().Int64Var(&f.maxBody, "max-body", 0, "bytes of a body (default 50 MB)")
}

// into puts the flags that were given over the settings.
func (f *orgFlags) into(c *cobra.Command, e *config.Emulator) {
	if c.Flags().Changed("faults") {
		e.Faults = f.faults
	}
	if c.Flags().Changed("fault-seed") {
		e.FaultSeed = f.faultSeed
	}
}

// options gives the options of an org that goes by a clock, unless the flags stop
// it at an instant.
func (f *orgFlags) options(c clock.Clock) (emulator.Options, error) {
	for name, n := range map[string]int64{"--daily-limit": int64(f.dailyLimit), "--long-limit": int64(f.longLimit), "--writes-per-second": int64(f.writes), "--max-cursors": int64(f.maxCursors), "--max-head": int64(f.maxHead),
		"--max-body": f.maxBody, "--fault-seed": f.faultSeed, "--long-request": int64(f.longRequest), "--cursor-ttl": int64(f.cursorTTL), "--session-ttl": int64(f.login)} {
		if n < 0 {
			return emulator.Options{}, errs.New(errs.Invalid, "%s cannot be less than zero", name)
		}
	}
	if f.clock != "" {
		at, err := time.Parse(time.RFC3339, f.clock)
		if err != nil {
			return emulator.Options{}, errs.New(errs.Invalid, "--clock %q is not an instant like 2026-11-27T09:00:00Z", f.clock)
		}
		c = clock.NewManual(at)
	}
	return emulator.Options{Clock: c, AdminAnyHost: f.anyHost, DailyLimit: f.dailyLimit, MaxLongRequests: f.longLimit, LongRequest: f.longRequest,
		WritesPerSecond: f.writes, MaxCursors: f.maxCursors, CursorTTL: f.cursorTTL, SessionTTL: f.login, MaxHead: f.maxHead, MaxBody: f.maxBody, NoCompression: f.unpacked}, nil
}

// readFaults reads a fault plan; no file is no plan.
func readFaults(path string) (*fault.Plan, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // an org without a plan behaves
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, errs.New(errs.Invalid, "--faults: %w", err)
	}
	defer file.Close()
	p, err := fault.Read(file, path)
	var wrong *fault.Error
	if errors.As(err, &wrong) {
		return nil, errs.New(errs.Invalid, "the fault plan is wrong:\n%w", wrong).WithHint("docs/emulator-faults.md describes the file.")
	}
	return p, err
}
