package salesforce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/internal/errs"
)

// gathered keeps what a Bulk query hands over.
type gathered struct {
	total  int64
	names  string
	lines  []string
	refuse error
}

func (g *gathered) Begin(total int64, names [][]byte) error {
	g.total, g.names = total, string(joinCells(names))
	return nil
}

func (g *gathered) Line(cells [][]byte) error {
	g.lines = append(g.lines, string(joinCells(cells)))
	return g.refuse
}

func joinCells(cells [][]byte) (out []byte) {
	for i, c := range cells {
		if i > 0 {
			out = append(out, '|')
		}
		out = append(out, c...)
	}
	return out
}

// bulkOrg answers a query job of n records in pages. Its hooks may answer in its stead.
type bulkOrg struct {
	n       int
	states  []string // one after the other, the last for ever
	message string
	page    func(w http.ResponseWriter, from int) bool
	jobs    atomic.Int64
	polls   atomic.Int64
	aborts  atomic.Int64
	deletes atomic.Int64
}

func (b *bulkOrg) serve(w http.ResponseWriter, r *http.Request) {
	const base = "/services/data/v62.0/jobs/query"
	job := func(state string) {
		reply{body: fmt.Sprintf(`{"id":"750000000000001AAA","state":%q,"numberRecordsProcessed":%d,"errorMessage":%q}`, state, b.n, b.message)}.send(w)
	}
	switch {
	case r.URL.Path == base && r.Method == http.MethodPost:
		b.jobs.Add(1)
		job("UploadComplete")
	case r.Method == http.MethodPatch:
		b.aborts.Add(1)
		job("Aborted")
	case r.Method == http.MethodDelete:
		b.deletes.Add(1)
		w.WriteHeader(http.StatusNoContent)
	case strings.HasSuffix(r.URL.Path, "/results"):
		from, _ := strconv.Atoi(r.URL.Query().Get("locator"))
		if b.page == nil || !b.page(w, from) {
			size, _ := strconv.Atoi(r.URL.Query().Get("maxRecords"))
			b.send(w, from, min(from+size, b.n))
		}
	default:
		job(b.states[min(int(b.polls.Add(1)), len(b.states))-1])
	}
}

// send writes the records from one to before another.
func (b *bulkOrg) send(w http.ResponseWriter, from, to int) {
	w.Header().Set("Sforce-NumberOfRecords", strconv.Itoa(to-from))
	w.Header().Set("Sforce-Locator", "null")
	if to < b.n {
		w.Header().Set("Sforce-Locator", strconv.Itoa(to))
	}
	io.WriteString(w, csvOf(from, to))
}

func csvOf(from, to int) string {
	var s strings.Builder
	s.WriteString("\"Id\",\"Name\"\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&s, "\"%d\",\"a \"\"b\"\", %d\r\nc\"\n", i, i)
	}
	return s.String()
}

func (b *bulkOrg) run(t *testing.T, o BulkOptions) (*gathered, error) {
	t.Helper()
	if b.states == nil {
		b.states = []string{"InProgress", "JobComplete"}
	}
	g := &gathered{}
	return g, newOrg(t, b.serve).client(t).BulkQuery(t.Context(), "SELECT Id, Name FROM X", o, g)
}

// complete checks that every record came once, in order.
func (g *gathered) complete(t *testing.T, n int) {
	t.Helper()
	if g.total != int64(n) || len(g.lines) != n {
		t.Fatalf("%d of %d records", len(g.lines), g.total)
	}
	for i, line := range g.lines {
		if want := fmt.Sprintf("%d|a \"b\", %d\r\nc", i, i); line != want {
			t.Fatalf("record %d is %q", i, line)
		}
	}
}

func TestBulkQueryGivesEveryRecordOnce(t *testing.T) {
	b := &bulkOrg{n: 2501}
	g, err := b.run(t, BulkOptions{All: true, MaxRecords: 1000})
	if err != nil {
		t.Fatal(err)
	}
	g.complete(t, 2501)
	if g.names != "Id|Name" || b.jobs.Load() != 1 || b.deletes.Load() != 1 || b.aborts.Load() != 0 {
		t.Errorf("%q, %d jobs, %d deleted, %d aborted", g.names, b.jobs.Load(), b.deletes.Load(), b.aborts.Load())
	}
}

