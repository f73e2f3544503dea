package book

import (
	"context"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

// ProposePlans keeps versions of one plan that govern nothing until a second person
// approves them (R8.5), and gives their numbers. Each supersedes a proposal for the
// same day that still waits. After a plan's first, a version that would govern a
// CloseDate for which something is posted, under any regime, is refused, and with it
// all: a later change of a plan never touches what was earned (R4.4). Versions that are
// proposed together, or wait, govern up to each other.
func ProposePlans(ctx context.Context, tx *sqlx.Tx, versions []commission.Plan, actor string, now time.Time) (numbers []int64, err error) {
	if len(versions) == 0 {
		return nil, nil
	}
	if strings.TrimSpace(actor) == "" {
		return nil, errs.New(errs.Invalid, "nobody is named who proposes a plan version").WithHint("Say who acts with --actor.")
	}
	waiting, err := ProposedPlans(ctx, tx, versions[0].Name)
	if err != nil {
		return nil, err
	}
	besides := append(starts(waiting), starts(versions)...)
	for _, p := range versions {
		number, err := proposePlan(ctx, tx, p, besides, actor, now)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, number)
	}
	return numbers, nil
}

func proposePlan(ctx context.Context, tx *sqlx.Tx, p commission.Plan, besides []clock.Date, actor string, now time.Time) (number int64, err error) {
	defer errs.Wrap(&err, "propose plan version %s", p)
	if err := refuseLate(ctx, tx, p, besides); err != nil {
		return 0, err
	}
	terms, err := writeTerms(p)
	if err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `
		update ledger.plan_version set superseded_by = $3, superseded_at = $4
		where plan = $1 and effective_from = $2 and approved_at is null and refused_at is null and superseded_at is null`,
		p.Name, p.EffectiveFrom, actor, now); err != nil {
		return 0, err
	}
	// Numbered without gaps, so that nobody looks for one that a dry run took back.
	err = tx.GetContext(ctx, &number, `
		insert into ledger.plan_version (id, plan, effective_from, terms, applied_by, applied_at)
		overriding system value
		select coalesce(max(id), 0) + 1, $1, $2, $3, $4, $5 from ledger.plan_version
		returning id`, p.Name, p.EffectiveFrom, string(terms), actor, now)
	return number, err
}

// ApprovePlan puts a proposed version in force, where it supersedes the one of its day,
// and gives it as it is then. Whoever proposed it cannot, unless alone says that four
// eyes are off, which is then on record (R8.5). What may have been posted since it was
// proposed is looked at again: it may be refused now where it was not then. Mark what
// the version governs in the same transaction.
func ApprovePlan(ctx context.Context, tx *sqlx.Tx, number int64, actor string, alone bool, now time.Time) (v PlanVersion, err error) {
	defer errs.Wrap(&err, "approve plan version %d", number)
	if v, err = waitingPlan(ctx, tx, number, actor); err != nil {
		return v, err
	}
	isProposer := ledger.IsSameActor(actor, v.AppliedBy)
	if isProposer && !alone {
		return v, errs.New(errs.Conflict, "%s proposed it, and cannot approve it too", v.AppliedBy).
			WithHint("Let a second person approve it (R8.5): partnersync plans approve %d --actor NAME. A company of one person sets company.four_eyes to off.", number)
	}
	if err := refuseLate(ctx, tx, v.Plan, nil); err != nil {
		return v, err
	}
	if _, err := tx.ExecContext(ctx, `
		update ledger.plan_version set superseded_by = $3, superseded_at = $4
		where plan = $1 and effective_from = $2 and approved_at is not null and superseded_at is null`,
		v.Plan.Name, v.Plan.EffectiveFrom, actor, now); err != nil {
		return v, err
	}
	if _, err := tx.ExecContext(ctx, `
		update ledger.plan_version set approved_by = $2, approved_at = $3, approved_alone = $4 where id = $1`,
		number, actor, now, isProposer); err != nil {
		return v, err
	}
	v.ApprovedBy, v.ApprovedAt, v.Alone = actor, now, isProposer
	return v, nil
}

