package book

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

// DefaultPlan is the plan by which all sources pay.
const DefaultPlan = "default"

// PlanState says where a version of a plan stands (R8.5).
//
//	proposed ──approve──▶ in force ──▶ superseded
//	    ├──▶ superseded, by another proposal for the same day
//	    ├──refuse──▶ refused
//	    └──withdraw──▶ withdrawn
type PlanState string

// The states of a plan version. Only those in force govern anything.
const (
	PlanProposed   PlanState = "proposed"
	PlanInForce    PlanState = "in force"
	PlanSuperseded PlanState = "superseded"
	PlanRefused    PlanState = "refused"
	PlanWithdrawn  PlanState = "withdrawn"
)

// PlanVersion is a version of a plan as it was applied, and what became of it.
type PlanVersion struct {
	// Number names the version; a later one has a larger number.
	Number int64
	Plan   commission.Plan
	// AppliedBy proposed it.
	AppliedBy string
	AppliedAt time.Time
	// ApprovedBy is "", and ApprovedAt the zero time, of one that nobody approved. Alone:
	// one person did both, before there were proposals or while four eyes were off.
	ApprovedBy string
	ApprovedAt time.Time
	Alone      bool
	// RefusedBy turned it down, for RefusalReason, or withdrew it, being its proposer.
	RefusedBy     string
	RefusedAt     time.Time
	RefusalReason string
	// SupersededBy and SupersededAt say who put another version of this day in its
	// place and when; "" and the zero time if nobody did.
	SupersededBy string
	SupersededAt time.Time
}

// State says where the version stands.
func (v PlanVersion) State() PlanState {
	switch {
	case !v.SupersededAt.IsZero():
		return PlanSuperseded
	case !v.RefusedAt.IsZero() && ledger.IsSameActor(v.RefusedBy, v.AppliedBy):
		return PlanWithdrawn
	case !v.RefusedAt.IsZero():
		return PlanRefused
	case v.ApprovedAt.IsZero():
		return PlanProposed
	}
	return PlanInForce
}

type planRow struct {
	Number        int64           `db:"id"`
	Name          string          `db:"plan"`
	From          clock.Date      `db:"effective_from"`
	Terms         json.RawMessage `db:"terms"`
	AppliedBy     string          `db:"applied_by"`
	AppliedAt     time.Time       `db:"applied_at"`
	ApprovedBy    string          `db:"approved_by"`
	ApprovedAt    sql.NullTime    `db:"approved_at"`
	Alone         bool            `db:"approved_alone"`
	RefusedBy     string          `db:"refused_by"`
	RefusedAt     sql.NullTime    `db:"refused_at"`
	RefusalReason string          `db:"refusal_reason"`
	SupersededBy  string          `db:"superseded_by"`
	SupersededAt  sql.NullTime    `db:"superseded_at"`
}

const planColumns = `id, plan, effective_from, terms, applied_by, applied_at, coalesce(approved_by, '') as approved_by, approved_at,
	approved_alone, coalesce(refused_by, '') as refused_by, refused_at, refusal_reason, coalesce(superseded_by, '') as superseded_by,
	superseded_at`

func (r planRow) version() (PlanVersion, error) {
	p, err := readTerms(r.Terms)
	if err != nil {
		return PlanVersion{}, errs.New(errs.Unknown, "terms from %s: %w", r.From, err)
	}
	p.Name, p.EffectiveFrom = r.Name, r.From
	return PlanVersion{
		Number: r.Number, Plan: p, AppliedBy: r.AppliedBy, AppliedAt: r.AppliedAt,
		ApprovedBy: r.ApprovedBy, ApprovedAt: r.ApprovedAt.Time, Alone: r.Alone,
		RefusedBy: r.RefusedBy, RefusedAt: r.RefusedAt.Time, RefusalReason: r.RefusalReason,
		SupersededBy: r.SupersededBy, SupersededAt: r.SupersededAt.Time,
	}, nil
}

// PlanHistory gives all versions of a plan that were ever applied, whatever became of
// them, in the order of their effective dates and, of one date, in that in which they
// were applied.
func PlanHistory(ctx context.Context, q sqlx.QueryerContext, plan string) (_ []PlanVersion, err error) {
	defer errs.Wrap(&err, "read the history of plan %s", plan)
	var rows []planRow
	if err := sqlx.SelectContext(ctx, q, &rows,
		`select `+planColumns+` from ledger.plan_version where plan = $1 order by effective_from, id`, plan); err != nil {
		return nil, err
	}
	out := make([]PlanVersion, len(rows))
	for i, r := range rows {
		if out[i], err = r.version(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Plans gives the versions of a plan that are in force, in the order of their
// effective dates; not those that wait for a second person's approval (R8.5). Each
// governs up to the next one's, so that they can neither
// overlap nor leave a gap behind the first (R4.4).
func Plans(ctx context.Context, q sqlx.QueryerContext, plan string) (_ []commission.Plan, err error) {
	defer errs.Wrap(&err, "read plan %s", plan)
	return plansThatAre(ctx, q, plan, PlanInForce)
}

// ProposedPlans gives the versions of a plan that wait for a second person's approval,
// in the order of their effective dates: of each date one at most (R8.5).
func ProposedPlans(ctx context.Context, q sqlx.QueryerContext, plan string) (_ []commission.Plan, err error) {
	defer errs.Wrap(&err, "read what is proposed of plan %s", plan)
	return plansThatAre(ctx, q, plan, PlanProposed)
}

func plansThatAre(ctx context.Context, q sqlx.QueryerContext, plan string, state PlanState) ([]commission.Plan, error) {
	history, err := PlanHistory(ctx, q, plan)
	if err != nil {
		return nil, err
	}
	var out []commission.Plan
	for _, v := range history {
		if v.State() == state {
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
