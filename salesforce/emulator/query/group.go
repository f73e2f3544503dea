package query

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// grouping makes groups of records. A group is a record of its own, not of any
// table, whose values are what GROUP BY names and what is aggregated: so the
// same predicates, orderings and printers serve it as serve records.
type grouping struct {
	terms   []Column
	compare []func(x, y string) int
	// sets are the combinations of terms by which records are grouped: one with
	// all of them, more for ROLLUP and CUBE.
	sets   [][]bool
	values []groupValue
	having predicate
	exprs  int // how many selected values have no name of their own
}

// groupValue is one value of a group: a term's, whether a term is totalled over
// (GROUPING), or what a function makes of a column.
type groupValue struct {
	field   *schema.Field
	term    int // or -1
	fn      soql.Func
	source  Column
	compare func(x, y string) int
}

// maxGroups is how many groups a query may give.
const maxGroups = 2000

// grouping compiles GROUP BY.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_groupby.htm
func (s resolver) grouping() (*grouping, *soql.Error) {
	g := &grouping{}
	by := s.query.GroupBy
	if by == nil {
		g.sets = [][]bool{nil}
		return g, nil
	}
	for _, t := range by.Terms {
		col, err := s.value(t)
		if err != nil {
			return nil, err
		}
		if !col.Field.IsGroupable() {
			return nil, s.at(t.At, "MALFORMED_QUERY", "field '%s' can not be grouped in a query call", col.Field.Name)
		}
		g.terms = append(g.terms, col)
		g.compare = append(g.compare, comparison(s.table.Object, &col))
	}
	g.sets = sets(by.Kind, len(g.terms))
	return g, nil
}

// sets are the combinations of n terms by which records are grouped: all terms;
// for ROLLUP also without the last one, the last two and so on; for CUBE every
// combination.
func sets(kind string, n int) [][]bool {
	combinations := 1
	if kind != "" {
		combinations <<= n
	}
	var out [][]bool
	for without := range combinations {
		in := make([]bool, n)
		gap, nested := false, true
		for i := range in {
			in[i] = without>>i&1 == 0
			nested = nested && (!gap || !in[i])
			gap = gap || !in[i]
		}
		if kind != "ROLLUP" || nested {
			out = append(out, in)
		}
	}
	return out
}

// column gives the column of groups that an operand means.
func (g *grouping) column(s resolver, o soql.Operand) (Column, *soql.Error) {
	col, err := s.value(o)
	if err != nil {
		return col, err
	}
	v := groupValue{term: g.termOf(&col), fn: o.Func, source: col}
	name := o.Path.Parts[len(o.Path.Parts)-1].Text
	typ := col.Field.Type
	switch {
	case !o.Func.IsAggregate():
		v.fn = ""
		if v.term < 0 && s.sorting {
			return col, s.at(o.At, "MALFORMED_QUERY", "Ordered field must be grouped or aggregated: %s", name)
		}
		if v.term < 0 {
			return col, s.at(o.At, "MALFORMED_QUERY", "Field must be grouped or aggregated: %s", name)
		}
	case o.Func == soql.GroupingOf:
		typ = schema.TypeInt
		if v.term < 0 {
			return col, s.at(o.At, "MALFORMED_QUERY", "Field must be grouped or aggregated: %s", name)
		}
	default:
		v.term = -1
		v.compare = comparison(s.table.Object, &v.source)
		sums := o.Func == soql.Sum || o.Func == soql.Avg
		if !col.Field.IsAggregatable() || sums && !col.Field.Type.IsNumber() {
			return col, s.at(o.At, "MALFORMED_QUERY", "field %s does not support aggregate operator %s", name, o.Func)
		}
		switch o.Func {
		case soql.Count, soql.CountDistinct:
			typ = schema.TypeInt
		case soql.Avg:
			typ = schema.TypeDouble
		}
	}
	return g.add(v, typ), nil
}

