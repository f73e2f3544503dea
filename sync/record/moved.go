package record

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/ledger"
	"github.com/partnersync/partnersync/ledger/attribution"
	"github.com/partnersync/partnersync/ledger/revenue"
)

// movable are the fields of a commission that lead to records which others may delete and
// merge, and what says of such records what Salesforce makes of links to them, where they
// are not to lead there.
var movable = []struct {
	field string
	of    func(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]ledger.Link, error)
}{
	{"opportunity_id", cleared(revenue.Gone)},
	{"space_id", cleared(attribution.GoneSpaces)},
	{"account_id", ledger.LinksToAccounts},
}

// cleared makes of what lists gone records that links to them are cleared, and put back
// with them.
func cleared(gone func(context.Context, sqlx.QueryerContext, []string) ([]string, error),
) func(context.Context, sqlx.QueryerContext, []string) (map[string]ledger.Link, error) {
	return func(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]ledger.Link, error) {
		list, err := gone(ctx, q, ids)
		out := make(map[string]ledger.Link, len(list))
		for _, id := range list {
			out[id] = ledger.Link{Or: []string{id}}
		}
		return out, err
	}
}

// follow lets the links of states lead where Salesforce lets them lead: it moves those to
// an Account that was merged to the survivor, clears those to what was deleted, and
// refuses to be told otherwise.
func follow(ctx context.Context, q sqlx.QueryerContext, states map[string]State) error {
	for _, link := range movable {
		var ids []string
		seen := map[string]bool{}
		for _, s := range states {
			if id, is := s.Values[link.field].(string); is && !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
		all, err := link.of(ctx, q, ids)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			continue
		}
		for key, s := range states {
			id, is := s.Values[link.field].(string)
			if !is {
				continue
			}
			to, is := all[id]
			if !is {
				continue
			}
			if s.left == nil {
				s.left = map[string][]string{}
			}
			s.left[link.field] = to.Or
			s.Values[link.field] = recordID(to.To)
			states[key] = s
		}
	}
	return nil
}

// MayHold says whether Salesforce may hold a value of a field, though push would write
// another: a link that Salesforce itself has moved or cleared, and has not put back, or
// one to what is there again and was gone when the ledger last heard of it.
func (s State) MayHold(field string, found any) bool {
	return slices.Contains(s.left[field], Shown(found))
}
