package query

import (
	"cmp"
	"strings"
	"time"

	"github.com/partnersync/partnersync/internal/sfid"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
	"github.com/shopspring/decimal"
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
	col, err := s.column(c.Path)
	if err != nil {
		return nil, err
	}
	if !col.Field.IsFilterable() {
		return nil, s.at(c.Path.Pos(), "INVALID_FIELD", "field '%s' can not be filtered in a query call", col.Field.Name)
	}
	if err := s.checkOperator(col.Field, c); err != nil {
		return nil, err
	}
	if c.Op == soql.Like {
		return s.like(col, c.Values[0])
	}
	if c.Op == soql.In || c.Op == soql.NotIn {
		return s.in(col, c)
	}
	v := c.Values[0]
	if v.Kind == soql.Null {
		return nullTest(col, c.Op), nil
	}
	switch {
	case col.Field.Type.IsNumber():
		return s.compareNumber(col, c.Op, v)
	case col.Field.Type == schema.TypeDateTime:
		return s.compareInstant(col, c.Op, v)
	case col.Field.Type == schema.TypeDate:
		return s.compareDate(col, c.Op, v)
	}
	key, err := s.key(col.Field, v)
	if err != nil {
		return nil, err
	}
	return compareText(col, c.Op, key), nil
}

func (s resolver) at(pos int, code, format string, args ...any) *soql.Error {
	return soql.At(s.query.Text, pos, code, format, args...)
}

// checkOperator refuses operators that the field's type does not have.
func (s resolver) checkOperator(f *schema.Field, c *soql.Compare) *soql.Error {
	ok := true
	switch f.Type {
	case schema.TypeBoolean:
		ok = c.Op == soql.Eq || c.Op == soql.Ne
	case schema.TypeID, schema.TypeReference:
		ok = c.Op != soql.Like
	case schema.TypeDouble, schema.TypeCurrency, schema.TypePercent, schema.TypeInt, schema.TypeDate, schema.TypeDateTime:
		ok = c.Op != soql.Like
	}
	if !ok {
		return s.at(c.OpPos, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on %s field", soqlType(f))
	}
	return nil
}

// soqlType is the type's name in the language's errors.
func soqlType(f *schema.Field) string {
	switch f.Type {
	case schema.TypeDateTime:
		return "dateTime"
	case schema.TypeReference, schema.TypeID:
		return "id"
	}
	return string(f.Type)
}

// mismatch is the error of a literal of another type than the field.
func (s resolver) mismatch(f *schema.Field, v soql.Value) *soql.Error {
	shown := v.Text
	advice := "and should not be enclosed in quotes"
	if v.Kind == soql.String {
		shown = "'" + v.Raw + "'"
	} else {
		advice = "and should be enclosed in quotes"
	}
	switch {
	case f.Type == schema.TypeDate, f.Type == schema.TypeDateTime, f.Type == schema.TypeBoolean, f.Type.IsNumber():
		advice = "and should not be enclosed in quotes"
	}
	return s.at(v.Pos, "INVALID_FIELD", "value of filter criterion for field '%s' must be of type %s %s: %s", f.Name, soqlType(f), advice, shown)
}

func nullTest(col Column, op soql.Op) predicate {
	switch op {
	case soql.Eq:
		return func(r *store.Record) bool { return col.get(r) == "" }
	case soql.Ne:
		return func(r *store.Record) bool { return col.get(r) != "" }
	}
	return func(*store.Record) bool { return false }
}

// key gives the form in which a literal is compared with a text field.
func (s resolver) key(f *schema.Field, v soql.Value) (string, *soql.Error) {
	switch {
	case v.Kind == soql.Null:
		return "", nil
	case f.Type == schema.TypeBoolean:
		if v.Kind == soql.Bool {
			return v.Text, nil
		}
	case v.Kind != soql.String:
	case f.Type == schema.TypeID || f.Type == schema.TypeReference:
		id, err := sfid.Parse(v.Text)
		if err != nil {
			return "", s.at(v.Pos, "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: %s", v.Text)
		}
		return id, nil
	default:
		return f.KeyOfValue(v.Text), nil
	}
	return "", s.mismatch(f, v)
}

func compareText(col Column, op soql.Op, key string) predicate {
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

func (s resolver) compareNumber(col Column, op soql.Op, v soql.Value) (predicate, *soql.Error) {
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

func (s resolver) number(f *schema.Field, v soql.Value) (decimal.Decimal, *soql.Error) {
	if v.Kind == soql.Number {
		if d, ok := schema.ParseNumber(v.Text); ok {
			return d, nil
		}
	}
	return decimal.Decimal{}, s.mismatch(f, v)
}

// compareInstant compares whole seconds, of columns kept as numbers without
// printing them.
func (s resolver) compareInstant(col Column, op soql.Op, v soql.Value) (predicate, *soql.Error) {
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

// instants gives the seconds [from, to) that a literal means.
func (s resolver) instants(f *schema.Field, v soql.Value) (from, to int64, err *soql.Error) {
	switch v.Kind {
	case soql.DateTime:
		if t, ok := schema.ParseDateTime(v.Text); ok {
			u := t.Unix()
			if t.Nanosecond() > 0 {
				// Between two seconds: nothing kept equals it.
				return u + 1, u + 1, nil
			}
			return u, u + 1, nil
		}
	case soql.DateLiteral:
		first, after := relativeDate(v, s.store.Now())
		return first.Unix(), after.Unix(), nil
	}
	return 0, 0, s.mismatch(f, v)
}

func (s resolver) compareDate(col Column, op soql.Op, v soql.Value) (predicate, *soql.Error) {
	var from, to string
	switch v.Kind {
	case soql.Date:
		t, err := time.Parse(time.DateOnly, v.Text)
		if err != nil {
			return nil, s.at(v.Pos, "MALFORMED_QUERY", "Invalid date: %s", v.Text)
		}
		from, to = v.Text, t.AddDate(0, 0, 1).Format(time.DateOnly)
	case soql.DateLiteral:
		first, after := relativeDate(v, s.store.Now())
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

func (s resolver) like(col Column, v soql.Value) (predicate, *soql.Error) {
	if v.Kind != soql.String {
		return nil, s.mismatch(col.Field, v)
	}
	p := soql.CompileLike(strings.TrimSpace(v.Raw))
	return func(r *store.Record) bool {
		text := col.get(r)
		return text != "" && p.Match(text)
	}, nil
}

// in compiles IN and NOT IN.
func (s resolver) in(col Column, c *soql.Compare) (predicate, *soql.Error) {
	not := c.Op == soql.NotIn
	if col.Field.Type.IsNumber() || col.Field.Type == schema.TypeDate || col.Field.Type == schema.TypeDateTime {
		terms := make([]soql.Expr, len(c.Values))
		for i, v := range c.Values {
			terms[i] = &soql.Compare{Path: c.Path, Op: soql.Eq, OpPos: c.OpPos, Values: []soql.Value{v}}
		}
		oneOf, err := s.predicate(&soql.Or{Terms: terms})
		return func(r *store.Record) bool { return oneOf(r) != not }, err
	}
	keys := make(map[string]bool, len(c.Values))
	for _, v := range c.Values {
		k, err := s.key(col.Field, v)
		if err != nil {
			return nil, err
		}
		keys[k] = true
	}
	return func(r *store.Record) bool { return keys[col.Field.KeyOfValue(col.get(r))] != not }, nil
}
