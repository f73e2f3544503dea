package bulk

import (
	"encoding/json"
	"strings"
	"time"
)

// The types of jobs.
const (
	typeIngest = "V2Ingest"
	typeQuery  = "V2Query"
)

// The operations of jobs.
const (
	opInsert     = "insert"
	opUpdate     = "update"
	opUpsert     = "upsert"
	opDelete     = "delete"
	opHardDelete = "hardDelete"
	opQuery      = "query"
	opQueryAll   = "queryAll"
)

// Info is a job as everybody may see it.
type Info struct {
	ID        string
	Type      string // V2Ingest or V2Query
	Operation string
	Object    string
	State     State
	// ExternalID is the field of an upsert, or "".
	ExternalID     string
	AssignmentRule string
	CreatedBy      string
	Version        string // "62.0"
	Dialect        Dialect
	Created        time.Time
	Modified       time.Time // the state changed, or rows were worked through
	Processed      int       // rows, those that failed included
	Failed         int
	// Total is how long the job has been worked on, Active how long its rows were
	// written or read.
	Total, Active time.Duration
	// ErrorMessage is why the job is Failed.
	ErrorMessage string
}

// basis is what every answer about a job says, in the platform's order.
type basis struct {
	ID                 string      `json:"id"`
	Operation          string      `json:"operation"`
	Object             string      `json:"object"`
	CreatedByID        string      `json:"createdById"`
	CreatedDate        string      `json:"createdDate"`
	SystemModstamp     string      `json:"systemModstamp"`
	State              State       `json:"state"`
	ExternalID         string      `json:"externalIdFieldName,omitempty"`
	AssignmentRule     string      `json:"assignmentRuleId,omitempty"`
	ConcurrencyMode    string      `json:"concurrencyMode"`
	ContentType        string      `json:"contentType"`
	APIVersion         json.Number `json:"apiVersion"`
	ContentURL         string      `json:"contentUrl,omitempty"`
	JobType            string      `json:"jobType,omitempty"`
	LineEnding         string      `json:"lineEnding"`
	ColumnDelimiter    string      `json:"columnDelimiter"`
	PKChunkingPossible *bool       `json:"isPkChunkingSupported,omitempty"`
}

// progress is what is known of a job that is at work or over.
type progress struct {
	Processed int    `json:"numberRecordsProcessed"`
	Failed    *int   `json:"numberRecordsFailed,omitempty"`
	Retries   int    `json:"retries"`
	Total     int64  `json:"totalProcessingTime"`
	Active    *int64 `json:"apiActiveProcessingTime,omitempty"`
	Apex      *int64 `json:"apexProcessingTime,omitempty"`
	Error     string `json:"errorMessage,omitempty"`
}

// instant is how the resource prints times.
const instant = "2006-01-02T15:04:05.000+0000"

func (i *Info) basis() basis {
	b := basis{
		ID: i.ID, Operation: i.Operation, Object: i.Object, CreatedByID: i.CreatedBy,
		CreatedDate: i.Created.UTC().Format(instant), SystemModstamp: i.Modified.UTC().Format(instant),
		State: i.State, ExternalID: i.ExternalID, AssignmentRule: i.AssignmentRule,
		ConcurrencyMode: "Parallel", ContentType: "CSV", APIVersion: json.Number(i.Version),
		LineEnding: i.Dialect.LineEnding(), ColumnDelimiter: i.Dialect.ColumnDelimiter(),
	}
	if i.Type == typeIngest && i.State == Open {
		b.ContentURL = "services/data/v" + i.Version + "/jobs/ingest/" + i.ID + "/batches"
	}
	return b
}

// brief is the answer to making or changing a job.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/create_job.htm
func (i *Info) brief() any { return i.basis() }

// listed is a job in a list of jobs.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_all_jobs.htm
func (i *Info) listed() any {
	b := i.basis()
	b.JobType = i.Type
	return b
}

// full is the answer to asking for one job.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_info.htm
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_one_job.htm
func (i *Info) full() any {
	b := i.basis()
	b.JobType = i.Type
	p := progress{Processed: i.Processed, Total: i.Total.Milliseconds(), Error: i.ErrorMessage}
	if i.Type == typeQuery {
		possible := !strings.HasSuffix(i.Object, "__mdt")
		b.PKChunkingPossible = &possible
	} else {
		active, apex := i.Active.Milliseconds(), int64(0)
		p.Failed, p.Active, p.Apex = &i.Failed, &active, &apex
	}
	return struct {
		basis
		progress
	}{b, p}
}
