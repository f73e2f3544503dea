package soql

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

type tokenKind int

const (
	tokEOF tokenKind = iota
	tokName
	tokString
	tokNumber
	tokDate
	tokDateTime
	tokSymbol
)

type token struct {
	kind tokenKind
	text string // of a string, what is between the quotes
	pos  int
}

// shown is how an error names the token.
func (t token) shown() string {
	switch t.kind {
	case tokEOF:
		return "<EOF>"
	case tokString:
		return "'" + t.text + "'"
	}
	return t.text
}

// tokenize splits a query's text.
func tokenize(text string) ([]token, *Error) {
	var out []token
	for i := 0; ; {
		for i < len(text) && isSpace(text[i]) {
			i++
		}
		if i == len(text) {
			return append(out, token{kind: tokEOF, pos: i}), nil
		}
		t, next, err := nextToken(text, i)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		i = next
	}
}

func nextToken(text string, i int) (token, int, *Error) {
	c := text[i]
	switch {
	case isLetter(c):
		j := i + 1
		for j < len(text) && (isLetter(text[j]) || isDigit(text[j])) {
			j++
		}
		return token{tokName, text[i:j], i}, j, nil
	case c == '\'':
		return stringToken(text, i)
	case isDigit(c), (c == '+' || c == '-' || c == '.') && i+1 < len(text) && isDigit(text[i+1]):
		t, next := numberOrDate(text, i)
		return t, next, nil
	}
	if i+1 < len(text) {
		switch two := text[i : i+2]; two {
		case "<=", ">=", "!=", "<>":
			return token{tokSymbol, two, i}, i + 2, nil
		}
	}
	if strings.IndexByte("=<>(),.:", c) >= 0 {
		return token{tokSymbol, text[i : i+1], i}, i + 1, nil
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	if r == utf8.RuneError {
		return token{}, 0, At(text, i, "MALFORMED_QUERY", "unexpected character")
	}
	return token{}, 0, At(text, i, "MALFORMED_QUERY", "unexpected token: '%s'", text[i:i+size])
}

func stringToken(text string, i int) (token, int, *Error) {
	for j := i + 1; j < len(text); j++ {
		switch text[j] {
		case '\\':
			j++
		case '\'':
			return token{tokString, text[i+1 : j], i}, j + 1, nil
		}
	}
	return token{}, 0, At(text, i, "MALFORMED_QUERY", "line 1:%d mismatched character '<EOF>' expecting '''", len(text))
}

// numberOrDate reads 12, -3.5, 1e6, 2026-11-20 and 2026-11-20T12:00:00.000Z:
// whatever is made of the characters that these may hold. Whether it is a right
// one is found where its value is needed.
func numberOrDate(text string, i int) (token, int) {
	j := i
	for j < len(text) && isDigit(text[j]) {
		j++
	}
	if j-i == 4 && j < len(text) && text[j] == '-' {
		for j < len(text) && (isDigit(text[j]) || strings.IndexByte("-:.+TtZz", text[j]) >= 0) {
			j++
		}
		kind := tokDate
		if strings.ContainsAny(text[i:j], "Tt") {
			kind = tokDateTime
		}
		return token{kind, text[i:j], i}, j
	}
	j = i + 1
	for j < len(text) && (isDigit(text[j]) || text[j] == '.' || text[j] == 'e' || text[j] == 'E' ||
		(text[j] == '-' || text[j] == '+') && (text[j-1] == 'e' || text[j-1] == 'E')) {
		j++
	}
	return token{tokNumber, text[i:j], i}, j
}

// unescape gives the text of a string literal. An escape that the language does
// not have is refused.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_quotedstringescapes.htm
func unescape(raw string) (string, bool) {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw, true
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			b.WriteByte(raw[i])
			continue
		}
		r, size, ok := escape(raw[i:])
		if !ok {
			return "", false
		}
		b.WriteRune(r)
		i += size - 1
	}
	return b.String(), true
}

// escape reads one escape at the start of s and gives its rune and its length.
func escape(s string) (r rune, size int, ok bool) {
	if len(s) < 2 {
		return 0, 0, false
	}
	switch s[1] {
	case 'n', 'N':
		return '\n', 2, true
	case 'r', 'R':
		return '\r', 2, true
	case 't', 'T':
		return '\t', 2, true
	case 'b', 'B':
		return '\b', 2, true
	case 'f', 'F':
		return '\f', 2, true
	case '"', '\'', '\\', '_', '%':
		return rune(s[1]), 2, true
	case 'u', 'U':
		if len(s) >= 6 {
			if n, err := strconv.ParseUint(s[2:6], 16, 32); err == nil {
				return rune(n), 6, true
			}
		}
	}
	return 0, 0, false
}

func isSpace(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