func TestBulkQueryWithoutRecordsAsksForNoResults(t *testing.T) {
	b := &bulkOrg{page: func(http.ResponseWriter, int) bool { panic("results were asked for") }}
	if g, err := b.run(t, BulkOptions{}); err != nil || g.total != 0 || len(g.lines) != 0 {
		t.Errorf("%+v, %v", g, err)
	}
}

// TestBulkPageThatBreaksIsGoneOnWith: whatever was handed over of it is passed over.
func TestBulkPageThatBreaksIsGoneOnWith(t *testing.T) {
	for name, broken := range map[string]func(w http.ResponseWriter, from int){
		"cut off":        func(w http.ResponseWriter, from int) { short(w, csvOf(from, from+1000)[:9000]) },
		"ends in a line": func(w http.ResponseWriter, from int) { io.WriteString(w, csvOf(from, from+700)[:9001]) },
		"lacks records": func(w http.ResponseWriter, from int) {
			w.Header().Set("Sforce-NumberOfRecords", "1000")
			io.WriteString(w, csvOf(from, from+5))
		},
		"is empty":        func(http.ResponseWriter, int) {},
		"is a web page":   func(w http.ResponseWriter, _ int) { htmlBusy.send(w) },
		"has a lost cell": func(w http.ResponseWriter, from int) { io.WriteString(w, csvOf(from, from+3)+"\"x\"\n") },
		"is no session":   func(w http.ResponseWriter, _ int) { expired401.send(w) },
	} {
		t.Run(name, func(t *testing.T) {
			failures := 0
			b := &bulkOrg{n: 2500}
			b.page = func(w http.ResponseWriter, from int) bool {
				if from == 1000 && failures < 2 {
					failures++
					broken(w, from)
					return true
				}
				return false
			}
			if name == "is no session" {
				failures = 1
			}
			g, err := b.run(t, BulkOptions{MaxRecords: 1000})
			if err != nil {
				t.Fatal(err)
			}
			g.complete(t, 2500)
		})
	}
}

// short promises more than it sends.
func short(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(text)+1))
	io.WriteString(w, text)
	panic(http.ErrAbortHandler)
}

func TestBulkJobThatFails(t *testing.T) {
	for _, c := range []struct {
		name, state, message string
		class                Class
		jobs                 int64
	}{
		{"for now", "Failed", "InternalServerError : An internal server error has occurred", ClassRetry, jobAttempts},
		{"for no reason", "Failed", "", ClassRetry, jobAttempts},
		{"too large", "Failed", "QUERY_TIMEOUT: Your query request was running for too long.", ClassNarrow, 1},
		{"for good", "Failed", "INVALID_FIELD: No such column 'X'", ClassConfig, 1},
		{"aborted", "Aborted", "", ClassRetry, jobAttempts},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bulkOrg{n: 1, states: []string{c.state}, message: c.message}
			if _, err := b.run(t, BulkOptions{}); ClassOf(err) != c.class || b.jobs.Load() != c.jobs || b.deletes.Load() != c.jobs {
				t.Errorf("%v (%s), %d jobs, %d deleted", err, ClassOf(err), b.jobs.Load(), b.deletes.Load())
			}
		})
	}
}

func TestBulkJobThatNeverEndsIsAborted(t *testing.T) {
	b := &bulkOrg{n: 1, states: []string{"InProgress"}}
	c := newOrg(t, b.serve).client(t, func(c *Config) { c.JobPatience = 20 * time.Millisecond })
	err := c.BulkQuery(t.Context(), "SELECT Id FROM X", BulkOptions{}, &gathered{})
	if errs.KindOf(err) != errs.Transient || b.aborts.Load() != 1 || b.deletes.Load() != 1 {
		t.Errorf("%v, %d aborted, %d deleted", err, b.aborts.Load(), b.deletes.Load())
	}
}

func TestBulkQueryThatIsGivenUpIsAborted(t *testing.T) {
	b := &bulkOrg{n: 1, states: []string{"InProgress"}}
	ctx, cancel := context.WithCancel(t.Context())
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			cancel()
		}
		b.serve(w, r)
	})
	err := o.client(t).BulkQuery(ctx, "SELECT Id FROM X", BulkOptions{}, &gathered{})
	if !errors.Is(err, context.Canceled) || b.aborts.Load() != 1 || b.deletes.Load() != 1 {
		t.Errorf("%v, %d aborted, %d deleted", err, b.aborts.Load(), b.deletes.Load())
	}
}

