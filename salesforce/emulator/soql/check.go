package soql

// The limits on queries within queries.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_relationships_query_limits.htm
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_comparisonoperators.htm
const (
	maxChildQueries = 20
	maxLevels       = 5 // parents and children, the root counting
	maxSemiJoins    = 2
	maxFieldsLimit  = 200 // of FIELDS(ALL) and FIELDS(CUSTOM)
	maxGroupings    = 3   // terms of ROLLUP and CUBE
)

func (q *Query) refuse(pos int, format string, args ...any) *Error {
	return At(q.Text, pos, "MALFORMED_QUERY", format, args...)
}

// IsAggregate says whether the query's records are groups.
func (q *Query) IsAggregate() bool {
	if q.GroupBy != nil {
		return true
	}
	for _, i := range q.Select {
		if i.Func.IsAggregate() {
			return true
		}
	}
	return false
}

// checkRoot holds a query against the rules that need no schema.
func checkRoot(q *Query) *Error {
	if q.AllRows {
		return q.refuse(q.AllRowsPos, "ALL ROWS not allowed in this context")
	}
	if q.Owner.Text != "" {
		return q.refuse(q.Owner.Pos, "unexpected token: '%s'", q.Owner.Text)
	}
	children := 0
	return q.check(1, nil, &children)
}

// check holds a query that lies so many levels deep, under a parent unless it is
// the root, against the rules.
func (q *Query) check(level int, parent *Query, children *int) *Error {
	if parent != nil {
		switch {
		case q.Count || q.IsAggregate():
			return q.refuse(q.Pos, "Only root queries support aggregate expressions")
		case q.AllRows:
			return q.refuse(q.AllRowsPos, "ALL ROWS not allowed in this context")
		case q.Offset > 0 && parent.Limit != 1:
			return q.refuse(q.Pos, "OFFSET is allowed in a subquery only if the parent query has LIMIT 1")
		}
	}
	if err := q.checkItems(level, children); err != nil {
		return err
	}
	if err := q.checkGrouping(); err != nil {
		return err
	}
	joins := 0
	if err := q.checkWhere(q.Where, true, false, &joins); err != nil {
		return err
	}
	if q.Having != nil {
		return q.checkNoJoin(q.Having)
	}
	return nil
}

func (q *Query) checkItems(level int, children *int) *Error {
	aggregate := q.IsAggregate()
	for _, i := range q.Select {
		switch {
		case i.Child != nil && aggregate:
			return q.refuse(i.At, "Aggregate queries do not support child relationship subqueries")
		case i.TypeOf != nil && aggregate:
			return q.refuse(i.At, "TYPEOF is not allowed with aggregate expressions or GROUP BY")
		case i.Child != nil:
			if *children++; *children > maxChildQueries || level == maxLevels {
				return q.refuse(i.At, "Maximum number of subqueries or of their levels exceeded")
			}
			if err := i.Child.check(level+1, q, children); err != nil {
				return err
			}
		case i.Fields != "" && aggregate:
			return q.refuse(i.At, "The SOQL FIELDS function is not supported with aggregate expressions or GROUP BY")
		case (i.Fields == "ALL" || i.Fields == "CUSTOM") && (q.Limit < 0 || q.Limit > maxFieldsLimit):
			return q.refuse(i.At, "The SOQL FIELDS function must have a LIMIT of at most %d", maxFieldsLimit)
		case i.Alias.Text != "" && !aggregate && i.IsPlain():
			return q.refuse(i.Alias.Pos, "only aggregate expressions use field aliasing")
		case i.Func.IsDate() && q.GroupBy == nil:
			return q.refuse(i.At, "Date function must be used with a GROUP BY clause: %s", i.Func)
		case i.Func == GroupingOf && (q.GroupBy == nil || q.GroupBy.Kind == ""):
			return q.refuse(i.At, "GROUPING function is only valid with GROUP BY ROLLUP or GROUP BY CUBE")
		}
	}
	return nil
}

