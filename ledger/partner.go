// Package ledger holds the nouns that its rooms share: partners and the Partner
// IDs issued to them, customers, and discrepancies.
package ledger

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// Partner is a partner with the Partner IDs issued to it.
type Partner struct {
	Key  string
	Name string
	// Kind is what it is at present: registered or consulting.
	Kind string
	// Kinds are what it is and was, each from a day on, in the order of days (R5.6).
	// SavePartner takes none for: always Kind, or of a partner that is known, as kept.
	Kinds    []KindSince
	Tier     string
	JoinedOn clock.Date
	Status   string   // active, suspended or exited
	IDs      []string // the first is the primary one
	Domains  []string // of its people's e-mail; they never identify a customer (R1.4)
}

// Kinds and statuses of a partner.
const (
	KindRegistered  = "registered"
	KindConsulting  = "consulting"
	StatusActive    = "active"
	StatusSuspended = "suspended"
	StatusExited    = "exited"
)

// Partners gives all partners in the order of their keys.
func Partners(ctx context.Context, q sqlx.QueryerContext) (_ []Partner, err error) {
	defer errs.Wrap(&err, "read partners")
	var rows []struct {
		Key      string         `db:"key"`
		Name     string         `db:"name"`
		Kind     string         `db:"kind"`
		Tier     string         `db:"tier"`
		JoinedOn clock.Date     `db:"joined_on"`
		Status   string         `db:"status"`
		IDs      pq.StringArray `db:"ids"`
		Domains  pq.StringArray `db:"domains"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select p.key, p.name, p.kind, p.tier, p.joined_on, p.status, p.domains,
			array_agg(i.id order by i.is_primary desc, i.id) filter (where i.id is not null) as ids
		from ledger.partner p left join ledger.partner_id i on i.partner_key = p.key
		group by p.key order by p.key collate "C"`); err != nil {
		return nil, err
	}
	kinds, err := readKinds(ctx, q, nil)
	if err != nil {
		return nil, err
	}
	out := make([]Partner, len(rows))
	for i, r := range rows {
		out[i] = Partner{
			Key: r.Key, Name: r.Name, Kind: r.Kind, Kinds: kinds[r.Key], Tier: r.Tier, JoinedOn: r.JoinedOn,
			Status: r.Status, IDs: r.IDs, Domains: r.Domains,
		}
	}
	return out, nil
}

// SavePartner keeps a partner and issues its IDs. An ID that was issued to another
// partner is a conflict: IDs are issued once, for good (R1.1). So is another Kind
// of a known partner without a day (R5.6).
func SavePartner(ctx context.Context, tx *sqlx.Tx, p Partner, actor string, now time.Time) (err error) {
	defer errs.Wrap(&err, "save partner %s", p.Key)
	kinds, err := kindsOf(ctx, tx, p)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `
		insert into ledger.partner (key, name, kind, tier, joined_on, status, domains, applied_by, applied_at)
		values ($1, $2, $3, $4, $5, $6, coalesce($7::text[], '{}'), $8, $9)
		on conflict (key) do update set
			name = excluded.name, kind = excluded.kind, tier = excluded.tier, joined_on = excluded.joined_on,
			status = excluded.status, domains = excluded.domains, applied_by = excluded.applied_by,
			applied_at = excluded.applied_at`,
		p.Key, p.Name, KindOn(kinds, clock.DateIn(now, time.UTC)), p.Tier, p.JoinedOn, p.Status, pq.Array(p.Domains),
		actor, now); err != nil {
		return err
	}
	if err := saveKinds(ctx, tx, p.Key, kinds, actor, now); err != nil {
		return err
	}
	if err := issue(ctx, tx, p); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		insert into ledger.changed_partner (id) select id from ledger.partner_id where partner_key = $1 order by id
		on conflict (id) do update set id = excluded.id`, p.Key)
	return err
}

// issue issues a partner's IDs to it.
func issue(ctx context.Context, tx *sqlx.Tx, p Partner) error {
	if _, err := tx.ExecContext(ctx,
		`update ledger.partner_id set is_primary = false where partner_key = $1 and is_primary`, p.Key); err != nil {
		return err
	}
	var foreign []struct {
		ID    string `db:"id"`
		Owner string `db:"owner"`
	}
	if err := tx.SelectContext(ctx, &foreign, `
		with issued as (
			insert into ledger.partner_id as i (id, partner_key, is_primary)
			select n.id, $2, n.place = 1 from unnest($1::text[]) with ordinality as n (id, place)
			on conflict (id) do update set is_primary = excluded.is_primary where i.partner_key = excluded.partner_key
			returning id)
		select i.id, i.partner_key as owner from ledger.partner_id i
		where i.id = any($1) and i.id not in (select id from issued) order by i.id`, pq.Array(p.IDs), p.Key); err != nil {
		return err
	}
	if len(foreign) > 0 {
		return errs.New(errs.Conflict, "Partner ID %s was issued to %s", foreign[0].ID, foreign[0].Owner).
			WithHint("A Partner ID is issued once, for good (R1.1). Give this partner another one; if the two partners merged, say so with merged_into.")
	}
	return nil
}

// TakeChanged takes the Partner IDs of the partners that were saved since it was
// last called, in order; they are taken when the transaction commits.
func TakeChanged(ctx context.Context, tx *sqlx.Tx) (ids []string, err error) {
	defer errs.Wrap(&err, "take changed partners")
	err = tx.SelectContext(ctx, &ids, `
		with taken as (delete from ledger.changed_partner returning id) select id from taken order by id`)
	return ids, err
}
