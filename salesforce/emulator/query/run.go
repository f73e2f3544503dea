package query

import (
	"cmp"
	"slices"

	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Run gives the records that the query selects, in its order; of a query with
// groups, the records from which they are made. Callers hold the lock by RLock.
func (p *Plan) Run() []*store.Record {
	if p.groups != nil {
		return p.selected()
	}
	few, isFew := p.candidates()
	inOrder := len(p.order) == 0 || p.inOrder && !isFew
	enough := -1
	if inOrder && p.limit >= 0 {
		enough = p.limit + p.offset
	}
	out := p.among(few, isFew, enough)
	if !inOrder {
		p.sort(out)
	}
	return p.cut(out)
}

// selected gives all records that fit, in no order that was asked for.
func (p *Plan) selected() []*store.Record {
	few, isFew := p.candidates()
	return p.among(few, isFew, -1)
}

// among gives the records that fit of a few, or of those that the chosen index
// has; no more than enough of them unless it is -1.
func (p *Plan) among(few []*store.Record, isFew bool, enough int) []*store.Record {
	out := make([]*store.Record, 0, max(min(enough, maxOffset), 0))
	for _, j := range p.joins {
		j.run()
	}
	take := func(r *store.Record) bool {
		if enough == len(out) {
			return false
		}
		if p.fits(r) {
			out = append(out, r)
		}
		return true
	}
	if !isFew {
		p.scan.Walk(p.span, p.backwards, take)
		return out
	}
	for _, r := range few {
		if !take(r) {
			break
		}
	}
	return out
}

// candidates are the only records that may fit, in the order of their ids, if
// the condition names them by id or by a value of which there is an index.
func (p *Plan) candidates() ([]*store.Record, bool) {
	var out []*store.Record
	switch {
	case p.hasIDs:
		for _, id := range p.ids {
			if r := p.Table.Seen(id); r != nil {
				out = append(out, r)
			}
		}
	case p.keyed != nil && !p.all:
		for _, k := range p.keys {
			records, ok := p.Table.FindSeen(p.keyed, k)
			if !ok {
				return nil, false
			}
			out = append(out, records...)
		}
	default:
		return nil, false
	}
	slices.SortFunc(out, func(a, b *store.Record) int { return cmp.Compare(a.ID, b.ID) })
	return slices.Compact(out), true
}

// cut takes OFFSET and LIMIT off.
func (p *Plan) cut(out []*store.Record) []*store.Record {
	out = out[min(p.offset, len(out)):]
	if p.limit >= 0 && len(out) > p.limit {
		out = out[:p.limit]
	}
	return out
}

func (p *Plan) fits(r *store.Record) bool {
	return (p.all || !r.Deleted) && (p.where == nil || p.where(r))
}

func (p *Plan) sort(records []*store.Record) {
	slices.SortStableFunc(records, func(a, b *store.Record) int {
		for i := range p.order {
			if c := p.order[i].compareRecords(a, b); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.ID, b.ID)
	})
}
