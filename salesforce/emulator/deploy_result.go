package emulator

import (
	"encoding/base64"
	"strconv"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/metadata"
)

// deployInstant is an instant as results of deploys print it.
type deployInstant time.Time

// MarshalText prints the instant.
func (d deployInstant) MarshalText() ([]byte, error) {
	return []byte(time.Time(d).UTC().Format("2006-01-02T15:04:05.000Z")), nil
}

func instantOf(t time.Time) *deployInstant {
	if t.IsZero() {
		return nil
	}
	d := deployInstant(t)
	return &d
}

// deployResult is what checkDeployStatus answers, in SOAP as in REST.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_deployresult.htm
type deployResult struct {
	CanceledBy               string         `json:"canceledBy,omitempty" xml:"canceledBy,omitempty"`
	CanceledByName           string         `json:"canceledByName,omitempty" xml:"canceledByName,omitempty"`
	CheckOnly                bool           `json:"checkOnly" xml:"checkOnly"`
	CompletedDate            *deployInstant `json:"completedDate,omitempty" xml:"completedDate,omitempty"`
	CreatedBy                string         `json:"createdBy" xml:"createdBy"`
	CreatedByName            string         `json:"createdByName" xml:"createdByName"`
	CreatedDate              *deployInstant `json:"createdDate" xml:"createdDate"`
	Details                  *deployDetails `json:"details,omitempty" xml:"details,omitempty"`
	Done                     bool           `json:"done" xml:"done"`
	ErrorMessage             string         `json:"errorMessage,omitempty" xml:"errorMessage,omitempty"`
	ErrorStatusCode          string         `json:"errorStatusCode,omitempty" xml:"errorStatusCode,omitempty"`
	ID                       string         `json:"id" xml:"id"`
	IgnoreWarnings           bool           `json:"ignoreWarnings" xml:"ignoreWarnings"`
	LastModifiedDate         *deployInstant `json:"lastModifiedDate" xml:"lastModifiedDate"`
	NumberComponentErrors    int            `json:"numberComponentErrors" xml:"numberComponentErrors"`
	NumberComponentsDeployed int            `json:"numberComponentsDeployed" xml:"numberComponentsDeployed"`
	NumberComponentsTotal    int            `json:"numberComponentsTotal" xml:"numberComponentsTotal"`
	NumberTestErrors         int            `json:"numberTestErrors" xml:"numberTestErrors"`
	NumberTestsCompleted     int            `json:"numberTestsCompleted" xml:"numberTestsCompleted"`
	NumberTestsTotal         int            `json:"numberTestsTotal" xml:"numberTestsTotal"`
	RollbackOnError          bool           `json:"rollbackOnError" xml:"rollbackOnError"`
	RunTestsEnabled          bool           `json:"runTestsEnabled" xml:"runTestsEnabled"`
	StartDate                *deployInstant `json:"startDate,omitempty" xml:"startDate,omitempty"`
	StateDetail              string         `json:"stateDetail,omitempty" xml:"stateDetail,omitempty"`
	Status                   jobStatus      `json:"status" xml:"status"`
	Success                  bool           `json:"success" xml:"success"`
}

type deployDetails struct {
	Failures  []deployMessage `json:"componentFailures" xml:"componentFailures"`
	Successes []deployMessage `json:"componentSuccesses" xml:"componentSuccesses"`
	Tests     testResult      `json:"runTestResult" xml:"runTestResult"`
}

// testResult is that of Apex tests, of which the org runs none.
type testResult struct {
	NumFailures int     `json:"numFailures" xml:"numFailures"`
	NumTestsRun int     `json:"numTestsRun" xml:"numTestsRun"`
	TotalTime   float64 `json:"totalTime" xml:"totalTime"`
}

type deployMessage struct {
	Changed       bool           `json:"changed" xml:"changed"`
	ColumnNumber  int            `json:"columnNumber,omitempty" xml:"columnNumber,omitempty"`
	ComponentType string         `json:"componentType" xml:"componentType"`
	Created       bool           `json:"created" xml:"created"`
	CreatedDate   *deployInstant `json:"createdDate" xml:"createdDate"`
	Deleted       bool           `json:"deleted" xml:"deleted"`
	FileName      string         `json:"fileName" xml:"fileName"`
	FullName      string         `json:"fullName" xml:"fullName"`
	ID            string         `json:"id,omitempty" xml:"id,omitempty"`
	LineNumber    int            `json:"lineNumber,omitempty" xml:"lineNumber,omitempty"`
	Problem       string         `json:"problem,omitempty" xml:"problem,omitempty"`
	ProblemType   string         `json:"problemType,omitempty" xml:"problemType,omitempty"`
	Success       bool           `json:"success" xml:"success"`
}

// integrationUser is the name of the user as whom integrations act.
const integrationUser = "Integration User"

