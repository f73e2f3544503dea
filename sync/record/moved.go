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

// moves are links that are not to lead where the book has them, by field and id.
type moves map[string]map[string]ledger.Link

// readMoves gives those of ids, by field.
func readMoves(ctx context.Context, q sqlx.QueryerContext, ids func(field string, each func(id string))) (moves, error) {
	out := moves{}
	for _, link := range movable {
		var all []string
		seen := map[string]bool{}
		ids(link.field, func(id string) {
			if id != "" && !seen[id] {
				seen[id] = true
				all = append(all, id)
			}
		})
		of, err := link.of(ctx, q, all)
		if err != nil {
			return nil, err
		}
		if len(of) > 0 {
			out[link.field] = of
		}
	}
	return out, nil
}

// leads says where a link is to lead that the book has to id.
func (m moves) leads(field, id string) string {
	if len(m) == 0 {
		return id
	}
	if link, is := m[field][id]; is {
		return link.To
	}
	return id
}

// follow lets the links of states lead where Salesforce lets them lead: it moves those to
// an Account that was merged to the survivor, clears those to what was deleted, and
// refuses to be told otherwise.
func follow(ctx context.Context, q sqlx.QueryerContext, states map[string]State) error {
	moved, err := readMoves(ctx, q, func(field string, each func(string)) {
		for _, s := range states {
			if id, is := s.Values[field].(string); is {
				each(id)
			}
		}
	})
	if err != nil || len(moved) == 0 {
		return err
	}
	for key, s := range states {
		for field, of := range moved {
			id, _ := s.Values[field].(string)
			to, is := of[id]
			if !is {
				continue
			}
			if s.left == nil {
				s.left = map[string][]string{}
			}
			s.left[field] = to.Or
			s.Values[field] = recordID(to.To)
		}
		states[key] = s
	}
	return nil
}

// MayHold says whether Salesforce may hold a value of a field, though push would write
// another: a link that Salesforce itself has moved or cleared, and has not put back, or
// one to what is there again and was gone when the ledger last heard of it.
func (s State) MayHold(field string, found any) bool {
	return slices.Contains(s.left[field], Shown(found))
}
