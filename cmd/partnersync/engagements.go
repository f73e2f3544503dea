package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/deal"
)

func (a *app) engagementsCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use: "engagements", GroupID: groupWork,
		Short: "Record that a partner took part in an opportunity",
		Long: `An engagement is dated evidence that a registration's partner took part: a meeting, a
demo, a workshop. One that staff record counts at once; one that the partner logged
counts when staff confirm it. ` + "`partnersync registrations show`" + ` lists them.`,
	}, a.engagementsLog(), a.engagementsConfirm())
}

func (a *app) engagementsLog() *cobra.Command {
	var on, by string
	var e deal.Engagement
	c := &cobra.Command{
		Use: "log REGISTRATION", Args: aRegistration,
		Short:   "Record an engagement of a registration",
		Example: "  partnersync engagements log REG-000001 --on 2026-10-05 --kind workshop --notes \"with the sales team\"",
		RunE: func(c *cobra.Command, args []string) error {
			if on == "" {
				return errs.New(errs.Invalid, "--on is missing").WithHint("say on which day it was, such as --on 2026-10-31")
			}
			day, err := clock.ParseDate(on)
			if err != nil {
				return errs.New(errs.Invalid, "--on %q is not a date like 2026-10-31", on)
			}
			if by != deal.ByStaff && by != deal.ByPartner {
				return errs.New(errs.Invalid, "--by %q is neither %s nor %s", by, deal.ByStaff, deal.ByPartner)
			}
			if strings.TrimSpace(e.Kind) == "" {
				return errs.New(errs.Invalid, "--kind is missing").WithHint("say what kind it was: meeting, call, demo, workshop")
			}
			e.RegistrationID, e.On, e.RecordedBy = dealID(args[0]), day, by
			return a.logEngagement(c, e)
		},
	}
	c.Flags().StringVar(&on, "on", "", "the day on which it was, such as 2026-10-31")
	c.Flags().StringVar(&e.Kind, "kind", "", "what it was: meeting, call, demo, workshop, or your own word")
	c.Flags().StringVar(&e.Notes, "notes", "", "what there is to say of it")
	c.Flags().StringVar(&by, "by", deal.ByStaff, "who records it: staff, or partner, whose staff have to confirm it")
	return c
}

// engagementResult is a recorded engagement as --output json gives it.
type engagementResult struct {
	Engagement   string `json:"engagement"`
	Registration string `json:"registration"`
	Counts       bool   `json:"counts"`
	Due          int    `json:"opportunities_due"`
	// Remarks say why it may change nothing all the same.
	Remarks []string `json:"remarks,omitempty"`
}

// useless says why an engagement of a registration changes nothing (R5.7).
func useless(v deal.View) []string {
	switch involvement := strings.ToLower(strings.TrimSpace(v.Involvement)); {
	case !isLive(v.State) && v.State != commission.Draft:
		return []string{fmt.Sprintf("%s is %s, so nothing is earned by it", v.ID, stateOf(v))}
	case involvement != string(commission.Engaged):
		return []string{fmt.Sprintf("%s does not state the involvement engaged, so what it earns is the same with an engagement", v.ID)}
	}
	return nil
}

func (a *app) logEngagement(c *cobra.Command, e deal.Engagement) error {
	return a.withLedger(c, func(d *database) error {
		r := engagementResult{Registration: e.RegistrationID, Counts: e.RecordedBy == deal.ByStaff}
		v, due, err := a.changeDeal(c, d, e.RegistrationID, func(ctx context.Context, tx *sqlx.Tx, by deal.By) (registration string, err error) {
			r.Engagement, err = deal.LogEngagement(ctx, tx, e, by)
			return e.RegistrationID, err
		})
		if err != nil {
			return err
		}
		r.Due, r.Remarks = due, useless(v)
		return a.show(r, func(p *page) {
			how := "it counts"
			if !r.Counts {
				how = "it counts when staff confirm it: partnersync engagements confirm " + r.Engagement
			}
			p.line("%s of %s is recorded; %s", r.Engagement, r.Registration, how)
			if r.Due > 0 {
				p.line("%s worked out anew by the next accrue", isOrAre(r.Due, "opportunity"))
			}
			p.remarks(r.Remarks)
		})
	})
}

func (a *app) engagementsConfirm() *cobra.Command {
	return &cobra.Command{
		Use: "confirm ENGAGEMENT", Args: exactlyOne("ENGAGEMENT", "the id of an engagement, such as ENG-000001"),
		Short:   "Confirm an engagement that the partner logged: it counts from now on",
		Example: "  partnersync engagements confirm ENG-000001 --actor ana",
		RunE: func(c *cobra.Command, args []string) error {
			return a.confirmEngagement(c, dealID(args[0]))
		},
	}
}

func (a *app) confirmEngagement(c *cobra.Command, id string) error {
	return a.withLedger(c, func(d *database) error {
		r := engagementResult{Engagement: id, Counts: true}
		var err error
		// Which registration it is of, the room says; what the evidence reaches is the
		// same before and after.
		_, r.Due, err = a.changeDeal(c, d, "", func(ctx context.Context, tx *sqlx.Tx, by deal.By) (registration string, err error) {
			r.Registration, err = deal.ConfirmEngagement(ctx, tx, id, by)
			return r.Registration, err
		})
		if err != nil {
			return err
		}
		return a.show(r, func(p *page) {
			p.line("%s of %s is confirmed; it counts", r.Engagement, r.Registration)
			if r.Due > 0 {
				p.line("%s worked out anew by the next accrue", isOrAre(r.Due, "opportunity"))
			}
		})
	})
}
