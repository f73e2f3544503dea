package letter

import (
	"slices"
	"unicode"

	"golang.org/x/text/unicode/bidi"
)

// isRightToLeft says in which direction a paragraph goes: that of its first strong
// character (Unicode Standard Annex 9, P2 and P3).
func isRightToLeft(in []rune) bool {
	for _, r := range in {
		switch classOf(r) {
		case bidi.L:
			return false
		case bidi.R, bidi.AL:
			return true
		}
	}
	return false
}

func classOf(r rune) bidi.Class {
	p, _ := bidi.LookupRune(r)
	return p.Class()
}

// levels gives the embedding level of each character of a paragraph that has no
// explicit embeddings: even ones go from left to right (UAX 9, W1 to I2).
func levels(in []rune, rightToLeft bool) []int {
	base, embedding := 0, bidi.L
	if rightToLeft {
		base, embedding = 1, bidi.R
	}
	class := weak(in, embedding)
	brackets(in, class, embedding)
	neutral(class, embedding)
	out := make([]int, len(in))
	for i, c := range class {
		switch {
		case c == bidi.R && base == 0, c == bidi.L && base == 1:
			out[i] = base + 1
		case c == bidi.AN || c == bidi.EN:
			out[i] = 2
		default:
			out[i] = base
		}
	}
	for i := len(in) - 1; i >= 0 && unicode.IsSpace(in[i]); i-- {
		out[i] = base // L1: what hangs over the end of a line
	}
	return out
}

// weak resolves numbers and what goes with them (W1 to W7).
func weak(in []rune, embedding bidi.Class) []bidi.Class {
	class := make([]bidi.Class, len(in))
	before, strong := embedding, embedding
	for i, r := range in {
		c := classOf(r)
		switch c {
		case bidi.NSM: // W1: a mark goes with what it is on
			c = before
		case bidi.EN: // W2
			if strong == bidi.AL {
				c = bidi.AN
			}
		}
		if c == bidi.L || c == bidi.R || c == bidi.AL {
			strong = c
		}
		before, class[i] = c, c
	}
	for i, c := range class {
		if c == bidi.AL { // W3
			class[i] = bidi.R
		}
	}
	for i := 1; i+1 < len(class); i++ { // W4: one separator inside a number
		a, c, b := class[i-1], class[i], class[i+1]
		if a == b && (c == bidi.CS && (a == bidi.EN || a == bidi.AN) || c == bidi.ES && a == bidi.EN) {
			class[i] = a
		}
	}
	for i := 0; i < len(class); { // W5, W6: signs beside a number
		j := i
		for j < len(class) && class[j] == bidi.ET {
			j++
		}
		if j > i {
			as := bidi.ON
			if i > 0 && class[i-1] == bidi.EN || j < len(class) && class[j] == bidi.EN {
				as = bidi.EN
			}
			for k := i; k < j; k++ {
				class[k] = as
			}
			i = j
			continue
		}
		if class[i] == bidi.ES || class[i] == bidi.CS {
			class[i] = bidi.ON
		}
		i++
	}
	strong = embedding
	for i, c := range class { // W7
		switch {
		case c == bidi.L || c == bidi.R:
			strong = c
		case c == bidi.EN && strong == bidi.L:
			class[i] = bidi.L
		}
	}
	return class
}

// brackets gives a pair of brackets the direction of what it holds: that of the
// paragraph if anything in it has that, else that of what stands before it (N0).
func brackets(in []rune, class []bidi.Class, embedding bidi.Class) {
	var open []int
	for i, r := range in {
		p, _ := bidi.LookupRune(r)
		switch {
		case class[i] != bidi.ON || !p.IsBracket():
		case p.IsOpeningBracket():
			open = append(open, i)
		default:
			for n := len(open) - 1; n >= 0; n-- {
				if mirrors[in[open[n]]] == r {
					pair(class, open[n], i, embedding)
					open = open[:n]
					break
				}
			}
		}
	}
}

func pair(class []bidi.Class, from, to int, embedding bidi.Class) {
	other := false
	for _, c := range class[from+1 : to] {
		switch direction(c) {
		case embedding:
			class[from], class[to] = embedding, embedding
			return
		case bidi.ON:
		default:
			other = true
		}
	}
	if !other {
		return
	}
	as := embedding
	for i := from - 1; i >= 0; i-- {
		if c := direction(class[i]); c != bidi.ON {
			as = c
			break
		}
	}
	class[from], class[to] = as, as
}

// direction is that of a resolved class, ON for none. Numbers count as right to left.
func direction(c bidi.Class) bidi.Class {
	switch c {
	case bidi.L:
		return bidi.L
	case bidi.R, bidi.EN, bidi.AN:
		return bidi.R
	}
	return bidi.ON
}

// neutral gives what has no direction that of its neighbours, if they agree (N1, N2).
func neutral(class []bidi.Class, embedding bidi.Class) {
	side := func(i int) bidi.Class {
		if i < 0 || i >= len(class) {
			return embedding
		}
		return direction(class[i])
	}
	for i := 0; i < len(class); {
		j := i
		for j < len(class) && direction(class[j]) == bidi.ON {
			j++
		}
		as := embedding
		if a := side(i - 1); a == side(j) {
			as = a
		}
		for k := i; k < j; k++ {
			class[k] = as
		}
		i = max(j, i+1)
	}
}

// visual gives a line of a paragraph in the order in which it stands on the page (L2 to
// L4): what goes from right to left is turned round, brackets are mirrored, and marks
// stay behind what they are on.
func visual(in []rune, rightToLeft bool) []rune {
	level := levels(in, rightToLeft)
	if !slices.ContainsFunc(level, func(l int) bool { return l > 0 }) {
		return in
	}
	out, at := slices.Clone(in), slices.Clone(level)
	for i, l := range level {
		if m, has := mirrors[in[i]]; has && l%2 == 1 {
			out[i] = m
		}
	}
	for l := slices.Max(level); l > 0; l-- {
		for i := 0; i < len(out); i++ {
			j := i
			for j < len(out) && at[j] >= l {
				j++
			}
			slices.Reverse(out[i:j])
			slices.Reverse(at[i:j])
			i = max(i, j)
		}
	}
	for i := 0; i < len(out); i++ { // L3
		j := i
		for j < len(out) && at[j]%2 == 1 && isTransparent(out[j]) {
			j++
		}
		if j > i && j < len(out) && at[j]%2 == 1 {
			slices.Reverse(out[i : j+1])
			i = j
		}
	}
	return out
}

// mirrors are the characters that are mirrored in right-to-left text, those that names
// and sentences have.
var mirrors = map[rune]rune{
	'(': ')', ')': '(', '[': ']', ']': '[', '{': '}', '}': '{', '<': '>', '>': '<', '«': '»', '»': '«',
	'‹': '›', '›': '‹', '≤': '≥', '≥': '≤', '（': '）', '）': '（', '「': '」', '」': '「', '【': '】', '】': '【',
}
