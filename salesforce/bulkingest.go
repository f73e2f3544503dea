package salesforce

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-json"

	"github.com/partnersync/partnersync/internal/errs"
)

// MaxIngestUpload is how many bytes one job takes. The platform's bound is 150 MB after
// it has encoded them in base64, so it advises 100 MB.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/upload_job_data.htm
const MaxIngestUpload = 100_000_000

// IngestState is where a Bulk 2.0 job is in its life.
//
//	Open ──close──▶ UploadComplete ──▶ InProgress ──▶ JobComplete | Failed
//	  └───────────────────┴───────abort────┴────────▶ Aborted
//
// Nothing of a job is done before it is closed. JobComplete says that every row was
// looked at, not that every row was written.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_job_states.htm
type IngestState string

// The states of a job.
const (
	IngestOpen       IngestState = "Open"
	IngestUploaded   IngestState = "UploadComplete"
	IngestInProgress IngestState = "InProgress"
	IngestComplete   IngestState = "JobComplete"
	IngestFailed     IngestState = "Failed"
	IngestAborted    IngestState = "Aborted"
)

// IsFinal says whether nothing more happens to the job: its results can be read.
func (s IngestState) IsFinal() bool {
	return s == IngestComplete || s == IngestFailed || s == IngestAborted
}

// IngestJob is a Bulk 2.0 upsert job as the org tells of it.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_info.htm
type IngestJob struct {
	ID     string      `json:"id"`
	Object string      `json:"object"`
	State  IngestState `json:"state"`
	// Processed counts the rows that were looked at, and Failed those of them that were
	// refused.
	Processed int64 `json:"numberRecordsProcessed"`
	Failed    int64 `json:"numberRecordsFailed"`
	// ErrorMessage is why a Failed job failed as a whole: "InvalidBatch : Field name not
	// found : Nope__c".
	ErrorMessage string `json:"errorMessage"`
	// TotalMS is how long the job took, in milliseconds, once it is over.
	TotalMS int64 `json:"totalProcessingTime"`
}

var jobID = regexp.MustCompile(`^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$`)

// ingestPath gives the path of a job, or of a part of it.
func (c *Client) ingestPath(id, part string) (string, error) {
	if !jobID.MatchString(id) {
		return "", errs.New(errs.Invalid, "%q is not the id of a Bulk job", id)
	}
	return c.data("jobs/ingest/" + id + part), nil
}

// CreateIngest makes an upsert job, which is Open, for rows of commas and line feeds. If
// its answer gets lost and it is made a second time, the first stays Open and empty until
// the org removes it after seven days: it does nothing.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/create_job.htm
func (c *Client) CreateIngest(ctx context.Context, object, externalIDField string) (job IngestJob, err error) {
	defer errs.Wrap(&err, "make a Bulk job for %s", object)
	if err := checkName("an object", object); err != nil {
		return job, err
	}
	if err := checkName("a field", externalIDField); err != nil {
		return job, err
	}
	body, err := json.Marshal(map[string]string{
		"object": object, "operation": "upsert", "externalIdFieldName": externalIDField,
		"contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
	})
	if err != nil {
		return job, err
	}
	job, err = c.ingestCall(ctx, http.MethodPost, c.data("jobs/ingest"), body)
	if err == nil && job.ID == "" {
		err = errs.New(errs.Transient, "the org made a Bulk job and did not name it")
	}
	return job, err
}

// ingestCall makes a call that is answered with a job.
func (c *Client) ingestCall(ctx context.Context, method, path string, body []byte) (job IngestJob, err error) {
	_, err = c.do(ctx, request{
		method: method, path: path, body: body,
		decode: func(b []byte) error { job = IngestJob{}; return json.Unmarshal(b, &job) },
	})
	return job, err
}

// CloseIngest says that a job's data are complete: from then on it is worked on. Closing
// a job that was closed before, by an attempt whose answer got lost, is no error.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/close_job.htm
func (c *Client) CloseIngest(ctx context.Context, id string) (IngestJob, error) {
	return c.turnIngest(ctx, "close", id, IngestUploaded)
}

// AbortIngest ends a job. Rows that were written before stay written; what became of
// each is in the results. Aborting a job that is over is no error: look at its State.
func (c *Client) AbortIngest(ctx context.Context, id string) (IngestJob, error) {
	return c.turnIngest(ctx, "abort", id, IngestAborted)
}

