package main

import (
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/migrations"
)

func (a *app) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "migrate", GroupID: groupSetUp, Args: cobra.NoArgs,
		Short: "Bring the database's schema to this version",
		Long: `Bring the database's schema to this version, by numbered steps that each happen
once. The private Postgres of database.url "embedded" needs no such command: it
is brought up to date whenever it starts.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.migrate(c) },
	}
}

func (a *app) migrate(c *cobra.Command) error {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	log, err := a.quiet(cfg.Log)
	if err != nil {
		return err
	}
	var applied []string
	err = a.withDatabase(c.Context(), cfg, log, schemaAny, func(d *database) error {
		// The private server was migrated when it started.
		applied = d.applied
		if d.applied != nil {
			return nil
		}
		applied, err = migrations.Apply(c.Context(), d.DB)
		return err
	})
	if err != nil {
		return err
	}
	if applied == nil {
		applied = []string{}
	}
	return a.show(map[string]any{"applied": applied}, func(p *page) {
		for _, name := range applied {
			p.line("applied %s", name)
		}
		if len(applied) == 0 {
			p.line("the database is up to date")
		}
	})
}
