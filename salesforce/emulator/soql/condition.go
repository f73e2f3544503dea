package soql

// condition reads terms joined by AND, or by OR. The language has no precedence
// between the two: mixing them without parentheses is an error.
func (p *parser) condition() (Expr, *Error) {
	first, err := p.term()
	if err != nil {
		return nil, err
	}
	word := "AND"
	if p.peek().is("OR") {
		word = "OR"
	}
	terms := []Expr{first}
	for p.take(word) {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
	}
	if t := p.peek(); t.is("AND") || t.is("OR") {
		return nil, p.unexpected(t)
	}
	switch {
	case len(terms) == 1:
		return first, nil
	case word == "OR":
		return &Or{terms}, nil
	}
	return &And{terms}, nil
}

func (p *parser) term() (Expr, *Error) {
	leave, err := p.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	if p.take("NOT") {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		return &Not{t}, nil
	}
	if p.take("(") {
		e, err := p.condition()
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	}
	return p.comparison()
}

// enter goes one level deeper, which must be left again, or refuses to.
func (p *parser) enter() (leave func(), err *Error) {
	if p.depth++; p.depth > maxDepth {
		return nil, At(p.text, p.peek().pos, "QUERY_TOO_COMPLICATED", "Query is either selecting too many fields or the filter conditions are too complicated.")
	}
	return func() { p.depth-- }, nil
}

func (p *parser) comparison() (Expr, *Error) {
	operand, err := p.operand()
	if err != nil {
		return nil, err
	}
	c := &Compare{Operand: operand, OpPos: p.peek().pos}
	switch t := p.next(); {
	case t.is("="), t.is("!="), t.is("<"), t.is("<="), t.is(">"), t.is(">="):
		c.Op = Op(t.text)
	case t.is("<>"):
		c.Op = Ne
	case t.is("LIKE"):
		c.Op = Like
	case t.is("IN"):
		c.Op = In
	case t.is("INCLUDES"):
		c.Op = Includes
	case t.is("EXCLUDES"):
		c.Op = Excludes
	case t.is("NOT"):
		if err := p.expect("IN"); err != nil {
			return nil, err
		}
		c.Op = NotIn
	default:
		return nil, p.unexpected(t)
	}
	switch c.Op {
	case In, NotIn, Includes, Excludes:
		return c, p.list(c)
	}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	c.Values = []Value{v}
	return c, nil
}

// list reads the values in parentheses, or the query, after IN and its like.
func (p *parser) list(c *Compare) *Error {
	if t := p.peek(); t.is(":") {
		return At(p.text, t.pos, "MALFORMED_QUERY", "Bind variables only allowed in Apex code")
	}
	if err := p.expect("("); err != nil {
		return err
	}
	if p.peek().is("SELECT") && (c.Op == In || c.Op == NotIn) {
		var err *Error
		if c.Sub, err = p.nested(); err != nil {
			return err
		}
		return p.expect(")")
	}
	for {
		v, err := p.value()
		if err != nil {
			return err
		}
		c.Values = append(c.Values, v)
		if !p.take(",") {
			return p.expect(")")
		}
	}
}
