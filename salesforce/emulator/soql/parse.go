package soql

import (
	"strconv"
	"strings"
)

// The limits on a query. The platform refuses longer texts with the same code.
const (
	maxLength = 100_000
	maxDepth  = 100
)

// Parse reads a query.
func Parse(text string) (*Query, *Error) {
	if len(text) > maxLength {
		return nil, &Error{Code: "QUERY_TOO_COMPLICATED", Message: "SOQL statements cannot be longer than 100000 characters."}
	}
	tokens, err := tokenize(text)
	if err != nil {
		return nil, err
	}
	p := &parser{text: text, tokens: tokens}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	return q, nil
}

type parser struct {
	text   string
	tokens []token
	at     int
	depth  int
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokEOF {
		p.at++
	}
	return t
}

// unexpected refuses a token in the platform's words.
func (p *parser) unexpected(t token) *Error {
	return At(p.text, t.pos, "MALFORMED_QUERY", "unexpected token: '%s'", t.shown())
}

func (t token) is(word string) bool {
	return t.kind == tokName && strings.EqualFold(t.text, word) || t.kind == tokSymbol && t.text == word
}

// take steps over the word or symbol if it is next.
func (p *parser) take(word string) bool {
	if !p.peek().is(word) {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(word string) *Error {
	if !p.take(word) {
		return p.unexpected(p.peek())
	}
	return nil
}

func (p *parser) query() (*Query, *Error) {
	q := &Query{Text: p.text, Limit: -1, Offset: -1}
	if err := p.expect("SELECT"); err != nil {
		return nil, err
	}
	if err := p.fields(q); err != nil {
		return nil, err
	}
	if err := p.from(q); err != nil {
		return nil, err
	}
	if p.take("WHERE") {
		where, err := p.condition()
		if err != nil {
			return nil, err
		}
		q.Where = where
	}
	if p.take("ORDER") {
		if err := p.orderBy(q); err != nil {
			return nil, err
		}
	}
	var err *Error
	if p.take("LIMIT") {
		if q.Limit, err = p.count(); err != nil {
			return nil, err
		}
	}
	if p.take("OFFSET") {
		if q.Offset, err = p.count(); err != nil {
			return nil, err
		}
	}
	if p.take("FOR") {
		if !p.take("VIEW") && !p.take("REFERENCE") && !p.take("UPDATE") {
			return nil, p.unexpected(p.peek())
		}
	}
	if t := p.peek(); t.kind != tokEOF {
		return nil, p.unexpected(t)
	}
	return q, nil
}

func (p *parser) fields(q *Query) *Error {
	if t := p.peek(); t.is("COUNT") && p.tokens[p.at+1].is("(") && p.tokens[p.at+2].is(")") {
		p.at += 3
		q.Count = true
		return nil
	}
	for {
		if t := p.peek(); t.is("FROM") {
			return p.unexpected(t)
		}
		path, err := p.path()
		if err != nil {
			return err
		}
		q.Fields = append(q.Fields, path)
		if !p.take(",") {
			return nil
		}
	}
}

func (p *parser) from(q *Query) *Error {
	if err := p.expect("FROM"); err != nil {
		return err
	}
	t := p.next()
	if t.kind != tokName {
		return p.unexpected(t)
	}
	q.From = Name{t.text, t.pos}
	p.take("AS")
	if t := p.peek(); t.kind == tokName && !isClause(t) {
		q.Alias = p.next().text
	}
	return nil
}

func isClause(t token) bool {
	for _, word := range []string{"WHERE", "ORDER", "LIMIT", "OFFSET", "FOR", "GROUP", "HAVING", "WITH", "USING", "ALL"} {
		if t.is(word) {
			return true
		}
	}
	return false
}

func (p *parser) path() (Path, *Error) {
	var path Path
	for {
		t := p.next()
		if t.kind != tokName {
			return path, p.unexpected(t)
		}
		path.Parts = append(path.Parts, Name{t.text, t.pos})
		if !p.take(".") {
			return path, nil
		}
	}
}

func (p *parser) orderBy(q *Query) *Error {
	if err := p.expect("BY"); err != nil {
		return err
	}
	for {
		path, err := p.path()
		if err != nil {
			return err
		}
		o := Order{Path: path}
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

func (p *parser) count() (int, *Error) {
	t := p.next()
	n, err := strconv.Atoi(t.text)
	if t.kind != tokNumber || err != nil || n < 0 {
		return 0, p.unexpected(t)
	}
	return n, nil
}
