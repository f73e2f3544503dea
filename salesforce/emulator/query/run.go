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
		return p.selected(-1)
	}
	enough := -1
	if p.inOrder && p.limit >= 0 {
		enough = p.limit + p.offset
	}
	out := p.selected(enough)
	if len(p.order) > 0 && (p.hasIDs || !p.inOrder) {
		p.sort(out)
	}
	return p.cut(out)
}

// selected gives the records that fit, up to enough of them unless it is -1.
func (p *Plan) selected(enough int) []*store.Record {
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
	if p.hasIDs {
		p.runIDs(take)
	} else {
		p.scan.Walk(p.span, p.backwards, take)
	}
	return out
}

// cut takes OFFSET and LIMIT off.
func (p *Plan) cut(out []*store.Record) []*store.Record {
	out = out[min(p.offset, len(out)):]
	if p.limit >= 0 && len(out) > p.limit {
		out = out[:p.limit]
	}
	return out
}

func (p *Plan) runIDs(take func(*store.Record) bool) {
	ids := slices.Clone(p.ids)
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if r := p.Table.Seen(id); r != nil && !take(r) {
			return
		}
	}
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
