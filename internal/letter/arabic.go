package letter

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// forms are the shapes of an Arabic letter by itself, at the end, at the beginning and
// in the midst of a word; 0 where it has none because it does not join what follows.
type forms [4]rune

const (
	isolated = iota
	final
	initial
	medial
)

const (
	tatweel        = 'ـ' // joins on both sides, and has one shape
	joiner         = '\u200D'
	nonJoiner      = '\u200C'
	lam            = 'ل'
	alefMaksura    = 'ى'
	firstOfAlefs   = '\uFB50' // Arabic Presentation Forms-A: letters beside Arabic's own
	lastOfAlefs    = '\uFBFF'
	firstOfForms   = '\uFE80' // Arabic Presentation Forms-B
	lastOfForms    = '\uFEF4'
	firstOfLamAlef = '\uFEF5'
	lastOfLamAlef  = '\uFEFC'
)

// arabicForms are the forms of letters, and lamAlef those of the ligatures of lam with
// an alef, of which there are two. Unicode keeps the forms of a letter side by side, in
// the order isolated, final, initial, medial, and says by compatibility which letter
// each is a form of; so nothing has to be listed here.
var arabicForms, lamAlef = func() (map[rune]forms, map[rune]forms) {
	letters, ligatures := map[rune]forms{}, map[rune]forms{}
	gather := func(from, to rune) {
		for r := from; r <= to; {
			base := []rune(norm.NFKC.String(string(r)))
			n := rune(1)
			for r+n <= to && n < 4 && norm.NFKC.String(string(r+n)) == string(base) {
				n++
			}
			// One letter, with the two or four forms that a letter has. U+FBE8 and U+FBE9,
			// an alef maksura that Uighur joins, are none of the four.
			if len(base) == 1 && (n == 2 || n == 4) && base[0] != r && (base[0] != alefMaksura || r > lastOfAlefs) {
				var f forms
				for i := range n {
					f[i] = r + i
				}
				letters[base[0]] = f
			}
			r += n
		}
	}
	gather(firstOfAlefs, lastOfAlefs)
	gather(firstOfForms, lastOfForms)
	for r := firstOfLamAlef; r < lastOfLamAlef; r += 2 {
		if base := []rune(norm.NFKC.String(string(r))); len(base) == 2 {
			ligatures[base[1]] = forms{r, r + 1}
		}
	}
	return letters, ligatures
}()

// joinsNext says whether a letter joins the one after it, joinsBefore the one before.
func joinsNext(r rune) bool { return r == tatweel || r == joiner || arabicForms[r][initial] != 0 }

func joinsBefore(r rune) bool {
	return r == tatweel || r == joiner || arabicForms[r][final] != 0
}

// isTransparent says whether a character is passed over when letters join: a vowel sign.
func isTransparent(r rune) bool { return unicode.Is(unicode.Mn, r) }

// shapeArabic gives letters the form that goes with their neighbours, in logical order.
// Other text stays as it is.
func shapeArabic(in []rune) []rune {
	out := make([]rune, 0, len(in))
	for i := 0; i < len(in); i++ {
		r := in[i]
		f, isLetter := arabicForms[r]
		if !isLetter {
			out = append(out, r)
			continue
		}
		before, after := neighbour(in, i, -1), neighbour(in, i, +1)
		joined := before >= 0 && joinsNext(in[before])
		if r == lam && after == i+1 {
			if l, isLigature := lamAlef[in[after]]; isLigature {
				out = append(out, l[choose(joined, false)])
				i++
				continue
			}
		}
		joins := f[initial] != 0 && after >= 0 && joinsBefore(in[after])
		out = append(out, f[choose(joined, joins)])
	}
	return out
}

// choose gives the form of a letter that is joined to the one before, and joins the next.
func choose(joined, joins bool) int {
	switch {
	case joined && joins:
		return medial
	case joined:
		return final
	case joins:
		return initial
	}
	return isolated
}

// neighbour finds the next letter in a direction, past vowel signs; -1 is none.
func neighbour(in []rune, i, step int) int {
	for i += step; i >= 0 && i < len(in); i += step {
		if in[i] == nonJoiner {
			return -1
		}
		if !isTransparent(in[i]) {
			return i
		}
	}
	return -1
}