func (c *Client) turnIngest(ctx context.Context, what, id string, to IngestState) (job IngestJob, err error) {
	defer errs.Wrap(&err, "%s Bulk job %s", what, id)
	path, err := c.ingestPath(id, "")
	if err != nil {
		return job, err
	}
	job, err = c.ingestCall(ctx, http.MethodPatch, path, fmt.Appendf(nil, `{"state":%q}`, to))
	var refused *Error
	if !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		return job, err
	}
	// It may have been turned by an attempt before, or have ended by itself.
	is, lookErr := c.Ingest(ctx, id)
	if lookErr == nil && (is.State == to || to == IngestUploaded && is.State == IngestInProgress || is.State.IsFinal()) {
		return is, nil
	}
	return job, err
}

// Ingest asks how a job is. errs.NotFound: the org does not have it (any more).
func (c *Client) Ingest(ctx context.Context, id string) (job IngestJob, err error) {
	defer errs.Wrap(&err, "look at Bulk job %s", id)
	path, err := c.ingestPath(id, "")
	if err != nil {
		return job, err
	}
	return c.ingestCall(ctx, http.MethodGet, path, nil)
}

// DeleteIngest takes a finished job and its results away; the org does so by itself after
// seven days. A job that is gone is no error.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/delete_job.htm
func (c *Client) DeleteIngest(ctx context.Context, id string) (err error) {
	defer errs.Wrap(&err, "delete Bulk job %s", id)
	path, err := c.ingestPath(id, "")
	if err != nil {
		return err
	}
	return c.deleteJob(ctx, path)
}

// tellingRows is how many rows a job has at least from whose time that of others is told:
// of a small one most is not for its rows.
const tellingRows = 5_000

// leastPause is the shortest pause that is reckoned, unless RetryInitial is shorter.
const leastPause = 50 * time.Millisecond

// AwaitIngest looks at a closed job of some rows until it is over, or ctx ends: then the
// error is the context's and the job goes on. It looks when the job should be over by how
// long the last one took, after RetryInitial if there was none, and again when it should be
// by how far it has come; while that can't be told, after twice the last pause. No pause is
// longer than RetryMax. So a job of seconds is not waited for longer than it takes, and one
// of minutes costs few of the day's requests.
func (c *Client) AwaitIngest(ctx context.Context, id string, rows int64) (job IngestJob, err error) {
	var waited time.Duration
	for pause := c.firstLook(rows); ; {
		pause = min(pause, c.cfg.RetryMax)
		timer := time.NewTimer(pause - pause/20 + rand.N(pause/10+1)) // jobs of one moment are not all looked at in the same one
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return job, fmt.Errorf("wait for Bulk job %s: %w", id, context.Cause(ctx))
		}
		waited += pause
		if job, err = c.Ingest(ctx, id); err != nil || job.State.IsFinal() {
			if job.State == IngestComplete && job.Processed >= tellingRows {
				c.ingestPace.Store(job.TotalMS * int64(time.Millisecond) / job.Processed)
			}
			return job, err
		}
		if job.State == IngestOpen {
			return job, errs.New(errs.Conflict, "Bulk job %s was never closed", id)
		}
		if left := rows - job.Processed; job.Processed > 0 && left >= 0 {
			rest := time.Duration(float64(waited) * float64(left) / float64(job.Processed))
			pause = max(rest+rest/16, min(c.cfg.RetryInitial, leastPause))
		} else {
			pause *= 2
		}
	}
}

// firstLook is after how long a job of some rows is looked at first.
func (c *Client) firstLook(rows int64) time.Duration {
	perRow := time.Duration(c.ingestPace.Load())
	if perRow == 0 || rows < tellingRows {
		return c.cfg.RetryInitial
	}
	return max(time.Duration(rows)*perRow, min(c.cfg.RetryInitial, leastPause))
}

// Err gives what a job that is over failed of as a whole, or nil. Its class follows the
// text: a quota to wait for, settings to mend, or a failure inside the org that another
// job may not meet.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_reference_errors.htm
func (j IngestJob) Err() error {
	if j.State != IngestFailed {
		return nil
	}
	code, _, _ := strings.Cut(j.ErrorMessage, " ")
	e := &Error{Status: http.StatusInternalServerError, Request: "Bulk job " + j.ID, Host: "Salesforce",
		Details: []Detail{{Code: strings.TrimSuffix(code, ":"), Message: j.ErrorMessage}}}
	switch {
	case strings.HasPrefix(code, "ExceededQuota"):
		e.Status, e.Details[0].Code = http.StatusForbidden, "LIMIT_EXCEEDED"
	case strings.HasPrefix(code, "InvalidEntity"), strings.HasPrefix(code, "FeatureNotEnabled"),
		strings.Contains(j.ErrorMessage, "Field name not found"), strings.Contains(j.ErrorMessage, "Unable to find object"):
		e.Status = http.StatusBadRequest
	}
	return e
}
