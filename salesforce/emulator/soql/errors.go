package soql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a refused query in the platform's form.
type Error struct {
	// Code is the platform's errorCode, such as MALFORMED_QUERY.
	Code string
	// Message is the platform's text, with the place in the query.
	Message string
}

// Error gives code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// contextBefore is how much of the query an error shows before its place.
const contextBefore, contextAfter = 60, 40

// At makes an error about the place pos (in bytes) of a query's text: the part
// of the query around it, a caret under the place, row and column, the message.
func At(text string, pos int, code, format string, args ...any) *Error {
	pos = min(max(pos, 0), len(text))
	row := 1 + strings.Count(text[:pos], "\n")
	lineStart := strings.LastIndexByte(text[:pos], '\n') + 1
	lineEnd := len(text)
	if i := strings.IndexByte(text[pos:], '\n'); i >= 0 {
		lineEnd = pos + i
	}
	before, after := text[lineStart:pos], text[pos:lineEnd]
	column := utf8.RuneCountInString(before) + 1
	if r := []rune(before); len(r) > contextBefore {
		before = string(r[len(r)-contextBefore:])
	}
	if r := []rune(after); len(r) > contextAfter {
		after = string(r[:contextAfter])
	}
	return &Error{Code: code, Message: fmt.Sprintf("\n%s%s\n%s^\nERROR at Row:%d:Column:%d\n%s",
		before, after, strings.Repeat(" ", utf8.RuneCountInString(before)), row, column, fmt.Sprintf(format, args...))}
}
