package main

import "github.com/spf13/cobra"

// subcommands lists them all; the help shows them by group.
func (a *app) subcommands() []*cobra.Command {
	return []*cobra.Command{
		a.demoCommand(),
		a.serveCommand(),
		a.emulatorCommand(),

		a.runCommand(),
		a.applyCommand(),
		a.plansCommand(),
		a.registrationsCommand(),
		a.engagementsCommand(),
		a.ledgerCommand(),

		a.statusCommand(),
		a.alertsCommand(),
		a.explainCommand(),
		a.discrepanciesCommand(),
		a.outboxCommand(),

		a.migrateCommand(),
		a.configCommand(),
		a.doctorCommand(),
		a.versionCommand(),
	}
}
