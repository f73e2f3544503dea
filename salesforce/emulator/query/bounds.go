package query

import (
	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// bounds gives the part of an index outside which no record can fit the
// condition: of ByTime when slot is its time column, of ByName when slot is
// SlotID. It may be too wide, never too narrow: AND takes what is common, OR
// what spans both, and what it does not understand is everything.
func (s resolver) bounds(e soql.Expr, slot int) store.Span {
	switch e := e.(type) {
	case *soql.And:
		b := store.WholeSpan
		for _, t := range e.Terms {
			b = b.Intersect(s.bounds(t, slot))
		}
		return b
	case *soql.Or:
		b := s.bounds(e.Terms[0], slot)
		for _, t := range e.Terms[1:] {
			b = b.Hull(s.bounds(t, slot))
		}
		return b
	case *soql.Compare:
		return s.boundsOf(e, slot)
	}
	return store.WholeSpan
}

func (s resolver) boundsOf(c *soql.Compare, slot int) store.Span {
	if c.Func != "" || c.Sub != nil || len(c.Values) != 1 {
		return store.WholeSpan
	}
	col, err := s.column(c.Path)
	if err != nil || !col.isDirect() {
		return store.WholeSpan
	}
	b := store.WholeSpan
	if slot == schema.SlotID && col.Field.Slot == schema.SlotID {
		id, err := sfid.Parse(c.Values[0].Text)
		if err != nil {
			return b
		}
		b.Lo, b.Hi = 0, 0
		switch c.Op {
		case soql.Eq:
			b.LoID, b.HiID = id, id
		case soql.Gt, soql.Ge:
			b.LoID = id
		case soql.Lt, soql.Le:
			b.HiID = id
		default:
			return store.WholeSpan
		}
		return b
	}
	if slot != col.Field.Slot || slot == schema.SlotID {
		return b
	}
	from, to, err := s.instants(col.Field, c.Values[0])
	if err != nil {
		return b
	}
	switch c.Op {
	case soql.Eq:
		b.Lo, b.Hi = from, to-1
	case soql.Lt:
		b.Hi = from - 1
	case soql.Le:
		b.Hi = to - 1
	case soql.Gt:
		b.Lo = to
	case soql.Ge:
		b.Lo = from
	}
	return b
}

// keyset narrows the start of a span by the form in which clients page,
// (ts = X AND Id > 'Y') OR ts > X, so that a page does not begin by stepping
// over the records of X that came before Y.
func (s resolver) keyset(e soql.Expr, slot int, b store.Span) store.Span {
	switch e := e.(type) {
	case *soql.And:
		for _, t := range e.Terms {
			b = s.keyset(t, slot, b)
		}
	case *soql.Or:
		if len(e.Terms) != 2 {
			return b
		}
		for i, t := range e.Terms {
			and, ok := t.(*soql.And)
			if !ok {
				continue
			}
			inner, rest := s.bounds(and, slot), s.bounds(e.Terms[1-i], slot)
			ids := s.bounds(and, schema.SlotID)
			if inner.Lo == inner.Hi && rest.Lo == inner.Lo+1 && ids.LoID != "" && b.Lo == inner.Lo {
				b.LoID = ids.LoID
			}
		}
	}
	return b
}

// equalIDs gives the ids that a condition names by Id = 'x' or Id IN (...), if
// it names any.
func (s resolver) equalIDs(e soql.Expr) ([]string, bool) {
	switch e := e.(type) {
	case *soql.And:
		for _, t := range e.Terms {
			if ids, ok := s.equalIDs(t); ok {
				return ids, true
			}
		}
	case *soql.Compare:
		if e.Sub != nil || e.Func != "" || e.Op != soql.Eq && e.Op != soql.In {
			return nil, false
		}
		if col, err := s.column(e.Path); err != nil || !col.isDirect() || col.Field.Slot != schema.SlotID {
			return nil, false
		}
		ids := make([]string, 0, len(e.Values))
		for _, v := range e.Values {
			if id, err := sfid.Parse(v.Text); err == nil {
				ids = append(ids, id)
			}
		}
		return ids, true
	}
	return nil, false
}

// equalKeys gives the values that a condition asks of a field which has an index
// by value, by = or IN, if it asks for any.
func (s resolver) equalKeys(e soql.Expr) (*schema.Field, []string) {
	switch e := e.(type) {
	case *soql.And:
		for _, t := range e.Terms {
			if f, values := s.equalKeys(t); f != nil {
				return f, values
			}
		}
	case *soql.Compare:
		if e.Sub != nil || e.Func != "" || e.Op != soql.Eq && e.Op != soql.In {
			return nil, nil
		}
		col, err := s.column(e.Path)
		if err != nil || !col.isDirect() || !col.Field.Unique && !col.Field.IDLookup || col.Field.Type.IsNumber() {
			return nil, nil
		}
		values := make([]string, 0, len(e.Values))
		for _, v := range e.Values {
			if v.Kind != soql.String {
				return nil, nil
			}
			values = append(values, v.Text)
		}
		return col.Field, values
	}
	return nil, nil
}
