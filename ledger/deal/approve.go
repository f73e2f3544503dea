package deal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
)

// Approve approves a registration that was made here. Where another partner's
// registration stands beside it for the same customer, it can only be approved with
// explicit shares, by registration and as fractions, of itself and of all those
// beside it, that come to exactly 1; they are a share group from then on (R5.4,
// R5.8). One that is undecided has to be decided on first. A share of a registration
// that Salesforce owns has to be stated there already.
func Approve(ctx context.Context, tx *sqlx.Tx, id string, shares map[string]decimal.Decimal, reason string, by By) (err error) {
	defer errs.Wrap(&err, "approve the registration %s", id)
	if err := refuseLong(stated{"reason", reason, longestText}); err != nil {
		return err
	}
	c, w, err := command(ctx, tx, id, by, commission.Approved)
	if err != nil {
		return err
	}
	beside := w.beside(c)
	if len(shares) == 0 {
		if len(beside) > 0 {
			return errs.New(errs.Conflict, "%s beside it: %s", stands(len(beside)), describe(w, beside)).
				WithHint("Give every one of them its share, together 100 %%, or end the others first (R5.4).")
		}
		return keepDecision(ctx, tx, id, commission.Approved, reason, by)
	}
	if err := w.checkShares(c, beside, shares); err != nil {
		return err
	}
	if err := keepDecision(ctx, tx, id, commission.Approved, reason, by); err != nil {
		return err
	}
	return keepShares(ctx, tx, w, append(beside, c), shares, by)
}

// beside gives the registrations of other partners that stand for the same customer
// beside one that is to be approved: those within whose exclusivity it was submitted,
// and those that were submitted within its own and are approved already. One that
// was ended stands no more, nor does one whose opportunity had closed before this
// one was submitted: what it covers is over (R5.9).
func (w *world) beside(c *claimant) []*claimant {
	var out []*claimant
	for _, o := range w.near(c) {
		if o.holder == c.holder || !w.isOneCustomer(o, c, forever) || !w.stands(o, c) {
			continue
		}
		isFirst := slices.Contains(w.rivals(c), o)
		isApproved := o.base == commission.Approved && slices.Contains(w.rivals(o), c)
		if isFirst || isApproved {
			out = append(out, o)
		}
	}
	return out
}

// stands says whether a registration may still earn something that c may earn too.
func (w *world) stands(o, c *claimant) bool {
	switch w.state(o) {
	case commission.Submitted, commission.Conflict, commission.Approved:
		return true
	case commission.Won:
		return !w.isLate(c, w.oppByID[w.links[o.ID].opportunity])
	}
	return false
}

// checkShares refuses shares that are not those of c and of all that stand beside it,
// or do not come to the whole.
func (w *world) checkShares(c *claimant, beside []*claimant, shares map[string]decimal.Decimal) error {
	if len(beside) == 0 {
		return errs.New(errs.Invalid, "no other registration stands beside %s that it could share with", c.label()).
			WithHint("Approve it without shares.")
	}
	var sum decimal.Decimal
	for _, o := range append(slices.Clone(beside), c) {
		share, given := shares[o.ID]
		switch {
		case !given:
			return errs.New(errs.Invalid, "the share of %s is missing", o.label()).WithHint("State a share for each of: %s.", describe(w, append(beside, c)))
		case !share.IsPositive():
			return errs.New(errs.Invalid, "the share of %s, %s, is not above 0 %%", o.label(), percent(share)).
				WithHint("Who is to have nothing is rejected or revoked.")
		case o != c && o.base != commission.Approved:
			return errs.New(errs.Conflict, "%s stands beside it and is not decided", o.label()).
				WithHint("Decide on it first; it came earlier.")
		case o.Origin == OriginSalesforce && (o.Share == nil || !o.Share.Equal(share)):
			return errs.New(errs.Conflict, "Salesforce owns %s, and does not state this share", o.label()).
				WithHint("State its share in Salesforce, pull, and approve this one then.")
		case o != c && o.Share != nil && o.Origin == OriginPortal && o.group != nil && len(o.group.members) > 1 && !w.isWithin(o.group, beside):
			return errs.New(errs.Conflict, "%s shares with others that do not stand beside this one: %s", o.label(), describe(w, o.group.members)).
				WithHint("Revoke it, or this one cannot be approved beside it.")
		}
		sum = sum.Add(share)
	}
	for _, id := range slices.Sorted(maps.Keys(shares)) {
		if id != c.ID && !slices.ContainsFunc(beside, func(o *claimant) bool { return o.ID == id }) {
			return errs.New(errs.Invalid, "%s has a share, and does not stand beside %s", id, c.label()).
				WithHint("Beside it stands: %s.", describe(w, beside))
		}
	}
	if !sum.Equal(whole) {
		return errs.New(errs.Invalid, "the shares come to %s, not to 100 %%", percent(sum)).WithHint("Shares are explicit and sum to 100 %% (R5.4).")
	}
	return nil
}

// isWithin says whether all of a group that may still earn are among some.
func (w *world) isWithin(g *shareGroup, some []*claimant) bool {
	return !slices.ContainsFunc(g.members, func(m *claimant) bool {
		return m.base == commission.Approved && !slices.Contains(some, m)
	})
}

// keepShares writes the shares of a group, and in the journal of each whose share has
// changed that it has.
func keepShares(ctx context.Context, tx *sqlx.Tx, w *world, members []*claimant, shares map[string]decimal.Decimal, by By) error {
	slices.SortFunc(members, bySubmission)
	ids := make([]string, len(members))
	for i, c := range members {
		ids[i] = c.ID
	}
	// Named by its members: who shared with one of them before, and was revoked, is in
	// another group and takes nothing from this one.
	group := strings.Join(ids, "+")
	var events []entry
	for _, c := range members {
		if c.Origin != OriginPortal {
			continue
		}
		if _, err := tx.ExecContext(ctx, `update ledger.registration set share = $2::numeric, share_group = $3, modstamp = $4 where id = $1`,
			c.ID, shares[c.ID].String(), group, by.Now); err != nil {
			return err
		}
		var with []string
		for _, o := range members {
			if o != c {
				with = append(with, fmt.Sprintf("%s (%s)", o.label(), percent(shares[o.ID])))
			}
		}
		state := commission.Approved
		if c.base == commission.Approved {
			state = w.state(c)
		}
		events = append(events, by.entry(c.ID, state, fmt.Sprintf("its share is %s, beside %s", percent(shares[c.ID]), strings.Join(with, ", "))))
	}
	return journal(ctx, tx, events)
}

func stands(n int) string {
	if n == 1 {
		return "another partner's registration stands"
	}
	return fmt.Sprintf("%d registrations of other partners stand", n)
}

// describe lists registrations for a person.
func describe(w *world, cs []*claimant) string {
	out := make([]string, len(cs))
	for i, c := range cs {
		out[i] = fmt.Sprintf("%s of %s (%s)", c.ID, c.whose(), w.state(c))
	}
	return strings.Join(out, ", ")
}
