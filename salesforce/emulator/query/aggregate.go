package query

import (
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
	"github.com/partnersync/partnersync/salesforce/emulator/soql"
	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// groupRow is a group while its records are counted.
type groupRow struct {
	in     []bool // which terms make it; the others are totalled over
	terms  []string
	totals []total // by groupValue
}

// total is what is known of a column's values in a group. Nulls do not count.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_agg_functions.htm
type total struct {
	n    int64
	sum  decimal.Decimal
	best string
	seen map[string]bool
}

func (g *grouping) row(in []bool, texts []string) *groupRow {
	row := &groupRow{in: in, terms: slices.Clone(texts), totals: make([]total, len(g.values))}
	for i := range row.terms {
		if !in[i] {
			row.terms[i] = ""
		}
	}
	return row
}

// add counts a record.
func (row *groupRow) add(g *grouping, r *store.Record) {
	for i := range g.values {
		v, t := &g.values[i], &row.totals[i]
		if v.fn == "" || v.fn == soql.GroupingOf {
			continue
		}
		text := v.source.get(r)
		if text == "" {
			continue
		}
		t.n++
		switch v.fn {
		case soql.Sum, soql.Avg:
			if d, err := decimal.NewFromString(text); err == nil {
				t.sum = t.sum.Add(d)
			}
		case soql.Min:
			if t.n == 1 || v.compare(text, t.best) < 0 {
				t.best = text
			}
		case soql.Max:
			if t.n == 1 || v.compare(text, t.best) > 0 {
				t.best = text
			}
		case soql.CountDistinct:
			if t.seen == nil {
				t.seen = map[string]bool{}
			}
			t.seen[v.source.Field.KeyOfValue(text)] = true
		}
	}
}

// record gives the group as a record.
func (row *groupRow) record(g *grouping) *store.Record {
	values := make([]string, len(g.values))
	for i, v := range g.values {
		t := &row.totals[i]
		text := ""
		switch {
		case v.fn == "":
			text = row.terms[v.term]
		case v.fn == soql.GroupingOf:
			text = "1"
			if row.in[v.term] {
				text = "0"
			}
		case v.fn == soql.Count:
			text = strconv.FormatInt(t.n, 10)
		case v.fn == soql.CountDistinct:
			text = strconv.Itoa(len(t.seen))
		case t.n == 0:
		case v.fn == soql.Sum:
			text = schema.NumberText(t.sum, v.field.Type)
		case v.fn == soql.Avg:
			text = schema.NumberText(average(t.sum, t.n), v.field.Type)
		default:
			text = t.best
		}
		values[i] = text
	}
	return store.Row(values)
}

// average divides a sum, to as many digits as the platform's double has.
func average(sum decimal.Decimal, n int64) decimal.Decimal {
	const digits, places = 16, 32
	q := sum.DivRound(decimal.NewFromInt(n), places)
	whole := q.NumDigits() + int(q.Exponent()) // digits before the point, or minus the zeros after it
	return q.Round(int32(digits - whole))
}
