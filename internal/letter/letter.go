package letter

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// The page, in millimetres.
const (
	pageWidth   = 210.0
	pageHeight  = 297.0
	margin      = 18.0
	topMargin   = 18.0
	footerAt    = pageHeight - 10
	lastLineAt  = pageHeight - 20
	mmPerPoint  = 25.4 / 72
	lineSpacing = 1.32 // of the size
)

// ContentWidth is the width between the margins, in millimetres.
const ContentWidth = pageWidth - 2*margin

// Size of text, in points.
const (
	Small  = 6.5
	Normal = 8.5
	Large  = 11.0
	Title  = 16.0
)

// Style is how a text looks.
type Style struct {
	Size float64 // in points; 0 is Normal
	Bold bool
	Grey bool // for what is said aside
}

func (s Style) size() float64 {
	if s.Size == 0 {
		return Normal
	}
	return s.Size
}

func (s Style) leading() float64 { return s.size() * mmPerPoint * lineSpacing }

// Options are what is said of a letter as a whole.
type Options struct {
	Title  string
	Author string
	// At is when the letter was made, as the file says; it is the only instant in it.
	At time.Time
	// Footer stands below each page, beside its number; Running above each but the
	// first.
	Footer, Running string
}

// Letter is a letter that is being written. The first failure is kept, and Bytes gives it.
type Letter struct {
	options Options
	pdf     *fpdf.Fpdf
	set     *typeset
	y       float64 // the upper edge of what comes next
	added   map[*face]bool
	err     error
}

// New begins a letter on its first page.
func New(o Options) *Letter {
	l := &Letter{options: o, pdf: fpdf.New("P", "mm", "A4", ""), set: newTypeset(), added: map[*face]bool{}}
	l.pdf.SetCatalogSort(true)
	l.pdf.SetCreationDate(o.At.UTC())
	l.pdf.SetModificationDate(o.At.UTC())
	l.pdf.SetTitle(o.Title, true)
	l.pdf.SetAuthor(o.Author, true)
	l.pdf.SetCreator("Partnersync", true)
	l.pdf.SetProducer("Partnersync", true)
	l.pdf.SetAutoPageBreak(false, 0)
	l.pdf.SetMargins(0, 0, 0)
	l.newPage()
	return l
}

func (l *Letter) newPage() {
	l.pdf.AddPage()
	l.y = topMargin
	if l.pdf.PageCount() > 1 && l.options.Running != "" {
		s := Style{Size: Small, Grey: true}
		l.put(margin, l.y-6, l.line(l.options.Running, ContentWidth, s), s)
	}
}

// Space leaves a vertical space, in millimetres.
func (l *Letter) Space(mm float64) { l.y += mm }

// Text writes a paragraph over the whole width.
func (l *Letter) Text(s string, style Style) {
	for _, line := range l.lines(s, ContentWidth, style) {
		if l.y+style.leading() > lastLineAt {
			l.newPage()
		}
		l.put(margin, l.y, line, style)
		l.y += style.leading()
	}
}

// Beside writes one line at the right margin, at the height of what comes next, and
// stays there.
func (l *Letter) Beside(s string, style Style) {
	line := l.line(s, ContentWidth, style)
	l.put(pageWidth-margin-l.millimetres(line, style), l.y, line, style)
}

// lines sets a text within a width in millimetres.
func (l *Letter) lines(s string, width float64, style Style) [][]piece {
	p := newParagraph(s)
	cut, err := l.set.wrap(p, int(width/(style.size()*mmPerPoint)*perEm), style.Bold)
	l.fail(err)
	out := make([][]piece, len(cut))
	for i, c := range cut {
		out[i], err = l.set.pieces(c, p.rightToLeft, style.Bold)
		l.fail(err)
	}
	return out
}

// line sets a text as one line; the first one, if it needs several.
func (l *Letter) line(s string, width float64, style Style) []piece {
	return l.lines(s, width, style)[0]
}

func (l *Letter) millimetres(line []piece, style Style) float64 {
	return float64(widthOf(line)) / perEm * style.size() * mmPerPoint
}

// put writes a line whose upper edge is at y.
func (l *Letter) put(x, y float64, line []piece, style Style) {
	if style.Grey {
		l.pdf.SetTextColor(105, 112, 122)
	} else {
		l.pdf.SetTextColor(24, 28, 36)
	}
	base := y + style.size()*mmPerPoint
	for _, p := range line {
		l.use(p.face, style.size())
		l.pdf.Text(x, base, p.text)
		x += float64(p.width) / perEm * style.size() * mmPerPoint
	}
}

// use takes a face for what is written next.
func (l *Letter) use(f *face, size float64) {
	if !l.added[f] {
		o, err := f.open()
		l.fail(err)
		// fpdf writes into what it is given.
		l.pdf.AddUTF8FontFromBytes(f.name, "", bytes.Clone(o.raw))
		l.added[f] = true
	}
	l.pdf.SetFont(f.name, "", size)
}

func (l *Letter) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// rule draws a line from the left margin over a width, in millimetres.
func (l *Letter) rule(y, width, thickness float64, grey int) {
	l.pdf.SetDrawColor(grey, grey, grey)
	l.pdf.SetLineWidth(thickness)
	l.pdf.Line(margin, y, margin+width, y)
}

// Bytes ends the letter and gives its file.
func (l *Letter) Bytes() ([]byte, error) {
	pages := l.pdf.PageCount()
	style := Style{Size: Small, Grey: true}
	for n := 1; n <= pages; n++ {
		l.pdf.SetPage(n)
		// Which font a page ended with, fpdf does not remember.
		for _, f := range faces {
			if l.added[f] {
				l.pdf.SetFont(f.name, "", math.Pi)
				break
			}
		}
		l.rule(footerAt-2, ContentWidth, 0.1, 200)
		number := l.line(fmt.Sprintf("Page %d of %d", n, pages), ContentWidth, style)
		wide := l.millimetres(number, style)
		l.put(margin, footerAt, l.line(l.options.Footer, ContentWidth-wide-4, style), style)
		l.put(pageWidth-margin-wide, footerAt, number, style)
	}
	var out bytes.Buffer
	l.fail(l.pdf.Output(&out))
	if l.err != nil {
		return nil, fmt.Errorf("write letter: %w", l.err)
	}
	return out.Bytes(), nil
}
