package attribution

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/partnersync/partnersync/internal/errs"
)

// OrgStay is a time [From, To) during which an org belonged to a Space. An org
// belongs to one Space at a time (R1.4), and through it to a customer: so a
// sandbox, every refresh of which is a new org, is its production org's customer's
// once it is connected to the same Space (R3.6).
type OrgStay struct {
	SpaceID    string    `json:"space_id"`
	CustomerID string    `json:"customer_id,omitempty"` // the Account that survives of the Space's customer; "" if unknown
	From       time.Time `json:"from"`                  // zero: nobody knows since when
	To         time.Time `json:"to,omitzero"`           // zero: to this day
	// RecordID is what says so: the connection, or the Space that a QuickStart created in the org.
	RecordID string `json:"record_id"`
}

// OrgHistories gives, by org id (18 characters), the Spaces to which orgs belonged,
// in order: the one that a QuickStart created in it, from then on, and those to
// which it was connected, while it was. Where several claim it, it belongs to the
// one that came last, and goes back when that one lets it go.
func OrgHistories(ctx context.Context, q sqlx.QueryerContext, orgs []string) (_ map[string][]OrgStay, err error) {
	defer errs.Wrap(&err, "read the Spaces of %d orgs", len(orgs))
	var rows []struct {
		Org      string     `db:"org_id"`
		Space    string     `db:"space_id"`
		Customer string     `db:"customer_id"`
		From     *time.Time `db:"since"`
		To       *time.Time `db:"until"`
		Record   string     `db:"record_id"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, `
		select n.org_id, n.space_id, n.since, n.until, n.record_id,
			case coalesce(s.customer_id, '') when '' then '' else ledger.survivor(s.customer_id) end as customer_id
		from (
			select q.quickstart_org_id as org_id, q.id as space_id, q.created_at as since, null::timestamptz as until, q.id as record_id
			from ledger.space q where q.quickstart_org_id = any($1) and q.quickstart_org_id <> '' and q.created_via = $2
			union all
			select c.org_id, c.space_id, c.connected_at, c.disconnected_at, c.id
			from ledger.connection c where c.org_id = any($1) and not c.is_deleted) as n
		left join ledger.space s on s.id = n.space_id`, pq.Array(orgs), QuickStart); err != nil {
		return nil, err
	}
	claims := map[string][]OrgStay{}
	for _, r := range rows {
		s := OrgStay{SpaceID: r.Space, CustomerID: r.Customer, RecordID: r.Record}
		if r.From != nil {
			s.From = r.From.UTC()
		}
		if r.To != nil {
			s.To = r.To.UTC()
		}
		claims[r.Org] = append(claims[r.Org], s)
	}
	out := make(map[string][]OrgStay, len(claims))
	for org, c := range claims {
		out[org] = stays(c)
	}
	return out, nil
}

// stays makes of claims, which may overlap, stays, which do not.
func stays(claims []OrgStay) []OrgStay {
	slices.SortFunc(claims, func(a, b OrgStay) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.RecordID, b.RecordID))
	})
	var instants []time.Time
	for _, c := range claims {
		instants = append(instants, c.From)
		if !c.To.IsZero() {
			instants = append(instants, c.To)
		}
	}
	slices.SortFunc(instants, time.Time.Compare)
	instants = slices.CompactFunc(instants, time.Time.Equal)
	var out []OrgStay
	for i, from := range instants {
		for _, c := range slices.Backward(claims) {
			if c.From.After(from) || !c.To.IsZero() && !c.To.After(from) {
				continue
			}
			c.From, c.To = from, time.Time{}
			if i+1 < len(instants) {
				c.To = instants[i+1]
			}
			if n := len(out); n > 0 && out[n-1].RecordID == c.RecordID && out[n-1].To.Equal(c.From) {
				out[n-1].To = c.To
			} else {
				out = append(out, c)
			}
			break
		}
	}
	return out
}
