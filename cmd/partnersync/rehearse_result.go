package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/jmoiron/sqlx"

	"github.com/partnersync/partnersync/internal/money"
	"github.com/partnersync/partnersync/sync/rehearsal"
	"github.com/partnersync/partnersync/sync/schedule"
	"github.com/partnersync/partnersync/sync/stage"
)

// rehearsed is what a dry run of the whole way came to.
type rehearsed struct {
	app     *app
	runs    []schedule.Run
	copied  *sqlx.DB
	limit   int
	hasPush bool
	// run runs stages on the copy; each is what hears of the records that push writes.
	run  func(names ...string) error
	each func(rehearsal.RecordChange) error
}

// summary counts what would change.
type summary struct {
	Lines   []rehearsal.LineTotal `json:"lines"`
	Records map[string]int64      `json:"records"` // by action
	Changes bool                  `json:"would_change"`
}

// add counts a record.
func (s *summary) add(c rehearsal.RecordChange) { s.Records[c.Action]++ }

// finish reads the totals of lines.
func (s *summary) finish(ctx context.Context, copied *sqlx.DB) (err error) {
	if s.Lines, err = rehearsal.LineTotals(ctx, copied); err != nil {
		return err
	}
	s.Lines = orEmpty(s.Lines)
	s.Changes = len(s.Lines)+len(s.Records) > 0
	return nil
}

func (r *rehearsed) show(ctx context.Context) error {
	if r.app.output == outputJSON {
		return r.document(ctx, r.app.out)
	}
	return r.tables(ctx)
}

// document writes everything as one JSON document, change by change, so that none of it
// has to be in memory.
func (r *rehearsed) document(ctx context.Context, w io.Writer) error {
	out := &streamed{w: w}
	out.begin()
	out.member("dry_run", true)
	total := summary{Records: map[string]int64{}}
	out.list("salesforce", func(element func(any) error) error {
		return r.push(func(c rehearsal.RecordChange) error {
			total.add(c)
			return element(c)
		})
	})
	out.list("lines", func(element func(any) error) error {
		return rehearsal.Lines(ctx, r.copied, 0, func(c rehearsal.LineChange) error { return element(c) })
	})
	if err := total.finish(ctx, r.copied); err != nil {
		return err
	}
	out.member("runs", documentsOf(r.runs))
	out.member("summary", total)
	return out.end()
}

// push runs push, if it was asked for, and hands over what it would write.
func (r *rehearsed) push(each func(rehearsal.RecordChange) error) error {
	if !r.hasPush {
		return nil
	}
	r.each = each
	return r.run(stage.Push)
}

// tables shows the first changes of each kind, and what all of them come to.
func (r *rehearsed) tables(ctx context.Context) error {
	total := summary{Records: map[string]int64{}}
	records := grid{heads: []string{"SALESFORCE", "KEY", "", "FIELD", "HAS", "WOULD GET"}, wrap: []int{4, 5}}
	var shown int
	if err := r.push(func(c rehearsal.RecordChange) error {
		total.add(c)
		if shown++; shown <= r.limit {
			r.record(&records, c)
		}
		return nil
	}); err != nil {
		return err
	}
	lines := grid{heads: []string{"LINE", "BEFORE", "#", "AFTER", "#"}}
	if err := rehearsal.Lines(ctx, r.copied, r.limit, func(c rehearsal.LineChange) error {
		r.line(&lines, c)
		return nil
	}); err != nil {
		return err
	}
	if err := total.finish(ctx, r.copied); err != nil {
		return err
	}
	p := &page{app: r.app, w: r.app.out}
	g := grid{heads: []string{"STAGE", "RESULT", "#TOOK", "WHAT IT WOULD DO"}, wrap: []int{3}}
	for _, run := range r.runs {
		g.add(run.Stage, p.state(run.State()), took(run.Duration()), reportCounts(run.Report))
	}
	p.table(g)
	p.notices(r.runs)
	if len(lines.rows) > 0 {
		p.title("Lines, those first that would change most")
		p.table(lines)
	}
	if len(records.rows) > 0 {
		p.title("Records in Salesforce, in the order in which they would be written")
		p.table(records)
	}
	r.verdict(p, total, int64(shown))
	p.oneApproves()
	return p.err
}

