package query

import (
	"cmp"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
	"github.com/shopspring/decimal"
)

// Plan is a query that is ready to run.
type Plan struct {
	Table      *store.Table
	all        bool // queryAll: the recycle bin too
	Count      bool
	Projection *Projection
	where      predicate // nil without WHERE
	order      []ordering
	limit      int // -1 for none
	offset     int
	ids        []string // the only candidates, if hasIDs
	hasIDs     bool
	scan       *store.Index
	span       store.Span
	backwards  bool
	// inOrder is true when the scan gives records in the order asked for, so
	// that nothing is sorted and a limit ends it early.
	inOrder bool
}

type ordering struct {
	col       Column
	desc      bool
	nullsLast bool
}

// maxOffset is the platform's limit on OFFSET.
const maxOffset = 2000

// New compiles a query over a store; with all, the recycle bin is read too. The
// error is the platform's, with the place in the text.
func New(st *store.Store, text string, all bool) (*Plan, *soql.Error) {
	q, err := soql.Parse(text)
	if err != nil {
		return nil, err
	}
	obj, ok := st.Schema.Object(q.From.Text)
	if !ok {
		return nil, soql.At(text, q.From.Pos, "INVALID_TYPE", noSuchObject, q.From.Text)
	}
	s := resolver{store: st, table: st.Tables[obj.Name], query: q}
	p := &Plan{Table: s.table, all: all, Count: q.Count, limit: q.Limit, offset: max(q.Offset, 0)}
	if p.offset > maxOffset {
		return nil, &soql.Error{Code: "NUMBER_OUTSIDE_VALID_RANGE", Message: "Maximum SOQL offset allowed is 2000"}
	}
	if p.Projection, err = s.projection(q.Fields); err != nil {
		return nil, err
	}
	if q.Where != nil {
		if p.where, err = s.predicate(q.Where); err != nil {
			return nil, err
		}
	}
	if err = s.orderings(p, q.OrderBy); err != nil {
		return nil, err
	}
	s.choose(p, q.Where)
	return p, nil
}

func (s resolver) orderings(p *Plan, orders []soql.Order) *soql.Error {
	for _, o := range orders {
		col, err := s.column(o.Path)
		if err != nil {
			return err
		}
		if !col.Field.IsFilterable() {
			return s.at(o.Path.Pos(), "MALFORMED_QUERY", "field '%s' can not be sorted in a query call", col.Field.Name)
		}
		p.order = append(p.order, ordering{col, o.Desc, o.NullsLast})
	}
	return nil
}

// choose picks the index that a query walks: the one whose order it asks for, or
// else the one that its condition bounds.
func (s resolver) choose(p *Plan, where soql.Expr) {
	t := s.table
	if p.ids, p.hasIDs = s.equalIDs(where); p.hasIDs {
		return
	}
	byTime, byName := store.WholeSpan, store.WholeSpan
	if where != nil {
		byTime = s.keyset(where, t.TimeSlot(), s.bounds(where, t.TimeSlot()))
		byName = s.bounds(where, schema.SlotID)
		byName.Lo, byName.Hi = store.WholeSpan.Lo, store.WholeSpan.Hi
		if byName.LoID != "" || byName.HiID != "" {
			byName.Lo, byName.Hi = 0, 0
		}
	}
	p.scan, p.span = t.ByName, byName
	if !byTime.IsWide() && byName.LoID == "" && byName.HiID == "" {
		p.scan, p.span = t.ByTime, byTime
	}
	switch {
	case len(p.order) == 0:
		p.inOrder = true // any order is right
	case isOrder(p.order, t.TimeSlot()):
		p.scan, p.span, p.inOrder, p.backwards = t.ByTime, byTime, true, p.order[0].desc
	case isOrder(p.order, schema.SlotID):
		p.inOrder, p.backwards = p.scan == t.ByName, p.order[0].desc
		if byTime.IsWide() {
			p.scan, p.span, p.inOrder = t.ByName, byName, true
		}
	}
}

// isOrder says whether the order is that of a column which is never null, then
// of Id, both in one direction.
func isOrder(order []ordering, slot int) bool {
	if !order[0].col.isDirect() || order[0].col.Field.Slot != slot {
		return false
	}
	switch len(order) {
	case 1:
		return true
	case 2:
		return order[1].col.isDirect() && order[1].col.Field.Slot == schema.SlotID && order[1].desc == order[0].desc
	}
	return false
}

// Run gives the records that the query selects, in its order. Callers hold the
// lock with the table tidy.
func (p *Plan) Run() []*store.Record {
	var out []*store.Record
	enough := -1
	if p.inOrder && p.limit >= 0 {
		enough = p.limit + p.offset
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
	if len(p.order) > 0 && (p.hasIDs || !p.inOrder) {
		p.sort(out)
	}
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
		for _, o := range p.order {
			if c := o.compare(a, b); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.ID, b.ID)
	})
}

func (o ordering) compare(a, b *store.Record) int {
	x, y := o.col.get(a), o.col.get(b)
	if x == "" || y == "" {
		c := 0
		switch {
		case x == y:
		case x == "":
			c = -1
		default:
			c = 1
		}
		if o.nullsLast {
			c = -c
		}
		return c
	}
	c := 0
	switch {
	case o.col.Field.Type.IsNumber():
		c = compareNumbers(x, y)
	case o.col.Field.Type == schema.TypeReference || o.col.Field.Type == schema.TypeID:
		c = cmp.Compare(x, y)
	default:
		if c = cmp.Compare(strings.ToLower(x), strings.ToLower(y)); c == 0 {
			c = cmp.Compare(x, y)
		}
	}
	if o.desc {
		c = -c
	}
	return c
}

// compareNumbers compares two numbers of the store, which are always readable.
func compareNumbers(x, y string) int {
	a, errA := decimal.NewFromString(x)
	b, errB := decimal.NewFromString(y)
	if errA != nil || errB != nil {
		return cmp.Compare(x, y)
	}
	return a.Cmp(b)
}
