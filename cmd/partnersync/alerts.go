package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/sync/alert"
)

func (a *app) alertsCommand() *cobra.Command {
	var closed int
	c := parent(&cobra.Command{
		Use: "alerts", GroupID: groupLook,
		Short: "See what somebody was told of, and try out how",
		Long: `An alert is open while a job fails or is late, while rows are quarantined, while
something has drifted, while a mapping is stopped, or while Salesforce's quota puts a
job off. The settings below alerts say whom serve and run tell of it, by a webhook and
by e-mail.`,
	}, a.alertsClose(), a.alertsTest())
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
			if over = instant(*a.ClosedAt); a.ClosedBy != "" {
				over += " by " + a.ClosedBy
			}
		}
		g.add(thousands(a.ID), a.Kind, instant(a.OpenedAt), over, toldOf(a), a.Text)
	}
	p.table(g.filled())
	if len(list) == 0 {
		p.line("nothing is wrong that somebody would have to be told of, and nothing was")
	}
	for _, a := range list {
		if a.ClosedAt == nil {
			p.sentence("%s (alert %d): %s", a.Title, a.ID, a.Hint)
		}
	}
}

// someAlerts wants the numbers of alerts.
func someAlerts(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s wants the number of at least one ALERT, and none was given", c.CommandPath())
	}
	return nil
}

func (a *app) alertsClose() *cobra.Command {
	return &cobra.Command{
		Use: "close ALERT...", Args: someAlerts,
		Short: "End alerts of what has changed in the org, once you have looked",
		Long: `End alerts of what has changed in the org, once you have looked: a mapped field
that is of another type now, say. The org says that once, so nothing else ends them.
Every other alert ends by itself with what it tells of. ALERT is the number that
` + "`partnersync alerts`" + ` shows.`,
		RunE: func(c *cobra.Command, args []string) error {
			ids := make([]int64, len(args))
			for i, text := range args {
				n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
				if err != nil || n < 1 {
					return errs.New(errs.Invalid, "%q is not an alert's number", text).WithHint("`partnersync alerts` lists them: the first column is the number")
				}
				ids[i] = n
			}
			return a.closeAlerts(c, ids)
		},
	}
}

func (a *app) closeAlerts(c *cobra.Command, ids []int64) error {
	return a.withLedger(c, func(d *database) error {
		w, err := watchOf(d.cfg)
		if err != nil {
			return err
		}
		watcher, err := newAlerts(d.cfg, w, d.DB, a.clock, zap.NewNop())
		if err != nil {
			return err
		}
		if err := watcher.Close(c.Context(), ids, a.actor); err != nil {
			return err
		}
		a.alert(c.Context(), watcher)
		return a.show(map[string]any{"closed": ids}, func(p *page) { p.line("%s ended", counted(int64(len(ids)), "alert")) })
	})
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