// record adds a record's fields: of one that would be new only that it would be, and
// what it would say.
func (r *rehearsed) record(g *grid, c rehearsal.RecordChange) {
	color := map[string]text.Colors{rehearsal.Create: green, rehearsal.Update: yellow}[c.Action]
	object, key, action := c.Object, c.Key, r.app.paint(r.app.out, color, c.Action)
	for _, f := range c.Fields {
		g.add(object, key, action, f.Name, shortened(f.Has), shortened(f.Gets))
		object, key, action = "", "", ""
	}
}

// longestShown is how much of a field's text a table shows.
const longestShown = 60

func shortened(s string) string {
	if runes := []rune(s); len(runes) > longestShown {
		return string(runes[:longestShown-1]) + "…"
	}
	return s
}

func (r *rehearsed) line(g *grid, c rehearsal.LineChange) {
	currency := money.Currency(c.Currency)
	status, amount := "", ""
	if c.Before != nil {
		status, amount = standing(*c.Before), currency.FormatMinor(c.Before.AmountMinor)
	}
	g.add(c.Key, status, r.app.paint(r.app.out, red, amount), standing(c.After),
		r.app.paint(r.app.out, green, currency.FormatMinor(c.After.AmountMinor)))
}

// standing gives a status with its reason.
func standing(s rehearsal.LineState) string {
	if s.Reason == "" {
		return s.Status
	}
	return s.Status + ": " + s.Reason
}

// verdict sums up, also what was not shown.
func (r *rehearsed) verdict(p *page, s summary, records int64) {
	if len(s.Lines)+len(s.Records) > 0 {
		p.title("In all")
	}
	for _, l := range s.Lines {
		currency := money.Currency(l.Currency)
		p.line("%s would be new and %s change: %s accrued in them, %s before", counted(l.New, "line"), thousands(l.Changed),
			currency.FormatMinor(l.After), currency.FormatMinor(l.Before))
	}
	if records > 0 {
		p.line("%s in Salesforce would be created, %s updated", counted(s.Records[rehearsal.Create], "record"), thousands(s.Records[rehearsal.Update]))
	}
	if records > int64(r.limit) {
		p.line("shown are the first %s of a kind: --limit shows more, --output json all", thousands(int64(r.limit)))
	}
	if !s.Changes {
		p.line("nothing would change")
	}
	p.line("dry run: nothing was written")
}

// streamed writes one JSON document piece by piece, and remembers the first failure.
type streamed struct {
	w     io.Writer
	err   error
	comma bool
}

func (s *streamed) write(part string) {
	if s.err == nil {
		_, s.err = io.WriteString(s.w, part)
	}
}

func (s *streamed) value(v any) {
	if s.err != nil {
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	s.err = enc.Encode(v)
	s.write(strings.TrimSuffix(b.String(), "\n"))
}

func (s *streamed) begin() { s.write("{") }

func (s *streamed) name(name string) {
	if s.comma {
		s.write(",\n")
	}
	s.comma = true
	s.value(name)
	s.write(": ")
}

func (s *streamed) member(name string, v any) {
	s.name(name)
	s.value(v)
}

// list writes an array whose elements come one by one.
func (s *streamed) list(name string, fill func(element func(any) error) error) {
	s.name(name)
	s.write("[")
	first := true
	err := fill(func(v any) error {
		if !first {
			s.write(",")
		}
		first = false
		s.write("\n  ")
		s.value(v)
		return s.err
	})
	if s.err == nil {
		s.err = err
	}
	s.write("]")
}

// end closes the document, and gives what went wrong.
func (s *streamed) end() error {
	s.write("}\n")
	return s.err
}
