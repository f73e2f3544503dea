package brought

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/partnersync/partnersync/internal/errs"
)

// Bounds of a file. A company with more splits it; each part is a whole of its own.
const (
	maxBytes = 32 << 20
	maxRows  = 100_000
)

// column is a place in the order of columns.
type column int

// The columns, in the order in which a file without a heading has them.
const (
	kindColumn column = iota
	partnerColumn
	currencyColumn
	amountColumn
	periodColumn
	referenceColumn
	noteColumn
	opportunityColumn
	paidOnColumn
	regimeColumn
	sliceColumn
)

// order names the columns.
var order = [...]string{
	"kind", "partner_id", "currency", "amount", "period", "reference", "note", "opportunity_id", "paid_on", "regime", "slice",
}

// Columns gives the names of the columns, in the order in which a file without a
// heading has them.
func Columns() []string { return slices.Clone(order[:]) }

// needed are the columns that every row needs.
const needed = noteColumn // those before it

// File is a file that could be read.
type File struct {
	Name string // without its folder
	Hash []byte // SHA-256 of the whole file
	// Rows are those that say anything, the faulty ones too; Faults what is wrong with
	// them by themselves.
	Rows   []Row
	Faults []Fault
}

// Read reads a file of what is to be brought in. What is wrong with single rows is in
// the file's Faults; a file that is none of ours as a whole is errs.Invalid. It may
// begin with a byte order mark, end its lines with or without a carriage return, and
// separate its cells by commas, semicolons or tabs.
func Read(r io.Reader, name string) (_ File, err error) {
	f := File{Name: filepath.Base(name)}
	defer errs.Wrap(&err, "%s", f.Name)
	raw, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return File{}, errs.New(errs.Invalid, "read it: %w", err)
	}
	if len(raw) > maxBytes {
		return File{}, errs.New(errs.Invalid, "it is larger than %d MB", maxBytes>>20).WithHint("Split it; each part is brought in by itself.")
	}
	hash := sha256.Sum256(raw)
	f.Hash = hash[:]
	if err := checkText(raw); err != nil {
		return File{}, err
	}
	text := bytes.TrimPrefix(raw, []byte("\ufeff"))
	l, err := findLayout(text)
	if err != nil {
		return File{}, err
	}
	return f, f.read(text, l)
}

// checkText refuses what is no text in UTF-8, with the line.
func checkText(raw []byte) error {
	const how = "Save it as CSV in UTF-8, such as \"CSV UTF-8\" in Excel."
	if bytes.HasPrefix(raw, []byte{0xff, 0xfe}) || bytes.HasPrefix(raw, []byte{0xfe, 0xff}) {
		return errs.New(errs.Invalid, "it is in UTF-16").WithHint(how)
	}
	if bytes.HasPrefix(raw, []byte("PK\x03\x04")) {
		return errs.New(errs.Invalid, "it is a workbook, not CSV").WithHint(how)
	}
	n := 0
	for line := range bytes.Lines(raw) {
		if n++; !utf8.Valid(line) {
			return errs.New(errs.Invalid, "line %d is not UTF-8", n).WithHint(how)
		}
	}
	return nil
}

// layout says how a file is laid out.
type layout struct {
	comma     rune
	at        []column // what each cell of a row is
	isHeading bool     // its first line names the columns
}

// findLayout tells a file's layout from its first line.
func findLayout(text []byte) (layout, error) {
	hint := "The first line names the columns: " + strings.Join(order[:], ",") + ". Without it the columns come in that order."
	for _, comma := range []rune{',', ';', '\t'} {
		first, err := newReader(text, comma).Read()
		if errors.Is(err, io.EOF) {
			return layout{}, errs.New(errs.Invalid, "it is empty").WithHint("%s", hint)
		}
		if err != nil || len(first) < 2 {
			continue
		}
		if kind, _ := parseKind(meant(first[0])); kind != "" {
			l := layout{comma: comma}
			for c := range order {
				l.at = append(l.at, column(c))
			}
			return l, nil
		}
		if slices.ContainsFunc(first, func(s string) bool { return columnName(s) == order[kindColumn] }) {
			at, err := columnsOf(first)
			if err != nil {
				return layout{}, err.WithHint("%s", hint)
			}
			return layout{comma: comma, at: at, isHeading: true}, nil
		}
	}
	return layout{}, errs.New(errs.Invalid, "its first line neither names the columns nor is a row").WithHint("%s", hint)
}

func newReader(text []byte, comma rune) *csv.Reader {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = comma, -1, true
	return r
}

// columnName gives a name in a heading as ours: "Partner ID" is partner_id.
func columnName(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(meant(s)), func(r rune) bool { return r == ' ' || r == '_' || r == '-' }), "_")
}

// columnsOf reads a heading. A name that means nothing here is refused: what is in that
// column would be lost.
func columnsOf(heading []string) ([]column, *errs.Error) {
	at := make([]column, len(heading))
	for i, s := range heading {
		c := slices.Index(order[:], columnName(s))
		switch {
		case c < 0:
			return nil, errs.New(errs.Invalid, "it has a column %q that means nothing here", shown(s))
		case slices.Contains(at[:i], column(c)):
			return nil, errs.New(errs.Invalid, "it has the column %s twice", order[c])
		}
		at[i] = column(c)
	}
	for c := range needed {
		if !slices.Contains(at, c) {
			return nil, errs.New(errs.Invalid, "it has no column %s", order[c])
		}
	}
	return at, nil
}

// read reads the rows. A quote that goes wrong is the last that is looked at: nobody can
// say where the rows behind it begin.
func (f *File) read(text []byte, l layout) error {
	r := newReader(text, l.comma)
	for isFirst := true; ; isFirst = false {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			f.Faults = append(f.Faults, Fault{
				Line: parse.StartLine, What: "its quotes do not match: " + parse.Err.Error(),
				Do: `Put a cell that has a quote, a separator or a line break into quotes, and write a quote in it twice. Nothing behind it was looked at.`,
			})
			return nil
		}
		if err != nil {
			return errs.New(errs.Invalid, "read it: %w", err)
		}
		if isFirst && l.isHeading || isBlank(cells) {
			continue
		}
		if len(f.Rows) == maxRows {
			return errs.New(errs.Invalid, "it has more than %d rows", maxRows).WithHint("Split it; each part is brought in by itself.")
		}
		line, _ := r.FieldPos(0)
		f.add(line, cells, l)
	}
	if len(f.Rows) == 0 {
		return errs.New(errs.Invalid, "it has no rows")
	}
	return nil
}

func (f *File) add(line int, cells []string, l layout) {
	r := reading{row: Row{Line: line}}
	if len(cells) > len(l.at) && !isBlank(cells[len(l.at):]) {
		r.row.isFaulty = true
		f.Faults = append(f.Faults, Fault{
			Line: line, What: "it has more cells than there are columns",
			Do: "Put a cell that has a separator in it into quotes. An amount has no thousands separators.",
		})
		f.Rows = append(f.Rows, r.row)
		return
	}
	for i, c := range cells[:min(len(cells), len(l.at))] {
		r.cells[l.at[i]] = c
	}
	r.read()
	f.Rows, f.Faults = append(f.Rows, r.row), append(f.Faults, r.faults...)
}

func isBlank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(s string) bool { return strings.TrimSpace(s) != "" })
}
