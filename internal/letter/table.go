package letter

// Column is a column of a table.
type Column struct {
	Head  string
	Width float64 // in millimetres
	// Number: the column stands to the right, and what is too wide for it is set smaller
	// rather than wrapped.
	Number bool
}

// Par is a text in a cell; a cell is one below the other.
type Par struct {
	Text  string
	Style Style
}

// Pars is a cell of one text in the normal style.
func Pars(text string) []Par { return []Par{{Text: text}} }

const (
	cellPadding = 1.1 // to the left and right, in millimetres
	rowPadding  = 0.9 // above and below
)

// cellLine is a line of a cell.
type cellLine struct {
	pieces []piece
	style  Style
}

// Table is a table that is being written. Its heads are repeated on every page.
type Table struct {
	l       *Letter
	columns []Column
}

// Table begins a table with its heads; none if no column has one.
func (l *Letter) Table(columns []Column) *Table {
	t := &Table{l, columns}
	t.heads()
	return t
}

func (t *Table) heads() {
	cells := make([][]Par, len(t.columns))
	named := false
	for i, c := range t.columns {
		cells[i] = []Par{{c.Head, Style{Size: 7.5, Bold: true}}}
		named = named || c.Head != ""
	}
	if !named {
		return
	}
	lines := t.set(cells)
	height := t.height(lines)
	if t.l.y+height+10 > lastLineAt { // a head with nothing below it helps nobody
		t.l.newPage()
	}
	t.l.pdf.SetFillColor(236, 239, 243)
	t.l.pdf.Rect(margin, t.l.y, t.width(), height, "F")
	t.draw(lines)
	t.l.rule(t.l.y, t.width(), 0.25, 110)
}

// Row writes a row. It is kept on one page where it fits on one.
func (t *Table) Row(cells ...[]Par) {
	lines := t.set(cells)
	if t.l.y+t.height(lines) > lastLineAt && t.l.y > topMargin {
		t.nextPage()
	}
	for t.l.y+t.height(lines) > lastLineAt { // longer than a page: line by line
		part := make([][]cellLine, len(lines))
		took := false
		for i := range lines {
			room, n := lastLineAt-t.l.y-2*rowPadding, 0
			for n < len(lines[i]) && room >= lines[i][n].style.leading() {
				room -= lines[i][n].style.leading()
				n++
			}
			part[i], lines[i], took = lines[i][:n], lines[i][n:], took || n > 0
		}
		if !took {
			break
		}
		t.draw(part)
		t.nextPage()
	}
	t.draw(lines)
	t.l.rule(t.l.y, t.width(), 0.1, 215)
}

// Rule draws a strong line below the rows so far.
func (t *Table) Rule() { t.l.rule(t.l.y, t.width(), 0.25, 110) }

func (t *Table) nextPage() {
	t.l.newPage()
	t.heads()
}

func (t *Table) width() (sum float64) {
	for _, c := range t.columns {
		sum += c.Width
	}
	return sum
}

// set sets the cells of a row.
func (t *Table) set(cells [][]Par) [][]cellLine {
	out := make([][]cellLine, len(t.columns))
	for i, c := range t.columns {
		if i >= len(cells) {
			break
		}
		room := c.Width - 2*cellPadding
		for _, p := range cells[i] {
			style := p.Style
			if c.Number {
				whole := t.l.line(p.Text, 1e6, style)
				if wide := t.l.millimetres(whole, style); wide > room {
					style.Size = style.size() * room / wide
				}
				out[i] = append(out[i], cellLine{whole, style})
				continue
			}
			for _, line := range t.l.lines(p.Text, room, style) {
				out[i] = append(out[i], cellLine{line, style})
			}
		}
	}
	return out
}

func (t *Table) height(lines [][]cellLine) (highest float64) {
	for _, cell := range lines {
		sum := 0.0
		for _, line := range cell {
			sum += line.style.leading()
		}
		highest = max(highest, sum)
	}
	return highest + 2*rowPadding
}

// draw writes the lines of a row and goes below it.
func (t *Table) draw(lines [][]cellLine) {
	x, height := margin, t.height(lines)
	for i, c := range t.columns {
		y := t.l.y + rowPadding
		for _, line := range lines[i] {
			at := x + cellPadding
			if c.Number {
				at = x + c.Width - cellPadding - t.l.millimetres(line.pieces, line.style)
			}
			t.l.put(at, y, line.pieces, line.style)
			y += line.style.leading()
		}
		x += c.Width
	}
	t.l.y += height
}
