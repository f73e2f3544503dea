package letter

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// piece is text in one face, ready to be written.
type piece struct {
	face  *face
	text  string
	width int // in thousandths of the size
}

// clean puts a text into composed form on one line, without characters that are not
// shown. Bytes that are no text become the substitute.
func clean(s string) []rune {
	s = norm.NFC.String(strings.ToValidUTF8(s, string(substitute)))
	var out []rune
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			if len(out) > 0 && out[len(out)-1] != ' ' {
				out = append(out, ' ')
			}
		case r == joiner || r == nonJoiner:
			out = append(out, r) // shaping asks for them
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
		default:
			out = append(out, r)
		}
	}
	if n := len(out); n > 0 && out[n-1] == ' ' {
		out = out[:n-1]
	}
	return out
}

// paragraph is a text that was shaped, in logical order.
type paragraph struct {
	runes       []rune
	rightToLeft bool
}

func newParagraph(s string) paragraph {
	logical := clean(s)
	p := paragraph{rightToLeft: isRightToLeft(logical)}
	for _, r := range shapeArabic(logical) {
		if r != joiner && r != nonJoiner {
			p.runes = append(p.runes, r)
		}
	}
	return p
}

// pieces sets a line of the paragraph: in visual order, cut where the face changes.
func (t *typeset) pieces(line []rune, rightToLeft, bold bool) (out []piece, err error) {
	for _, r := range visual(line, rightToLeft) {
		g, err := t.glyph(r, bold)
		if err != nil {
			return nil, err
		}
		n := len(out)
		if n == 0 || out[n-1].face != g.face {
			out = append(out, piece{face: g.face})
			n++
		}
		out[n-1].text += string(g.as)
		out[n-1].width += g.width
	}
	return out, nil
}

// wrap cuts a paragraph into lines no wider than a number of thousandths of the size:
// between words, between ideographs, and inside a word that is wider than a line. No
// character but the space at a cut is lost.
func (t *typeset) wrap(p paragraph, width int, bold bool) (lines [][]rune, err error) {
	start, cut, wide, wideAtCut := 0, -1, 0, 0
	for i, r := range p.runes {
		g, err := t.glyph(r, bold)
		if err != nil {
			return nil, err
		}
		if i > start && wide+g.width > width && r != ' ' && !isTransparent(r) {
			if cut <= start { // one word fills the line
				cut, wideAtCut = i, wide
			}
			lines = append(lines, trim(p.runes[start:cut]))
			start, wide = cut, wide-wideAtCut
			cut = -1
		}
		wide += g.width
		if r == ' ' || r == '-' || r == '/' || isIdeograph(r) {
			cut, wideAtCut = i+1, wide
		}
	}
	return append(lines, trim(p.runes[start:])), nil
}

func trim(line []rune) []rune {
	for len(line) > 0 && line[len(line)-1] == ' ' {
		line = line[:len(line)-1]
	}
	for len(line) > 0 && line[0] == ' ' {
		line = line[1:]
	}
	return line
}

// isIdeograph says whether a line may be cut behind a character, although no space
// follows.
func isIdeograph(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao)
}

// widthOf is the width of a line, in thousandths of the size.
func widthOf(pieces []piece) (sum int) {
	for _, p := range pieces {
		sum += p.width
	}
	return sum
}
