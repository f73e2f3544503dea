package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/alert"
)

func (a *app) alertsCommand() *cobra.Command {
	var closed int
	c := parent(&cobra.Command{
		Use: "alerts", GroupID: groupLook,
		Short: "See what somebody was told of, and try out how",
		Long: `An alert is open while a job fails or is late, while rows are quarantined, while
something has drifted, or while Salesforce's quota puts a job off. The settings below
alerts say whom serve and run tell of it, by a webhook and by e-mail.`,
	}, a.alertsTest())
	c.Args = cobra.NoArgs
	c.RunE = func(c *cobra.Command, _ []string) error {
		if closed < 0 {
			return errs.New(errs.Invalid, "--closed %d is not a number of alerts", closed)
		}
		return a.listAlerts(c, closed)
	}
	c.Flags().IntVar(&closed, "closed", 10, "show so many that are over, too")
	return c
}

func (a *app) listAlerts(c *cobra.Command, closed int) error {
	return a.withLedger(c, func(d *database) error {
		list, err := alert.List(c.Context(), d, closed)
		if err != nil {
			return err
		}
		return a.show(map[string]any{"alerts": orEmpty(list)}, func(p *page) { p.alerts(list) })
	})
}

// alerts writes alerts, the open ones with what to do.
func (p *page) alerts(list []alert.Alert) {
	g := grid{heads: []string{"ALERT", "KIND", "SINCE", "OVER", "TOLD", "WHAT"}, wrap: []int{5}}
	for _, a := range list {
		over := ""
		if a.ClosedAt != nil {
			over = instant(*a.ClosedAt)
		}
		g.add(thousands(a.ID), a.Kind, instant(a.OpenedAt), over, toldOf(a), a.Text)
	}
	p.table(g.filled())
	if len(list) == 0 {
		p.line("nothing is wrong that somebody would have to be told of, and nothing was")
	}
	for _, a := range list {
		if a.ClosedAt == nil {
			p.sentence("%s: %s", a.Title, a.Hint)
		}
	}
}

// toldOf says whether the messages of an alert were sent.
func toldOf(a alert.Alert) string {
	switch {
	case a.Trouble != "":
		return "not yet: " + a.Trouble
	case a.Waiting > 0:
		return "not yet"
	case a.Sent > 0:
		return counted(a.Sent, "message")
	}
	return "nobody"
}

func (a *app) alertsTest() *cobra.Command {
	return &cobra.Command{
		Use: "test", Args: cobra.NoArgs,
		Short: "Send a test by every channel that the settings name",
		RunE:  func(c *cobra.Command, _ []string) error { return a.testAlerts(c.Context()) },
	}
}

// tested is what came of a test on one channel.
type tested struct {
	Channel string `json:"channel"`
	Sent    bool   `json:"sent"`
	Error   string `json:"error,omitempty"`
}

func (a *app) testAlerts(ctx context.Context) error {
	cfg, err := a.settings()
	if err != nil {
		return err
	}
	channels, err := cfg.Alerts.Channels(a.clock)
	if err != nil {
		return err
	}
	if len(channels) == 0 {
		return errs.New(errs.Invalid, "the settings name nobody to tell").
			WithHint("set alerts.webhook_url, or alerts.mail_to with alerts.mail_from and alerts.smtp_server; docs/configuration.md describes them")
	}
	var results []tested
	var faults []error
	for _, c := range channels {
		bounded, cancel := context.WithTimeout(ctx, alertWithin)
		err := c.Send(bounded, alert.TestNotice(cfg.Company.Name, a.clock.Now()))
		cancel()
		r := tested{Channel: c.Name(), Sent: err == nil}
		if err != nil {
			r.Error = err.Error()
			faults = append(faults, errs.New(errs.KindOf(err), "%s: %w", c.Name(), err))
		}
		results = append(results, r)
	}
	err = a.show(map[string]any{"channels": results}, func(p *page) {
		for _, r := range results {
			if r.Sent {
				p.line("%s: %s", r.Channel, p.app.paint(p.w, green, "sent"))
			} else {
				p.line("%s: %s", r.Channel, p.app.paint(p.w, red, "not sent"))
			}
		}
	})
	return errors.Join(append(faults, err)...)
}
