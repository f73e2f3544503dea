package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/partnersync/partnersync/internal/clock"
)

// The values of --output.
const (
	outputTable = "table"
	outputJSON  = "json"
)

// show prints a result: as one JSON document, or as human writes it. Nothing
// else of a command goes to standard output.
func (a *app) show(document any, human func(p *page)) error {
	if a.output == outputJSON {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(document)
	}
	p := &page{app: a, w: a.out}
	human(p)
	p.oneApproves()
	return p.err
}

// note tells a person something beside the result, on standard error.
func (a *app) note(format string, args ...any) {
	fmt.Fprintln(a.err, a.paint(a.err, yellow, "note:"), shown(fmt.Sprintf(format, args...)))
}

// say tells a person what goes on, on standard error.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.err, a.shownTo(a.err, fmt.Sprintf(format, args...)))
}

// page is output for a person. It remembers the first failure to write.
type page struct {
	app   *app
	w     io.Writer
	err   error
	begun bool
	// apart says that the last line is an empty one.
	apart bool
	// isLetter says that it is a text to send as it is, to a partner for one.
	isLetter bool
}

func (p *page) write(s string) {
	p.begun, p.apart = true, strings.HasSuffix(s, "\n\n") || s == "\n"
	if p.err == nil {
		_, p.err = io.WriteString(p.w, p.app.shownTo(p.w, s))
	}
}

// line writes one line, whatever is put into it.
func (p *page) line(format string, args ...any) {
	p.write(shownInk(fmt.Sprintf(format, args...), inLine) + "\n")
}

// sentence writes a line that may be long: on a terminal it is broken between words.
func (p *page) sentence(format string, args ...any) {
	s := shownInk(fmt.Sprintf(format, args...), inLine)
	if width := widthOf(p.w); width != unlimited {
		s = text.WrapSoft(s, width)
	}
	p.write(s + "\n")
}

// title writes a heading, with an empty line before it unless it is the first.
func (p *page) title(text string) {
	if p.begun && !p.apart {
		p.write("\n")
	}
	p.line("%s", p.app.paint(p.w, bold, text))
}

// pairs writes names and values, one pair a line, the values aligned, further lines of
// them too.
func (p *page) pairs(rows ...[2]string) {
	widest := 0
	for _, r := range rows {
		widest = max(widest, text.StringWidthWithoutEscSequences(r[0]))
	}
	for _, r := range rows {
		p.write(text.AlignLeft.Apply(r[0], widest) + "  " + hanging(r[1], widest+2) + "\n")
	}
}

// hanging puts the lines of a text behind the first below its beginning, so that none of
// them looks like one of ours.
func hanging(s string, indent int) string {
	return strings.ReplaceAll(s, "\n", "\n"+strings.Repeat(" ", indent))
}

// counted gives "1 problem" and "1,234 problems".
func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// grouped writes an amount's whole part with commas: 1234.50 as 1,234.50.
func grouped(amount string) string {
	whole, fraction, hasFraction := strings.Cut(amount, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n == 0 {
		return amount // too large to group, or -0.50, whose sign a number would lose
	}
	if !hasFraction {
		return thousands(n)
	}
	return thousands(n) + "." + fraction
}

// instant writes an instant for a person: UTC, to the second.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// took writes how long something took.
func took(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// logClock makes the process' clock zap's.
type logClock struct{ clock.Clock }

// NewTicker is what zap asks of a clock for sinks that buffer; ours does not.
func (logClock) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }
