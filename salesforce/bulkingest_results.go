package salesforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// IngestResult names one of the lists of rows that a finished job has.
type IngestResult string

// The lists. Together they have each uploaded row once.
const (
	// IngestSuccessful are the rows that were written.
	// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_successful_results.htm
	IngestSuccessful IngestResult = "successfulResults"
	// IngestRefused are the rows that were refused.
	// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_failed_results.htm
	IngestRefused IngestResult = "failedResults"
	// IngestUnprocessed are the rows that a job which failed or was aborted did not come to.
	// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_unprocessed_results.htm
	IngestUnprocessed IngestResult = "unprocessedrecords"
)

// IngestRow is a row of a result. It is valid until the next one.
type IngestRow struct {
	columns map[string]int
	cells   [][]byte
}

// Cell gives what the row had in a column when it was uploaded; "" if there is no such column.
func (r IngestRow) Cell(column string) string {
	if i, ok := r.columns[column]; ok {
		return string(r.cells[i])
	}
	return ""
}

// ID is the record's id, where it is known.
func (r IngestRow) ID() string { return r.Cell("sf__Id") }

// Result is what became of the row.
func (r IngestRow) Result() UpsertResult {
	out := UpsertResult{ID: r.ID(), Created: r.Cell("sf__Created") == "true"}
	if _, refused := r.columns["sf__Error"]; refused {
		out.Errors = []RowError{ParseIngestError(r.Cell("sf__Error"))}
	} else {
		out.Success = true
	}
	out.complete()
	return out
}

// IngestResults reads a list of a finished job, row by row. begin is called before each
// attempt to read it, since one that breaks off midway is repeated from its first row,
// and gives what each row is handed to. An answer that was cut short at the end of a row
// looks whole: hold the number of rows against the job's counts.
func (c *Client) IngestResults(ctx context.Context, id string, which IngestResult, begin func() func(IngestRow) error) (err error) {
	defer errs.Wrap(&err, "read the %s of Bulk job %s", which, id)
	path, err := c.ingestPath(id, "/"+string(which))
	if err != nil {
		return err
	}
	r := streamed{method: http.MethodGet, path: path, header: http.Header{"Accept": {"text/csv"}}}
	_, err = retry(ctx, c, r.name(), func() (struct{}, error) {
		resp, err := c.stream(ctx, r)
		if err != nil {
			return struct{}{}, err
		}
		err = readIngestRows(resp.Body, begin())
		return struct{}{}, errors.Join(err, resp.Body.Close())
	})
	return err
}

func readIngestRows(from io.Reader, each func(IngestRow) error) error {
	r := newCSVReader(from)
	row := IngestRow{columns: map[string]int{}}
	for first := true; ; {
		cells, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read what Salesforce sent: %w", err)
		case len(cells) == 1 && len(cells[0]) == 0:
			continue // an empty line says nothing
		case first:
			first = false
			for i, name := range cells {
				row.columns[strings.TrimPrefix(string(name), "\ufeff")] = i
			}
			continue
		case len(cells) != len(row.columns):
			return errs.New(errs.Transient, "Salesforce sent CSV that cannot be read: a line has %d values for %d columns", len(cells), len(row.columns))
		}
		row.cells = cells
		if err := each(row); err != nil {
			return err
		}
	}
}

// ParseIngestError reads what a refused row of a Bulk job says: a code, a message, which
// may have colons of its own, and the fields, as in
// "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --".
func ParseIngestError(s string) RowError {
	code, rest, found := strings.Cut(s, ":")
	if !found || code == "" || strings.ToUpper(code) != code || strings.ContainsAny(code, " \t") {
		return RowError{StatusCode: codeNoReason, Message: s}
	}
	e := RowError{StatusCode: code, Message: rest}
	trimmed, ended := strings.CutSuffix(strings.TrimSpace(rest), "--")
	if i := strings.LastIndexByte(trimmed, ':'); ended && i >= 0 {
		e.Message = trimmed[:i]
		e.Fields = strings.FieldsFunc(trimmed[i+1:], func(r rune) bool { return r == ' ' || r == ',' })
		if len(e.Fields) == 0 {
			e.Fields = nil
		}
	}
	return e
}
