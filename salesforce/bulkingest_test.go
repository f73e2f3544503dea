package salesforce_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/errs"
	"github.com/partnersync/partnersync/salesforce"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
	"github.com/partnersync/partnersync/salesforce/emulator/orgtest"
)

// ingestOrg is an emulated org and a client of it.
type ingestOrg struct {
	t      *testing.T
	org    *emulator.Org
	client *salesforce.Client
}

func newIngestOrg(t *testing.T) *ingestOrg {
	t.Helper()
	o := &ingestOrg{t: t, org: emulator.New(emulator.Options{})}
	o.client = orgtest.Client(t, orgtest.Serve(t, o.org), salesforce.Config{MaxAttempts: 3})
	return o
}

// start uploads data to a new job and closes it.
func (o *ingestOrg) start(data string) salesforce.IngestJob {
	o.t.Helper()
	job := o.create()
	if _, err := o.client.UploadIngest(o.t.Context(), job.ID, text(data)); err != nil {
		o.t.Fatal(err)
	}
	if _, err := o.client.CloseIngest(o.t.Context(), job.ID); err != nil {
		o.t.Fatal(err)
	}
	return job
}

func (o *ingestOrg) create() salesforce.IngestJob {
	o.t.Helper()
	job, err := o.client.CreateIngest(o.t.Context(), "Partner__c", "Partner_ID__c")
	if err != nil || job.State != salesforce.IngestOpen {
		o.t.Fatalf("%+v, %v", job, err)
	}
	return job
}

func (o *ingestOrg) await(id string) salesforce.IngestJob {
	o.t.Helper()
	job, err := o.client.AwaitIngest(o.t.Context(), id, 2)
	if err != nil {
		o.t.Fatal(err)
	}
	return job
}

