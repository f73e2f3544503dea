package apply

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/book"
)

// Apply writes what differs, in one transaction of the caller's, marks what has to
// be worked out anew because of it, and says anew what there is to say of the
// registrations that it bears on; zone is the company zone. It gives the changes.
func Apply(ctx context.Context, tx *sqlx.Tx, f File, actor string, zone *time.Location, now time.Time) (_ []Change, err error) {
	defer errs.Wrap(&err, "apply")
	if err := book.HoldTerms(ctx, tx); err != nil {
		return nil, err
	}
	k, err := readKept(ctx, tx)
	if err != nil {
		return nil, err
	}
	a := &application{tx: tx, file: f, kept: k, changes: f.changes(k), actor: actor, zone: zone, now: now}
	for _, step := range []func(context.Context) error{a.partners, a.plans, a.rates, a.findings} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return a.changes, nil
}

// application is a file that is being applied.
type application struct {
	tx      *sqlx.Tx
	file    File
	kept    kept
	changes []Change
	actor   string
	zone    *time.Location
	now     time.Time
	// registrations are those of which there may be something else to say.
	registrations []string
}

func (a *application) differs(what string) bool {
	return slices.ContainsFunc(a.changes, func(c Change) bool { return c.What == what })
}

// partners saves the partners that differ, then their merges, which may name
// partners that stand further down. What they bear on is looked for before and
// after: a change may cut off what it bore on.
func (a *application) partners(ctx context.Context) error {
	var changing []ledger.Partner
	var merges []ledger.Merge
	var t touched
	for i, p := range a.file.Partners {
		if !a.differs(partnerName(p)) {
			continue
		}
		was, _ := a.kept.partner(p.Key)
		if err := keepsIDs(was, p); err != nil {
			return err
		}
		t.touch(was, p)
		changing, merges = append(changing, p), append(merges, a.file.Merges[i])
	}
	if len(changing) == 0 {
		return nil
	}
	before, err := t.around(ctx, a.tx, a.now)
	if err != nil {
		return err
	}
	for _, p := range changing {
		if err := ledger.SavePartner(ctx, a.tx, p, a.actor, a.now); err != nil {
			return err
		}
	}
	if err := ledger.SaveMerges(ctx, a.tx, merges, a.actor, a.now); err != nil {
		return err
	}
	after, err := t.around(ctx, a.tx, a.now)
	if err != nil {
		return err
	}
	a.registrations = slices.Concat(a.registrations, before.registrations, after.registrations)
	return book.MarkDue(ctx, a.tx, append(before.sources, after.sources...), a.now)
}

// keepsIDs refuses to take an ID from a partner: it was issued for good (R1.1).
func keepsIDs(was, p ledger.Partner) error {
	for _, id := range was.IDs {
		if !slices.Contains(p.IDs, id) {
			return errs.New(errs.Conflict, "partner %s: Partner ID %s was issued to it, and the file leaves it out", p.Key, id).
				WithHint("An ID is issued for good (R1.1). Keep it in partner_ids, after the primary one.")
		}
	}
	return nil
}

// plans saves the plan versions that differ. They must meet those that are kept
// without a gap or an overlap, where the file says when they end.
func (a *application) plans(ctx context.Context) error {
	if err := meet(a.file.Plans, a.kept.plans); err != nil {
		return err
	}
	// The latest goes first, so that what each would govern ends where it will.
	versions := slices.SortedFunc(slices.Values(a.file.Plans), func(v, w Version) int {
		return w.EffectiveFrom.DaysSince(v.EffectiveFrom)
	})
	var earliest, windows clock.Date
	for _, v := range versions {
		if !a.differs(planName(v)) {
			continue
		}
		if err := book.SavePlan(ctx, a.tx, v.Plan, a.actor, a.now); err != nil {
			return err
		}
		earliest = v.EffectiveFrom
		if v.Registration.WindowDays != a.kept.windowDays(v.EffectiveFrom) {
			windows = v.EffectiveFrom
		}
	}
	if earliest.IsZero() {
		return nil
	}
	if !windows.IsZero() {
		submitted, err := submittedFrom(ctx, a.tx, windows)
		if err != nil {
			return err
		}
		a.registrations = append(a.registrations, submitted...)
	}
	return book.MarkClosed(ctx, a.tx, earliest, a.now)
}

// rates saves the exchange rates that differ.
func (a *application) rates(ctx context.Context) error {
	var earliest clock.Date
	for _, r := range a.file.Rates {
		if !a.differs(rateName(r)) {
			continue
		}
		if err := book.SaveExchangeRate(ctx, a.tx, r, a.actor, a.now); err != nil {
			return err
		}
		if earliest.IsZero() || r.On.Before(earliest) {
			earliest = r.On
		}
	}
	if earliest.IsZero() {
		return nil
	}
	return book.MarkConverted(ctx, a.tx, earliest, a.now)
}
