package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/pg"
	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/deal"
)

// dealTerms are what registrations are judged by: the plan as it is now, and the last
// day that is over in the company zone.
func (a *app) dealTerms(ctx context.Context, d *database, q sqlx.QueryerContext) (deal.Terms, error) {
	plans, err := book.Plans(ctx, q, book.DefaultPlan)
	zone := d.cfg.Company.Location()
	return deal.Terms{Zone: zone, AsOf: clock.DateIn(a.clock.Now(), zone).AddDays(-1), Plans: plans}, err
}

// aboutDeals opens the ledger to look at registrations.
func (a *app) aboutDeals(c *cobra.Command, work func(*database, deal.Terms) error) error {
	return a.withLedger(c, func(d *database) error {
		terms, err := a.dealTerms(c.Context(), d, d)
		if err != nil {
			return err
		}
		return work(d, terms)
	})
}

// dealChange is one change of a registration: it gives the registration's id.
type dealChange func(ctx context.Context, tx *sqlx.Tx, by deal.By) (registration string, err error)

// changeDeal changes a registration as the actor, in one transaction with the marks
// that follow from it: the opportunities within its reach are worked out anew by the
// next accrue, and what there is to say of the registrations near it is said anew. id
// is "" for one that is new. It gives the registration as it stands then, and how
// many opportunities were marked.
func (a *app) changeDeal(c *cobra.Command, d *database, id string, change dealChange) (v deal.View, due int, err error) {
	err = pg.InTx(c.Context(), d.DB, func(ctx context.Context, tx *sqlx.Tx) error {
		// No batch of accrue works out an opportunity with the registration as it was.
		if err := book.HoldTerms(ctx, tx); err != nil {
			return err
		}
		terms, err := a.dealTerms(ctx, d, tx)
		if err != nil {
			return err
		}
		by := deal.By{Actor: a.actor, Now: a.clock.Now().UTC().Truncate(time.Microsecond), Terms: terms}
		before, err := surroundings(ctx, tx, id)
		if err != nil {
			return err
		}
		id, err := change(ctx, tx, by)
		if err != nil {
			return err
		}
		if v, err = deal.Get(ctx, tx, id, terms); err != nil || v.State == commission.Draft {
			return err // a draft claims nothing
		}
		after, err := surroundings(ctx, tx, id)
		if err != nil {
			return err
		}
		opportunities := both(before.opportunities, after.opportunities)
		due = len(opportunities)
		if err := book.MarkDue(ctx, tx, opportunities, by.Now); err != nil {
			return err
		}
		registrations := both(before.registrations, after.registrations)
		_, err = deal.SettleFindings(ctx, tx, registrations, terms.Zone, terms.Plans, by.Now)
		return err
	})
	return v, due, err
}

// surrounding is what a change of a registration may bear on.
type surrounding struct{ opportunities, registrations []string }

func surroundings(ctx context.Context, tx *sqlx.Tx, id string) (s surrounding, err error) {
	if id == "" {
		return s, nil
	}
	s.opportunities, s.registrations, err = deal.Around(ctx, tx, deal.Reached{Registrations: []string{id}})
	return s, err
}

func both(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// dealID reads the id of a registration or an engagement as a person types it: ours
// in any case, Salesforce's with 15 or 18 characters (R1.3).
func dealID(s string) string {
	s = strings.TrimSpace(s)
	if id, err := sfid.Parse(s); err == nil {
		return id
	}
	return strings.ToUpper(s)
}

// salesforceID reads the value of a flag, or of a line of a file, that is an id.
func salesforceID(name, s string) (string, error) {
	if s = strings.TrimSpace(s); s == "" {
		return "", nil
	}
	id, err := sfid.Parse(s)
	if err != nil {
		return "", errs.New(errs.Invalid, "%s: %w", name, err).WithHint("an id like 0015g00000XyZAbAAN is in the address of the record's page in Salesforce")
	}
	return id, nil
}

// namesOfPartners gives, by Partner ID, "FG3877 Northlight"; IDs that were issued to
// nobody, and texts that are none, stay as they are.
func namesOfPartners(ctx context.Context, q sqlx.QueryerContext, raw ...string) (func(string) string, error) {
	ids := make([]string, 0, len(raw))
	for _, r := range raw {
		if id, ok := ledger.ParsePartnerID(r); ok && id != "" {
			ids = append(ids, id)
		}
	}
	partners, err := ledger.PartnersByID(ctx, q, ids)
	names := make(map[string]string, len(partners))
	for _, p := range partners {
		names[p.ID] = p.ID + " " + p.Name
	}
	return func(raw string) string {
		id, ok := ledger.ParsePartnerID(raw)
		if name := names[id]; ok && name != "" {
			return name
		}
		return id
	}, err
}
