package ledger

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// PartnerOfID is a Partner ID that was issued, with the partner that it was
// issued to and the one that is paid for it.
type PartnerOfID struct {
	ID         string     `db:"id"`
	PartnerKey string     `db:"partner_key"`
	Name       string     `db:"name"`
	Kind       string     `db:"kind"` // at present: registered or consulting
	Tier       string     `db:"tier"`
	JoinedOn   clock.Date `db:"joined_on"`
	Status     string     `db:"status"` // active, suspended or exited
	IsPrimary  bool       `db:"is_primary"`

	// SurvivorKey and SurvivorName are those of the partner that is paid: the one
	// that it was issued to or, where partners merged, the survivor (R1.1).
	SurvivorKey, SurvivorName string `db:"-"`
	// IsSuspended: the partner, or one that it merged into, is suspended (R2.11).
	IsSuspended bool `db:"-"`
	// Kinds are, in the order of their days, those of the partner before it merged
	// and those of the survivor from the day of the merge on (R5.6). The first holds
	// before its day as well.
	Kinds []KindSince `db:"-"`
}

// PartnersByID gives the partners of the IDs that were issued, in the order of
// the IDs; an ID that was not issued is left out. A nil ids gives all.
func PartnersByID(ctx context.Context, q sqlx.QueryerContext, ids []string) (_ []PartnerOfID, err error) {
	defer errs.Wrap(&err, "read partners by Partner ID")
	var out []PartnerOfID
	if err := sqlx.SelectContext(ctx, q, &out, `
		select i.id, i.partner_key, p.name, p.kind, p.tier, p.joined_on, p.status, i.is_primary
		from ledger.partner_id i join ledger.partner p on p.key = i.partner_key
		where $1::text[] is null or i.id = any($1)
		order by i.id`, pq.Array(ids)); err != nil || len(out) == 0 {
		return nil, err
	}
	firms, err := readFirms(ctx, q, out)
	if err != nil {
		return nil, err
	}
	for i := range out {
		p := &out[i]
		s := firms.survivor(p.PartnerKey)
		p.SurvivorKey, p.SurvivorName = s.Key, s.Name
		p.IsSuspended, p.Kinds = firms.isSuspended(p.PartnerKey), firms.kinds(p.PartnerKey)
	}
	return out, nil
}

// firm is a partner with what it merged into, if it did.
type firm struct {
	Key    string     `db:"key"`
	Name   string     `db:"name"`
	Status string     `db:"status"`
	Into   string     `db:"merged_into"` // "" if it did not merge
	On     clock.Date `db:"merged_on"`
	own    []KindSince
}

// firms are partners by their keys, with all that they merged into. Merges make no
// circles, which SaveMerges and the database see to.
type firms map[string]firm

// readFirms reads the partners that IDs were issued to and all that they merged into.
func readFirms(ctx context.Context, q sqlx.QueryerContext, of []PartnerOfID) (firms, error) {
	keys := make([]string, len(of))
	for i, p := range of {
		keys[i] = p.PartnerKey
	}
	var rows []firm
	if err := sqlx.SelectContext(ctx, q, &rows, `
		with recursive up (key) as (
			select unnest($1::text[])
			union
			select m.merged_into from up join ledger.partner_merge m on m.partner_key = up.key and m.superseded_at is null)
		select p.key, p.name, p.status, coalesce(m.merged_into, '') as merged_into, m.merged_on
		from up join ledger.partner p on p.key = up.key
		left join ledger.partner_merge m on m.partner_key = up.key and m.superseded_at is null`, pq.Array(keys)); err != nil {
		return nil, err
	}
	keys = keys[:0]
	for _, r := range rows {
		keys = append(keys, r.Key)
	}
	kinds, err := readKinds(ctx, q, keys)
	if err != nil {
		return nil, err
	}
	out := make(firms, len(rows))
	for _, r := range rows {
		r.own = kinds[r.Key]
		out[r.Key] = r
	}
	return out, nil
}

func (f firms) survivor(key string) firm {
	for f[key].Into != "" {
		key = f[key].Into
	}
	return f[key]
}

func (f firms) isSuspended(key string) bool {
	for ; key != ""; key = f[key].Into {
		if f[key].Status == StatusSuspended {
			return true
		}
	}
	return false
}

// kinds gives what counts as a partner's kinds: its own before the day on which it
// merged, and those that count for the survivor from then on.
func (f firms) kinds(key string) []KindSince {
	own := f[key]
	if own.Into == "" {
		return own.own
	}
	// It is what it was first also before the day that is stated of it.
	var out []KindSince
	if len(own.own) > 0 {
		out = append(out, KindSince{Kind: own.own[0].Kind})
	}
	for _, k := range own.own {
		if k.From.Before(own.On) {
			out = become(out, k)
		}
	}
	theirs := f.kinds(own.Into)
	out = become(out, KindSince{From: own.On, Kind: KindOn(theirs, own.On)})
	for _, k := range theirs {
		if k.From.After(own.On) {
			out = become(out, k)
		}
	}
	return out
}

// become adds a kind, unless that is what it is already.
func become(kinds []KindSince, k KindSince) []KindSince {
	if n := len(kinds); n > 0 && kinds[n-1].Kind == k.Kind {
		return kinds
	}
	return append(kinds, k)
}
