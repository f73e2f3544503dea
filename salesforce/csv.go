package salesforce

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/partnersync/partnersync/internal/errs"
)

const (
	csvBuffer = 256 << 10
	// longestLine bounds one line of CSV: a record has at most 800 fields and
	// few of them are long.
	longestLine = 32 << 20
)

// csvReader reads the lines of a Bulk result as they come from the network. Unlike
// encoding/csv it leaves carriage returns in texts alone, and copies nothing.
type csvReader struct {
	from io.Reader
	buf  []byte
	at   int // where the next line begins
	err  error
	// cells of the line in hand, and where they are.
	cells [][]byte
	spans []span
}

// span is a cell's place in the buffer, without its quotes.
type span struct {
	from, to int
	escaped  bool // it has quotes, doubled
}

func newCSVReader(from io.Reader) *csvReader {
	return &csvReader{from: from, buf: make([]byte, 0, csvBuffer)}
}

var errHalfLine = errors.New("half a line")

// next gives the cells of the next line, or io.EOF. They are valid until the next
// call. What is no CSV, or ends within a line, is errs.Transient: it was changed or cut
// on its way.
func (c *csvReader) next() ([][]byte, error) {
	for {
		end, err := c.scan()
		if err == nil {
			c.take()
			c.at = end
			return c.cells, nil
		}
		if !errors.Is(err, errHalfLine) {
			return nil, err
		}
		if c.err != nil {
			if errors.Is(c.err, io.EOF) && c.at == len(c.buf) {
				return nil, io.EOF
			}
			return nil, c.cut()
		}
		c.fill()
	}
}

// cut says why the last line is half a line.
func (c *csvReader) cut() error {
	if errors.Is(c.err, io.EOF) {
		return errs.New(errs.Transient, "the result ends within a line")
	}
	return c.err
}

// fill reads more behind what is there.
func (c *csvReader) fill() {
	if c.at > 0 {
		c.buf = c.buf[:copy(c.buf, c.buf[c.at:])]
		c.at = 0
	}
	if len(c.buf) == cap(c.buf) {
		if cap(c.buf) >= longestLine {
			c.err = errs.New(errs.Invalid, "a line of the result is longer than %d bytes", longestLine)
			return
		}
		c.buf = slices.Grow(c.buf, cap(c.buf))
	}
	n, err := c.from.Read(c.buf[len(c.buf):cap(c.buf)])
	c.buf, c.err = c.buf[:len(c.buf)+n], err
}

// scan finds the cells of the line at c.at, and where the line behind it begins.
func (c *csvReader) scan() (end int, err error) {
	c.spans = c.spans[:0]
	i := c.at
	for {
		s, after, err := c.cell(i)
		if err != nil {
			return 0, err
		}
		c.spans = append(c.spans, s)
		switch {
		case after == len(c.buf):
			if errors.Is(c.err, io.EOF) && after > c.at {
				return after, nil // the last line may lack its end
			}
			return 0, errHalfLine
		case c.buf[after] == ',':
			i = after + 1
		case c.buf[after] == '\n':
			return after + 1, nil
		case c.buf[after] == '\r' && after+1 == len(c.buf) && c.err == nil:
			return 0, errHalfLine
		case c.buf[after] == '\r' && after+1 < len(c.buf) && c.buf[after+1] == '\n':
			return after + 2, nil
		default:
			return 0, errs.New(errs.Transient, "the result is not CSV")
		}
	}
}

// cell finds the cell at i, and what follows it.
func (c *csvReader) cell(i int) (s span, after int, err error) {
	if i == len(c.buf) || c.buf[i] != '"' {
		n := bytes.IndexAny(c.buf[i:], ",\r\n\"")
		if n < 0 {
			n = len(c.buf) - i
		}
		return span{from: i, to: i + n}, i + n, nil
	}
	s.from = i + 1
	for i = s.from; ; {
		n := bytes.IndexByte(c.buf[i:], '"')
		if n < 0 {
			return s, 0, errHalfLine
		}
		i += n
		switch {
		case i+1 == len(c.buf) && !errors.Is(c.err, io.EOF):
			return s, 0, errHalfLine // perhaps the first of two
		case i+1 < len(c.buf) && c.buf[i+1] == '"':
			s.escaped = true
			i += 2
		default:
			s.to = i
			return s, i + 1, nil
		}
	}
}

// take makes cells of the spans. Doubled quotes are halved in place.
func (c *csvReader) take() {
	c.cells = c.cells[:0]
	for _, s := range c.spans {
		cell := c.buf[s.from:s.to]
		if s.escaped {
			to := 0
			for i := 0; i < len(cell); i++ {
				cell[to] = cell[i]
				to++
				if cell[i] == '"' {
					i++
				}
			}
			cell = cell[:to]
		}
		c.cells = append(c.cells, cell)
	}
}