// SavePlan keeps a plan version that is in force at once: what one person applies while
// four eyes are off, which is then on record (R8.5).
func SavePlan(ctx context.Context, tx *sqlx.Tx, p commission.Plan, actor string, now time.Time) error {
	numbers, err := ProposePlans(ctx, tx, []commission.Plan{p}, actor, now)
	if err != nil {
		return err
	}
	_, err = ApprovePlan(ctx, tx, numbers[0], actor, true, now)
	return err
}

// WithdrawPlan takes a proposal back; only its proposer can. A reason may be blank.
func WithdrawPlan(ctx context.Context, tx *sqlx.Tx, number int64, actor, reason string, now time.Time) (v PlanVersion, err error) {
	defer errs.Wrap(&err, "withdraw plan version %d", number)
	if v, err = waitingPlan(ctx, tx, number, actor); err != nil {
		return v, err
	}
	if !ledger.IsSameActor(actor, v.AppliedBy) {
		return v, errs.New(errs.Conflict, "%s proposed it, and only %s withdraws it", v.AppliedBy, v.AppliedBy).
			WithHint("Anybody else turns it down: partnersync plans refuse %d --reason TEXT.", number)
	}
	return endProposal(ctx, tx, v, actor, reason, now)
}

// RefusePlan turns a proposal down, for a reason. Its proposer withdraws it instead.
func RefusePlan(ctx context.Context, tx *sqlx.Tx, number int64, actor, reason string, now time.Time) (v PlanVersion, err error) {
	defer errs.Wrap(&err, "refuse plan version %d", number)
	if v, err = waitingPlan(ctx, tx, number, actor); err != nil {
		return v, err
	}
	switch {
	case ledger.IsSameActor(actor, v.AppliedBy):
		return v, errs.New(errs.Conflict, "%s proposed it", v.AppliedBy).
			WithHint("Whoever proposed a version withdraws it: partnersync plans withdraw %d.", number)
	case strings.TrimSpace(reason) == "":
		return v, errs.New(errs.Invalid, "a version is refused for a reason, and none is given").WithHint("Say why with --reason; %s reads it.", v.AppliedBy)
	}
	return endProposal(ctx, tx, v, actor, reason, now)
}

func endProposal(ctx context.Context, tx *sqlx.Tx, v PlanVersion, actor, reason string, now time.Time) (PlanVersion, error) {
	v.RefusedBy, v.RefusedAt, v.RefusalReason = actor, now, strings.TrimSpace(reason)
	_, err := tx.ExecContext(ctx, `
		update ledger.plan_version set refused_by = $2, refused_at = $3, refusal_reason = $4 where id = $1`,
		v.Number, v.RefusedBy, v.RefusedAt, v.RefusalReason)
	return v, err
}

// waitingPlan locks a version that waits for a decision; errs.NotFound if there is no
// such version, errs.Conflict if it waits no more.
func waitingPlan(ctx context.Context, tx *sqlx.Tx, number int64, actor string) (PlanVersion, error) {
	if strings.TrimSpace(actor) == "" {
		return PlanVersion{}, errs.New(errs.Invalid, "nobody is named who decides on it").WithHint("Say who acts with --actor.")
	}
	var rows []planRow
	if err := tx.SelectContext(ctx, &rows, `select `+planColumns+` from ledger.plan_version where id = $1 for update`, number); err != nil {
		return PlanVersion{}, err
	}
	if len(rows) == 0 {
		return PlanVersion{}, errs.New(errs.NotFound, "there is no plan version %d", number).WithHint("List them with: partnersync plans")
	}
	v, err := rows[0].version()
	if err != nil {
		return v, err
	}
	if state := v.State(); state != PlanProposed {
		return v, errs.New(errs.Conflict, "plan %s %s", v.Plan, v.became()).
			WithHint("Only a version that is proposed waits for a decision: partnersync plans")
	}
	return v, nil
}

