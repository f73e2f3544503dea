package soql

// The scopes that USING SCOPE knows.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_using_scope.htm
var scopes = []string{"DELEGATED", "EVERYTHING", "MINE", "MINE_AND_MY_GROUPS", "MY_TERRITORY", "MY_TEAM_TERRITORY", "TEAM"}

func (p *parser) scope(q *Query) *Error {
	if !p.take("USING") {
		return nil
	}
	if err := p.expect("SCOPE"); err != nil {
		return err
	}
	at := p.peek()
	word, ok := p.takeOne(scopes...)
	if !ok {
		return p.unexpected(at)
	}
	q.Scope = Name{word, at.pos}
	return nil
}

// with reads the modes of access. They say how Apex checks permissions; the
// emulator's one user may see everything, so that they change nothing.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_with.htm
func (p *parser) with(*Query) *Error {
	if !p.take("WITH") {
		return nil
	}
	if _, ok := p.takeOne("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"); !ok {
		return p.unexpected(p.peek())
	}
	return nil
}

// groupBy reads GROUP BY and HAVING.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_groupby.htm
func (p *parser) groupBy(q *Query) (err *Error) {
	if !p.take("GROUP") {
		return nil
	}
	if err := p.expect("BY"); err != nil {
		return err
	}
	q.GroupBy = &Grouping{}
	if p.peekAfter(1).is("(") {
		q.GroupBy.Kind, _ = p.takeOne("ROLLUP", "CUBE")
	}
	if q.GroupBy.Kind != "" {
		p.at++
	}
	for {
		o, err := p.operand()
		if err != nil {
			return err
		}
		if o.Func.IsAggregate() || len(o.Wraps) > 0 {
			return At(p.text, o.At, "MALFORMED_QUERY", "unexpected token: '%s'", p.wordAt(o.At))
		}
		q.GroupBy.Terms = append(q.GroupBy.Terms, o)
		if !p.take(",") {
			break
		}
	}
	if q.GroupBy.Kind != "" {
		if err := p.expect(")"); err != nil {
			return err
		}
	}
	if p.take("HAVING") {
		q.Having, err = p.condition()
	}
	return err
}

// wordAt gives the token that begins at a place.
func (p *parser) wordAt(pos int) string {
	for _, t := range p.tokens {
		if t.pos == pos {
			return t.shown()
		}
	}
	return ""
}

func (p *parser) orderBy(q *Query) *Error {
	if !p.take("ORDER") {
		return nil
	}
	if err := p.expect("BY"); err != nil {
		return err
	}
	for {
		operand, err := p.operand()
		if err != nil {
			return err
		}
		o := Order{Operand: operand}
		if !p.take("ASC") {
			o.Desc = p.take("DESC")
		}
		if p.take("NULLS") {
			if !p.take("FIRST") {
				if err := p.expect("LAST"); err != nil {
					return err
				}
				o.NullsLast = true
			}
		}
		q.OrderBy = append(q.OrderBy, o)
		if !p.take(",") {
			return nil
		}
	}
}

// tail reads what may follow at the end: marks for the user interface's lists of
// recent records, locks and knowledge statistics, which change no result.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_for_view.htm
func (p *parser) tail(q *Query) *Error {
	for p.take("FOR") {
		for {
			if _, ok := p.takeOne("VIEW", "REFERENCE", "UPDATE"); !ok {
				return p.unexpected(p.peek())
			}
			if !p.take(",") {
				break
			}
		}
	}
	if p.take("UPDATE") {
		for {
			if _, ok := p.takeOne("TRACKING", "VIEWSTAT"); !ok {
				return p.unexpected(p.peek())
			}
			if !p.take(",") {
				break
			}
		}
	}
	if t := p.peek(); p.take("ALL") {
		q.AllRows, q.AllRowsPos = true, t.pos
		return p.expect("ROWS")
	}
	return nil
}
