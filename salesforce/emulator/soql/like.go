package soql

import (
	"strings"
	"unicode/utf8"
)

// Pattern is a compiled LIKE pattern: % stands for any text, _ for any one
// character, \% and \_ for themselves. Case does not matter.
type Pattern struct{ elems []element }

type element struct {
	r        rune
	one, any bool
}

// CompileLike compiles the pattern of a String value (its Raw).
func CompileLike(raw string) Pattern {
	var p Pattern
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '\\':
			if r, size, ok := escape(raw[i:]); ok {
				p.literal(r)
				i += size
				continue
			}
			p.literal('\\')
			i++
		case c == '%':
			if n := len(p.elems); n == 0 || !p.elems[n-1].any {
				p.elems = append(p.elems, element{any: true})
			}
			i++
		case c == '_':
			p.elems = append(p.elems, element{one: true})
			i++
		default:
			r, size := utf8.DecodeRuneInString(raw[i:])
			p.literal(r)
			i += size
		}
	}
	return p
}

func (p *Pattern) literal(r rune) {
	p.elems = append(p.elems, element{r: fold(r)})
}

// Match says whether the whole of s fits the pattern. It takes at most
// len(pattern) × len(s) steps.
func (p Pattern) Match(s string) bool {
	text := []rune(strings.ToLower(s))
	i, j, star, mark := 0, 0, -1, 0
	for i < len(text) {
		switch {
		case j < len(p.elems) && p.elems[j].any:
			star, mark = j, i
			j++
		case j < len(p.elems) && (p.elems[j].one || p.elems[j].r == text[i]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(p.elems) && p.elems[j].any {
		j++
	}
	return j == len(p.elems)
}

func fold(r rune) rune {
	for _, l := range strings.ToLower(string(r)) {
		return l
	}
	return r
}
