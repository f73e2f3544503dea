package salesforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-json"
	"go.uber.org/zap"

	"github.com/partnersync/partnersync/internal/errs"
)

// BulkOptions are the options of a Bulk query; the zero value is a good one.
type BulkOptions struct {
	// All reads deleted and archived records too (queryAll).
	All bool
	// MaxRecords is how many records a request for results asks for; 0 means
	// DefaultMaxRecords. Nothing of that size is held: lines are handed over as
	// they come.
	MaxRecords int
}

// DefaultMaxRecords is a page of results that passes within seconds, so that little is
// sent again when a connection breaks.
const DefaultMaxRecords = 50_000

// BulkSink takes the result of a Bulk query. An error of it ends the query and is
// returned as it is.
type BulkSink interface {
	// Begin hears, once, how many records the job found, and the names of the columns.
	// Without records it hears no names.
	Begin(total int64, names [][]byte) error
	// Line takes a record. The cells are valid during the call only.
	Line(cells [][]byte) error
}

// bulkState is what a job says of itself.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_one_job.htm
type bulkState struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Processed int64  `json:"numberRecordsProcessed"`
	Error     string `json:"errorMessage"`
}

// The states of a job, and what we call one that did not work.
const (
	jobComplete = "JobComplete"
	jobFailed   = "Failed"
	jobAborted  = "Aborted"

	codeJobFailed = "JOB_FAILED"
)

const (
	// jobAttempts is how many jobs one query may take, if jobs fail for passing reasons.
	jobAttempts = 3
	// A job is looked at after a tenth of a second, then ever less often.
	firstPoll, lastPoll = 100 * time.Millisecond, 10 * time.Second
	// tidyPatience bounds how long a job is cleaned up after.
	tidyPatience = 10 * time.Second
)

// BulkQuery runs a SOQL query as a job of Bulk API 2.0 and hands over its records, in
// the query's order if it has one. Each comes once: a page of results whose connection
// breaks is asked for again, and what was handed over of it is passed over. What comes
// is counted against what the job found; another number is errs.Transient.
//
// A job that fails is begun again while nothing was handed over. In the end the job is
// deleted, or aborted if it is not done; one that is left behind, because this process
// died, is gone by itself after seven days.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
func (c *Client) BulkQuery(ctx context.Context, soql string, o BulkOptions, sink BulkSink) error {
	if strings.TrimSpace(soql) == "" {
		return errs.New(errs.Invalid, "the SOQL query is empty")
	}
	if o.MaxRecords <= 0 {
		o.MaxRecords = DefaultMaxRecords
	}
	for attempt := 1; ; attempt++ {
		b := bulkQuery{client: c, options: o, sink: sink, seen: map[string]bool{}}
		err := b.run(ctx, soql)
		var answer *Error
		isJobs := errors.As(err, &answer) && answer.Request == bulkJobName
		if err == nil || !isJobs || answer.Class() != ClassRetry || attempt == jobAttempts || b.begun {
			return err
		}
		c.log.Warn("a bulk query failed, beginning again", zap.Int("attempt", attempt), zap.Strings("codes", answer.Codes()))
	}
}

// bulkJobName is what errors call a job: its id says nothing to anybody.
const bulkJobName = "bulk query"

// bulkQuery is one job.
type bulkQuery struct {
	client  *Client
	options BulkOptions
	sink    BulkSink
	job     bulkState
	begun   bool // the sink was
	columns int
	given   int64 // lines
	seen    map[string]bool
}

func (b *bulkQuery) run(ctx context.Context, soql string) (err error) {
	if err := b.create(ctx, soql); err != nil {
		return err
	}
	defer func() { b.tidy(ctx) }()
	if err := b.wait(ctx); err != nil {
		return err
	}
	if b.job.Processed == 0 {
		b.begun = true
		return b.sink.Begin(0, nil)
	}
	for locator := ""; ; {
		next, err := b.page(ctx, locator)
		switch {
		case err != nil:
			return err
		case b.given > b.job.Processed || next == "" && b.given != b.job.Processed:
			return errs.New(errs.Transient, "%s: Salesforce announced %d records and sent %d", bulkJobName, b.job.Processed, b.given)
		case next == "":
			return nil
		case b.seen[next]:
			return errs.New(errs.Transient, "%s: Salesforce sends the same page of the result again and again", bulkJobName)
		}
		b.seen[next] = true
		locator = next
	}
}

// create makes the job. When an answer is lost a second job is made; the first does
// its work for nobody.
func (b *bulkQuery) create(ctx context.Context, soql string) error {
	operation := "query"
	if b.options.All {
		operation = "queryAll"
	}
	body, err := json.Marshal(map[string]string{
		"operation": operation, "query": soql, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
	})
	if err != nil {
		return err
	}
	return b.ask(ctx, request{method: http.MethodPost, path: b.client.data("jobs/query"), body: body})
}

// ask sends a request that is answered by the job's state.
func (b *bulkQuery) ask(ctx context.Context, r request) error {
	r.decode = func(raw []byte) error {
		var s bulkState
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		if !isJobID(s.ID) || s.State == "" {
			return errors.New("it describes no job")
		}
		b.job = s
		return nil
	}
	_, err := b.client.do(ctx, r)
	return err
}

