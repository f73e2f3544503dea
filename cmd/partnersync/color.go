package main

import (
	"io"

	"github.com/jedib0t/go-pretty/v6/text"
)

// What is painted, and how.
var (
	red    = text.Colors{text.FgRed, text.Bold}
	green  = text.Colors{text.FgGreen}
	yellow = text.Colors{text.FgYellow}
	cyan   = text.Colors{text.FgCyan}
	faint  = text.Colors{text.Faint}
	bold   = text.Colors{text.Bold}
)

// colored says whether a writer gets colours: a terminal that nobody asked to be
// plain (https://no-color.org: any value but the empty one).
func (a *app) colored(w io.Writer) bool {
	if a.noColor || a.variable("NO_COLOR") != "" || a.variable("TERM") == "dumb" {
		return false
	}
	_, terminal := isTerminal(w)
	return terminal
}

// paint colours a text, where the writer gets colours.
func (a *app) paint(w io.Writer, how text.Colors, s string) string {
	if !a.colored(w) {
		return s
	}
	// EscapeSequence and not Sprint, which a global of the library's may switch off.
	return how.EscapeSeq() + s + text.EscapeReset
}
