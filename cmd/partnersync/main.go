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
	"syscall"
)

func main() {
	boundMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