// results gives "Partner ID: what became of it" of a list.
func (o *ingestOrg) results(id string, which salesforce.IngestResult) (out []string) {
	o.t.Helper()
	err := o.client.IngestResults(o.t.Context(), id, which, func() func(salesforce.IngestRow) error {
		out = nil
		return func(r salesforce.IngestRow) error {
			said := "written"
			if res := r.Result(); !res.Success {
				said = res.Errors[0].String()
			}
			out = append(out, r.Cell("Partner_ID__c")+": "+said)
			return nil
		}
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return out
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func (o *ingestOrg) faults(plan string) {
	o.t.Helper()
	p, err := fault.Parse([]byte(plan), "test")
	if err != nil {
		o.t.Fatal(err)
	}
	o.org.PlayFaults(p, 1)
}

const twoPartners = "Partner_ID__c,Name,Tier__c\nAA0001,\"Ada, \"\"the\"\" first\",gold\nAA0002,Bob,#N/A\n"

func TestAnIngestJobUpsertsItsRows(t *testing.T) {
	t.Parallel()
	o := newIngestOrg(t)
	job := o.await(o.start(twoPartners).ID)
	if job.State != salesforce.IngestComplete || job.Processed != 2 || job.Failed != 0 || job.Err() != nil {
		t.Fatalf("%+v", job)
	}
	// A cell that is empty leaves the field alone, #N/A empties it.
	again := o.await(o.start("Partner_ID__c,Name,Tier__c\nAA0001,,#N/A\nAA0003,,\n").ID)
	if again.Processed != 2 {
		t.Errorf("%+v", again)
	}
	got := map[string]string{}
	for _, r := range o.org.Records("Partner__c") {
		got[fmt.Sprint(r["Partner_ID__c"])] = fmt.Sprint(r["Name"], " ", r["Tier__c"])
	}
	if got["AA0001"] != `Ada, "the" first <nil>` || got["AA0002"] != "Bob <nil>" {
		t.Errorf("%v", got)
	}
	if list := o.results(job.ID, salesforce.IngestSuccessful); !slices.Equal(list, []string{"AA0001: written", "AA0002: written"}) {
		t.Errorf("%q", list)
	}
	if err := o.client.DeleteIngest(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	if err := o.client.DeleteIngest(t.Context(), job.ID); err != nil {
		t.Errorf("a job that is gone: %v", err)
	}
	if _, err := o.client.Ingest(t.Context(), job.ID); errs.KindOf(err) != errs.NotFound {
		t.Errorf("after it was deleted: %v", err)
	}
}

func TestARefusedRowOfAJobSaysWhy(t *testing.T) {
	t.Parallel()
	o := newIngestOrg(t)
	o.faults(`{rules: [{name: a, when: {kind: bulk-ingest}, do: {rows: {code: FIELD_CUSTOM_VALIDATION_EXCEPTION, message: "No: not Bob", fields: [Name], key: AA0002}}}]}`)
	job := o.await(o.start(twoPartners).ID)
	if job.Processed != 2 || job.Failed != 1 {
		t.Fatalf("%+v", job)
	}
	want := []string{"AA0002: FIELD_CUSTOM_VALIDATION_EXCEPTION: No: not Bob (fields Name)"}
	if list := o.results(job.ID, salesforce.IngestRefused); !slices.Equal(list, want) {
		t.Errorf("%q", list)
	}
}

func TestAJobThatFailsMidwayTellsWhatItDidNotComeTo(t *testing.T) {
	t.Parallel()
	o := newIngestOrg(t)
	o.faults(`{rules: [{name: a, when: {kind: bulk-ingest}, do: {job: fail}}]}`)
	job := o.await(o.start(twoPartners).ID)
	if job.State != salesforce.IngestFailed || salesforce.ClassOf(job.Err()) != salesforce.ClassRetry {
		t.Fatalf("%+v: %v", job, job.Err())
	}
	done, left := o.results(job.ID, salesforce.IngestSuccessful), o.results(job.ID, salesforce.IngestUnprocessed)
	if len(done)+len(left) != 2 || len(left) == 0 {
		t.Errorf("%q and %q", done, left)
	}
}

func TestAnUploadThatBreaksOffLeavesAJobOfWhichNothingIsDone(t *testing.T) {
	t.Parallel()
	o := newIngestOrg(t)
	job := o.create()
	broken := errors.New("the database is gone")
	_, err := o.client.UploadIngest(t.Context(), job.ID, func(w io.Writer) error {
		if _, err := io.WriteString(w, twoPartners); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("the upload gave %v", err)
	}
	if _, err := o.client.AbortIngest(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	if again, err := o.client.AbortIngest(t.Context(), job.ID); err != nil || again.State != salesforce.IngestAborted {
		t.Errorf("aborted twice: %+v, %v", again, err)
	}
	if n := o.org.Count("Partner__c"); n != 0 {
		t.Errorf("%d partners", n)
	}
}

func TestAClosedJobIsClosedWhenTheAnswerGotLost(t *testing.T) {
	t.Parallel()
	o := newIngestOrg(t)
	o.faults(`{rules: [{name: a, when: {kind: bulk-ingest, method: PATCH}, times: 1, do: {lose: {}}}]}`)
	if job := o.await(o.start(twoPartners).ID); job.State != salesforce.IngestComplete {
		t.Errorf("%+v", job)
	}
}

func TestResultsThatBreakOffAreReadAgainFromTheFirstRow(t *testing.T) {
	t.Parallel()
	o := newIngestOrg(t)
	job := o.await(o.start(twoPartners).ID)
	o.faults(`{rules: [{name: a, when: {kind: bulk-results}, times: 2, do: {drop: {bytes: 70}}}]}`)
	if list := o.results(job.ID, salesforce.IngestSuccessful); len(list) != 2 {
		t.Errorf("%q", list)
	}
}

func TestAStaleSessionIsRenewedForResultsAndNotForAnUpload(t *testing.T) {
	t.Parallel()
	o := newIngestOrg(t)
	job := o.await(o.start(twoPartners).ID)
	o.faults(`{rules: [{name: a, when: {kind: bulk-results}, times: 1, do: {session: 401}}, {name: b, when: {kind: bulk-ingest, method: PUT}, times: 1, do: {session: 401}}]}`)
	if list := o.results(job.ID, salesforce.IngestSuccessful); len(list) != 2 {
		t.Errorf("%q", list)
	}
	second := o.create()
	if _, err := o.client.UploadIngest(t.Context(), second.ID, text(twoPartners)); salesforce.ClassOf(err) != salesforce.ClassSession {
		t.Errorf("the upload gave %v", err)
	}
	if job := o.await(o.start(twoPartners).ID); job.State != salesforce.IngestComplete {
		t.Errorf("%+v", job)
	}
}

func TestWaitingForAJobEndsWithItsContext(t *testing.T) {
	t.Parallel()
	o := newIngestOrg(t)
	o.faults(`{rules: [{name: a, when: {kind: bulk-ingest}, do: {job: stuck}}]}`)
	job := o.start(twoPartners)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := o.client.AwaitIngest(ctx, job.ID, 2); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, err := o.client.AbortIngest(t.Context(), job.ID); err != nil {
		t.Error(err)
	}
}

func TestAJobWithAnUnknownColumnIsAFaultOfTheSettings(t *testing.T) {
	t.Parallel()
	o := newIngestOrg(t)
	job := o.await(o.start("Partner_ID__c,Nope__c\nAA0001,x\n").ID)
	if job.State != salesforce.IngestFailed || salesforce.ClassOf(job.Err()) != salesforce.ClassConfig || errs.KindOf(job.Err()) != errs.Invalid {
		t.Errorf("%+v: %v", job, job.Err())
	}
}

func TestParseIngestError(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]salesforce.RowError{
		"UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--":           {StatusCode: "UNABLE_TO_LOCK_ROW", Message: "unable to obtain exclusive access to this record"},
		"REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --":               {StatusCode: "REQUIRED_FIELD_MISSING", Message: "Required fields are missing: [Name]", Fields: []string{"Name"}},
		"STRING_TOO_LONG:A: data value too large: x (max length=20):Reason__c Slice__c --": {StatusCode: "STRING_TOO_LONG", Message: "A: data value too large: x (max length=20)", Fields: []string{"Reason__c", "Slice__c"}},
		"INVALID_FIELD:no end":       {StatusCode: "INVALID_FIELD", Message: "no end"},
		"something else: altogether": {StatusCode: "NO_REASON_GIVEN", Message: "something else: altogether"},
		"":                           {StatusCode: "NO_REASON_GIVEN"},
	} {
		if got := salesforce.ParseIngestError(in); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %#v, not %#v", in, got, want)
		}
	}
}

func FuzzParseIngestError(f *testing.F) {
	f.Add("REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --")
	f.Add(":--")
	f.Fuzz(func(t *testing.T, s string) {
		e := salesforce.ParseIngestError(s)
		if e.StatusCode == "" || !strings.Contains(s, e.Message) {
			t.Errorf("%q: %#v", s, e)
		}
	})
}