func TestBulkQueryEndsWithTheSinksOwnErrorUnchanged(t *testing.T) {
	b := &bulkOrg{n: 5, states: []string{"JobComplete"}}
	g := &gathered{refuse: errs.New(errs.Transient, "the database is away")}
	err := newOrg(t, b.serve).client(t).BulkQuery(t.Context(), "SELECT Id FROM X", BulkOptions{}, g)
	if err != g.refuse || len(g.lines) != 1 {
		t.Errorf("%v, %d lines", err, len(g.lines))
	}
}

func TestBulkLocatorThatLoopsIsRefused(t *testing.T) {
	b := &bulkOrg{n: 3000}
	b.page = func(w http.ResponseWriter, from int) bool {
		w.Header().Set("Sforce-Locator", "1000")
		io.WriteString(w, csvOf(from, from+1000))
		return true
	}
	if _, err := b.run(t, BulkOptions{MaxRecords: 1000}); errs.KindOf(err) != errs.Transient {
		t.Error(err)
	}
}

// A result without an end is left at the first record too many; nobody waits for its end.
func TestABulkResultThatNeverEndsIsLeft(t *testing.T) {
	b := &bulkOrg{n: 1000}
	b.page = func(w http.ResponseWriter, from int) bool {
		io.WriteString(w, csvOf(from, from+1))
		line := []byte(strings.SplitN(csvOf(1, 2), "\n", 2)[1])
		for {
			if _, err := w.Write(line); err != nil {
				return true
			}
		}
	}
	g, err := b.run(t, BulkOptions{})
	if errs.KindOf(err) != errs.Transient || !strings.Contains(err.Error(), "announced 1000 records and sends more") || len(g.lines) != 1000 {
		t.Errorf("%v, %d lines", err, len(g.lines))
	}
}

// A value without an end, in the answer to a job of ours, takes no more memory than a line may.
func TestAnIngestResultThatNeverEndsIsLeft(t *testing.T) {
	var endless atomic.Int64
	o := newOrg(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "\"sf__Id\",\"sf__Created\"\n\"")
		text := bytes.Repeat([]byte("x\n"), 32<<10)
		for {
			n, err := w.Write(text)
			if endless.Add(int64(n)); err != nil {
				return
			}
		}
	})
	err := o.client(t).IngestResults(t.Context(), "750000000000001AAA", IngestSuccessful, func() func(IngestRow) error {
		return func(IngestRow) error { return errors.New("there is no whole row") }
	})
	if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "a line of the result is longer") || endless.Load() > 3*longestLine {
		t.Errorf("%v, after %d MB", err, endless.Load()>>20)
	}
}

// TestCSVIsReadAsItWasWritten in pieces of any size.
func TestCSVIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.SliceOfN(rapid.StringMatching(`[ab",\r\né]{0,6}`), 2, 4), 1, 20).Draw(t, "rows")
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
		var text strings.Builder
		for _, row := range rows {
			for i, cell := range row {
				if i > 0 {
					text.WriteByte(',')
				}
				if cell == "" || !strings.ContainsAny(cell, "\",\r\n") && rapid.Bool().Draw(t, "bare") {
					text.WriteString(cell)
					continue
				}
				text.WriteString(`"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
			}
			text.WriteString(end)
		}
		whole := text.String()
		if rapid.Bool().Draw(t, "without the last end") && len(rows[len(rows)-1][len(rows[len(rows)-1])-1]) > 0 {
			whole = strings.TrimSuffix(whole, end)
		}
		c := newCSVReader(&pieces{text: whole, size: rapid.IntRange(1, 50).Draw(t, "size")})
		c.buf = make([]byte, 0, 4)
		for _, row := range rows {
			got, err := c.next()
			if err != nil || string(joinCells(got)) != strings.Join(row, "|") {
				t.Fatalf("%q: %q, %v; want %q", whole, got, err, row)
			}
		}
		if got, err := c.next(); !errors.Is(err, io.EOF) {
			t.Fatalf("%q: behind the end %q, %v", whole, got, err)
		}
	})
}

// pieces gives a text little by little.
type pieces struct {
	text string
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b, p.text[:min(p.size, len(p.text))])
	p.text = p.text[n:]
	return n, nil
}
