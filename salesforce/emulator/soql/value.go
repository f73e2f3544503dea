package soql

import (
	"strconv"
	"strings"
)

// maxRelative bounds the number after the colon of a relative date.
const maxRelative = 100_000

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
		if t.is(":") {
			return v, At(p.text, t.pos, "MALFORMED_QUERY", "Bind variables only allowed in Apex code")
		}
		return v, p.unexpected(t)
	}
	return v, nil
}

// word reads null, true, false, relative dates and amounts such as USD5000.
func (p *parser) word(v Value, t token) (Value, *Error) {
	switch v.Text = strings.ToUpper(t.text); v.Text {
	case "NULL":
		v.Kind = Null
	case "TRUE", "FALSE":
		v.Kind, v.Text = Bool, strings.ToLower(t.text)
	default:
		r, ok := relativeDates[v.Text]
		if !ok {
			return p.amount(v, t)
		}
		v.Kind = DateLiteral
		if !r.counted {
			return v, nil
		}
		if err := p.expect(":"); err != nil {
			return v, err
		}
		n := p.next()
		var err error
		if v.N, err = strconv.Atoi(n.text); err != nil || n.kind != tokNumber || v.N < 0 || v.N > maxRelative {
			return v, p.unexpected(n)
		}
	}
	return v, nil
}

// amount reads a number with the code of its currency before it.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_querying_multicurrency_orgs.htm
func (p *parser) amount(v Value, t token) (Value, *Error) {
	const code = 3
	if len(t.text) <= code {
		return v, p.unexpected(t)
	}
	for i := range len(t.text) {
		if c := t.text[i]; i < code && (isDigit(c) || c == '_') || i >= code && !isDigit(c) {
			return v, p.unexpected(t)
		}
	}
	v.Kind, v.Raw, v.Text = Currency, v.Text[:code], t.text[code:]
	if rest := p.peek(); rest.kind == tokNumber && rest.pos == t.pos+len(t.text) && rest.text[0] == '.' {
		v.Text += p.next().text
	}
	return v, nil
}
