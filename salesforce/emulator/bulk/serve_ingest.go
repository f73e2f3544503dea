package bulk

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// ingestRequest is the body that makes an ingest job.
type ingestRequest struct {
	Operation       string `json:"operation"`
	Object          string `json:"object"`
	ExternalID      string `json:"externalIdFieldName"`
	AssignmentRule  string `json:"assignmentRuleId"`
	ContentType     string `json:"contentType"`
	ColumnDelimiter string `json:"columnDelimiter"`
	LineEnding      string `json:"lineEnding"`
}

// createIngest answers POST: a job that is Open or, with its data in the same
// multipart body, UploadComplete.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/create_job.htm
func (j *Jobs) createIngest(c *Call) error {
	var req ingestRequest
	var data []byte
	hasData := false
	typ, params, err := mime.ParseMediaType(c.R.Header.Get("Content-Type"))
	if err == nil && typ == "multipart/form-data" {
		hasData = true
		if data, err = readMultipart(c, params["boundary"], &req); err != nil {
			return err
		}
	} else if err := readJSON(c, &req); err != nil {
		return err
	}
	jb, err := j.newIngestJob(c, req)
	if err != nil {
		return err
	}
	j.mu.Lock()
	j.add(jb)
	if hasData {
		jb.data, jb.uploaded = data, true
		j.set(jb, UploadComplete)
		j.start(c.R.Context(), jb)
	}
	info := jb.info
	j.mu.Unlock()
	return writeJSON(c.W, info.brief())
}

// newIngestJob checks what a client asks for.
func (j *Jobs) newIngestJob(c *Call, req ingestRequest) (*job, error) {
	if !slices.Contains([]string{opInsert, opUpdate, opUpsert, opDelete, opHardDelete}, req.Operation) {
		return nil, invalidValue("operation", req.Operation)
	}
	if req.ContentType != "" && req.ContentType != "CSV" {
		return nil, invalidValue("contentType", req.ContentType)
	}
	d, err := ParseDialect(req.ColumnDelimiter, req.LineEnding)
	if err != nil {
		return nil, err
	}
	o, ok := j.object(c.R.Context(), req.Object)
	if !ok {
		return nil, errInvalidJob("Unable to find object: %s", req.Object)
	}
	if o.ReadOnly {
		return nil, refuse(http.StatusBadRequest, "INVALIDENTITY", "Entity '%s' is not supported by the Bulk API.", o.Name)
	}
	if req.Operation == opHardDelete && j.opt.NoHardDelete {
		return nil, refuse(http.StatusBadRequest, "FEATURENOTENABLED", "FeatureNotEnabled : hardDelete operation requires special user profile permission, please contact your system administrator")
	}
	external := ""
	if req.Operation == opUpsert {
		if external, err = externalID(o, req.ExternalID); err != nil {
			return nil, err
		}
	}
	return &job{fate: j.opt.Fate(c.R.Context()), info: Info{Type: typeIngest, Operation: req.Operation, Object: o.Name, State: Open, ExternalID: external,
		AssignmentRule: req.AssignmentRule, CreatedBy: c.UserID, Version: c.Version, Dialect: d}}, nil
}

// externalID finds the field by which an upsert goes.
func externalID(o *schema.Object, name string) (string, error) {
	f, ok := o.Field(name)
	if !ok || !f.IDLookup && f.Slot != schema.SlotID {
		return "", errInvalidJob("Field name provided, %s does not match an External ID for %s", name, o.Name)
	}
	return f.Name, nil
}

// readMultipart reads a body of the parts "job" and "content".
func readMultipart(c *Call, boundary string, req *ingestRequest) ([]byte, error) {
	bad := refuse(http.StatusBadRequest, "BULK_API_ERROR", "A multipart request needs a part job of JSON and a part content of CSV")
	raw, err := readBody(c, maxMultipart)
	if err != nil {
		return nil, err
	}
	r := multipart.NewReader(strings.NewReader(string(raw)), boundary)
	parts := map[string][]byte{}
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, bad
		}
		b, err := io.ReadAll(p)
		if err != nil {
			return nil, bad
		}
		parts[p.FormName()] = b
	}
	if parts["job"] == nil || parts["content"] == nil {
		return nil, bad
	}
	return parts["content"], c.decodeJSON(parts["job"], req)
}

