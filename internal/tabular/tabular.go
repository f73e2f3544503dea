// Package tabular makes text fit for the cells of files that are opened with a spreadsheet.
package tabular

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// formulas are what a cell begins with that spreadsheets work out instead of showing it,
// in the widths that some keyboards have as well.
const formulas = "=+-@\t\r\n＝＋－＠"

// split finds the formula behind a semicolon. Where a comma stands in numbers, as in
// German or French, Excel cuts the lines of a file at semicolons, whatever is quoted, so
// a cell may begin there as well.
var split = regexp.MustCompile(`(;[\s\p{Z}\p{C}"]*)([=+\-@＝＋－＠])`)

// Text makes a cell of words that somebody else has chosen, such as a name. What begins
// like a formula gets an apostrophe before it, as
// https://owasp.org/www-community/attacks/CSV_Injection advises; spaces and what is not
// shown do not hide the sign. Breaks of lines become spaces: some programs read each line
// anew.
func Text(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	isFormula := begins(s) || begins(strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }))
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	if strings.Contains(s, ";") {
		s = split.ReplaceAllString(s, "$1'$2")
	}
	if isFormula {
		return "'" + s
	}
	return s
}

// begins says whether a text begins like a formula.
func begins(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return s != "" && strings.ContainsRune(formulas, first)
}
