package bulk

import (
	"bytes"
	"strings"
)

// What the platform says of CSV that it cannot read. Each ends a job.
const (
	bareQuote     = "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote"
	textAfter     = "InvalidBatch : Failed to parse CSV. Not expecting more text after end quote"
	openQuote     = "InvalidBatch : Failed to parse CSV. EOF reached before closing an opened quote"
	wrongEnding   = "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is "
	nothingToRead = "InvalidBatch : Records not found"
)

// Failure is why a job's data cannot be read, as the job's errorMessage says it.
type Failure struct{ Message string }

// Error gives the message.
func (f *Failure) Error() string { return f.Message }

// CheckEndings finds out whether the lines of data end as the dialect says. The
// platform looks at carriage returns before line feeds everywhere, in quotes
// too, if the job says LF, and at line feeds outside of quotes if it says CRLF.
func (d Dialect) CheckEndings(data []byte) error {
	bad := &Failure{wrongEnding + d.LineEnding()}
	if !d.CRLF {
		if bytes.Contains(data, []byte("\r\n")) {
			return bad
		}
		return nil
	}
	inQuotes := false
	for at := 0; ; {
		i := bytes.IndexAny(data[at:], "\"\n")
		if i < 0 {
			return nil
		}
		at += i + 1
		switch {
		case data[at-1] == '"':
			inQuotes = !inQuotes
		case !inQuotes && (at < 2 || data[at-2] != '\r'):
			return bad
		}
	}
}

// Reader reads the lines of CSV data that is in memory. Cells without quotes in
// them are parts of the data, so nothing is copied for most. A line without
// anything on it is no line. A byte order mark is not stepped over, as the
// platform does not: it becomes part of the first column's name.
type Reader struct {
	d    Dialect
	data []byte
	at   int
	// Start is where the line that Next gave last begins in the data.
	Start int
	cells [][]byte
}

// NewReader reads data, which must not change while it is read.
func (d Dialect) NewReader(data []byte) *Reader { return &Reader{d: d, data: data} }

// Seek goes to the place where a line begins: 0, or what Start was.
func (r *Reader) Seek(to int) { r.at = to }

// Next gives the cells of the next line, nil at the end, or a *Failure. The
// slice is reused by the next call, its cells are not.
func (r *Reader) Next() ([][]byte, error) {
	for r.at < len(r.data) {
		if end := r.lineEnd(r.at); end > 0 {
			r.at += end
			continue
		}
		r.Start = r.at
		r.cells = r.cells[:0]
		for {
			cell, last, err := r.cell()
			if err != nil {
				return nil, err
			}
			r.cells = append(r.cells, cell)
			if last {
				return r.cells, nil
			}
		}
	}
	return nil, nil
}

// lineEnd gives the length of the line ending at a place, 0 if none is there.
func (r *Reader) lineEnd(at int) int {
	switch {
	case at < len(r.data) && r.data[at] == '\n' && !r.d.CRLF:
		return 1
	case r.d.CRLF && at+1 < len(r.data) && r.data[at] == '\r' && r.data[at+1] == '\n':
		return 2
	}
	return 0
}

// cell reads a cell and what ends it; last says that it was the line's last.
func (r *Reader) cell() (cell []byte, last bool, err error) {
	if r.at < len(r.data) && r.data[r.at] == '"' {
		return r.quoted()
	}
	from := r.at
	for ; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; {
		case c == r.d.Delimiter:
			r.at++
			return r.data[from : r.at-1], false, nil
		case c == '"':
			return nil, false, &Failure{bareQuote}
		case c == '\n' || c == '\r':
			if end := r.lineEnd(r.at); end > 0 {
				r.at += end
				return r.data[from : r.at-end], true, nil
			}
		}
	}
	return r.data[from:], true, nil
}

// quoted reads a cell that begins with a quote.
func (r *Reader) quoted() (cell []byte, last bool, err error) {
	r.at++
	from := r.at
	var copied []byte
	for {
		i := bytes.IndexByte(r.data[r.at:], '"')
		if i < 0 {
			return nil, false, &Failure{openQuote}
		}
		r.at += i + 1
		if r.at < len(r.data) && r.data[r.at] == '"' {
			copied = append(copied, r.data[from:r.at]...)
			r.at++
			from = r.at
			continue
		}
		break
	}
	cell = r.data[from : r.at-1]
	if copied != nil {
		cell = append(copied, cell...)
	}
	if r.at == len(r.data) {
		return cell, true, nil
	}
	if r.data[r.at] == r.d.Delimiter {
		r.at++
		return cell, false, nil
	}
	if end := r.lineEnd(r.at); end > 0 {
		r.at += end
		return cell, true, nil
	}
	return nil, false, &Failure{textAfter}
}

// Header is the first line of a job's data.
type Header struct {
	// Names are the columns' names, without the spaces around them.
	Names []string
	// Raw is the line as it was uploaded, without its ending: results repeat it.
	Raw string
	// Rows is where the lines below it begin.
	Rows int
}

// ReadHeader reads the first line of data, or says in a *Failure why it cannot.
func (d Dialect) ReadHeader(data []byte) (Header, error) {
	r := d.NewReader(data)
	cells, err := r.Next()
	if err != nil {
		return Header{}, err
	}
	if cells == nil {
		return Header{}, &Failure{nothingToRead}
	}
	h := Header{Rows: r.at, Raw: strings.TrimRight(string(data[r.Start:r.at]), "\r\n")}
	for _, c := range cells {
		h.Names = append(h.Names, strings.TrimSpace(string(c)))
	}
	return h, nil
}
