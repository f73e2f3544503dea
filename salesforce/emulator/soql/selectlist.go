package soql

import "strings"

// maxItems is how many terms a select list may have: more than any object has
// fields.
const maxItems = 5000

// selectList reads what the query selects.
func (p *parser) selectList(q *Query) *Error {
	if p.peek().is("COUNT") && p.peekAfter(1).is("(") && p.peekAfter(2).is(")") {
		p.at += 3
		q.Count = true
		return nil
	}
	for {
		item, err := p.item()
		if err != nil {
			return err
		}
		if q.Select = append(q.Select, item); len(q.Select) > maxItems {
			return At(p.text, item.At, "QUERY_TOO_COMPLICATED", "Query is either selecting too many fields or the filter conditions are too complicated.")
		}
		if !p.take(",") {
			return nil
		}
	}
}

func (p *parser) item() (item Item, err *Error) {
	t := p.peek()
	item.At = t.pos
	switch {
	case t.is("FROM") && p.peekAfter(1).kind == tokName:
		return item, p.unexpected(t)
	case t.is("("):
		p.at++
		if item.Child, err = p.nested(); err != nil {
			return item, err
		}
		return item, p.expect(")")
	case t.is("TYPEOF") && p.peekAfter(1).kind == tokName && !p.peekAfter(1).is("FROM"):
		p.at++
		item.TypeOf, err = p.typeOf()
		return item, err
	case t.is(string(fieldsFunc)) && p.peekAfter(1).is("("):
		p.at += 2
		set, ok := p.takeOne("ALL", "STANDARD", "CUSTOM")
		if !ok {
			return item, p.unexpected(p.peek())
		}
		item.Fields = set
		return item, p.expect(")")
	}
	if item.Operand, err = p.operand(); err != nil {
		return item, err
	}
	if named := p.peek().is("AS") || p.peekAfter(1).is(",") || p.peekAfter(1).is("FROM"); named {
		item.Alias = p.alias()
	}
	return item, nil
}

// operand reads a field or a function of one.
func (p *parser) operand() (o Operand, err *Error) {
	o.At = p.peek().pos
	if !p.peekAfter(1).is("(") {
		o.Path, err = p.path()
		return o, err
	}
	leave, err := p.enter()
	if err != nil {
		return o, err
	}
	defer leave()
	t := p.peek()
	f := Func(strings.ToUpper(t.text))
	class := funcClasses[f]
	if t.kind != tokName || class == 0 {
		return o, p.unexpected(p.peekAfter(min(1, int(t.kind))))
	}
	p.at += 2
	if f == Count && p.peek().is(")") {
		return o, p.unexpected(p.peek())
	}
	if class == wrapFunc {
		if o, err = p.wrapped(f, t.pos); err != nil {
			return o, err
		}
		return o, p.expect(")")
	}
	o.Func = f
	zoned := class == dateFunc && p.peek().is(string(convertTimezone)) && p.peekAfter(1).is("(")
	if zoned {
		p.at += 2
		o.Zoned = true
	}
	if o.Path, err = p.path(); err != nil {
		return o, err
	}
	if zoned {
		if err = p.expect(")"); err != nil {
			return o, err
		}
	}
	return o, p.expect(")")
}

// wrapped reads what FORMAT, toLabel or convertCurrency is around. FORMAT may be
// around anything, the others around a field.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_format.htm
func (p *parser) wrapped(f Func, pos int) (Operand, *Error) {
	inner, err := p.operand()
	if err != nil {
		return inner, err
	}
	for _, w := range inner.Wraps {
		if w == f || w == Format {
			return inner, At(p.text, inner.At, "MALFORMED_QUERY", "unexpected token: '%s'", p.wordAt(inner.At))
		}
	}
	if f == ToLabel && !inner.IsPlain() {
		return inner, At(p.text, inner.At, "MALFORMED_QUERY", "unexpected token: '%s'", p.wordAt(inner.At))
	}
	inner.Wraps = append([]Func{f}, inner.Wraps...)
	inner.At = pos
	return inner, nil
}

// typeOf reads TYPEOF after its first word.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_typeof.htm
func (p *parser) typeOf() (t *TypeOf, err *Error) {
	t = &TypeOf{}
	if t.Lookup, err = p.path(); err != nil {
		return nil, err
	}
	for p.take("WHEN") {
		w := When{}
		if w.Object, err = p.name(); err != nil {
			return nil, err
		}
		if err = p.expect("THEN"); err != nil {
			return nil, err
		}
		if w.Fields, err = p.paths(); err != nil {
			return nil, err
		}
		t.When = append(t.When, w)
	}
	if len(t.When) == 0 {
		return nil, p.unexpected(p.peek())
	}
	if p.take("ELSE") {
		if t.Else, err = p.paths(); err != nil {
			return nil, err
		}
	}
	return t, p.expect("END")
}

func (p *parser) paths() ([]Path, *Error) {
	var out []Path
	for {
		path, err := p.path()
		if err != nil {
			return nil, err
		}
		if out = append(out, path); !p.take(",") {
			return out, nil
		}
	}
}
