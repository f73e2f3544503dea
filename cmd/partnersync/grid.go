package main

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// grid is a table: a column for each head. Heads that start with # are numbers
// and stand to the right.
type grid struct {
	heads []string
	rows  [][]string
	// wrap are the columns of sentences and names, which give way on a narrow
	// terminal. Keys are none of them: people copy those. Tables that go to a file or a pipe are never wrapped.
	wrap []int
}

// add adds a row. What is in a cell begins neither another row nor another column.
func (g *grid) add(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = shownInk(c, inLine)
	}
	g.rows = append(g.rows, row)
}

// table writes a grid; an empty one writes nothing.
func (p *page) table(g grid) {
	if len(g.rows) > 0 {
		p.write(g.render(widthOf(p.w)))
	}
}

// filled is the grid without the columns in which no row has anything.
func (g grid) filled() grid {
	out := grid{rows: make([][]string, len(g.rows))}
	for i, h := range g.heads {
		if !slices.ContainsFunc(g.rows, func(r []string) bool { return r[i] != "" }) {
			continue
		}
		if slices.Contains(g.wrap, i) {
			out.wrap = append(out.wrap, len(out.heads))
		}
		out.heads = append(out.heads, h)
		for n, r := range g.rows {
			out.rows[n] = append(out.rows[n], r[i])
		}
	}
	return out
}

// render gives the grid for a line of so many characters: as a table where one
// fits, its wrapping columns narrowed if need be, else each row as a record of
// its own.
func (g grid) render(width int) string {
	if width != unlimited {
		g = g.filled() // who reads a file expects every column
	}
	limits, fits := g.fit(width)
	if !fits {
		return g.records(width)
	}
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	if width == unlimited {
		// Columns between two spaces are what grep, awk and eyes get along with.
		style = table.Style{Box: table.BoxStyle{PaddingRight: "  "}, Options: table.OptionsNoBordersAndSeparators}
		t.SuppressTrailingSpaces()
	}
	t.SetStyle(style)
	var heads table.Row
	var columns []table.ColumnConfig
	for i, h := range g.heads {
		name, number := strings.CutPrefix(h, "#")
		heads = append(heads, name)
		c := table.ColumnConfig{Number: i + 1}
		if number {
			c.Align, c.AlignHeader = text.AlignRight, text.AlignRight
		}
		if limits[i] > 0 {
			c.WidthMax, c.WidthMaxEnforcer = limits[i], text.WrapSoft
		}
		columns = append(columns, c)
	}
	t.SetColumnConfigs(columns)
	t.AppendHeader(heads)
	for _, r := range g.rows {
		row := make(table.Row, len(r))
		for i, cell := range r {
			row[i] = cell
		}
		t.AppendRow(row)
	}
	return t.Render() + "\n"
}

// narrowest is the width below which a wrapped column is no longer read but
// spelled.
const narrowest = 16

// fit gives the most that each column may take on a line of so many characters,
// 0 for as much as it wants, and whether the table can be made to fit at all.
// What room there is goes to the narrow columns first: those then need no wrap.
func (g grid) fit(width int) (limits []int, fits bool) {
	limits = make([]int, len(g.heads))
	if width == unlimited {
		return limits, true
	}
	room := width - 1 - 3*len(g.heads) // a border and two spaces a column, a border at the end
	least, wanted := 0, make([]int, len(g.heads))
	for i := range g.heads {
		wanted[i] = g.widest(i)
		if slices.Contains(g.wrap, i) {
			least += min(wanted[i], narrowest)
		} else {
			room -= wanted[i]
		}
	}
	if least > room {
		return nil, false
	}
	order := slices.Clone(g.wrap)
	slices.SortFunc(order, func(i, j int) int { return wanted[i] - wanted[j] })
	for n, i := range order {
		if share := room / (len(order) - n); wanted[i] > share {
			limits[i] = share
			room -= share
		} else {
			room -= wanted[i]
		}
	}
	return limits, true
}

// widest is the width of a column's widest line, its head included.
func (g grid) widest(column int) int {
	widest := text.LongestLineLen(strings.TrimPrefix(g.heads[column], "#"))
	for _, r := range g.rows {
		widest = max(widest, text.LongestLineLen(r[column]))
	}
	return widest
}

// records gives each row as lines of name and value, those with nothing left out,
// and an empty line after each row.
func (g grid) records(width int) string {
	indent := 0
	for _, h := range g.heads {
		indent = max(indent, len(strings.TrimPrefix(h, "#"))+2)
	}
	var b strings.Builder
	for _, r := range g.rows {
		for i, cell := range r {
			if cell == "" {
				continue
			}
			name := strings.ToLower(strings.TrimPrefix(g.heads[i], "#"))
			if name != "" { // else it belongs to the one before
				name += ":"
			}
			value := text.WrapSoft(cell, max(width-indent, narrowest))
			for line := range strings.Lines(value) {
				b.WriteString(text.AlignLeft.Apply(name, indent) + strings.TrimRight(line, " \n") + "\n")
				name = ""
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
