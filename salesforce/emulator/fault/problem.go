package fault

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a plan.
type Problem struct {
	Line, Column int    // from 1; 0 for the document as a whole
	Key          string // such as rules[2].when.kind
	Message      string
}

// Error is everything that is wrong with a plan.
type Error struct {
	Name     string // how the document is called
	Problems []Problem
}

// Error gives a line for each problem: name:line:column: key: message.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		where := e.Name
		if p.Line > 0 {
			where = fmt.Sprintf("%s:%d:%d", e.Name, p.Line, p.Column)
		}
		if p.Key != "" {
			where += ": " + p.Key
		}
		lines = append(lines, where+": "+p.Message)
	}
	return strings.Join(lines, "\n")
}
