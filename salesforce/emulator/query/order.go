package query

import (
	"cmp"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// ordering is one term of ORDER BY.
type ordering struct {
	col       Column
	compare   func(x, y string) int // of two values that are not null
	desc      bool
	nullsLast bool
}

// orderings compiles ORDER BY.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_orderby.htm
func (s resolver) orderings(p *Plan, orders []soql.Order) *soql.Error {
	s.sorting = true
	for _, o := range orders {
		for _, w := range o.Wraps {
			if w != soql.ToLabel {
				return s.at(o.At, "MALFORMED_QUERY", "unexpected token: '%s'", w)
			}
		}
		col, err := s.operand(o.Operand)
		if err != nil {
			return err
		}
		if !col.Field.IsSortable() {
			return s.at(o.At, "MALFORMED_QUERY", "field '%s' can not be sorted in a query call", col.Field.Name)
		}
		p.order = append(p.order, ordering{col, comparison(s.table.Object, &col), o.Desc, o.NullsLast})
	}
	return nil
}

// compareRecords compares two records by one term.
func (o *ordering) compareRecords(a, b *store.Record) int {
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
	c := o.compare(x, y)
	if o.desc {
		c = -c
	}
	return c
}

// comparison gives how two values of a column compare: numbers as numbers, text
// in any case, and the values of a picklist in the order of their list, those
// that are not on it last.
func comparison(own *schema.Object, c *Column) func(x, y string) int {
	switch f := c.Field; {
	case f.Type.IsNumber():
		return compareNumbers
	case f.Type == schema.TypeReference || f.Type == schema.TypeID:
		return cmp.Compare[string]
	case f.Type == schema.TypePicklist:
		if rank := ranks(own, c); len(rank) > 0 {
			return func(x, y string) int {
				i, isX := rank[strings.ToLower(x)]
				j, isY := rank[strings.ToLower(y)]
				switch {
				case isX && isY:
					return cmp.Compare(i, j)
				case isX:
					return -1
				case isY:
					return 1
				}
				return compareWords(x, y)
			}
		}
	}
	return compareWords
}

// ranks are the places of a picklist's values on its list, by lower-case value.
func ranks(own *schema.Object, c *Column) map[string]int {
	rank := make(map[string]int, len(c.Field.Values))
	for i, v := range c.Field.Values {
		rank[strings.ToLower(v)] = i
	}
	if len(c.via) > 0 {
		if to := c.via[len(c.via)-1].to; len(to) > 0 {
			own = to[0].Object
		}
	}
	if c.Field.From == "stages" {
		for i, s := range own.Stages {
			rank[strings.ToLower(s.Name)] = i
		}
	}
	return rank
}

func compareWords(x, y string) int {
	if c := cmp.Compare(strings.ToLower(x), strings.ToLower(y)); c != 0 {
		return c
	}
	return cmp.Compare(x, y)
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
