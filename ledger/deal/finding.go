package deal

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
	"github.com/partnersync/partnersync/ledger/commission"
)

// Kinds of discrepancies of registrations. Nobody else settles them for the same
// subjects.
const (
	KindConflict           = "registration_conflict"
	KindMalformedID        = "malformed_partner_id"
	KindUnknownID          = "unknown_partner_id"
	KindSharesNotWhole     = "shares_not_whole"
	KindUnknownStatus      = "unknown_registration_status"
	KindWithoutDate        = "registration_without_date"
	KindUnknownInvolvement = "unknown_involvement"
)

var findingKinds = []string{
	KindConflict, KindMalformedID, KindUnknownID, KindSharesNotWhole, KindUnknownStatus, KindWithoutDate, KindUnknownInvolvement,
}

// FindingKinds lists the kinds of discrepancies that registrations may have.
func FindingKinds() []string { return slices.Clone(findingKinds) }

// SettleFindings makes the open discrepancies of registrations, and of all that they
// have to do with, those that are there: conflicts that wait for a decision (R5.4),
// Partner IDs that are malformed, missing or issued to nobody (R1.1), shares that do
// not come to 100 % (R5.8), and what of a record nobody can tell. It gives how many
// were opened.
func SettleFindings(ctx context.Context, tx *sqlx.Tx, registrations []string, zone *time.Location, plans []commission.Plan,
	now time.Time,
) (opened int64, err error) {
	defer errs.Wrap(&err, "settle what is to be found of %d registrations", len(registrations))
	if len(registrations) == 0 {
		return 0, nil
	}
	f, err := gather(ctx, tx, keys{registrations: registrations})
	if err != nil {
		return 0, err
	}
	// Nothing here depends on how far the days have gone.
	w := newWorld(f, Terms{Zone: zone, Plans: plans, AsOf: clock.DateIn(now, zone).AddDays(-1)})
	subjects := slices.Clone(registrations)
	var found []ledger.Discrepancy
	for _, c := range slices.Concat(w.claimants, w.others) {
		subjects = append(subjects, c.ID)
		found = append(found, w.findings(c)...)
	}
	return ledger.SettleDiscrepancies(ctx, tx, findingKinds, subjects, found, now)
}

// findings gives what of a registration asks a person to look. Nobody has to look at
// drafts, nor at what was deleted or ended.
func (w *world) findings(c *claimant) []ledger.Discrepancy {
	var out []ledger.Discrepancy
	find := func(kind, rule string, isHold bool, format string, args ...any) {
		out = append(out, ledger.Discrepancy{
			Kind: kind, Subject: c.ID, Object: "registration", Rule: rule, IsHold: isHold,
			Detail: fmt.Sprintf("Registration %s ", c.label()) + fmt.Sprintf(format, args...),
		})
	}
	switch {
	case c.IsDeleted || c.base == commission.Draft:
		return nil
	case !c.hasStatus():
		find(KindUnknownStatus, "R5.2", true, "%s. What it is linked to waits until its status is one of draft, submitted, approved, rejected, withdrawn and revoked.", statusText(c.Status))
	case c.base == commission.Rejected || c.base == commission.Withdrawn || c.base == commission.Revoked:
		return nil
	}
	switch id, who := c.whose(), w.partners[c.partnerID]; {
	case c.malformed && c.partnerID == "":
		find(KindMalformedID, "R1.1", true, "names no Partner ID. Nobody can be paid by it until it does.")
	case c.malformed:
		find(KindMalformedID, "R1.1", true, "names %q, which is not a Partner ID. Correct it where the registration was made.", id)
	case who.partner == "":
		find(KindUnknownID, "R2.8", true, "names the Partner ID %s, which has been issued to nobody. What it earns waits until the partner is added.", id)
	}
	if !c.hasStatus() {
		return out
	}
	w.findDates(c, find)
	if s := strings.ToLower(strings.TrimSpace(c.Involvement)); s != string(commission.Referred) && s != string(commission.Engaged) {
		find(KindUnknownInvolvement, "R5.1", false, "states the involvement %q, which is neither referred nor engaged. It counts as referred until it is corrected.", c.Involvement)
	}
	if w.state(c) == commission.Conflict {
		find(KindConflict, "R5.4", true, "is %s. Approve one of them, or both with shares that come to 100 %%.", w.reason(c))
	}
	if beside := w.approvedBeside(c); beside != nil {
		find(KindConflict, "R5.4", false, "was approved beside %s of %s without shares, so the first of the two that finds an opportunity has it. State shares for both, or end one of them.", beside.label(), beside.whose())
	}
	if c.group != nil && c.base == commission.Approved {
		if fault := c.group.fault(); fault != "" {
			find(KindSharesNotWhole, "R5.8", true, "earns nothing yet, because %s. Correct the shares.", fault)
		}
	}
	return out
}

// hasStatus says whether the status that is stated is one of a registration.
func (c *claimant) hasStatus() bool {
	_, known := ParseStatus(c.Status)
	return known
}

// approvedBeside gives a registration within whose exclusivity Salesforce approved c
// without making a share group of the two, unless each of them has its own
// opportunity; or nil.
func (w *world) approvedBeside(c *claimant) *claimant {
	if c.base != commission.Approved || c.Origin != OriginSalesforce {
		return nil
	}
	for _, r := range w.rivals(c) {
		_, to, isOpen := w.exclusivity(r)
		stood := r.base == commission.Approved && (isOpen || c.DecidedAt.Before(to))
		share := c.group != nil && c.group == r.group
		mine, hasMine := w.links[c.ID]
		theirs, haveTheirs := w.links[r.ID]
		if stood && !share && !(hasMine && haveTheirs && mine.opportunity != theirs.opportunity) {
			return r
		}
	}
	return nil
}

// findDates looks for dates without which nobody can tell what a registration covers.
func (w *world) findDates(c *claimant, find func(kind, rule string, isHold bool, format string, args ...any)) {
	stated, _ := ParseStatus(c.Status)
	switch {
	case c.isUndated:
		find(KindWithoutDate, "R5.5", true, "is %s, and does not say when it was submitted. What it is linked to waits until its submission is dated.", stated)
	case c.DecidedAt.IsZero() && decided(stated) == commission.Approved:
		find(KindWithoutDate, "R5.5", true, "is %s, and nothing says when it was approved. It counts as undecided until its decision is dated.", stated)
	}
}

func statusText(stated string) string {
	if strings.TrimSpace(stated) == "" {
		return "states no status"
	}
	return fmt.Sprintf("states the status %q, which is none", stated)
}
