package bulk

import (
	"io"
	"net/http"
	"strconv"
)

// The pages of a result: how many rows a page has if the client does not say,
// and how many links a list of pages has.
const (
	defaultRows = 100_000
	maxLinks    = 5
)

// createQuery answers POST: a query job, which is worked on at once.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_create_job.htm
func (j *Jobs) createQuery(c *Call) error {
	var req struct {
		Operation       string `json:"operation"`
		Query           string `json:"query"`
		ContentType     string `json:"contentType"`
		ColumnDelimiter string `json:"columnDelimiter"`
		LineEnding      string `json:"lineEnding"`
	}
	if err := readJSON(c, &req); err != nil {
		return err
	}
	if req.Operation != opQuery && req.Operation != opQueryAll {
		return invalidValue("operation", req.Operation)
	}
	if req.ContentType != "" && req.ContentType != "CSV" {
		return invalidValue("contentType", req.ContentType)
	}
	d, err := ParseDialect(req.ColumnDelimiter, req.LineEnding)
	if err != nil {
		return err
	}
	if serr := j.opt.Hidden(c.R.Context(), req.Query); serr != nil {
		return queryError(serr)
	}
	s, err := parseSelection(j.opt.Store, req.Query, req.Operation == opQueryAll)
	if err != nil {
		return err
	}
	jb := &job{text: req.Query, query: s, info: Info{Type: typeQuery, Operation: req.Operation, Object: s.plan.Table.Object.Name,
		State: UploadComplete, CreatedBy: c.UserID, Version: c.Version, Dialect: d}}
	if !j.opt.Spend(limitQueries, 1) {
		return refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", "Max bulk v2 query jobs (10000) per 24 hrs has been reached")
	}
	j.mu.Lock()
	j.add(jb)
	j.start(c.R.Context(), jb)
	info := jb.info
	j.mu.Unlock()
	return writeJSON(c.W, info.brief())
}

// queryPart answers what lies below a query job.
func (j *Jobs) queryPart(c *Call, jb *job, part string) error {
	if part != "results" && part != "resultPages" {
		return errNoJob()
	}
	if c.R.Method != http.MethodGet && c.R.Method != http.MethodHead {
		return errMethod(c, "HEAD,GET")
	}
	info := j.snapshot(jb)
	if info.Version != c.Version {
		return refuse(http.StatusConflict, "API_ERROR", "Results are there in the API version of the job only, %s", info.Version)
	}
	if info.State != JobComplete {
		return errJobState("Job is in state %s. Results are there when it is JobComplete", info.State)
	}
	if !jb.result.hold() {
		return errNoJob() // deleted since it was found
	}
	defer jb.result.release()
	from, err := parseLocator(c.R.URL.Query().Get("locator"))
	if err != nil {
		return err
	}
	if from > 0 && from >= jb.result.rows() {
		return refuse(http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "Invalid query locator: %s", locator(from))
	}
	if part == "resultPages" {
		return jb.writePages(c, from)
	}
	size := defaultRows
	if m := c.R.URL.Query().Get("maxRecords"); m != "" {
		if size, err = strconv.Atoi(m); err != nil || size <= 0 {
			return invalidValue("maxRecords", m)
		}
	}
	return jb.writePage(c, from, size)
}

// writePage answers with a header and rows of the result.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_job_results.htm
func (jb *job) writePage(c *Call, from, size int) error {
	to := min(from+size, jb.result.rows())
	next := "null"
	if to < jb.result.rows() {
		next = locator(to)
	}
	c.W.Header().Set("Sforce-Locator", next)
	// Set would write Sforce-Numberofrecords, and some clients look for the name as it is documented.
	c.W.Header()["Sforce-NumberOfRecords"] = []string{strconv.Itoa(to - from)} //nolint:staticcheck // see above
	w := newCSVWriter(c)
	defer w.flush()
	w.buf = jb.info.Dialect.AppendRow(w.buf, jb.query.names()...)
	w.flush()
	io.CopyBuffer(w.to, jb.result.section(from, to), make([]byte, csvBuffer)) //nolint:errcheck // that the client has gone away is its own business
	return nil
}

// writePages answers with the addresses of up to five pages, which may be
// fetched at once.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_parallel_job_results.htm
func (jb *job) writePages(c *Call, from int) error {
	type page struct {
		URL string `json:"resultUrl"`
	}
	body := struct {
		Pages []page  `json:"resultPages"`
		Next  *string `json:"nextRecordsUrl"`
		Done  bool    `json:"done"`
	}{[]page{}, nil, true}
	base := c.base() + "/" + jb.info.ID
	for n := from; n == 0 || n < jb.result.rows(); n += defaultRows {
		if len(body.Pages) == maxLinks {
			next := base + "/resultPages?locator=" + locator(n)
			body.Next, body.Done = &next, false
			break
		}
		address := base + "/results"
		if n > 0 {
			address += "?locator=" + locator(n)
		}
		body.Pages = append(body.Pages, page{address})
	}
	return writeJSON(c.W, body)
}

// csvWriter answers with CSV.
type csvWriter struct {
	to  io.Writer
	buf []byte // what is still to be written
}

const csvBuffer = 256 << 10

func newCSVWriter(c *Call) *csvWriter {
	c.W.Header().Set("Content-Type", "text/csv; charset=UTF-8")
	return &csvWriter{to: c.W}
}

// flushFull writes what is there if it is much.
func (w *csvWriter) flushFull() {
	if len(w.buf) >= csvBuffer {
		w.flush()
	}
}

func (w *csvWriter) flush() {
	w.to.Write(w.buf) //nolint:errcheck // that the client has gone away is its own business
	w.buf = w.buf[:0]
}
