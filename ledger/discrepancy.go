package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// Discrepancy is a row that asks a person to look. A hold also stops the money.
type Discrepancy struct {
	Kind       string     `db:"kind" json:"kind"`       // unknown_partner_id
	Subject    string     `db:"subject" json:"subject"` // a Salesforce id, an e-mail key
	Object     string     `db:"object" json:"object"`   // what the subject is: Space, Opportunity, profile
	Rule       string     `db:"rule" json:"rule"`       // R2.8
	IsHold     bool       `db:"is_hold" json:"is_hold"`
	Detail     string     `db:"detail" json:"detail"` // a sentence for a person
	OpenedAt   time.Time  `db:"opened_at" json:"opened_at"`
	SeenAt     time.Time  `db:"seen_at" json:"seen_at"`
	ResolvedAt *time.Time `db:"resolved_at" json:"resolved_at,omitempty"`
}

// SettleDiscrepancies makes the open discrepancies of the subjects, as far as
// their kinds are among kinds, exactly those found: new ones are opened, those
// that are there again stay open, those that are gone are resolved. It gives
// how many were opened. Every kind is settled by one room only.
func SettleDiscrepancies(ctx context.Context, tx *sqlx.Tx, kinds, subjects []string, found []Discrepancy,
	now time.Time,
) (opened int64, err error) {
	defer errs.Wrap(&err, "settle discrepancies")
	var cols struct {
		kind, subject, object, rule, detail []string
		hold                                []bool
	}
	seen := make(map[[2]string]bool, len(found))
	for _, d := range found {
		if k := [2]string{d.Subject, d.Kind}; !seen[k] {
			seen[k] = true
			cols.kind, cols.subject = append(cols.kind, d.Kind), append(cols.subject, d.Subject)
			cols.object, cols.rule = append(cols.object, d.Object), append(cols.rule, d.Rule)
			cols.detail, cols.hold = append(cols.detail, d.Detail), append(cols.hold, d.IsHold)
		}
	}
	if _, err := tx.ExecContext(ctx, `
		update ledger.discrepancy d set resolved_at = $3
		where d.subject = any($2) and array_position($1::text[], d.kind) is not null and d.resolved_at is null
		  and not exists (select from unnest($4::text[], $5::text[]) as f (subject, kind)
		                  where f.subject = d.subject and f.kind = d.kind)`,
		pq.Array(kinds), pq.Array(subjects), now, pq.Array(cols.subject), pq.Array(cols.kind)); err != nil {
		return 0, err
	}
	if len(found) == 0 {
		return 0, nil
	}
	// A row that stays as it is is not written again. Every part of the statement
	// sees the table as it was before it. Here as above, what is open is looked up by
	// the subject: all that is open of a kind may be a large part of the table.
	err = tx.GetContext(ctx, &opened, `
		with written as (
			insert into ledger.discrepancy as d
				(kind, subject, object, rule, is_hold, detail, opened_at, seen_at)
			select f.kind, f.subject, f.object, f.rule, f.is_hold, f.detail, $7, $7
			from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bool[], $6::text[])
				as f (kind, subject, object, rule, is_hold, detail)
			on conflict (subject, kind) do update set
				object = excluded.object, rule = excluded.rule, is_hold = excluded.is_hold,
				detail = excluded.detail, seen_at = excluded.seen_at, resolved_at = null,
				opened_at = case when d.resolved_at is null then d.opened_at else excluded.opened_at end
			where d.resolved_at is not null or d.detail <> excluded.detail
			   or d.is_hold <> excluded.is_hold or d.rule <> excluded.rule
			returning d.kind, d.subject)
		select count(*) from written w
		where (select d.resolved_at is null from ledger.discrepancy d where d.kind = w.kind and d.subject = w.subject) is not true`,
		pq.Array(cols.kind), pq.Array(cols.subject), pq.Array(cols.object), pq.Array(cols.rule),
		pq.Array(cols.hold), pq.Array(cols.detail), now)
	return opened, err
}

// OpenOf gives those of subjects of which a discrepancy of a kind is open.
func OpenOf(ctx context.Context, q sqlx.QueryerContext, kind string, subjects []string) (open []string, err error) {
	defer errs.Wrap(&err, "look for open discrepancies of the kind %s", kind)
	err = sqlx.SelectContext(ctx, q, &open,
		`select subject from ledger.discrepancy where subject = any($2) and kind = $1 and resolved_at is null`, kind, pq.Array(subjects))
	return open, err
}