// isJobID says whether an id can stand in a path.
func isJobID(id string) bool {
	return id != "" && strings.IndexFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

func (b *bulkQuery) path() string { return b.client.data("jobs/query/" + b.job.ID) }

// wait returns when the job is complete. Time alone never fails it, only that nothing
// has changed for JobPatience.
func (b *bulkQuery) wait(ctx context.Context) error {
	pause := min(firstPoll, b.client.cfg.RetryInitial)
	last, idle := b.job, time.Duration(0)
	for {
		switch b.job.State {
		case jobComplete:
			return nil
		case jobFailed, jobAborted:
			return b.failure()
		}
		if b.job.State != last.State || b.job.Processed != last.Processed {
			last, idle = b.job, 0
		}
		if idle >= b.client.cfg.JobPatience {
			return errs.New(errs.Transient, "%s: it has been %s for %s without progress", bulkJobName, b.job.State, idle).
				WithHint("Look at Bulk Data Load Jobs in the org's Setup; it is begun again at the next run.")
		}
		if err := sleep(ctx, pause); err != nil {
			return fmt.Errorf("wait for the %s: %w", bulkJobName, err)
		}
		idle += pause
		pause = min(2*pause, lastPoll)
		if err := b.ask(ctx, request{method: http.MethodGet, path: b.path()}); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// failure is why the job did not work. Its message begins with a code, as far as it
// has one, as in "QUERY_TIMEOUT: Your query request was running for too long".
func (b *bulkQuery) failure() error {
	code, message, ok := strings.Cut(b.job.Error, ":")
	code = strings.TrimSpace(code)
	if !ok || classOfCode(code, message) == ClassNone {
		code, message = codeJobFailed, b.job.Error
	}
	if b.job.State == jobAborted {
		code, message = codeJobFailed, "the job was aborted by somebody else"
	}
	return &Error{Status: http.StatusOK, Request: bulkJobName, Host: host(b.client.sessions.current().instance),
		Details: []Detail{{Code: code, Message: strings.TrimSpace(message)}}}
}

// page hands over one page of the result, and gives the locator of the next, "" behind
// the last.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_job_results.htm
func (b *bulkQuery) page(ctx context.Context, locator string) (string, error) {
	q := url.Values{"maxRecords": {strconv.Itoa(b.options.MaxRecords)}}
	if locator != "" {
		q.Set("locator", locator)
	}
	r := streamed{method: http.MethodGet, path: b.path() + "/results", query: q.Encode(), header: http.Header{"Accept": {"text/csv"}}}
	var already int64 // lines of this page that the sink has
	return retry(ctx, b.client, r.name(), func() (_ string, err error) {
		resp, err := b.client.stream(ctx, r)
		if err != nil {
			return "", err
		}
		defer func() {
			// What was not read is given up, and with it the connection.
			if cerr := resp.Body.Close(); err == nil && cerr != nil {
				err = cerr
			}
		}()
		if err := b.lines(resp.Header, newCSVReader(resp.Body), &already); err != nil {
			return "", err
		}
		if next := resp.Header.Get("Sforce-Locator"); next != "null" {
			return next, nil
		}
		return "", nil
	})
}

// lines hands over the lines of a page behind those that were.
func (b *bulkQuery) lines(h http.Header, c *csvReader, already *int64) error {
	names, err := c.next()
	switch {
	case errors.Is(err, io.EOF):
		return errs.New(errs.Transient, "%s: the result has no header", bulkJobName)
	case err != nil:
		return err
	case !b.begun:
		b.begun, b.columns = true, len(names)
		if err := b.sink.Begin(b.job.Processed, names); err != nil {
			return final(err)
		}
	}
	n := int64(0)
	for {
		cells, err := c.next()
		switch {
		case errors.Is(err, io.EOF):
			return checkCount(h, n)
		case err != nil:
			return err
		case len(cells) != b.columns:
			return errs.New(errs.Transient, "%s: a line of the result has %d values for %d columns", bulkJobName, len(cells), b.columns)
		}
		if n++; n <= *already {
			continue
		}
		*already = n
		if b.given++; b.given > b.job.Processed { // before its end, since it need not have one
			return final(errs.New(errs.Transient, "%s: Salesforce announced %d records and sends more", bulkJobName, b.job.Processed))
		}
		if err := b.sink.Line(cells); err != nil {
			return final(err)
		}
	}
}

// checkCount holds a page against the number that its header has.
func checkCount(h http.Header, n int64) error {
	said, err := strconv.ParseInt(h.Get("Sforce-NumberOfRecords"), 10, 64)
	if err == nil && said != n {
		return errs.New(errs.Transient, "%s: a page of the result has %d records, and its header says %d", bulkJobName, n, said)
	}
	return nil
}

// tidy deletes the job, and aborts it first if it is not over; also when ctx has ended.
// What is left behind nevertheless is gone after seven days.
func (b *bulkQuery) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyPatience)
	defer cancel()
	if b.job.State != jobComplete && b.job.State != jobFailed && b.job.State != jobAborted {
		r := request{method: http.MethodPatch, path: b.path(), body: []byte(`{"state":"Aborted"}`)}
		if _, err := b.client.send(ctx, b.client.sessions.current(), r); err != nil {
			b.client.log.Warn("a bulk query could not be aborted", zap.Strings("codes", codesOf(err)))
		}
	}
	if err := b.client.deleteJob(ctx, b.path()); err != nil {
		b.client.log.Warn("a bulk query could not be deleted", zap.Strings("codes", codesOf(err)))
	}
}
