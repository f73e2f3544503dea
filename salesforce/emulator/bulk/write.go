package bulk

import (
	"strings"
)

// AppendCell writes a cell as the platform does: in quotes, whatever is in it,
// null being "". The cells of a line are parted by the dialect's delimiter.
func AppendCell(b []byte, text string) []byte {
	b = append(b, '"')
	for {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			return append(append(b, text...), '"')
		}
		b = append(append(b, text[:i]...), '"', '"')
		text = text[i+1:]
	}
}

// AppendRow writes a line of cells.
func (d Dialect) AppendRow(b []byte, cells ...string) []byte {
	for i, c := range cells {
		if i > 0 {
			b = append(b, d.Delimiter)
		}
		b = AppendCell(b, c)
	}
	return d.AppendEnd(b)
}
