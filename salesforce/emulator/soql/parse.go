package soql

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The limits on a query. The platform refuses longer texts with the same code.
// https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_soslsoql.htm
const (
	maxLength = 100_000 // characters
	maxDepth  = 100     // parentheses, NOTs and queries within each other
)

// Parse reads a query. What it gives is well-formed by itself; whether its names
// exist is not its business.
func Parse(text string) (*Query, *Error) {
	if len(text) > maxLength && utf8.RuneCountInString(text) > maxLength {
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
	if t := p.peek(); t.kind != tokEOF {
		return nil, p.unexpected(t)
	}
	if err := checkRoot(q); err != nil {
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

// peekAfter gives the token n places after the next one.
func (p *parser) peekAfter(n int) token { return p.tokens[min(p.at+n, len(p.tokens)-1)] }

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

// takeOne steps over one of several words and gives it in capitals.
func (p *parser) takeOne(words ...string) (string, bool) {
	for _, w := range words {
		if p.take(w) {
			return w, true
		}
	}
	return "", false
}

func (p *parser) expect(word string) *Error {
	if !p.take(word) {
		return p.unexpected(p.peek())
	}
	return nil
}

func (p *parser) name() (Name, *Error) {
	t := p.next()
	if t.kind != tokName {
		return Name{}, p.unexpected(t)
	}
	return Name{t.text, t.pos}, nil
}

// nested reads a query within a query, up to its closing parenthesis.
func (p *parser) nested() (*Query, *Error) {
	leave, err := p.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return p.query()
}

// query reads SELECT and the clauses after it, in the one order that the
// language allows.
func (p *parser) query() (*Query, *Error) {
	q := &Query{Text: p.text, Pos: p.peek().pos, Limit: -1, Offset: -1}
	if err := p.expect("SELECT"); err != nil {
		return nil, err
	}
	for _, clause := range []func(*Query) *Error{
		p.selectList, p.from, p.scope, p.where, p.with, p.groupBy, p.orderBy, p.limits, p.tail,
	} {
		if err := clause(q); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func (p *parser) from(q *Query) *Error {
	if err := p.expect("FROM"); err != nil {
		return err
	}
	path, err := p.path()
	if err != nil {
		return err
	}
	last := len(path.Parts) - 1
	q.From = path.Parts[last]
	switch last {
	case 0:
	case 1:
		q.Owner = path.Parts[0]
	default:
		return p.unexpected(token{tokName, path.Parts[2].Text, path.Parts[2].Pos})
	}
	q.Alias = p.alias().Text
	for p.take(",") {
		r := Relation{}
		if r.Path, err = p.path(); err != nil {
			return err
		}
		if r.Alias = p.alias().Text; r.Alias == "" {
			return p.unexpected(p.peek())
		}
		q.Relations = append(q.Relations, r)
	}
	return nil
}

// alias reads a name that is given to what stands before it, if there is one.
func (p *parser) alias() Name {
	p.take("AS")
	if t := p.peek(); t.kind == tokName && !isClause(t) {
		p.at++
		return Name{t.text, t.pos}
	}
	return Name{}
}

func isClause(t token) bool {
	return slices.ContainsFunc([]string{"FROM", "WHERE", "ORDER", "LIMIT", "OFFSET", "FOR", "GROUP", "HAVING", "WITH", "USING", "ALL", "UPDATE"}, t.is)
}

func (p *parser) path() (Path, *Error) {
	var path Path
	for {
		n, err := p.name()
		if err != nil {
			return path, err
		}
		path.Parts = append(path.Parts, n)
		if !p.take(".") {
			return path, nil
		}
	}
}

func (p *parser) where(q *Query) (err *Error) {
	if p.take("WHERE") {
		q.Where, err = p.condition()
	}
	return err
}

func (p *parser) limits(q *Query) (err *Error) {
	if p.take("LIMIT") {
		if q.Limit, err = p.count(); err != nil {
			return err
		}
	}
	if p.take("OFFSET") {
		q.Offset, err = p.count()
	}
	return err
}

func (p *parser) count() (int, *Error) {
	t := p.next()
	if t.is(":") {
		return 0, At(p.text, t.pos, "MALFORMED_QUERY", "Bind variables only allowed in Apex code")
	}
	n, err := strconv.Atoi(t.text)
	if t.kind != tokNumber || err != nil || n < 0 {
		return 0, p.unexpected(t)
	}
	return n, nil
}
