package apply

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/book"
	"github.com/partnersync/partnersync/ledger/commission"
)

// plans proposes the plan versions that differ, except those that wait already, or puts
// them in force if one person may (R8.5). They must meet those that are kept without a
// gap or an overlap, where the file says when they end.
func (a *application) plans(ctx context.Context) error {
	beside := a.kept.plans
	if !a.Alone {
		beside = slices.Concat(a.kept.plans, a.kept.proposed)
	}
	if err := meet(a.file.Plans, beside); err != nil {
		return err
	}
	var differing []commission.Plan
	for _, v := range slices.SortedFunc(slices.Values(a.file.Plans), earlier) {
		i := slices.IndexFunc(a.changes, func(c Change) bool { return c.What == planName(v) })
		switch {
		case i < 0:
		case !a.Alone && a.kept.waits(v.Plan):
			a.changes = slices.Delete(a.changes, i, i+1)
		default:
			differing = append(differing, v.Plan)
		}
	}
	numbers, err := book.ProposePlans(ctx, a.tx, differing, a.Actor, a.Now)
	if err != nil {
		return err
	}
	a.tellState(differing, numbers, book.PlanProposed)
	if !a.Alone {
		return nil
	}
	// The latest goes first, so that what each governs ends where it will.
	for _, number := range slices.Backward(numbers) {
		if _, err := book.ApprovePlan(ctx, a.tx, number, a.Actor, true, a.Now); err != nil {
			return err
		}
	}
	a.tellState(differing, numbers, book.PlanInForce)
	return a.govern(ctx, differing)
}

func earlier(v, w Version) int { return v.EffectiveFrom.DaysSince(w.EffectiveFrom) }

// tellState notes with the changes where plan versions stand.
func (a *application) tellState(plans []commission.Plan, numbers []int64, state book.PlanState) {
	for n, p := range plans {
		i := slices.IndexFunc(a.changes, func(c Change) bool { return c.What == planName(Version{Plan: p}) })
		a.changes[i].Version, a.changes[i].State = numbers[n], state
	}
}

// waits says whether a version in these terms waits for approval already.
func (k kept) waits(p commission.Plan) bool {
	return slices.ContainsFunc(k.proposed, func(o commission.Plan) bool {
		return o.EffectiveFrom == p.EffectiveFrom && len(PlanChanges(&o, p)) == 0
	})
}

// PlanChanges gives the terms in which a plan version differs from another, each as
// "space.referral_rate: 10% → 12%"; all of its terms, if there is no other.
func PlanChanges(was *commission.Plan, is commission.Plan) []string {
	if was == nil {
		return fields(nil, describePlan(is), true)
	}
	return fields(describePlan(*was), describePlan(is), false)
}

// govern marks what plan versions that have come into force govern now.
func (a *application) govern(ctx context.Context, versions []commission.Plan) error {
	var earliest, windows clock.Date
	for _, p := range versions {
		earliest = earlierOf(earliest, p.EffectiveFrom)
		if p.Registration.WindowDays != a.kept.windowDays(p.EffectiveFrom) {
			windows = earlierOf(windows, p.EffectiveFrom)
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
	return book.MarkClosed(ctx, a.tx, earliest, a.Now)
}

// earlierOf gives the earlier of two days; no date is none of them.
func earlierOf(a, b clock.Date) clock.Date {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// Approve puts plan versions in force that wait for it, named by their numbers, marks
// what they govern, and says anew what there is to say of the registrations that they
// bear on, in one transaction of the caller's. Who proposed one cannot approve it,
// unless o.Alone (R8.5). It gives the versions as they are then, the latest first.
func Approve(ctx context.Context, tx *sqlx.Tx, numbers []int64, o Options) (approved []book.PlanVersion, err error) {
	defer errs.Wrap(&err, "approve")
	if err := book.HoldTerms(ctx, tx); err != nil {
		return nil, err
	}
	k, err := readKept(ctx, tx)
	if err != nil {
		return nil, err
	}
	ordered, err := latestFirst(ctx, tx, numbers)
	if err != nil {
		return nil, err
	}
	a := &application{Options: o, tx: tx, kept: k}
	var inForce []commission.Plan
	for _, number := range ordered {
		v, err := book.ApprovePlan(ctx, tx, number, o.Actor, o.Alone, o.Now)
		if err != nil {
			return nil, err
		}
		approved, inForce = append(approved, v), append(inForce, v.Plan)
	}
	if err := a.govern(ctx, inForce); err != nil {
		return nil, err
	}
	return approved, a.findings(ctx)
}

// latestFirst gives the numbers of versions in the order in which they come into force,
// so that what each governs ends where it will, each once; numbers that nobody knows
// come last.
func latestFirst(ctx context.Context, q sqlx.QueryerContext, numbers []int64) ([]int64, error) {
	history, err := book.PlanHistory(ctx, q, book.DefaultPlan)
	if err != nil {
		return nil, err
	}
	var out []int64
	for _, v := range slices.Backward(history) {
		if slices.Contains(numbers, v.Number) {
			out = append(out, v.Number)
		}
	}
	for _, n := range numbers {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out, nil
}
