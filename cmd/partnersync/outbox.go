package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/sync/outbox"
)

func (a *app) outboxCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use: "outbox", GroupID: groupLook,
		Short: "See and mend what has to reach Salesforce",
		Long: `The outbox lists the records that have to reach Salesforce. A record that
Salesforce refuses for a reason that stays is quarantined: it waits here, with the
reason, until its facts change or a person says retry or drop. What is in flight is
being sent at this moment, or was when its run broke off: the next push asks
Salesforce what became of it.`,
	}, a.outboxList(), a.outboxRetry(), a.outboxDrop())
}

// isObject refuses what is no object of the outbox; "" are all.
func isObject(object string) error {
	switch object {
	case "", outbox.Partner, outbox.Statement, outbox.Commission:
		return nil
	}
	return errs.New(errs.Invalid, "--object %q is none of partner, statement, commission", object)
}

func (a *app) outboxList() *cobra.Command {
	var filter outbox.Filter
	var state string
	c := &cobra.Command{
		Use: "list", Args: cobra.NoArgs,
		Short:   "List rows with their state and the last error",
		Example: "  partnersync outbox list --state quarantined",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(atLeastOne(filter.Limit), isObject(filter.Object)); err != nil {
				return err
			}
			filter.State = outbox.State(state)
			switch filter.State {
			case "", outbox.Settled, outbox.Unsent, outbox.InFlight, outbox.Waiting, outbox.Quarantined:
			case "in_flight", "flight":
				filter.State = outbox.InFlight
			default:
				return errs.New(errs.Invalid, "--state %q is none of unsent, in_flight, waiting, quarantined, settled", state)
			}
			return a.listOutbox(c, filter)
		},
	}
	c.Flags().StringVar(&filter.Object, "object", "", "only of partner, statement or commission")
	c.Flags().StringVar(&state, "state", "", "unsent, in_flight, waiting, quarantined or settled (default all that are not settled)")
	c.Flags().IntVar(&filter.Limit, "limit", 100, "at most so many")
	return c
}

// outboxRow is a row with its state, as it is shown.
type outboxRow struct {
	State outbox.State `json:"state"`
	outbox.Row
}

// age is how long ago the ledger's state changed that is not in Salesforce.
func (r outboxRow) age(now time.Time) string {
	if r.Row.State(now) == outbox.Settled {
		return ""
	}
	return ago(now.Sub(r.MarkedAt))
}

// reason says why a row is not settled: what Salesforce said, by what it is on its way, or
// when it is tried again.
func (r outboxRow) reason(now time.Time) string {
	var out []string
	if r.LastError != "" {
		out = append(out, r.LastError)
	}
	switch r.Row.State(now) {
	case outbox.InFlight:
		by := "in a call"
		if r.JobID != "" {
			by = "in Bulk job " + r.JobID
		}
		if r.FlownAt != nil {
			by += " since " + ago(now.Sub(*r.FlownAt))
		}
		out = append(out, by)
	case outbox.Waiting:
		out = append(out, "tried again in "+ago(r.NotBefore.Sub(now)))
	case outbox.Settled, outbox.Unsent, outbox.Quarantined:
	}
	return strings.Join(out, "; ")
}

