package staging

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/partnersync/partnersync/internal/errs"
)

// Header takes the first line of a Bulk result: the names of the columns, which the
// lines below it have their cells for. Each column of the query has to be there once,
// and nothing else.
func (r *Receiver) Header(names [][]byte) error {
	columns := r.shape.columns
	r.cellOf = make([]int, len(names))
	seen := make([]bool, len(columns))
	for i, name := range names {
		at := -1
		for c := range columns {
			// The platform writes names as describe does; of case nothing is said.
			if strings.EqualFold(columns[c].Path, string(name)) && !seen[c] {
				at = c
				break
			}
		}
		if at < 0 {
			return errs.New(errs.Invalid, "the result of %s has the column %q, which was not asked for", r.shape.object, name)
		}
		seen[at], r.cellOf[i] = true, at
	}
	if len(names) != len(columns) {
		return errs.New(errs.Invalid, "the result of %s has %d columns, and %d were asked for", r.shape.object, len(names), len(columns))
	}
	return nil
}

// Line makes a Record of a line of a Bulk result, after Header. Its payload is byte
// for byte what JSON makes of the same record. An empty cell is null: the platform has
// no empty texts. The cells are not kept.
func (r *Receiver) Line(cells [][]byte) (_ Record, err error) {
	defer errs.Wrap(&err, "receive a record of %s", r.shape.object)
	if len(cells) != len(r.cellOf) || len(cells) == 0 {
		return Record{}, errs.New(errs.Invalid, "it has %d values for %d columns", len(cells), len(r.cellOf))
	}
	size := len(r.shape.object)
	for i, text := range cells {
		if !utf8.Valid(text) {
			text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
		}
		if len(text) == 0 {
			text = nil
		}
		r.cells[r.cellOf[i]] = text
		size += len(text) + len(r.shape.columns[i].Path) + 8
	}
	out, err := r.record(r.cells[r.shape.id], r.cells[r.shape.at])
	if err != nil {
		return Record{}, err
	}
	out.IsDeleted = r.shape.deleted >= 0 && string(r.cells[r.shape.deleted]) == "true"
	b, _ := r.write(r.room(size), r.shape.root, appendCell)
	out.Payload = r.keep(b)
	return out, nil
}

// appendCell writes a cell of CSV; it is not empty.
func appendCell(b []byte, form Form, text cell) []byte {
	switch form {
	case FormNumber:
		if number, ok := appendNumber(b, text); ok {
			return number
		}
	case FormBool:
		if s := string(text); s == "true" || s == "false" {
			return append(b, s...)
		}
	case FormTime:
		return appendTime(b, text)
	}
	return appendText(b, text)
}

// write writes the members of a node in the order of their names; isNull says that
// none of them has a value.
func (r *Receiver) write(b []byte, n *node, value func(b []byte, form Form, c cell) []byte) (_ []byte, isNull bool) {
	isNull = true
	b = append(b, '{')
	for i, m := range n.written {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, m.head...)
		from := len(b)
		if m.column >= 0 {
			if c := r.cells[m.column]; c == nil {
				b = append(b, null...)
			} else {
				b = value(b, r.shape.columns[m.column].Form, c)
			}
			isNull = isNull && string(b[from:]) == null
			continue
		}
		var none bool
		if b, none = r.write(b, m, value); none {
			// CSV cannot tell a parent without values from no parent.
			b = append(b[:from], null...)
		}
		isNull = isNull && none
	}
	return append(b, '}'), isNull
}
