package emulator

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/salesforce/emulator/soql"
)

// plan is a query that is ready to run.
type plan struct {
	table      *table
	all        bool // queryAll: the recycle bin too
	count      bool
	projection *projection
	where      predicate // nil without WHERE
	order      []ordering
	limit      int // -1 for none
	offset     int
	ids        []string // the only candidates, if hasIDs
	hasIDs     bool
	scan       *index
	span       span
	backwards  bool
	// inOrder is true when the scan gives records in the order asked for, so
	// that nothing is sorted and a limit ends it early.
	inOrder bool
}

type ordering struct {
	col       column
	desc      bool
	nullsLast bool
}

// maxOffset is the platform's limit on OFFSET.
const maxOffset = 2000

// plan compiles a query.
func newPlan(st *Store, text string, all bool) (*plan, *soql.Error) {
	q, err := soql.Parse(text)
	if err != nil {
		return nil, err
	}
	obj, ok := st.schema.object(q.From.Text)
	if !ok {
		return nil, soql.At(text, q.From.Pos, "INVALID_TYPE", noSuchObject, q.From.Text)
	}
	s := resolver{store: st, table: st.tables[obj.name], query: q}
	p := &plan{table: s.table, all: all, count: q.Count, limit: q.Limit, offset: max(q.Offset, 0)}
	if p.offset > maxOffset {
		return nil, &soql.Error{Code: "NUMBER_OUTSIDE_VALID_RANGE", Message: "Maximum SOQL offset allowed is 2000"}
	}
	if p.projection, err = s.projection(q.Fields); err != nil {
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

func (s resolver) orderings(p *plan, orders []soql.Order) *soql.Error {
	for _, o := range orders {
		col, err := s.column(o.Path)
		if err != nil {
			return err
		}
		if !col.f.isFilterable() {
			return s.at(o.Path.Pos(), "MALFORMED_QUERY", "field '%s' can not be sorted in a query call", col.f.name)
		}
		p.order = append(p.order, ordering{col, o.Desc, o.NullsLast})
	}
	return nil
}

// choose picks the index that a query walks: the one whose order it asks for, or
// else the one that its condition bounds.
func (s resolver) choose(p *plan, where soql.Expr) {
	t := s.table
	if p.ids, p.hasIDs = s.equalIDs(where); p.hasIDs {
		return
	}
	byTime, byName := wholeSpan, wholeSpan
	if where != nil {
		byTime = s.keyset(where, t.timeSlot(), s.bounds(where, t.timeSlot()))
		byName = s.bounds(where, slotID)
		byName.lo, byName.hi = wholeSpan.lo, wholeSpan.hi
		if byName.loID != "" || byName.hiID != "" {
			byName.lo, byName.hi = 0, 0
		}
	}
	p.scan, p.span = t.byName, byName
	if !byTime.isWide() && byName.loID == "" && byName.hiID == "" {
		p.scan, p.span = t.byTime, byTime
	}
	switch {
	case len(p.order) == 0:
		p.inOrder = true // any order is right
	case isOrder(p.order, t.timeSlot()):
		p.scan, p.span, p.inOrder, p.backwards = t.byTime, byTime, true, p.order[0].desc
	case isOrder(p.order, slotID):
		p.inOrder, p.backwards = p.scan == t.byName, p.order[0].desc
		if byTime.isWide() {
			p.scan, p.span, p.inOrder = t.byName, byName, true
		}
	}
}

// isOrder says whether the order is that of a column which is never null, then
// of Id, both in one direction.
func isOrder(order []ordering, slot int) bool {
	if !order[0].col.isDirect() || order[0].col.f.slot != slot {
		return false
	}
	switch len(order) {
	case 1:
		return true
	case 2:
		return order[1].col.isDirect() && order[1].col.f.slot == slotID && order[1].desc == order[0].desc
	}
	return false
}

// run gives the records that the query selects, in its order. Callers hold the
// lock with the table tidy.
func (p *plan) run() []*record {
	var out []*record
	enough := -1
	if p.inOrder && p.limit >= 0 {
		enough = p.limit + p.offset
	}
	take := func(r *record) bool {
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
		p.scan.walk(p.span, p.backwards, take)
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

func (p *plan) runIDs(take func(*record) bool) {
	ids := slices.Clone(p.ids)
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if r := p.table.byID[id]; r != nil && !take(r) {
			return
		}
	}
}

func (p *plan) fits(r *record) bool {
	return (p.all || !r.deleted) && (p.where == nil || p.where(r))
}

func (p *plan) sort(records []*record) {
	slices.SortStableFunc(records, func(a, b *record) int {
		for _, o := range p.order {
			if c := o.compare(a, b); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.id, b.id)
	})
}

func (o ordering) compare(a, b *record) int {
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
	case o.col.f.typ.isNumber():
		c = compareNumbers(x, y)
	case o.col.f.typ == typeReference || o.col.f.typ == typeID:
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
