package statement

import (
	"strings"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/internal/letter"
)

// LetterOptions are what a letter says beside the statement.
type LetterOptions struct {
	// Company is the name of the company that owes; "" leaves it out.
	Company string
	// At is when the letter is made. It stands in the file, and on the letter of an open
	// month, which says as of when it holds. The letter of a closed month is dated by the
	// closing instead, so it is the same to the byte whenever it is made, as long as
	// names, statuses and explanations are.
	At time.Time
}

var (
	small  = letter.Style{Size: letter.Small, Grey: true}
	strong = letter.Style{Bold: true}
	aside  = letter.Style{Grey: true}
)

// PDF writes the statement as a letter on A4 pages.
func PDF(s *Statement, o LetterOptions) (_ []byte, err error) {
	defer errs.Wrap(&err, "statement %s as a letter", s.Key)
	if s.IsClosed {
		o.At = s.ClosedAt
	}
	title := "Commission statement " + s.Period.String()
	l := letter.New(letter.Options{
		Title: title + ", " + s.HolderName(), Author: o.Company, At: o.At, Footer: s.Key,
		Running: title + " · " + string(s.Currency) + " · " + s.HolderName(),
	})
	if o.Company != "" {
		l.Text(o.Company, letter.Style{Size: letter.Large, Bold: true})
		l.Space(6)
	}
	l.Text("Commission statement", letter.Style{Size: letter.Title, Bold: true})
	l.Space(3)
	s.writeHead(l, o)
	l.Space(6)
	s.writeSummary(l)
	l.Space(8)
	s.writeLines(l)
	return l.Bytes()
}

// writeHead says whose the statement is and of when.
func (s *Statement) writeHead(l *letter.Letter, o LetterOptions) {
	t := l.Table([]letter.Column{{Width: 34}, {Width: letter.ContentWidth - 34}})
	pair := func(name, value string) {
		if value != "" {
			t.Row([]letter.Par{{Text: name, Style: aside}}, []letter.Par{{Text: value, Style: strong}})
		}
	}
	pair("Partner", s.HolderName())
	pair("Partner ID", strings.Join(s.IDs, ", "))
	pair("Month", s.Period.First().String()+" to "+s.Period.Last().String())
	pair("Currency", string(s.Currency))
	if s.IsClosed {
		pair("Status", "Closed on "+s.ClosedAt.UTC().Format(time.DateOnly))
	} else {
		pair("Status", "Open: as of "+o.At.UTC().Format("2006-01-02 15:04 MST")+", and may still change")
	}
}

// summaryLine is a figure of the summary.
type summaryLine struct {
	name, meaning string
	amount        Amount
	isTotal       bool
}

// summary gives the figures in the order in which they add up; what is zero and not
// every statement's is left out.
func (s *Statement) summary() []summaryLine {
	all := []summaryLine{
		{"Opening balance", "owed at the end of the month before", s.Opening, true},
		{"Transferred", "came or went with a Partner ID when partners merged", s.Transferred, false},
		{"Accrued", "earned in this month", s.Accrued, false},
		{"Adjusted", "added to earlier months", s.Adjusted, false},
		{"Clawed back", "taken back, because what it was earned by has changed", s.ClawedBack, false},
		{"Brought in", "owed before this ledger began", s.BroughtIn, false},
		{"Paid", "", Amount{-s.Paid.Minor, s.Currency}, false},
		{"Closing balance", "owed at the end of this month", s.Closing, true},
	}
	out := all[:0]
	for _, x := range all {
		if x.isTotal || !x.amount.IsZero() || x.name == "Accrued" {
			out = append(out, x)
		}
	}
	return out
}

