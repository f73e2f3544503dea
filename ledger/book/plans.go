package book

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/ledger/commission"
)

// DefaultPlan is the plan by which all sources pay.
const DefaultPlan = "default"

// planTerms is a plan version's terms as they are kept.
type planTerms struct {
	Space struct {
		ReferralRate decimal.Decimal `json:"referral_rate"`
		JoinedBefore clock.Date      `json:"joined_before"`
	} `json:"space"`
}

// Plans gives the versions of a plan in the order of their effective dates.
func Plans(ctx context.Context, q sqlx.QueryerContext, plan string) (_ []commission.Plan, err error) {
	defer errs.Wrap(&err, "read plan %s", plan)
	var rows []struct {
		From  clock.Date      `db:"effective_from"`
		Terms json.RawMessage `db:"terms"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows,
		`select effective_from, terms from ledger.plan_version where plan = $1 order by effective_from`, plan); err != nil {
		return nil, err
	}
	out := make([]commission.Plan, len(rows))
	for i, r := range rows {
		var t planTerms
		if err := json.Unmarshal(r.Terms, &t); err != nil {
			return nil, errs.New(errs.Unknown, "terms from %s: %w", r.From, err)
		}
		out[i] = commission.Plan{
			Name: plan, EffectiveFrom: r.From, SpaceRate: t.Space.ReferralRate, JoinedBefore: t.Space.JoinedBefore,
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

// SavePlan keeps a plan version. After a plan's first, a version that would govern
// a CloseDate for which something is posted is refused (R8.5): a later change of a
// plan never touches what was earned (R4.4).
func SavePlan(ctx context.Context, tx *sqlx.Tx, p commission.Plan, actor string, now time.Time) (err error) {
	defer errs.Wrap(&err, "save plan version %s", p)
	var governs struct {
		HasVersions bool        `db:"has_versions"`
		Posted      *clock.Date `db:"posted"`
	}
	// It would govern from its date to the next version's.
	if err := tx.GetContext(ctx, &governs, `
		select exists (select from ledger.plan_version where plan = $1) as has_versions,
			(select max(o.close_date) from ledger.opportunity o
			 where o.close_date >= $2 and o.close_date < coalesce((
				select min(v.effective_from) from ledger.plan_version v
				where v.plan = $1 and v.effective_from > $2), 'infinity'::date)
			   and exists (select from ledger.entry e where e.source_id = o.id)) as posted`,
		p.Name, p.EffectiveFrom); err != nil {
		return err
	}
	if governs.HasVersions && governs.Posted != nil && !governs.Posted.IsZero() {
		return errs.New(errs.Conflict, "plan version %s would govern what is already posted, up to the close date %s", p, *governs.Posted).
			WithHint("Give it an effective_from after %s; what was earned before keeps its terms (R4.4, R8.5).", *governs.Posted)
	}
	var t planTerms
	t.Space.ReferralRate, t.Space.JoinedBefore = p.SpaceRate, p.JoinedBefore
	terms, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.plan_version (plan, effective_from, terms, applied_by, applied_at) values ($1, $2, $3, $4, $5)
		on conflict (plan, effective_from) do update set
			terms = excluded.terms, applied_by = excluded.applied_by, applied_at = excluded.applied_at`,
		p.Name, p.EffectiveFrom, string(terms), actor, now)
	return err
}