func (q *Query) checkGrouping() *Error {
	switch {
	case q.Count && q.GroupBy != nil:
		return q.refuse(q.GroupBy.Terms[0].At, "COUNT() does not support GROUP BY")
	case q.GroupBy != nil && q.GroupBy.Kind != "" && len(q.GroupBy.Terms) > maxGroupings:
		return q.refuse(q.GroupBy.Terms[maxGroupings].At, "Too many fields in GROUP BY %s: at most %d are allowed", q.GroupBy.Kind, maxGroupings)
	case q.GroupBy == nil && q.IsAggregate() && q.Limit >= 0:
		return q.refuse(q.Pos, "Non-grouped query that uses overall aggregate functions cannot also use LIMIT")
	}
	for _, o := range q.OrderBy {
		if o.Func.IsAggregate() && q.GroupBy == nil {
			return q.refuse(o.At, "Ordered field must be grouped or aggregated: %s", o.Path.Parts[len(o.Path.Parts)-1].Text)
		}
	}
	return nil
}

// checkWhere walks a condition: aggregates belong to HAVING, and queries in it
// stand at the top, joined by AND alone.
func (q *Query) checkWhere(e Expr, top, inOr bool, joins *int) *Error {
	switch e := e.(type) {
	case *And:
		for _, t := range e.Terms {
			if err := q.checkWhere(t, top, inOr, joins); err != nil {
				return err
			}
		}
	case *Or:
		for _, t := range e.Terms {
			if err := q.checkWhere(t, false, true, joins); err != nil {
				return err
			}
		}
	case *Not:
		return q.checkWhere(e.Term, false, inOr, joins)
	case *Compare:
		if e.Func.IsAggregate() {
			return q.refuse(e.At, "Aggregate function %s is not allowed in the WHERE clause", e.Func)
		}
		if e.Sub == nil {
			return nil
		}
		switch *joins++; {
		case inOr:
			return q.refuse(e.Sub.Pos, "Semi join sub-selects are not allowed with the 'OR' operator")
		case !top:
			return q.refuse(e.Sub.Pos, "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE expressions.")
		case *joins > maxSemiJoins:
			return q.refuse(e.Sub.Pos, "Cannot have more than %d semi join sub-selects", maxSemiJoins)
		}
		return e.Sub.checkJoin()
	}
	return nil
}

// checkJoin holds the query of a semi-join against the rules.
func (q *Query) checkJoin() *Error {
	switch {
	case q.Count || q.GroupBy != nil || len(q.Select) != 1 || !q.Select[0].IsPlain() || len(q.Select[0].Path.Parts) == 0:
		return q.refuse(q.Pos, "Semi join sub-selects must select exactly one id field")
	case len(q.OrderBy) > 0 || q.Limit >= 0 || q.Offset >= 0:
		return q.refuse(q.Pos, "Semi join sub-selects cannot use ORDER BY, LIMIT or OFFSET")
	case q.AllRows:
		return q.refuse(q.AllRowsPos, "ALL ROWS not allowed in this context")
	case q.Owner.Text != "":
		return q.refuse(q.Owner.Pos, "unexpected token: '%s'", q.Owner.Text)
	case q.Where == nil:
		return nil
	}
	if err := q.checkNoJoin(q.Where); err != nil {
		return err
	}
	none := 0
	return q.checkWhere(q.Where, true, false, &none)
}

// checkNoJoin refuses queries within a condition.
func (q *Query) checkNoJoin(e Expr) *Error {
	var terms []Expr
	switch e := e.(type) {
	case *And:
		terms = e.Terms
	case *Or:
		terms = e.Terms
	case *Not:
		terms = []Expr{e.Term}
	case *Compare:
		if e.Sub != nil {
			return q.refuse(e.Sub.Pos, "Nesting of semi join sub-selects is not supported")
		}
	}
	for _, t := range terms {
		if err := q.checkNoJoin(t); err != nil {
			return err
		}
	}
	return nil
}
