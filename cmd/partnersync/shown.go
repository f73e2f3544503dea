package main

import (
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hidden stands in the place of a character that would not be shown, but do something.
const hidden = "\uFFFD"

// shown makes a text fit to be looked at. Names, remarks and refusals are written by
// others, and what they wrote goes to the screen of whoever pays: a control character in
// them would move the cursor, hide a line or type for that person (ECMA-48), and one that
// turns the direction of writing would show an amount back to front (UAX #9). Line breaks
// and tabs stay.
func shown(s string) string {
	if !strings.ContainsFunc(s, isActing) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == utf8.RuneError || isActing(r):
			b.WriteString(hidden)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isActing says whether a character does something to what is shown beside it.
func isActing(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069', r == '\u2028', r == '\u2029':
		return true
	}
	return unicode.IsControl(r)
}

// inLine is shown without what would begin another line or column.
func inLine(s string) string {
	return shown(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		return r
	}, s))
}

// inked are the sequences with which we paint and log: colours, bold and faint, and none
// of those that hide text.
var inked = regexp.MustCompile("\x1b\\[(?:(?:0|1|2|3[1-6])(?:;(?:1|2|3[1-6]))*)?m")

// shownInk is shown, and leaves colours that are ours.
func shownInk(s string, clean func(string) string) string {
	var b strings.Builder
	for {
		at := inked.FindStringIndex(s)
		if at == nil {
			b.WriteString(clean(s))
			return b.String()
		}
		b.WriteString(clean(s[:at[0]]) + s[at[0]:at[1]])
		s = s[at[1]:]
	}
}

// shownTo gives a text as it may be written to a writer: with our colours only where it
// gets any.
func (a *app) shownTo(w io.Writer, s string) string {
	if a.colored(w) {
		return shownInk(s, shown)
	}
	return shown(s)
}

// shownWriter writes the lines of a log so that they can be looked at.
type shownWriter struct {
	app *app
	to  io.Writer
}

// Write writes whole lines, as a logger hands them over.
func (w shownWriter) Write(line []byte) (int, error) {
	if _, err := io.WriteString(w.to, w.app.shownTo(w.to, string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}
