package ledger

import (
	"context"
	"sort"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// KindSince says that a partner is of a kind from a day of the company zone on.
type KindSince struct {
	From clock.Date // no date: always
	Kind string     // registered or consulting
}

// KindOn is the kind at the end of a day, of kinds in the order of their days. The
// first holds before its day as well (R5.6).
func KindOn(kinds []KindSince, d clock.Date) string {
	i := sort.Search(len(kinds), func(i int) bool { return kinds[i].From.After(d) })
	switch {
	case len(kinds) == 0:
		return ""
	case i == 0:
		return kinds[0].Kind
	}
	return kinds[i-1].Kind
}

// readKinds gives the kinds of partners by their keys; nil keys are all partners.
func readKinds(ctx context.Context, q sqlx.QueryerContext, keys []string) (map[string][]KindSince, error) {
	var rows []struct {
		Key  string     `db:"partner_key"`
		From clock.Date `db:"effective_from"`
		Kind string     `db:"kind"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select partner_key, nullif(effective_from, '0001-01-01') as effective_from, kind from ledger.partner_kind k
		where superseded_at is null and ($1::text[] is null or partner_key = any($1))
		order by partner_key, k.effective_from`, pq.Array(keys)); err != nil {
		return nil, err
	}
	out := map[string][]KindSince{}
	for _, r := range rows {
		out[r.Key] = append(out[r.Key], KindSince{From: r.From, Kind: r.Kind})
	}
	return out, nil
}

// kindsOf gives the kinds that saving a partner is to leave it with.
func kindsOf(ctx context.Context, q sqlx.QueryerContext, p Partner) ([]KindSince, error) {
	if len(p.Kinds) > 0 {
		return p.Kinds, nil
	}
	kept, err := readKinds(ctx, q, []string{p.Key})
	if err != nil {
		return nil, err
	}
	known := kept[p.Key]
	if len(known) == 0 {
		return []KindSince{{Kind: p.Kind}}, nil
	}
	var present string
	if err := sqlx.GetContext(ctx, q, &present, `select kind from ledger.partner where key = $1`, p.Key); err != nil {
		return nil, err
	}
	if present != p.Kind {
		return nil, errs.New(errs.Conflict, "it is %s, and would be %s without a word on the day from which on", present, p.Kind).
			WithHint("What a partner earns hangs on its kind on the close date (R5.6). State all its kinds, each with its first day: kinds: [{kind: %s}, {kind: %s, from: 2026-01-01}].",
				present, p.Kind)
	}
	return known, nil
}

// saveKinds keeps a partner's kinds; those that are no longer stated stay as
// superseded.
func saveKinds(ctx context.Context, tx *sqlx.Tx, key string, kinds []KindSince, actor string, now time.Time) error {
	from, kind := make([]*string, len(kinds)), make([]string, len(kinds))
	for i, k := range kinds {
		kind[i] = k.Kind
		if day := k.From.String(); day != "" {
			from[i] = &day
		}
	}
	if _, err := tx.ExecContext(ctx, `
		update ledger.partner_kind set superseded_by = $4, superseded_at = $5
		where partner_key = $1 and superseded_at is null and (effective_from, kind) not in (
			select coalesce(s.day, '0001-01-01'), s.kind from unnest($2::date[], $3::text[]) as s (day, kind))`,
		key, pq.Array(from), pq.Array(kind), actor, now); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
		insert into ledger.partner_kind (partner_key, effective_from, kind, applied_by, applied_at)
		select $1, coalesce(s.day, '0001-01-01'), s.kind, $4, $5 from unnest($2::date[], $3::text[]) as s (day, kind)
		on conflict (partner_key, effective_from) where superseded_at is null do nothing`,
		key, pq.Array(from), pq.Array(kind), actor, now)
	return err
}

// TurnKinds gives every partner the kind that it has on a day, for those whose
// kind changes because days have passed, and marks them as changed (TakeChanged).
// It gives how many there were.
func TurnKinds(ctx context.Context, tx *sqlx.Tx, today clock.Date) (turned int64, err error) {
	defer errs.Wrap(&err, "turn to the kinds of %s", today)
	err = tx.GetContext(ctx, &turned, `
		with turning as (
			select p.key, k.kind from ledger.partner p cross join lateral (
				select k.kind from ledger.partner_kind k where k.partner_key = p.key and k.superseded_at is null
				order by k.effective_from > $1, case when k.effective_from <= $1 then k.effective_from end desc, k.effective_from
				limit 1) k
			where k.kind <> p.kind),
		turned as (
			update ledger.partner p set kind = t.kind from turning t where t.key = p.key returning p.key),
		changed as (
			insert into ledger.changed_partner (id)
			select i.id from turned t join ledger.partner_id i on i.partner_key = t.key order by i.id
			on conflict (id) do update set id = excluded.id returning id)
		select count(*) from turned`, today)
	return turned, err
}
