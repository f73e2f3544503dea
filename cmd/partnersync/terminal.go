package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal says whether a writer is one.
func isTerminal(w io.Writer) (*os.File, bool) {
	f, ok := w.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// unlimited is the width of what is no terminal: a file, a pipe.
const unlimited = 0

// widthOf is how many characters fit on a line of a writer, or unlimited.
func widthOf(w io.Writer) int {
	f, terminal := isTerminal(w)
	if !terminal {
		return unlimited
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return 80 // a terminal that does not say has the usual width
	}
	return width
}
