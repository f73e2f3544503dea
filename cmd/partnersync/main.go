// Command partnersync keeps a company's Salesforce org and its Partner ID ledger
// in agreement, and works out what every partner is owed, with the reason.
//
// This package is wiring: settings in, rooms put together, results shown. Each
// subcommand is a file. docs/commands.md describes them, with the exit codes.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// garbage is how much of it may gather, in per cent of what is in use, before it is
// collected. Stages hold one small batch and make much that is gone with it: at Go's
// own 100 per cent a third of an accrual's processor time went into collecting.
const garbage = 200

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
