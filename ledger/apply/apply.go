package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// Change is one difference between a file and the ledger.
type Change struct {
	What   string   `json:"what"`   // "partner northwind", "plan default from 2010-01-01"
	IsNew  bool     `json:"is_new"` // it is not there yet
	Fields []string `json:"fields"` // "status: active → suspended"; of what is new, its values
}

// Diff gives what applying the file would change, in the order of the file.
func Diff(ctx context.Context, q sqlx.QueryerContext, f File) (_ []Change, err error) {
	defer errs.Wrap(&err, "compare the file with the ledger")
	partners, err := ledger.Partners(ctx, q)
	if err != nil {
		return nil, err
	}
	plans, err := book.Plans(ctx, q, book.DefaultPlan)
	if err != nil {
		return nil, err
	}
	var out []Change
	for _, p := range f.Partners {
		i := slices.IndexFunc(partners, func(o ledger.Partner) bool { return o.Key == p.Key })
		c := Change{What: "partner " + p.Key, IsNew: i < 0}
		if i < 0 {
			c.Fields = fields(describePartner(ledger.Partner{}), describePartner(p), true)
		} else if c.Fields = fields(describePartner(partners[i]), describePartner(p), false); len(c.Fields) == 0 {
			continue
		}
		out = append(out, c)
	}
	for _, p := range f.Plans {
		i := slices.IndexFunc(plans, func(o commission.Plan) bool { return o.EffectiveFrom == p.EffectiveFrom })
		c := Change{What: "plan " + p.String(), IsNew: i < 0}
		if i < 0 {
			c.Fields = fields(describePlan(commission.Plan{}), describePlan(p), true)
		} else if c.Fields = fields(describePlan(plans[i]), describePlan(p), false); len(c.Fields) == 0 {
			continue
		}
		out = append(out, c)
	}
	return out, nil
}

// Apply writes what differs, in one transaction of the caller's, and marks what
// has to be worked out anew because of it. It gives the changes.
func Apply(ctx context.Context, tx *sqlx.Tx, f File, actor string, now time.Time) (_ []Change, err error) {
	defer errs.Wrap(&err, "apply")
	if err := book.HoldTerms(ctx, tx); err != nil {
		return nil, err
	}
	changes, err := Diff(ctx, tx, f)
	if err != nil {
		return nil, err
	}
	differs := func(what string) bool {
		return slices.ContainsFunc(changes, func(c Change) bool { return c.What == what })
	}
	before, err := ledger.Partners(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, p := range f.Partners {
		if !differs("partner " + p.Key) {
			continue
		}
		if err := keepsIDs(before, p); err != nil {
			return nil, err
		}
		if err := ledger.SavePartner(ctx, tx, p, actor, now); err != nil {
			return nil, err
		}
		if err := markHeldBy(ctx, tx, p.IDs, now); err != nil {
			return nil, err
		}
	}
	for _, p := range f.Plans {
		if !differs("plan " + p.String()) {
			continue
		}
		if err := book.SavePlan(ctx, tx, p, actor, now); err != nil {
			return nil, err
		}
		if err := markClosedFrom(ctx, tx, p.EffectiveFrom, now); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// keepsIDs refuses to take an ID from a partner: it was issued for good (R1.1).
func keepsIDs(before []ledger.Partner, p ledger.Partner) error {
	for _, o := range before {
		if o.Key != p.Key {
			continue
		}
		for _, id := range o.IDs {
			if !slices.Contains(p.IDs, id) {
				return errs.New(errs.Conflict, "partner %s: Partner ID %s was issued to it, and the file leaves it out", p.Key, id).
					WithHint("An ID is issued for good (R1.1). Keep it in partner_ids, after the primary one.")
			}
		}
	}
	return nil
}

// markHeldBy marks the Spaces that the IDs are or were on, and what they earn.
func markHeldBy(ctx context.Context, tx *sqlx.Tx, ids []string, now time.Time) error {
	spaces, err := attribution.HeldBy(ctx, tx, ids)
	if err != nil {
		return err
	}
	if err := attribution.MarkSpaces(ctx, tx, spaces, now); err != nil {
		return err
	}
	sources, err := revenue.OfSpaces(ctx, tx, spaces)
	if err != nil {
		return err
	}
	return book.MarkDue(ctx, tx, sources, now)
}

func markClosedFrom(ctx context.Context, tx *sqlx.Tx, from clock.Date, now time.Time) error {
	sources, err := revenue.ClosedFrom(ctx, tx, from)
	if err != nil {
		return err
	}
	return book.MarkDue(ctx, tx, sources, now)
}

// described is a thing as named values, in the order in which people read them.
type described [][2]string

func describePartner(p ledger.Partner) described {
	return described{
		{"name", p.Name},
		{"kind", p.Kind},
		{"tier", p.Tier},
		{"joined_on", p.JoinedOn.String()},
		{"status", p.Status},
		{"partner_ids", strings.Join(p.IDs, ", ")},
		{"domains", strings.Join(p.Domains, ", ")},
	}
}

func describePlan(p commission.Plan) described {
	return described{
		{"space.referral_rate", p.SpaceRate.Shift(2).String() + "%"},
		{"space.joined_before", p.JoinedBefore.String()},
	}
}

func fields(was, is described, isNew bool) []string {
	var out []string
	for i := range is {
		switch name, now := is[i][0], is[i][1]; {
		case isNew && now != "":
			out = append(out, name+": "+now)
		case !isNew && was[i][1] != now:
			out = append(out, fmt.Sprintf("%s: %s → %s", name, orNothing(was[i][1]), orNothing(now)))
		}
	}
	return out
}

func orNothing(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return s
}