// ingestPart answers what lies below an ingest job.
func (j *Jobs) ingestPart(c *Call, jb *job, part string) error {
	if part == "batches" {
		if c.R.Method != http.MethodPut {
			return errMethod(c, "PUT")
		}
		return j.upload(c, jb)
	}
	want := map[string]func(*outcome) bool{
		"successfulResults":  func(o *outcome) bool { return o.err == "" },
		"failedResults":      func(o *outcome) bool { return o.err != "" },
		"unprocessedrecords": nil, "unprocessedRecords": nil,
	}
	keep, ok := want[part]
	if !ok {
		return errNoJob()
	}
	if c.R.Method != http.MethodGet && c.R.Method != http.MethodHead {
		return errMethod(c, "HEAD,GET")
	}
	if s := j.snapshot(jb).State; !s.IsFinal() {
		return errJobState("Job is in state %s. Results are there when it is JobComplete, Failed or Aborted", s)
	}
	w := newCSVWriter(c)
	defer w.flush()
	if keep == nil {
		return jb.writeUnprocessed(w)
	}
	return jb.writeOutcomes(w, part == "successfulResults", keep)
}

// upload answers PUT of the job's data, which can come once.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/upload_job_data.htm
func (j *Jobs) upload(c *Call, jb *job) error {
	if t, _, err := mime.ParseMediaType(c.R.Header.Get("Content-Type")); err != nil || t != "text/csv" {
		return refuse(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "content type of request not supported")
	}
	if err := j.mayUpload(jb); err != nil {
		return err
	}
	data, err := readBody(c, maxUpload)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := jb.mayUpload(); err != nil {
		return err
	}
	j.makeRoom(len(data))
	jb.data, jb.uploaded, jb.info.Modified = data, true, j.now()
	c.W.WriteHeader(http.StatusCreated)
	return nil
}

func (j *Jobs) mayUpload(jb *job) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return jb.mayUpload()
}

func (jb *job) mayUpload() error {
	if jb.info.State != Open {
		return errJobState("Uploading to already %s Job not allowed", jb.info.State.word())
	}
	if jb.uploaded {
		return refuse(http.StatusBadRequest, "BULK_API_ERROR", "Found multiple contents for job: <%s>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job.", jb.info.ID[:15])
	}
	return nil
}

// writeOutcomes writes the rows that went one way: what the platform says of
// each, then the columns as they were uploaded. The job is over, so nothing
// changes any more.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_successful_results.htm
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_failed_results.htm
func (jb *job) writeOutcomes(w *csvWriter, successful bool, keep func(*outcome) bool) error {
	d := jb.info.Dialect
	second := "sf__Error"
	if successful {
		second = "sf__Created"
	}
	w.buf = AppendCell(w.buf, "sf__Id")
	w.buf = AppendCell(append(w.buf, d.Delimiter), second)
	if jb.header.Raw != "" {
		w.buf = append(append(w.buf, d.Delimiter), jb.header.Raw...)
	}
	w.buf = d.AppendEnd(w.buf)
	r := d.NewReader(jb.data)
	for i := range jb.outcomes {
		o := &jb.outcomes[i]
		if !keep(o) {
			continue
		}
		r.Seek(o.start)
		cells, err := r.Next()
		if err != nil {
			return err
		}
		w.buf = AppendCell(w.buf, o.id)
		second := o.err
		if successful {
			second = schema.BoolText(o.created)
		}
		w.buf = AppendCell(append(w.buf, d.Delimiter), second)
		for _, cell := range cells {
			w.buf = AppendCell(append(w.buf, d.Delimiter), string(cell))
		}
		w.buf = d.AppendEnd(w.buf)
		w.flushFull()
	}
	return nil
}

// writeUnprocessed writes the rows that the job did not come to, as they were
// uploaded.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_unprocessed_results.htm
func (jb *job) writeUnprocessed(w *csvWriter) error {
	if jb.header.Raw != "" {
		w.buf = jb.info.Dialect.AppendEnd(append(w.buf, jb.header.Raw...))
	}
	w.buf = append(w.buf, jb.data[jb.next:]...)
	return nil
}
