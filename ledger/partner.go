// Package ledger holds the nouns that its rooms share: partners and the Partner
// IDs issued to them, customers, and discrepancies.
package ledger

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/internal/errs"
)

// PartnerOfID is a Partner ID that was issued, with the partner that it was
// issued to.
type PartnerOfID struct {
	ID         string     `db:"id"`
	PartnerKey string     `db:"partner_key"`
	Name       string     `db:"name"`
	Kind       string     `db:"kind"` // registered or consulting
	Tier       string     `db:"tier"`
	JoinedOn   clock.Date `db:"joined_on"`
	Status     string     `db:"status"` // active, suspended or exited
	IsPrimary  bool       `db:"is_primary"`
}

// PartnersByID gives the partners of the IDs that were issued, in the order of
// the IDs; an ID that was not issued is left out. A nil ids gives all.
func PartnersByID(ctx context.Context, q sqlx.QueryerContext, ids []string) (_ []PartnerOfID, err error) {
	defer errs.Wrap(&err, "read partners by Partner ID")
	var out []PartnerOfID
	err = sqlx.SelectContext(ctx, q, &out, `
		select i.id, i.partner_key, p.name, p.kind, p.tier, p.joined_on, p.status, i.is_primary
		from ledger.partner_id i join ledger.partner p on p.key = i.partner_key
		where $1::text[] is null or i.id = any($1)
		order by i.id`, pq.Array(ids))
	return out, err
}
