package query

import (
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// in compiles IN and NOT IN of a list.
func (s resolver) in(col *Column, c *soql.Compare) (predicate, *soql.Error) {
	not := c.Op == soql.NotIn
	switch f := col.Field; {
	case f.Type.IsNumber():
		return s.inNumbers(col, c)
	case f.Type == schema.TypeDate, f.Type == schema.TypeDateTime:
		var one []predicate
		for _, v := range c.Values {
			p, err := s.compare(col, soql.Eq, v)
			if err != nil {
				return nil, err
			}
			one = append(one, p)
		}
		return func(r *store.Record) bool {
			for _, p := range one {
				if p(r) {
					return !not
				}
			}
			return not
		}, nil
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

// inNumbers compiles IN and NOT IN of numbers. A number is kept in one form only,
// so the same number is the same text.
func (s resolver) inNumbers(col *Column, c *soql.Compare) (predicate, *soql.Error) {
	texts := make(map[string]bool, len(c.Values))
	for _, v := range c.Values {
		if v.Kind == soql.Null {
			texts[""] = true
			continue
		}
		d, err := s.number(col.Field, v)
		if err != nil {
			return nil, err
		}
		if col.Field.Type != schema.TypeInt || d.IsInteger() {
			texts[schema.NumberText(d, col.Field.Type)] = true
		}
	}
	not := c.Op == soql.NotIn
	return func(r *store.Record) bool { return texts[col.get(r)] != not }, nil
}

// includes compiles INCLUDES and EXCLUDES: each text names values of which a
// record has to have all, joined by semicolons; one such text has to fit, or
// none. A null has no values.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_querying_multiselect_picklists.htm
func (s resolver) includes(col *Column, c *soql.Compare) (predicate, *soql.Error) {
	var groups [][]string
	for _, v := range c.Values {
		if v.Kind != soql.String {
			return nil, s.mismatch(col.Field, v)
		}
		groups = append(groups, strings.Split(strings.ToLower(v.Text), ";"))
	}
	wanted := c.Op == soql.Includes
	return func(r *store.Record) bool {
		has := ";" + strings.ToLower(col.get(r)) + ";"
		for _, g := range groups {
			if hasAll(has, g) {
				return wanted
			}
		}
		return !wanted
	}, nil
}

func hasAll(has string, values []string) bool {
	for _, v := range values {
		if !strings.Contains(has, ";"+strings.TrimSpace(v)+";") {
			return false
		}
	}
	return true
}

// semiJoin is a query within IN or NOT IN. What it finds is worked out when the
// plan around it runs, under the same lock.
type semiJoin struct {
	plan  *Plan
	field Column
	found map[string]bool
}

func (j *semiJoin) run() {
	j.found = map[string]bool{}
	for _, r := range j.plan.Run() {
		if id := j.field.get(r); id != "" {
			j.found[id] = true
		}
	}
}

// semiJoin compiles IN and NOT IN of a query.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_comparisonoperators.htm
func (s resolver) semiJoin(col *Column, c *soql.Compare) (predicate, *soql.Error) {
	sub := c.Sub
	obj, ok := s.store.Schema.Object(sub.From.Text)
	if !ok {
		return nil, s.at(sub.From.Pos, "INVALID_TYPE", noSuchObject, sub.From.Text)
	}
	if !isID(col.Field) || !col.isDirect() {
		return nil, s.at(c.At, "MALFORMED_QUERY", "The left operand field in the where expression for outer query should be an id field, cannot use: '%s'", col.Name)
	}
	if obj == s.table.Object {
		return nil, s.at(sub.From.Pos, "MALFORMED_QUERY", "The inner and outer selects should not be on the same object type")
	}
	plan, err := compile(s.store, s.store.Tables[obj.Name], sub, s.plan.all)
	if err != nil {
		return nil, err
	}
	inner := plan.columns[0]
	if !isID(inner.Field) {
		return nil, s.at(sub.Select[0].At, "MALFORMED_QUERY", "Semi join sub-selects can only query id fields, cannot use: '%s'", inner.Name)
	}
	if !shareTarget(s.table.Object, col, obj, &inner) {
		return nil, s.at(c.At, "MALFORMED_QUERY", "The selected field '%s' in the subquery and the left operand field '%s' in the where expression in the outer query should point to the same object type", inner.Name, col.Name)
	}
	j := &semiJoin{plan: plan, field: inner}
	s.plan.joins = append(s.plan.joins, j)
	s.plan.tables = append(s.plan.tables, plan.tables...)
	not := c.Op == soql.NotIn
	return func(r *store.Record) bool { return j.found[col.get(r)] != not }, nil
}

func isID(f *schema.Field) bool { return f.Type == schema.TypeID || f.Type == schema.TypeReference }

// shareTarget says whether two columns may hold the id of one record.
func shareTarget(a *schema.Object, x *Column, b *schema.Object, y *Column) bool {
	for _, s := range targetsOf(a, x) {
		if slices.Contains(targetsOf(b, y), s) {
			return true
		}
	}
	return false
}

// targetsOf are the objects whose ids a column holds.
func targetsOf(own *schema.Object, c *Column) []string {
	if c.Field.Type == schema.TypeReference {
		return c.Field.Targets()
	}
	if len(c.via) == 0 {
		return []string{own.Name}
	}
	return c.via[len(c.via)-1].lookup.Targets()
}