// SettleAll makes the open discrepancies of like's kind exactly those of the
// subjects that a SELECT gives; everything but the subject is like's. The SELECT
// has one text column and its own arguments from $1 on. It gives how many were
// opened. Nothing of it passes through memory here.
func SettleAll(ctx context.Context, tx *sqlx.Tx, like Discrepancy, now time.Time, selection string, args ...any) (opened int64, err error) {
	n := len(args)
	return SettleEach(ctx, tx, like, now, fmt.Sprintf(`
		select s.subject, $%d::text, $%d::text from (%s) as s (subject)`, n+1, n+2, selection),
		append(args, like.Object, like.Detail)...)
}

// SettleEach is SettleAll for discrepancies that differ in what their subject is
// and in what they say: the SELECT has the text columns subject, object and
// detail. Kind, rule and whether it is a hold are like's.
func SettleEach(ctx context.Context, tx *sqlx.Tx, like Discrepancy, now time.Time, selection string, args ...any) (opened int64, err error) {
	defer errs.Wrap(&err, "settle discrepancies of the kind %s", like.Kind)
	n := len(args)
	err = tx.GetContext(ctx, &opened, fmt.Sprintf(`
		with found (subject, object, detail) as (%s),
		resolved as (
			update ledger.discrepancy d set resolved_at = $%[3]d
			where d.kind = $%[2]d and d.resolved_at is null and d.subject not in (select subject from found)),
		written as (
			insert into ledger.discrepancy as d (kind, subject, object, rule, is_hold, detail, opened_at, seen_at)
			select $%[2]d, f.subject, f.object, $%[4]d, $%[5]d, f.detail, $%[3]d, $%[3]d from found f
			on conflict (subject, kind) do update set resolved_at = null, seen_at = excluded.seen_at,
				opened_at = case when d.resolved_at is null then d.opened_at else excluded.opened_at end,
				object = excluded.object, detail = excluded.detail
			where d.resolved_at is not null or d.detail <> excluded.detail
			returning d.subject)
		select count(*) from written w
		where (select d.resolved_at is null from ledger.discrepancy d where d.kind = $%[2]d and d.subject = w.subject) is not true`,
		selection, n+1, n+2, n+3, n+4),
		append(args, like.Kind, now, like.Rule, like.IsHold)...)
	return opened, err
}

// DiscrepancyFilter narrows a listing. Zero fields do not narrow.
type DiscrepancyFilter struct {
	Kind     string
	Subject  string
	Resolved bool // those that are resolved, instead of those that are open
	Limit    int  // at most so many; 0 is 1,000
}

// Discrepancies lists discrepancies, holds first, then by kind and subject.
func Discrepancies(ctx context.Context, q sqlx.QueryerContext, f DiscrepancyFilter) (_ []Discrepancy, err error) {
	defer errs.Wrap(&err, "list discrepancies")
	if f.Limit <= 0 {
		f.Limit = 1000
	}
	var out []Discrepancy
	err = sqlx.SelectContext(ctx, q, &out, `
		select kind, subject, object, rule, is_hold, detail, opened_at, seen_at, resolved_at
		from ledger.discrepancy
		where (resolved_at is not null) = $1 and ($2 = '' or kind = $2) and ($3 = '' or subject = $3)
		order by is_hold desc, kind, subject
		limit $4`, f.Resolved, f.Kind, f.Subject, f.Limit)
	return out, err
}

// DiscrepancyCount is how many discrepancies of a kind are open.
type DiscrepancyCount struct {
	Kind   string `db:"kind" json:"kind"`
	Rule   string `db:"rule" json:"rule"`
	IsHold bool   `db:"is_hold" json:"is_hold"`
	Open   int64  `db:"open" json:"open"`
}

// CountDiscrepancies counts the open discrepancies by kind, holds first.
func CountDiscrepancies(ctx context.Context, q sqlx.QueryerContext) (_ []DiscrepancyCount, err error) {
	defer errs.Wrap(&err, "count discrepancies")
	var out []DiscrepancyCount
	err = sqlx.SelectContext(ctx, q, &out, `
		select kind, min(rule) as rule, bool_or(is_hold) as is_hold, count(*) as open
		from ledger.discrepancy where resolved_at is null
		group by kind order by bool_or(is_hold) desc, kind`)
	return out, err
}
