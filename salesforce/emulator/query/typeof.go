package query

import (
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// typeOf shows a parent by its type: by the projection of its object, or else by
// the one for all others.
type typeOf struct {
	lookup step
	when   map[*schema.Object]*Projection
	rest   map[*schema.Object]*Projection
	// flat is set instead for one field of a parent under an alias.
	flat *Column
}

// selectTypeOf selects TYPEOF.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_typeof.htm
func (s resolver) selectTypeOf(p *Plan, item soql.Item) *soql.Error {
	t := item.TypeOf
	parts := s.withoutAlias(t.Lookup.Parts)
	path := Column{}
	if _, _, err := s.walk(&path, parts, t.Lookup.Pos()); err != nil {
		return err
	}
	name := parts[len(parts)-1].Text
	out := &typeOf{lookup: path.via[len(path.via)-1], when: map[*schema.Object]*Projection{}, rest: map[*schema.Object]*Projection{}}
	if !out.lookup.polymorphic {
		return s.at(t.Lookup.Pos(), "INVALID_FIELD", "TYPEOF may only be used with polymorphic relationships: %s", name)
	}
	for _, w := range t.When {
		table := out.target(w.Object.Text)
		if table == nil {
			return s.at(w.Object.Pos, "INVALID_TYPE", noSuchObject, w.Object.Text)
		}
		inner, err := s.projectionOf(table, w.Fields)
		if err != nil {
			return err
		}
		out.when[table.Object] = inner
	}
	if len(t.Else) > 0 {
		for _, table := range out.lookup.to {
			inner, err := s.projectionOf(table, t.Else)
			if err != nil {
				return err
			}
			out.rest[table.Object] = inner
		}
	}
	p.Projection.isNested = true
	f := out.lookup.lookup
	at := p.Projection.parentOf(path.via[:len(path.via)-1])
	for _, other := range at.Parts {
		if other.name == f.Relationship {
			return s.at(t.Lookup.Pos(), "INVALID_FIELD", "duplicate field selected: %s", f.Relationship)
		}
	}
	at.Parts = append(at.Parts, part{key: `,"` + f.Relationship + `":`, typeOf: out, name: f.Relationship, display: f.Relationship})
	return nil
}

// target finds one of the lookup's tables by its object's name.
func (t *typeOf) target(name string) *store.Table {
	for _, table := range t.lookup.to {
		if equalFold(table.Object.Name, name) {
			return table
		}
	}
	return nil
}

// projectionOf selects fields of another object than the query's.
func (s resolver) projectionOf(t *store.Table, paths []soql.Path) (*Projection, *soql.Error) {
	p := &Projection{Object: t.Object}
	other := resolver{store: s.store, table: t, query: s.query, plan: s.plan}
	for _, path := range paths {
		col, err := other.column(path)
		if err != nil {
			return nil, err
		}
		p.Add(col)
	}
	return p, nil
}

func (t *typeOf) append(b []byte, own *part, r *store.Record, w *printer) []byte {
	if t.flat != nil {
		parent, o := t.flat.parent(r)
		if parent == nil {
			return append(b, "null"...)
		}
		inner := *own
		inner.typeOf = nil
		return inner.append(b, parent, o, w)
	}
	parent, o := t.lookup.follow(r)
	if parent == nil {
		return append(b, "null"...)
	}
	p := t.when[o]
	if p == nil {
		p = t.rest[o]
	}
	if p == nil {
		return append(b, "null"...)
	}
	return p.append(b, parent, o, w)
}
