package book

import (
	"context"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/commission"
)

// Partners gives what the engine needs to know of partners, by the Partner IDs
// that were issued. Where partners merged, an ID is paid to the survivor (R1.1):
// Key and Name are the survivor's, JoinedOn stays that of the partner to which the
// ID was issued (R4.3), either one's suspension holds its lines (R2.11), and from
// the day of the merge on the kind is the survivor's (R5.6).
func Partners(ctx context.Context, q sqlx.QueryerContext) (map[string]commission.Partner, error) {
	list, err := ledger.PartnersByID(ctx, q, nil)
	if err != nil {
		return nil, err
	}
	out := make(map[string]commission.Partner, len(list))
	for _, p := range list {
		kinds := make([]commission.KindSince, len(p.Kinds))
		for i, k := range p.Kinds {
			kinds[i] = commission.KindSince{From: k.From, Kind: k.Kind}
		}
		out[p.ID] = commission.Partner{
			Key: p.SurvivorKey, Name: p.SurvivorName, JoinedOn: p.JoinedOn, Suspended: p.IsSuspended, Kinds: kinds,
		}
	}
	return out, nil
}
