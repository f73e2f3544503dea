package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/token"
)

// Fault is one thing that is wrong with the settings.
type Fault struct {
	// Key is the setting, such as "http.listen"; "" for the file as a whole.
	Key string
	// Where is "partnersync.yaml:12:3", an environment variable, or "" for a
	// setting that is missing.
	Where string
	// Line and Column are from 1; 0 when the fault has no place in the file.
	Line, Column int
	// Message says what is wrong and what would be right.
	Message string
	// Excerpt is the line with a caret below the place, or "".
	Excerpt string
}

// String gives the fault as a person reads it, excerpt included.
func (f Fault) String() string {
	var b strings.Builder
	if f.Where != "" {
		b.WriteString(f.Where + ": ")
	}
	if f.Key != "" {
		b.WriteString(f.Key + ": ")
	}
	b.WriteString(f.Message)
	if f.Excerpt != "" {
		b.WriteString("\n" + f.Excerpt)
	}
	return b.String()
}

// Faults is everything that is wrong with the settings. It is an error.
type Faults []Fault

// Error lists the faults, one below the other.
func (f Faults) Error() string {
	lines := make([]string, 0, len(f)+1)
	if len(f) == 1 {
		return f[0].String()
	}
	lines = append(lines, fmt.Sprintf("%d faults in the settings:", len(f)))
	for _, one := range f {
		lines = append(lines, one.String())
	}
	return strings.Join(lines, "\n")
}

// source is a file that is being read.
type source struct {
	path string
	text []byte
}

// at gives the place of a token.
func (s source) at(t *token.Token) origin {
	o := origin{path: s.path, line: t.Position.Line, column: t.Position.Column}
	if lines := strings.Split(string(s.text), "\n"); o.line >= 1 && o.line <= len(lines) {
		o.text = strings.TrimRight(lines[o.line-1], "\r")
	}
	return o
}

// origin is where a value was stated: a place in a file, or a variable.
type origin struct {
	variable string

	path         string
	line, column int
	text         string // the whole line
}

func (o origin) where() string {
	if o.variable != "" {
		return o.variable
	}
	return fmt.Sprintf("%s:%d:%d", o.path, o.line, o.column)
}

// statement finds the key of a line, up to its colon, and the rest.
var statement = regexp.MustCompile(`^([\s{?,-]*["']?([A-Za-z_.]+)["']?\s*:\s*)(\S.*)$`)

// excerpt shows the line with a caret below the column. What may be a secret is
// masked: the value of a key that is, or nearly is, one that takes a secret, and
// a line without a key, which may be the rest of a secret above it.
func (o origin) excerpt(key string) string {
	if o.text == "" {
		return ""
	}
	shown := o.text
	m := statement.FindStringSubmatch(shown)
	switch {
	case m == nil && !strings.HasSuffix(strings.TrimSpace(shown), ":"):
		shown = strings.Repeat(" ", max(0, o.column-1)) + masked
	case m != nil && (isSecret(key) || nearSecret(m[2]) || strings.ContainsAny(m[3], "{@") || strings.Contains(m[3], ": ")):
		// The last two: a flow mapping, an address, or a second key may hold a secret.
		shown = m[1] + masked
	}
	number := strconv.Itoa(o.line)
	caret := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, runesBefore(shown, o.column))
	return fmt.Sprintf("  %s | %s\n  %s | %s^", number, shown, strings.Repeat(" ", len(number)), caret)
}

// nearSecret says whether a name is, or is nearly, that of a key that takes a secret.
func nearSecret(name string) bool {
	for _, key := range Keys() {
		// A quarter of the name: "passwd" is near "password", "pull" is not "url".
		if isSecret(key) && distance(last(name), last(key)) <= len(last(key))/4 {
			return true
		}
	}
	return false
}

// runesBefore gives the first column-1 characters of a line.
func runesBefore(line string, column int) string {
	runes := []rune(line)
	if n := max(column-1, 0); n < len(runes) {
		return string(runes[:n])
	}
	return line
}

// shortDuration writes 2m0s as 2m and 1h0m0s as 1h.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func numeral(v reflect.Value) string {
	if v.CanInt() {
		return strconv.FormatInt(v.Int(), 10)
	}
	return fmt.Sprint(v.Interface())
}
