package book

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
)

// DefaultPlan is the plan by which all sources pay.
const DefaultPlan = "default"

// PlanVersion is a version of a plan as it was applied.
type PlanVersion struct {
	Plan      commission.Plan
	AppliedBy string
	AppliedAt time.Time
	// SupersededBy and SupersededAt say who changed the version of this day and when;
	// "" and the zero time while it is in force.
	SupersededBy string
	SupersededAt time.Time
}

type planRow struct {
	From         clock.Date      `db:"effective_from"`
	Terms        json.RawMessage `db:"terms"`
	AppliedBy    string          `db:"applied_by"`
	AppliedAt    time.Time       `db:"applied_at"`
	SupersededBy string          `db:"superseded_by"`
	SupersededAt sql.NullTime    `db:"superseded_at"`
}

// PlanHistory gives all versions of a plan that ever were in force, in the order of
// their effective dates and, of one date, in that in which they were applied.
func PlanHistory(ctx context.Context, q sqlx.QueryerContext, plan string) (_ []PlanVersion, err error) {
	defer errs.Wrap(&err, "read the history of plan %s", plan)
	var rows []planRow
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select effective_from, terms, applied_by, applied_at, coalesce(superseded_by, '') as superseded_by, superseded_at
		from ledger.plan_version where plan = $1 order by effective_from, id`, plan); err != nil {
		return nil, err
	}
	out := make([]PlanVersion, len(rows))
	for i, r := range rows {
		p, err := readTerms(r.Terms)
		if err != nil {
			return nil, errs.New(errs.Unknown, "terms from %s: %w", r.From, err)
		}
		p.Name, p.EffectiveFrom = plan, r.From
		out[i] = PlanVersion{
			Plan: p, AppliedBy: r.AppliedBy, AppliedAt: r.AppliedAt,
			SupersededBy: r.SupersededBy, SupersededAt: r.SupersededAt.Time,
		}
	}
	return out, nil
}

// Plans gives the versions of a plan that are in force, in the order of their
// effective dates. Each governs up to the next one's, so that they can neither
// overlap nor leave a gap behind the first (R4.4).
func Plans(ctx context.Context, q sqlx.QueryerContext, plan string) (_ []commission.Plan, err error) {
	defer errs.Wrap(&err, "read plan %s", plan)
	history, err := PlanHistory(ctx, q, plan)
	if err != nil {
		return nil, err
	}
	var out []commission.Plan
	for _, v := range history {
		if v.SupersededAt.IsZero() {
			out = append(out, v.Plan)
		}
	}
	return out, nil
}

// termsLock is the advisory lock by which terms do not change while a batch posts
// by them. The number means nothing; nothing else here takes advisory locks of
// transactions.
const termsLock = 4_301_100

// ShareTerms keeps partners and plans from being applied until the transaction
// ends. What the transaction reads of them afterwards stays true until then.
func ShareTerms(ctx context.Context, tx *sqlx.Tx) (err error) {
	defer errs.Wrap(&err, "wait for terms that are being applied")
	_, err = tx.ExecContext(ctx, `select pg_advisory_xact_lock_shared($1)`, termsLock)
	return err
}

// HoldTerms waits for batches that are being posted, and keeps others from
// beginning until the transaction ends.
func HoldTerms(ctx context.Context, tx *sqlx.Tx) (err error) {
	defer errs.Wrap(&err, "wait for batches that are being posted")
	_, err = tx.ExecContext(ctx, `select pg_advisory_xact_lock($1)`, termsLock)
	return err
}

// SavePlan keeps a plan version, which supersedes the one of the same day. After a
// plan's first, a version that would govern a CloseDate for which something is
// posted, under any regime, is refused (R8.5): a later change of a plan never
// touches what was earned (R4.4).
func SavePlan(ctx context.Context, tx *sqlx.Tx, p commission.Plan, actor string, now time.Time) (err error) {
	defer errs.Wrap(&err, "save plan version %s", p)
	inForce, err := Plans(ctx, tx, p.Name)
	if err != nil {
		return err
	}
	if len(inForce) > 0 {
		if err := refuseGoverned(ctx, tx, p); err != nil {
			return err
		}
		if err := refuseWindows(ctx, tx, p, inForce); err != nil {
			return err
		}
	}
	terms, err := writeTerms(p)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		update ledger.plan_version set superseded_by = $3, superseded_at = $4
		where plan = $1 and effective_from = $2 and superseded_at is null`, p.Name, p.EffectiveFrom, actor, now); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.plan_version (plan, effective_from, terms, applied_by, applied_at) values ($1, $2, $3, $4, $5)`,
		p.Name, p.EffectiveFrom, string(terms), actor, now)
	return err
}

// refuseGoverned refuses a version that would govern what is posted. It would
// govern from its date to the next version's. Whatever the regime, an entry names
// its opportunity as its source.
func refuseGoverned(ctx context.Context, q sqlx.QueryerContext, p commission.Plan) error {
	var posted clock.Date
	if err := sqlx.GetContext(ctx, q, &posted, `
		select max(o.close_date) from ledger.opportunity o
		where o.close_date >= $2 and o.close_date < coalesce((
			select min(v.effective_from) from ledger.plan_version v
			where v.plan = $1 and v.effective_from > $2 and v.superseded_at is null), 'infinity'::date)
		and exists (select from ledger.entry e where e.source_id = o.id)`, p.Name, p.EffectiveFrom); err != nil {
		return err
	}
	if posted.IsZero() {
		return nil
	}
	return errs.New(errs.Conflict, "plan version %s would govern what is already posted, up to the close date %s", p, posted).
		WithHint("Give it an effective_from after %s; what was earned before keeps its terms (R4.4, R8.5).", posted)
}

// refuseWindows refuses a version that would give registrations another window
// (R5.3) if one of them may decide what is posted. A registration's window is that
// of the day of its submission, so it reaches opportunities that close when a later
// version governs. The day is taken generously, because zones differ.
func refuseWindows(ctx context.Context, q sqlx.QueryerContext, p commission.Plan, inForce []commission.Plan) error {
	was, ok := commission.PlanOn(inForce, p.EffectiveFrom)
	if !ok {
		was = DefaultTerms()
	}
	if was.Registration.WindowDays == p.Registration.WindowDays {
		return nil
	}
	i := slices.IndexFunc(inForce, func(v commission.Plan) bool { return v.EffectiveFrom.After(p.EffectiveFrom) })
	if i < 0 {
		return nil // nothing that is posted closes after its date, and so nothing was submitted for it since
	}
	var posted clock.Date
	if err := sqlx.GetContext(ctx, q, &posted, `
		select max(o.close_date) from ledger.opportunity o
		where o.close_date >= $1 and exists (select from ledger.entry e where e.source_id = o.id)
		and exists (
			select from ledger.registration r
			where r.submitted_at >= $1::date - 1 and r.submitted_at < $2::date + 1)`,
		p.EffectiveFrom, inForce[i].EffectiveFrom); err != nil {
		return err
	}
	if posted.IsZero() {
		return nil
	}
	return errs.New(errs.Conflict, "plan version %s would give registrations that were submitted before %s another window, and what is posted up to the close date %s may rest on them",
		p, inForce[i].EffectiveFrom, posted).
		WithHint("Keep registration.window_days as it was; a later change of a plan never touches what was earned (R4.4, R8.5).")
}
