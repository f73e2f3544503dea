package query

import (
	"cmp"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// predicate says whether a record fits a condition.
type predicate func(*store.Record) bool

// predicate compiles a condition. Nulls behave as the platform's: != and NOT IN
// hold for a null, an order comparison does not.
func (s resolver) predicate(e soql.Expr) (predicate, *soql.Error) {
	switch e := e.(type) {
	case *soql.And:
		all, err := s.predicates(e.Terms)
		return func(r *store.Record) bool {
			for _, p := range all {
				if !p(r) {
					return false
				}
			}
			return true
		}, err
	case *soql.Or:
		all, err := s.predicates(e.Terms)
		return func(r *store.Record) bool {
			for _, p := range all {
				if p(r) {
					return true
				}
			}
			return false
		}, err
	case *soql.Not:
		p, err := s.predicate(e.Term)
		return func(r *store.Record) bool { return !p(r) }, err
	}
	return s.comparison(e.(*soql.Compare))
}

func (s resolver) predicates(terms []soql.Expr) ([]predicate, *soql.Error) {
	out := make([]predicate, len(terms))
	for i, t := range terms {
		p, err := s.predicate(t)
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, nil
}

// comparison compiles one comparison of a column with its values.
func (s resolver) comparison(c *soql.Compare) (predicate, *soql.Error) {
	for _, w := range c.Wraps {
		if w != soql.ToLabel {
			return nil, s.at(c.At, "MALFORMED_QUERY", "unexpected token: '%s'", w)
		}
	}
	found, err := s.operand(c.Operand)
	if err != nil {
		return nil, err
	}
	col := &found
	if !col.Field.IsFilterable() {
		return nil, s.at(c.At, "INVALID_FIELD", "field '%s' can not be filtered in a query call", col.Field.Name)
	}
	if err := s.checkOperator(col.Field, c); err != nil {
		return nil, err
	}
	switch {
	case c.Sub != nil:
		return s.semiJoin(col, c)
	case c.Op == soql.Like:
		return s.like(col, c.Values[0])
	case c.Op == soql.In || c.Op == soql.NotIn:
		return s.in(col, c)
	case c.Op == soql.Includes || c.Op == soql.Excludes:
		return s.includes(col, c)
	}
	return s.compare(col, c.Op, c.Values[0])
}

// compare compiles the comparison of a column with one value.
func (s resolver) compare(col *Column, op soql.Op, v soql.Value) (predicate, *soql.Error) {
	if v.Kind == soql.Null {
		return nullTest(col, op), nil
	}
	switch {
	case col.Field.Type.IsNumber():
		return s.compareNumber(col, op, v)
	case col.Field.Type == schema.TypeDateTime:
		return s.compareInstant(col, op, v)
	case col.Field.Type == schema.TypeDate:
		return s.compareDate(col, op, v)
	}
	key, err := s.key(col.Field, v)
	if err != nil {
		return nil, err
	}
	if col.Field.Type == schema.TypeBoolean {
		return compareBoolean(col, op, key), nil
	}
	return compareText(col, op, key), nil
}

// checkOperator refuses operators that the field's type does not have.
func (s resolver) checkOperator(f *schema.Field, c *soql.Compare) *soql.Error {
	var ok bool
	several := c.Op == soql.Includes || c.Op == soql.Excludes
	switch f.Type {
	case schema.TypeMultipicklist:
		ok = several || c.Op == soql.Eq || c.Op == soql.Ne
	case schema.TypeBoolean:
		ok = c.Op == soql.Eq || c.Op == soql.Ne
	case schema.TypeID, schema.TypeReference:
		ok = c.Op != soql.Like && !several
	case schema.TypeDouble, schema.TypeCurrency, schema.TypePercent, schema.TypeInt, schema.TypeDate, schema.TypeDateTime:
		ok = c.Op != soql.Like && !several
	default:
		ok = !several
	}
	if !ok {
		return s.at(c.OpPos, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on %s field", soqlType(f))
	}
	return nil
}

func nullTest(col *Column, op soql.Op) predicate {
	switch op {
	case soql.Eq:
		return func(r *store.Record) bool { return col.get(r) == "" }
	case soql.Ne:
		return func(r *store.Record) bool { return col.get(r) != "" }
	}
	return func(*store.Record) bool { return false }
}

// compareBoolean compares a checkbox. Seen through a lookup that leads nowhere it
// is false, as on the platform.
func compareBoolean(col *Column, op soql.Op, key string) predicate {
	return func(r *store.Record) bool {
		v := col.get(r)
		if v == "" {
			v = "false"
		}
		return (v == key) == (op == soql.Eq)
	}
}

func compareText(col *Column, op soql.Op, key string) predicate {
	f := col.Field
	switch op {
	case soql.Eq:
		if f.Slot == schema.SlotID && col.isDirect() {
			return func(r *store.Record) bool { return r.ID == key }
		}
		return func(r *store.Record) bool { return f.KeyOfValue(col.get(r)) == key }
	case soql.Ne:
		return func(r *store.Record) bool { return f.KeyOfValue(col.get(r)) != key }
	}
	want := wanted(op)
	return func(r *store.Record) bool {
		v := col.get(r)
		return v != "" && want(cmp.Compare(f.KeyOfValue(v), key))
	}
}

// wanted turns an operator into a test of a comparison's result.
func wanted(op soql.Op) func(int) bool {
	switch op {
	case soql.Eq:
		return func(c int) bool { return c == 0 }
	case soql.Ne:
		return func(c int) bool { return c != 0 }
	case soql.Lt:
		return func(c int) bool { return c < 0 }
	case soql.Le:
		return func(c int) bool { return c <= 0 }
	case soql.Gt:
		return func(c int) bool { return c > 0 }
	}
	return func(c int) bool { return c >= 0 }
}

func (s resolver) compareNumber(col *Column, op soql.Op, v soql.Value) (predicate, *soql.Error) {
	want, err := s.number(col.Field, v)
	if err != nil {
		return nil, err
	}
	test := wanted(op)
	return func(r *store.Record) bool {
		text := col.get(r)
		if text == "" {
			return op == soql.Ne
		}
		d, err := decimal.NewFromString(text)
		return err == nil && test(d.Cmp(want))
	}, nil
}

// compareInstant compares whole seconds, of columns kept as numbers without
// printing them.
func (s resolver) compareInstant(col *Column, op soql.Op, v soql.Value) (predicate, *soql.Error) {
	from, to, err := s.instants(col.Field, v)
	if err != nil {
		return nil, err
	}
	test := inRange(op, from, to)
	if col.Field.Slot < 0 && col.isDirect() {
		slot := col.Field.Slot
		return func(r *store.Record) bool { return test(r.Instant(slot)) }, nil
	}
	return func(r *store.Record) bool {
		text := col.get(r)
		if text == "" {
			return op == soql.Ne
		}
		t, ok := schema.ParseDateTime(text)
		return ok && test(t.Unix())
	}, nil
}

// inRange compares with a range [from, to) as the language compares with a day:
// = is inside, < is before it, > is at or after its end.
func inRange(op soql.Op, from, to int64) func(int64) bool {
	switch op {
	case soql.Eq:
		return func(n int64) bool { return n >= from && n < to }
	case soql.Ne:
		return func(n int64) bool { return n < from || n >= to }
	case soql.Lt:
		return func(n int64) bool { return n < from }
	case soql.Le:
		return func(n int64) bool { return n < to }
	case soql.Gt:
		return func(n int64) bool { return n >= to }
	}
	return func(n int64) bool { return n >= from }
}

func (s resolver) compareDate(col *Column, op soql.Op, v soql.Value) (predicate, *soql.Error) {
	var from, to string
	switch v.Kind {
	case soql.Date:
		t, err := time.Parse(time.DateOnly, v.Text)
		if err != nil {
			return nil, s.at(v.Pos, "MALFORMED_QUERY", "Invalid date: %s", v.Text)
		}
		from, to = v.Text, t.AddDate(0, 0, 1).Format(time.DateOnly)
	case soql.DateLiteral:
		first, after := v.Days(s.store.Now())
		from, to = first.Format(time.DateOnly), after.Format(time.DateOnly)
	default:
		return nil, s.mismatch(col.Field, v)
	}
	return func(r *store.Record) bool {
		d := col.get(r)
		if d == "" {
			return op == soql.Ne
		}
		switch op {
		case soql.Eq:
			return d >= from && d < to
		case soql.Ne:
			return d < from || d >= to
		case soql.Lt:
			return d < from
		case soql.Le:
			return d < to
		case soql.Gt:
			return d >= to
		}
		return d >= from
	}, nil
}

func (s resolver) like(col *Column, v soql.Value) (predicate, *soql.Error) {
	if v.Kind != soql.String {
		return nil, s.mismatch(col.Field, v)
	}
	p := soql.CompileLike(strings.TrimSpace(v.Raw))
	return func(r *store.Record) bool {
		text := col.get(r)
		return text != "" && p.Match(text)
	}, nil
}
