package main

import (
	"github.com/spf13/cobra"
)

func (a *app) configCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use: "config", GroupID: groupSetUp,
		Short: "Check or show the settings",
	}, &cobra.Command{
		Use: "check", Args: cobra.NoArgs,
		Short: "Say what is wrong with the settings, all of it at once",
		RunE:  func(*cobra.Command, []string) error { return a.configCheck() },
	}, &cobra.Command{
		Use: "show", Args: cobra.NoArgs,
		Short: "Print every setting, where it comes from, secrets masked",
		RunE:  func(*cobra.Command, []string) error { return a.configShow() },
	})
}

func (a *app) configCheck() error {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	if _, err := loadMapping(cfg.Mapping); err != nil {
		return err
	}
	result := struct {
		OK         bool     `json:"ok"`
		File       string   `json:"file"`
		Salesforce bool     `json:"salesforce"`
		FourEyes   string   `json:"four_eyes"`
		Notices    []string `json:"notices,omitempty"`
	}{OK: true, File: cfg.File(), Salesforce: cfg.Salesforce.IsSet(), FourEyes: cfg.Company.FourEyes, Notices: cfg.Notices()}
	return a.show(result, func(p *page) {
		p.line("%s %s", p.app.paint(p.w, green, "ok"), cfg.Source())
		if !result.Salesforce {
			p.line("   no Salesforce org is named (salesforce.login_url): only commands that read the ledger will work")
		}
	})
}

func (a *app) configShow() error {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	settings := cfg.Redacted()
	return a.show(settings, func(p *page) {
		g := grid{heads: []string{"KEY", "VALUE", "FROM"}, wrap: []int{1, 2}}
		for _, s := range settings {
			g.add(s.Key, s.Value, s.From)
		}
		p.table(g)
	})
}
