package letter

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

//go:embed fonts
var fontFiles embed.FS

// face is an embedded font.
type face struct {
	name string
	open func() (opened, error)
}

// opened is a font that was read: its bytes for the file, and its tables for us.
type opened struct {
	raw   []byte
	table *sfnt.Font
}

// faces are the fonts in the order in which they are asked for a character. The first
// is that of bold text only.
var faces = []*face{
	newFace("DejaVuSans-Bold"), newFace("DejaVuSans"), newFace("NotoSansThai-Regular"), newFace("NotoSansDevanagari-Regular"),
	newFace("NotoSansBengali-Regular"), newFace("NotoSansGujarati-Regular"), newFace("NotoSansGurmukhi-Regular"),
	newFace("NotoSansTamil-Regular"), newFace("NotoSansTelugu-Regular"), newFace("NotoSansKannada-Regular"),
	newFace("NotoSansMalayalam-Regular"), newFace("NotoSansOriya-Regular"), newFace("NotoSansSinhala-Regular"),
	newFace("NotoSansKhmer-Regular"), newFace("NotoSansMyanmar-Regular"), newFace("NotoSansEthiopic-Regular"), newFace("DroidSansFallback"),
}

func newFace(name string) *face {
	return &face{name: name, open: sync.OnceValues(func() (opened, error) { return readFace(name) })}
}

func readFace(name string) (opened, error) {
	packed, err := fontFiles.ReadFile("fonts/" + name + ".ttf.gz")
	if err != nil {
		return opened{}, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return opened{}, fmt.Errorf("unpack font %s: %w", name, err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		return opened{}, fmt.Errorf("unpack font %s: %w", name, err)
	}
	table, err := sfnt.Parse(raw)
	if err != nil {
		return opened{}, fmt.Errorf("read font %s: %w", name, err)
	}
	return opened{raw, table}, nil
}

// perEm is the resolution in which advances are asked for: thousandths of the size.
const perEm = 1000

// glyph is how a character is shown: in which face, as which character, and how wide,
// in thousandths of the size.
type glyph struct {
	face  *face
	as    rune
	width int
}

// substitute is shown for a character that no font has.
const substitute = '\uFFFD'

// typeset finds glyphs, and remembers them.
type typeset struct {
	buffer sfnt.Buffer
	known  map[bool]map[rune]glyph
}

func newTypeset() *typeset {
	return &typeset{known: map[bool]map[rune]glyph{false: {}, true: {}}}
}

// glyph gives how a character is shown.
func (t *typeset) glyph(r rune, bold bool) (glyph, error) {
	if g, seen := t.known[bold][r]; seen {
		return g, nil
	}
	g, found, err := t.look(r, bold)
	if err == nil && !found {
		g, _, err = t.look(substitute, bold)
	}
	t.known[bold][r] = g
	return g, err
}

func (t *typeset) look(r rune, bold bool) (glyph, bool, error) {
	if r > 0xFFFF { // what we write the file with knows no further plane
		return glyph{}, false, nil
	}
	from := faces
	if !bold {
		from = faces[1:]
	}
	for _, f := range from {
		o, err := f.open()
		if err != nil {
			return glyph{}, false, err
		}
		index, err := o.table.GlyphIndex(&t.buffer, r)
		if err != nil {
			return glyph{}, false, fmt.Errorf("look %U up in %s: %w", r, f.name, err)
		}
		if index == 0 {
			continue
		}
		advance, err := o.table.GlyphAdvance(&t.buffer, index, fixed.I(perEm), font.HintingNone)
		if err != nil {
			return glyph{}, false, fmt.Errorf("measure %U in %s: %w", r, f.name, err)
		}
		return glyph{f, r, advance.Round()}, true, nil
	}
	return glyph{}, false, nil
}
