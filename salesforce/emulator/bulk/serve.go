package bulk

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/internal/sfid"
)

// Call is a request to a resource of bulk jobs, after it was let in.
type Call struct {
	W http.ResponseWriter
	R *http.Request
	// Path is what follows /jobs in the request's path, in parts.
	Path []string
	// Version is the API version, such as "62.0".
	Version string
	// UserID is whose session it is.
	UserID string
	// Unread is the error of a JSON body that cannot be read for err; nil leaves err.
	Unread func(body []byte, err error) error
}

// base is the path of the resource of jobs of a kind.
func (c *Call) base() string { return "/services/data/v" + c.Version + "/jobs/" + c.Path[0] }

// The limits on what is read.
const (
	maxJSON      = 1 << 20
	maxUpload    = 150_000_000 // bytes of CSV, unpacked
	maxMultipart = 100_000     // characters of a multipart body
)

// Serve answers a request under /jobs/ingest or /jobs/query. An *Error is what
// the caller has to answer; then nothing was written.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
func (j *Jobs) Serve(c *Call) error {
	if len(c.Path) == 0 {
		return errNoJob()
	}
	j.mu.Lock()
	j.prune()
	j.mu.Unlock()
	switch c.Path[0] {
	case "ingest":
		return j.route(c, typeIngest)
	case "query":
		return j.route(c, typeQuery)
	}
	return errNoJob()
}

// route is the table of resources.
func (j *Jobs) route(c *Call, kind string) error {
	create, part := j.createIngest, j.ingestPart
	if kind == typeQuery {
		create, part = j.createQuery, j.queryPart
	}
	switch len(c.Path) {
	case 1:
		switch c.R.Method {
		case http.MethodGet, http.MethodHead:
			return j.list(c, kind)
		case http.MethodPost:
			return create(c)
		}
		return errMethod(c, "HEAD,GET,POST")
	case 2:
		jb, err := j.find(c.Path[1], kind)
		if err != nil {
			return err
		}
		switch c.R.Method {
		case http.MethodGet, http.MethodHead:
			return j.show(c, jb)
		case http.MethodPatch:
			return j.change(c, jb)
		case http.MethodDelete:
			return j.remove(c, jb)
		}
		return errMethod(c, "HEAD,GET,PATCH,DELETE")
	case 3:
		jb, err := j.find(c.Path[1], kind)
		if err != nil {
			return err
		}
		return part(c, jb, c.Path[2])
	}
	return errNoJob()
}

func errMethod(c *Call, allowed string) error {
	return refuse(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '%s' not allowed. Allowed are %s", c.R.Method, allowed)
}

// find gives the job of an id in either form.
func (j *Jobs) find(id, kind string) (*job, error) {
	full, err := sfid.Parse(id)
	if err != nil {
		return nil, errNoJob()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if jb := j.jobs[full]; jb != nil && jb.info.Type == kind {
		return jb, nil
	}
	return nil, errNoJob()
}

// snapshot gives a copy of what is known of a job.
func (j *Jobs) snapshot(jb *job) Info {
	j.mu.Lock()
	defer j.mu.Unlock()
	return jb.info
}

func (j *Jobs) show(c *Call, jb *job) error {
	i := j.snapshot(jb)
	return writeJSON(c.W, i.full())
}

// change answers PATCH: a job is closed or aborted.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/close_job.htm
func (j *Jobs) change(c *Call, jb *job) error {
	var body struct {
		State State `json:"state"`
	}
	if err := readJSON(c, &body); err != nil {
		return err
	}
	info, err := j.changeTo(c, jb, body.State)
	if err != nil {
		return err
	}
	return writeJSON(c.W, info.brief())
}

func (j *Jobs) changeTo(c *Call, jb *job, next State) (Info, error) {
	j.mu.Lock()
	if err := jb.info.State.request(next); err != nil {
		j.mu.Unlock()
		return Info{}, err
	}
	j.set(jb, next)
	if next == UploadComplete {
		j.start(c.R.Context(), jb)
	}
	info, cancel, done := jb.info, jb.cancel, jb.done
	j.mu.Unlock()
	if next == Aborted && cancel != nil {
		cancel()
		<-done // nothing is written for the job any more
		info = j.snapshot(jb)
	}
	return info, nil
}

// remove answers DELETE.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/delete_job.htm
func (j *Jobs) remove(c *Call, jb *job) error {
	j.mu.Lock()
	if s := jb.info.State; !s.canDelete() {
		j.mu.Unlock()
		return errJobState("Deleting %s Job not allowed", s)
	}
	j.set(jb, Aborted) // one that waits for its turn
	cancel, done := jb.cancel, jb.done
	j.forget(jb)
	for i, other := range j.order {
		if other == jb {
			j.order = append(j.order[:i:i], j.order[i+1:]...)
			break
		}
	}
	j.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
	c.W.WriteHeader(http.StatusNoContent)
	return nil
}

// readJSON reads a bounded JSON body. Members that the resource does not have
// are not looked at.
func readJSON(c *Call, into any) error {
	raw, err := readBody(c, maxJSON)
	if err != nil {
		return err
	}
	return c.decodeJSON(raw, into)
}

func (c *Call) decodeJSON(raw []byte, into any) error {
	err := json.Unmarshal(raw, into)
	if err != nil && c.Unread != nil {
		return c.Unread(raw, err)
	}
	return err
}

// readBody reads a body of at most limit bytes, packed with gzip or not.
func readBody(c *Call, limit int64) ([]byte, error) {
	tooLarge := refuse(http.StatusRequestEntityTooLarge, "REQUEST_ENTITY_TOO_LARGE", "Request content size exceeds the limit of %d bytes", limit)
	if c.R.ContentLength > limit {
		return nil, tooLarge
	}
	var body io.Reader = http.MaxBytesReader(c.W, c.R.Body, limit)
	var buf bytes.Buffer
	if strings.EqualFold(c.R.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "BULK_API_ERROR", "The body is not in GZIP format")
		}
		body = io.LimitReader(z, limit+1)
	} else if c.R.ContentLength > 0 {
		buf.Grow(int(c.R.ContentLength) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(body)
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong), int64(buf.Len()) > limit:
		return nil, tooLarge
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "BULK_API_ERROR", "The body cannot be read")
	}
	return buf.Bytes(), nil
}

// writeJSON answers with a value as JSON.
func writeJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Write(b) //nolint:errcheck // that the client has gone away is its own business
	return nil
}
