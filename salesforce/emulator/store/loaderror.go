package store

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
)

// maxLoadProblems is how many places a LoadError keeps; the rest is counted.
const maxLoadProblems = 100

// LoadProblem is one place of a data directory that cannot be read.
type LoadProblem struct {
	File   string
	Line   int    // 0 for the file as a whole; the header is line 1
	Column string // the header's text, or ""
	Reason string
}

// LoadError lists what is wrong with a data directory.
type LoadError struct {
	Problems []LoadProblem // the first hundred
	Total    int
}

// Error gives a line for each problem.
func (e *LoadError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cells or rows cannot be read", e.Total)
	if e.Total == 1 {
		b.Reset()
		b.WriteString("one place cannot be read")
	}
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ", line %d", p.Line)
		}
		if p.Column != "" {
			fmt.Fprintf(&b, ", column %s", p.Column)
		}
		b.WriteString(": " + p.Reason)
	}
	if more := e.Total - len(e.Problems); more > 0 {
		fmt.Fprintf(&b, "\n  and %d more", more)
	}
	return b.String()
}

func (e *LoadError) add(file string, line int, column, reason string) {
	e.Total++
	if len(e.Problems) < maxLoadProblems {
		e.Problems = append(e.Problems, LoadProblem{file, line, column, reason})
	}
}

// addCSV adds what the CSV reader refused.
func (e *LoadError) addCSV(file string, err error) {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		e.add(file, 0, "", err.Error())
		return
	}
	reason := p.Err.Error()
	switch {
	case errors.Is(err, csv.ErrFieldCount):
		reason = "the row has more or fewer cells than the header"
	case errors.Is(err, csv.ErrQuote), errors.Is(err, csv.ErrBareQuote):
		reason = fmt.Sprintf("a quote is in the wrong place, at character %d; the rest of the file was not read", p.Column)
	}
	e.add(file, p.Line, "", reason)
}