// add gives the column of a value, which it makes if no one asked for it yet.
func (g *grouping) add(v groupValue, typ schema.Type) Column {
	for _, known := range g.values {
		if known.fn == v.fn && known.source.key() == v.source.key() {
			return Column{Name: known.field.Name, Field: known.field}
		}
	}
	f := *v.source.Field
	f.Type, f.Slot = typ, len(g.values)
	if v.fn != "" {
		f.CaseSensitive = v.source.Field.CaseSensitive && typ == v.source.Field.Type
		f.Name = string(v.fn) + "(" + v.source.Name + ")"
	}
	v.field = &f
	g.values = append(g.values, v)
	return Column{Name: f.Name, Field: &f}
}

func (g *grouping) termOf(c *Column) int {
	for i := range g.terms {
		if g.terms[i].key() == c.key() {
			return i
		}
	}
	return -1
}

// selectGroup selects a value of groups. One without an alias is called by its
// field's name if it is a field, and expr0, expr1 and so on if it is not.
func (s resolver) selectGroup(p *Plan, item soql.Item, take taker) *soql.Error {
	col, err := s.operand(item.Operand)
	if err != nil {
		return err
	}
	name := item.Alias.Text
	switch {
	case name != "":
	case item.IsPlain():
		name = col.Field.Name
	default:
		name = "expr" + strconv.Itoa(p.groups.exprs)
		p.groups.exprs++
	}
	if err := take(item.At, name, name); err != nil {
		return err
	}
	format := slices.Contains(item.Wraps, soql.Format)
	p.Projection.addNamed(s, col, name, format)
	last := &p.Projection.Parts[len(p.Projection.Parts)-1]
	last.aggregate, last.display = !item.IsPlain(), display(item.Operand)
	return nil
}

// group makes the query's groups of the records that fit.
func (p *Plan) group(records []*store.Record) ([]*store.Record, *soql.Error) {
	g := p.groups
	var rows []*groupRow
	byKey := map[string]*groupRow{}
	var key []byte
	texts := make([]string, len(g.terms))
	for _, r := range records {
		for i := range g.terms {
			texts[i] = g.terms[i].get(r)
		}
		for set, in := range g.sets {
			key = strconv.AppendInt(key[:0], int64(set), 10)
			for i := range texts {
				if in[i] {
					key = append(append(key, 0), g.terms[i].Field.KeyOfValue(texts[i])...)
				}
			}
			row := byKey[string(key)]
			if row == nil {
				row = g.row(in, texts)
				byKey[string(key)] = row
				rows = append(rows, row)
			}
			row.add(g, r)
		}
	}
	if len(rows) == 0 && len(g.terms) == 0 {
		rows = append(rows, g.row(nil, nil))
	}
	slices.SortStableFunc(rows, g.compareRows)
	var out []*store.Record
	for _, row := range rows {
		if r := row.record(g); g.having == nil || g.having(r) {
			out = append(out, r)
		}
	}
	if len(p.order) > 0 {
		p.sort(out)
	}
	if out = p.cut(out); len(out) > maxGroups {
		return nil, &soql.Error{Code: "EXCEEDED_ID_LIMIT", Message: "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"}
	}
	return out, nil
}

// compareRows puts groups in the order of their terms, totals after what they
// are the totals of.
func (g *grouping) compareRows(a, b *groupRow) int {
	for i := range g.terms {
		x, y := a.terms[i], b.terms[i]
		c := 0
		switch {
		case a.in[i] != b.in[i]:
			c = 1
			if a.in[i] {
				c = -1
			}
		case x == "" || y == "":
			c = cmp.Compare(len(x), len(y))
		default:
			c = g.compare[i](x, y)
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// display is how columnMetadata names a function.
func display(o soql.Operand) string {
	var b, closing strings.Builder
	for _, w := range o.Wraps {
		b.WriteString(string(w) + "(")
		closing.WriteByte(')')
	}
	if o.Func != "" {
		b.WriteString(string(o.Func) + "(")
		closing.WriteByte(')')
	}
	for i, n := range o.Path.Parts {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(n.Text)
	}
	return b.String() + closing.String()
}
