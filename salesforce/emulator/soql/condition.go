package soql

import (
	"strconv"
	"strings"
)

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
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, At(p.text, p.peek().pos, "QUERY_TOO_COMPLICATED", "Query is either selecting too many fields or the filter conditions are too complicated.")
	}
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

func (p *parser) comparison() (Expr, *Error) {
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	c := &Compare{Path: path, OpPos: p.peek().pos}
	switch t := p.next(); {
	case t.is("="), t.is("!="), t.is("<"), t.is("<="), t.is(">"), t.is(">="):
		c.Op = Op(t.text)
	case t.is("<>"):
		c.Op = Ne
	case t.is("LIKE"):
		c.Op = Like
	case t.is("IN"):
		c.Op = In
	case t.is("NOT"):
		if err := p.expect("IN"); err != nil {
			return nil, err
		}
		c.Op = NotIn
	default:
		return nil, p.unexpected(t)
	}
	if c.Op == In || c.Op == NotIn {
		return c, p.list(c)
	}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	c.Values = []Value{v}
	return c, nil
}

func (p *parser) list(c *Compare) *Error {
	if err := p.expect("("); err != nil {
		return err
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

func (p *parser) value() (Value, *Error) {
	t := p.next()
	v := Value{Text: t.text, Pos: t.pos}
	switch t.kind {
	case tokString:
		text, ok := unescape(t.text)
		if !ok {
			return v, At(p.text, t.pos, "MALFORMED_QUERY", "Illegal escape sequence in '%s'", t.text)
		}
		v.Kind, v.Text, v.Raw = String, text, t.text
	case tokNumber:
		v.Kind = Number
	case tokDate:
		v.Kind = Date
	case tokDateTime:
		v.Kind = DateTime
	case tokName:
		return p.word(v, t)
	default:
		return v, p.unexpected(t)
	}
	return v, nil
}

// word reads null, true, false and relative dates.
func (p *parser) word(v Value, t token) (Value, *Error) {
	switch v.Text = strings.ToUpper(t.text); v.Text {
	case "NULL":
		v.Kind = Null
	case "TRUE", "FALSE":
		v.Kind, v.Text = Bool, strings.ToLower(t.text)
	default:
		if !relativeDates[v.Text] {
			return v, p.unexpected(t)
		}
		v.Kind = DateLiteral
		if strings.Contains(v.Text, "_N_") {
			if err := p.expect(":"); err != nil {
				return v, err
			}
			n := p.next()
			var err error
			if v.N, err = strconv.Atoi(n.text); err != nil || n.kind != tokNumber || v.N < 0 || v.N > 100_000 {
				return v, p.unexpected(n)
			}
		}
	}
	return v, nil
}

// relativeDates are the relative dates that the language's users write most.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_dateformats.htm
var relativeDates = map[string]bool{
	"YESTERDAY": true, "TODAY": true, "TOMORROW": true,
	"LAST_MONTH": true, "THIS_MONTH": true, "NEXT_MONTH": true,
	"LAST_YEAR": true, "THIS_YEAR": true, "NEXT_YEAR": true,
	"LAST_N_DAYS": true, "NEXT_N_DAYS": true,
}
