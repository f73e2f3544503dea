package query

import (
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Plan is a query that is ready to run.
type Plan struct {
	Table      *store.Table
	Count      bool
	Projection *Projection

	store     *store.Store
	query     *soql.Query
	tables    []*store.Table // all that it reads in order of an index
	columns   []Column
	all       bool      // queryAll: the recycle bin too
	where     predicate // nil without WHERE
	joins     []*semiJoin
	groups    *grouping // nil for a query of records
	order     []ordering
	limit     int // -1 for none
	offset    int
	ids       []string // the only candidates, if hasIDs
	hasIDs    bool
	keyed     *schema.Field // if not nil, only records with one of keys fit
	keys      []string
	scan      *store.Index
	span      store.Span
	backwards bool
	// inOrder is true when the scan gives records in the order asked for, so
	// that nothing is sorted and a limit ends it early.
	inOrder bool
}

// maxOffset is the platform's limit on OFFSET.
const maxOffset = 2000

// New compiles a query over a store; with all, the recycle bin is read too. The
// error is the platform's, with the place in the text.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
func New(st *store.Store, text string, all bool) (*Plan, *soql.Error) {
	q, err := soql.Parse(text)
	if err != nil {
		return nil, err
	}
	obj, ok := st.Schema.Object(q.From.Text)
	if !ok {
		return nil, soql.At(text, q.From.Pos, "INVALID_TYPE", noSuchObject, q.From.Text)
	}
	return compile(st, st.Tables[obj.Name], q, all)
}

// compile makes a plan of a query over a table: the root's or a nested one's.
func compile(st *store.Store, t *store.Table, q *soql.Query, all bool) (*Plan, *soql.Error) {
	p := &Plan{Table: t, Count: q.Count, store: st, query: q, tables: []*store.Table{t}, all: all, limit: q.Limit, offset: max(q.Offset, 0)}
	s := resolver{store: st, table: t, query: q, plan: p}
	if p.offset > maxOffset {
		return nil, &soql.Error{Code: "NUMBER_OUTSIDE_VALID_RANGE", Message: "Maximum SOQL offset allowed is 2000"}
	}
	if q.IsAggregate() {
		var err *soql.Error
		if p.groups, err = s.grouping(); err != nil {
			return nil, err
		}
	}
	selecting := s
	selecting.groups = p.groups
	if err := selecting.projection(p, q.Select); err != nil {
		return nil, err
	}
	if q.Where != nil {
		var err *soql.Error
		if p.where, err = s.predicate(q.Where); err != nil {
			return nil, err
		}
	}
	s.scope(p)
	if err := selecting.orderings(p, q.OrderBy); err != nil {
		return nil, err
	}
	if q.Having != nil {
		var err *soql.Error
		if p.groups.having, err = selecting.predicate(q.Having); err != nil {
			return nil, err
		}
	}
	s.choose(p, q.Where)
	return p, nil
}

// scope narrows a query as USING SCOPE asks: to the user's own records, or to
// those of the user's team, territory and delegates, of which there are none.
func (s resolver) scope(p *Plan) {
	owner, ok := s.table.Object.Field("OwnerId")
	if !ok {
		return
	}
	inner := p.where
	switch s.query.Scope.Text {
	case "MINE", "MINE_AND_MY_GROUPS":
		me := s.store.UserID
		p.where = func(r *store.Record) bool { return r.Get(owner) == me && (inner == nil || inner(r)) }
	case "DELEGATED", "TEAM", "MY_TERRITORY", "MY_TEAM_TERRITORY":
		p.where = func(*store.Record) bool { return false }
	}
}

// Columns are what the query selects, flat and in the order in which it selects
// them, for callers that write rows. It has none for groups and for what only
// JSON can show: children and TYPEOF.
func (p *Plan) Columns() []Column { return p.columns }

// RLock takes the store's lock for reading, with the indexes that the query
// reads in order; give it back with RUnlock.
func (p *Plan) RLock() { p.store.RLockTidy(p.tables...) }

// RUnlock gives the lock back.
func (p *Plan) RUnlock() { p.store.RUnlock() }

// choose picks the index that a query walks: the one whose order it asks for, or
// else the one that its condition bounds.
func (s resolver) choose(p *Plan, where soql.Expr) {
	t := s.table
	order := p.order
	if p.groups != nil {
		order = nil
	}
	if p.ids, p.hasIDs = s.equalIDs(where); p.hasIDs {
		return
	}
	p.keyed, p.keys = s.equalKeys(where)
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
	case len(order) == 0:
		p.inOrder = true // any order is right
	case isOrder(order, t.TimeSlot()):
		p.scan, p.span, p.inOrder, p.backwards = t.ByTime, byTime, true, order[0].desc
	case isOrder(order, schema.SlotID):
		p.inOrder, p.backwards = p.scan == t.ByName, order[0].desc
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