func (s *Statement) writeSummary(l *letter.Letter) {
	t := l.Table([]letter.Column{{Head: "Summary", Width: 44}, {Width: letter.ContentWidth - 44 - 40}, {Head: string(s.Currency), Width: 40, Number: true}})
	for _, x := range s.summary() {
		style := letter.Style{Bold: x.isTotal}
		if x.isTotal {
			t.Rule()
		}
		t.Row([]letter.Par{{Text: x.name, Style: style}}, []letter.Par{{Text: x.meaning, Style: aside}}, []letter.Par{{Text: x.amount.String(), Style: style}})
	}
	t.Rule()
	of := func(name, meaning string, a Amount) {
		t.Row([]letter.Par{{Text: name, Style: aside}}, []letter.Par{{Text: meaning, Style: aside}}, []letter.Par{{Text: a.String(), Style: aside}})
	}
	of("Of the closing balance", "not yet approved", s.ClosingAccrued)
	of("", "approved", s.ClosingPayable)
	of("", "on a bill, to be paid", s.ClosingInPayment)
}

func (s *Statement) writeLines(l *letter.Letter) {
	if len(s.Lines) == 0 {
		l.Text("Nothing was posted in this month.", aside)
		return
	}
	const number = 21
	t := l.Table([]letter.Column{
		{Head: "Commission", Width: letter.ContentWidth - 17 - 4*number}, {Head: "Status", Width: 17},
		{Head: "Earned", Width: number, Number: true}, {Head: "Approved", Width: number, Number: true},
		{Head: "On a bill", Width: number, Number: true}, {Head: "Paid", Width: number, Number: true},
	})
	for i := range s.Lines {
		line := &s.Lines[i]
		t.Row(line.describe(), []letter.Par{{Text: words(line.Status), Style: letter.Style{Size: 7.5}}},
			line.earned(), amount(line.Approved), amount(line.Exported), amount(line.Paid))
	}
	t.Rule()
	t.Row([]letter.Par{{Text: "Movements of the month", Style: strong}}, nil, []letter.Par{{Text: s.Earned().String(), Style: strong}},
		total(s.Approved), total(s.Exported), total(s.Paid))
}

// describe says what a line is for.
func (l *Line) describe() []letter.Par {
	name := l.Opportunity
	if name == "" {
		name = l.SourceID
	}
	out := []letter.Par{{Text: name, Style: strong}}
	if l.Account != "" {
		out = append(out, letter.Par{Text: l.Account})
	}
	if !l.Imported.IsZero() {
		out = append(out, letter.Par{Text: l.Imported.String() + " of it were paid before this ledger began.", Style: small})
	}
	return append(out, letter.Par{Text: l.what(), Style: letter.Style{Size: 7.5}}, letter.Par{Text: l.Sentence, Style: small}, letter.Par{Text: l.Key, Style: small})
}

// what says of which slice and month a line is.
func (l *Line) what() string {
	slice, _, _ := strings.Cut(l.Slice, "~")
	if l.Adjusts != "" {
		return words(slice) + " of " + l.Adjusts + ", adjusted in " + l.Period.String()
	}
	return words(slice) + " of " + l.Period.String()
}

// earned are the amounts that a line adds, each with what it is unless it is just that
// it accrued.
func (l *Line) earned() []letter.Par {
	var out []letter.Par
	for _, x := range []struct {
		what   string
		amount Amount
	}{{"", l.Accrued}, {"adjusted", l.Adjusted}, {"clawed back", l.ClawedBack}, {"brought in", l.BroughtIn}} {
		if x.amount.IsZero() {
			continue
		}
		out = append(out, letter.Par{Text: x.amount.String()})
		if x.what != "" {
			out = append(out, letter.Par{Text: x.what, Style: small})
		}
	}
	return out
}

func amount(a Amount) []letter.Par {
	if a.IsZero() {
		return nil
	}
	return letter.Pars(a.String())
}

func total(a Amount) []letter.Par { return []letter.Par{{Text: a.String(), Style: strong}} }

// words writes a word of the ledger for a person: "on_hold" is "On hold".
func words(s string) string {
	s = strings.ReplaceAll(s, "_", " ")
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
