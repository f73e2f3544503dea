package query

import (
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// childQuery selects the records that point to a parent.
type childQuery struct {
	plan   *Plan
	lookup *schema.Field
}

// selectChildren selects a query over a child relationship.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_relationships_query_using.htm
func (s resolver) selectChildren(p *Plan, item soql.Item, take taker) *soql.Error {
	q := item.Child
	if own := q.Owner; own.Text != "" && !equalFold(own.Text, s.query.Alias) && !equalFold(own.Text, s.table.Object.Name) && !equalFold(own.Text, s.query.From.Text) {
		return s.at(own.Pos, "INVALID_TYPE", noSuchChildren, own.Text)
	}
	table, lookup := s.children(q.From.Text)
	if table == nil {
		return s.at(q.From.Pos, "INVALID_TYPE", noSuchChildren, q.From.Text)
	}
	name := table.Object.ChildrenName(lookup)
	if err := take(q.From.Pos, name, name); err != nil {
		return err
	}
	plan, err := compile(s.store, table, q, p.all)
	if err != nil {
		return err
	}
	p.tables = append(p.tables, plan.tables...)
	p.Projection.isNested = true
	p.Projection.Parts = append(p.Projection.Parts, part{key: `,"` + name + `":`, child: &childQuery{plan, lookup}, name: name, display: name, aggregate: true})
	return nil
}

// children finds a child relationship of the query's object by name.
func (s resolver) children(name string) (*store.Table, *schema.Field) {
	for _, o := range s.store.Schema.Objects {
		for _, f := range o.Fields {
			if f.RefTo == "" || !equalFold(o.ChildrenName(f), name) {
				continue
			}
			if slices.Contains(f.Targets(), s.table.Object.Name) {
				return s.store.Tables[o.Name], f
			}
		}
	}
	return nil, nil
}

func equalFold(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

// find gives the children of every parent, each list in the query's order and
// within its LIMIT, and works out those of the children in turn.
func (c *childQuery) find(parents []*store.Record, into families) {
	byParent := make(map[string][]*store.Record, len(parents))
	for _, r := range parents {
		byParent[r.ID] = nil
	}
	p := c.plan
	for _, r := range p.selected() {
		id := r.Get(c.lookup)
		if list, ok := byParent[id]; ok && id != "" {
			byParent[id] = append(list, r)
		}
	}
	var all []*store.Record
	for id, list := range byParent {
		if len(p.order) > 0 {
			p.sort(list)
		}
		list = p.cut(list)
		byParent[id] = list
		all = append(all, list...)
	}
	into[c] = byParent
	p.Projection.findChildren(all, into)
}

// families are the children of every parent, by the query that selects them.
type families map[*childQuery]map[string][]*store.Record

func (p *Projection) findChildren(parents []*store.Record, into families) {
	if !p.isNested {
		return
	}
	for i := range p.Parts {
		if c := p.Parts[i].child; c != nil {
			c.find(parents, into)
		}
	}
}

// append writes the children of a record as the page of a query, or null where
// there are none.
func (c *childQuery) append(b []byte, r *store.Record, w *printer) []byte {
	if w.result == nil {
		return append(b, "null"...)
	}
	records := w.result.families[c][r.ID]
	if len(records) == 0 {
		return append(b, "null"...)
	}
	child := &Result{Projection: c.plan.Projection, Records: records, families: w.result.families}
	return child.append(b, 0, w)
}