// result tells what became of a deploy, or is becoming of it.
func (j *metadataJob) result(details bool) deployResult {
	r := deployResult{
		CheckOnly: j.options.CheckOnly, CompletedDate: instantOf(j.completed), CreatedBy: j.userID, CreatedByName: integrationUser,
		CreatedDate: instantOf(j.created), Done: j.isDone(), ErrorMessage: j.problem, ID: j.id, IgnoreWarnings: j.options.IgnoreWarnings,
		LastModifiedDate: instantOf(j.changed), NumberComponentErrors: j.failures(), NumberComponentsDeployed: j.deployed(),
		RollbackOnError: j.options.RollbackOnError, RunTestsEnabled: j.options.RunAllTests || len(j.options.RunTests) > 0,
		StartDate: instantOf(j.started), Status: j.status, Success: j.status == jobSucceeded || j.status == jobPartial,
	}
	r.NumberComponentsTotal = r.NumberComponentsDeployed + r.NumberComponentErrors
	if j.problem != "" {
		r.ErrorStatusCode = "UNKNOWN_EXCEPTION"
	}
	if j.canceledBy != "" {
		r.CanceledBy, r.CanceledByName = j.canceledBy, integrationUser
	}
	if !details {
		return r
	}
	r.Details = &deployDetails{Failures: []deployMessage{}, Successes: []deployMessage{}}
	for _, m := range j.messages {
		d := deployMessage{Changed: m.Changed, ColumnNumber: m.Column, ComponentType: m.ComponentType, Created: m.Created,
			CreatedDate: instantOf(j.started), Deleted: m.Deleted, FileName: m.FileName, FullName: m.FullName, ID: m.ID,
			LineNumber: m.Line, Problem: m.Problem, ProblemType: m.ProblemType, Success: m.Success}
		if m.IsFailure() {
			r.Details.Failures = append(r.Details.Failures, d)
		} else {
			r.Details.Successes = append(r.Details.Successes, d)
		}
	}
	return r
}

// fileProperties say what a component is and who made it.
// https://developer.salesforce.com/docs/atlas.en-us.api_meta.meta/api_meta/meta_retrieveresult.htm
type fileProperties struct {
	CreatedByID        string         `xml:"createdById"`
	CreatedByName      string         `xml:"createdByName"`
	CreatedDate        *deployInstant `xml:"createdDate"`
	FileName           string         `xml:"fileName"`
	FullName           string         `xml:"fullName"`
	ID                 string         `xml:"id"`
	LastModifiedByID   string         `xml:"lastModifiedById"`
	LastModifiedByName string         `xml:"lastModifiedByName"`
	LastModifiedDate   *deployInstant `xml:"lastModifiedDate"`
	ManageableState    string         `xml:"manageableState,omitempty"`
	NamespacePrefix    string         `xml:"namespacePrefix,omitempty"`
	Type               string         `xml:"type"`
}

// epoch is when what an org has by itself was made.
var epoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func (o *Org) propertiesOf(list []metadata.Properties) []fileProperties {
	out := make([]fileProperties, 0, len(list))
	for _, p := range list {
		if p.Created.IsZero() {
			p.Created, p.Modified = epoch, epoch
		}
		f := fileProperties{CreatedByID: o.UserID, CreatedByName: integrationUser, CreatedDate: instantOf(p.Created), FileName: p.FileName,
			FullName: p.FullName, ID: p.ID, LastModifiedByID: o.UserID, LastModifiedByName: integrationUser,
			LastModifiedDate: instantOf(p.Modified), NamespacePrefix: p.Namespace, Type: p.Type}
		switch {
		case p.Namespace != "":
			f.ManageableState = "installed"
		case p.Type != "Package":
			f.ManageableState = "unmanaged"
		}
		out = append(out, f)
	}
	return out
}

// retrieveResult is what checkRetrieveStatus answers.
type retrieveResult struct {
	Done            bool              `xml:"done"`
	ErrorMessage    string            `xml:"errorMessage,omitempty"`
	ErrorStatusCode string            `xml:"errorStatusCode,omitempty"`
	Files           []fileProperties  `xml:"fileProperties"`
	ID              string            `xml:"id"`
	Messages        []retrieveMessage `xml:"messages"`
	Status          jobStatus         `xml:"status"`
	Success         bool              `xml:"success"`
	Zip             string            `xml:"zipFile"`
}

type retrieveMessage struct {
	FileName string `xml:"fileName"`
	Problem  string `xml:"problem"`
}

func (o *Org) retrieved(j metadataJob) retrieveResult {
	r := retrieveResult{Done: j.isDone(), ErrorMessage: j.problem, ID: j.id, Status: j.status, Success: j.status == jobSucceeded,
		Files: o.propertiesOf(j.properties)}
	if j.problem != "" {
		r.ErrorStatusCode = "UNKNOWN_EXCEPTION"
	}
	for _, m := range j.problems {
		r.Messages = append(r.Messages, retrieveMessage{m.FileName, m.Problem})
	}
	if r.Success {
		r.Zip = base64.StdEncoding.EncodeToString(j.zip)
	}
	return r
}

// versionNumber gives 62 for "62.0", or 0.
func versionNumber(s string) int {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return int(f)
}