// ago gives a span in its two largest units: 3d4h, 2h5m, 40s.
func ago(d time.Duration) string {
	d = max(0, d).Round(time.Second)
	days, d := d/(24*time.Hour), d%(24*time.Hour)
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, d/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

func (a *app) listOutbox(c *cobra.Command, filter outbox.Filter) error {
	return a.withLedger(c, func(d *database) error {
		now := a.clock.Now()
		rows, err := unsettled(c.Context(), d.DB, filter, a)
		if err != nil {
			return err
		}
		tallies, err := outbox.Tallies(c.Context(), d, now)
		if err != nil {
			return err
		}
		document := struct {
			Tallies []outbox.Tally `json:"tallies"`
			Rows    []outboxRow    `json:"rows"`
		}{orEmpty(tallies), orEmpty(rows)}
		return a.show(document, func(p *page) {
			g := grid{heads: []string{"OBJECT", "KEY", "STATE", "AGE", "#ATTEMPTS", "REASON"}, wrap: []int{5}}
			for _, r := range rows {
				g.add(r.Object, r.Key, string(r.State), r.age(now), thousands(int64(r.Attempts)), r.reason(now))
			}
			p.table(g)
			for _, t := range tallies {
				p.line("%s: %s unsent (%s of them waiting, %s in flight), %s quarantined",
					t.Object, thousands(t.Unsent), thousands(t.Waiting), thousands(t.InFlight), thousands(t.Quarantined))
			}
			switch {
			case len(tallies) > 0:
			case !d.cfg.Salesforce.IsSet():
				p.line("nothing waits; and nothing can be sent, because no Salesforce org is named (salesforce.login_url)")
			default:
				p.line("everything has reached Salesforce")
			}
		})
	})
}

// unsettled lists the rows of a filter; without a state, those that are not
// settled, since the others are most of the ledger.
func unsettled(ctx context.Context, db *sqlx.DB, filter outbox.Filter, a *app) ([]outboxRow, error) {
	states := []outbox.State{filter.State}
	if filter.State == "" {
		states = []outbox.State{outbox.Quarantined, outbox.InFlight, outbox.Waiting, outbox.Unsent}
	}
	now, limit := a.clock.Now(), filter.Limit
	var out []outboxRow
	for _, state := range states {
		filter.State, filter.Limit = state, limit-len(out)
		if filter.Limit <= 0 {
			break
		}
		rows, err := outbox.List(ctx, db, filter, now)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out = append(out, outboxRow{State: r.State(now), Row: r})
		}
	}
	return out, nil
}

func (a *app) outboxRetry() *cobra.Command {
	var object string
	c := &cobra.Command{
		Use:   "retry [KEY...]",
		Short: "Let the next push try quarantined rows again; all of them without a key",
		RunE: func(c *cobra.Command, keys []string) error {
			if len(keys) > 0 && object == "" {
				return errs.New(errs.Invalid, "keys need --object partner, statement or commission")
			}
			if err := isObject(object); err != nil {
				return err
			}
			if len(keys) == 0 {
				keys = nil
			}
			return a.mendOutbox(c, keys, "will be tried again by the next push", func(ctx context.Context, tx *sqlx.Tx) (int64, error) {
				return outbox.Retry(ctx, tx, object, keys)
			})
		},
	}
	c.Flags().StringVar(&object, "object", "", "partner, statement or commission")
	return c
}

func (a *app) outboxDrop() *cobra.Command {
	var object string
	c := &cobra.Command{
		Use: "drop KEY...", Args: needsKeys,
		Short: "Give up sending the present state of rows; Salesforce keeps what it has",
		RunE: func(c *cobra.Command, keys []string) error {
			if err := isObject(object); err != nil {
				return err
			}
			return a.mendOutbox(c, keys, "given up; Salesforce keeps what it has until the ledger changes again", func(ctx context.Context, tx *sqlx.Tx) (int64, error) {
				return outbox.Drop(ctx, tx, object, keys, a.actor)
			})
		},
	}
	c.Flags().StringVar(&object, "object", outbox.Commission, "partner, statement or commission")
	return c
}

// mendOutbox changes rows in one transaction, those of the keys if there are any, and says how many.
func (a *app) mendOutbox(c *cobra.Command, keys []string, what string, change func(context.Context, *sqlx.Tx) (int64, error)) error {
	return a.withLedger(c, func(d *database) error {
		var n int64
		err := pg.InTx(c.Context(), d.DB, func(ctx context.Context, tx *sqlx.Tx) (err error) {
			n, err = change(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
		if n == 0 {
			under := ""
			if len(keys) > 0 {
				under = " under " + strings.Join(keys, ", ")
			}
			return errs.New(errs.NotFound, "no row is quarantined or waiting%s", under).
				WithHint("`partnersync outbox list` shows those that are")
		}
		return a.show(map[string]any{"rows": n}, func(p *page) { p.line("%s %s", counted(n, "row"), what) })
	})
}