// became says what became of a version, and by whom, as the rest of a sentence.
func (v PlanVersion) became() string {
	switch v.State() {
	case PlanSuperseded:
		return "was superseded by " + v.SupersededBy
	case PlanRefused, PlanWithdrawn:
		return "was " + string(v.State()) + " by " + v.RefusedBy
	case PlanInForce:
		return "is in force, approved by " + v.ApprovedBy
	}
	return "waits for a decision"
}

// refuseLate refuses a version, after a plan's first, that would touch what is posted
// (R4.4, R8.5). It would govern from its date to the next version's: of those in force
// or of further ones, which begin on the days of besides.
func refuseLate(ctx context.Context, q sqlx.QueryerContext, p commission.Plan, besides []clock.Date) error {
	inForce, err := Plans(ctx, q, p.Name)
	if err != nil || len(inForce) == 0 {
		return err
	}
	var next clock.Date // none: it would govern for ever
	for _, d := range append(starts(inForce), besides...) {
		if d.After(p.EffectiveFrom) && (next.IsZero() || d.Before(next)) {
			next = d
		}
	}
	if err := refuseGoverned(ctx, q, p, next); err != nil {
		return err
	}
	return refuseWindows(ctx, q, p, inForce, next)
}

// starts gives the first days of versions.
func starts(plans []commission.Plan) []clock.Date {
	out := make([]clock.Date, len(plans))
	for i, p := range plans {
		out[i] = p.EffectiveFrom
	}
	return out
}

// refuseGoverned refuses a version that would govern what is posted, from its date up
// to next. Whatever the regime, an entry names its opportunity as its source.
func refuseGoverned(ctx context.Context, q sqlx.QueryerContext, p commission.Plan, next clock.Date) error {
	var posted clock.Date
	if err := sqlx.GetContext(ctx, q, &posted, `
		select max(o.close_date) from ledger.opportunity o
		where o.close_date >= $1 and o.close_date < coalesce($2::date, 'infinity'::date)
		and exists (select from ledger.entry e where e.source_id = o.id)`, p.EffectiveFrom, next); err != nil {
		return err
	}
	if posted.IsZero() {
		return nil
	}
	return errs.New(errs.Conflict, "it would govern what is already posted, up to the close date %s", posted).
		WithHint("Give it an effective_from after %s; what was earned before keeps its terms (R4.4, R8.5).", posted)
}

// refuseWindows refuses a version that would give registrations another window
// (R5.3) if one of them may decide what is posted. A registration's window is that
// of the day of its submission, so it reaches opportunities that close when a later
// version governs. The day is taken generously, because zones differ.
func refuseWindows(ctx context.Context, q sqlx.QueryerContext, p commission.Plan, inForce []commission.Plan, next clock.Date) error {
	was, ok := commission.PlanOn(inForce, p.EffectiveFrom)
	if !ok {
		was = DefaultTerms()
	}
	if was.Registration.WindowDays == p.Registration.WindowDays {
		return nil
	}
	if next.IsZero() {
		return nil // nothing that is posted closes after its date, and so nothing was submitted for it since
	}
	var posted clock.Date
	if err := sqlx.GetContext(ctx, q, &posted, `
		select max(o.close_date) from ledger.opportunity o
		where o.close_date >= $1 and exists (select from ledger.entry e where e.source_id = o.id)
		and exists (
			select from ledger.registration r
			where r.submitted_at >= $1::date - 1 and r.submitted_at < $2::date + 1)`,
		p.EffectiveFrom, next); err != nil {
		return err
	}
	if posted.IsZero() {
		return nil
	}
	return errs.New(errs.Conflict, "it would give registrations that were submitted before %s another window, and what is posted up to the close date %s may rest on them",
		next, posted).
		WithHint("Keep registration.window_days as it was; a later change of a plan never touches what was earned (R4.4, R8.5).")
}
