package bulk

import (
	"encoding/json"
	"testing"
	"time"
)

func TestAJobGoesForwardOnly(t *testing.T) {
	all := []State{Open, UploadComplete, InProgress, JobComplete, Failed, Aborted}
	allowed := map[[2]State]bool{
		{Open, UploadComplete}: true, {Open, Aborted}: true,
		{UploadComplete, InProgress}: true, {UploadComplete, Aborted}: true, {UploadComplete, Failed}: true,
		{InProgress, JobComplete}: true, {InProgress, Failed}: true, {InProgress, Aborted}: true,
	}
	for _, from := range all {
		for _, to := range all {
			if got := from.CanBecome(to); got != allowed[[2]State{from, to}] {
				t.Errorf("%s → %s: %t", from, to, got)
			}
		}
	}
}

func TestARequestedStateIsRefusedInThePlatformsWords(t *testing.T) {
	for _, tt := range []struct {
		from, to State
		want     string
	}{
		{Open, UploadComplete, ""},
		{Open, Aborted, ""},
		{InProgress, Aborted, ""},
		{JobComplete, Aborted, "INVALIDJOBSTATE: Aborting already Completed Job not allowed"},
		{Aborted, UploadComplete, "INVALIDJOBSTATE: Closing already Aborted Job not allowed"},
		{UploadComplete, UploadComplete, "INVALIDJOBSTATE: Closing already Closed Job not allowed"},
		{Open, JobComplete, "API_ERROR: Invalid value: 'JobComplete' supplied for property: 'state'"},
	} {
		got := ""
		if err := tt.from.request(tt.to); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s → %s: %q, want %q", tt.from, tt.to, got, tt.want)
		}
	}
}

func TestTheResourceHasThePlatformsFields(t *testing.T) {
	at := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
	i := &Info{ID: "7505g00000000001AA", Type: typeIngest, Operation: opUpsert, Object: "Partner__c", State: Open, ExternalID: "Partner_ID__c",
		CreatedBy: "0055g00000000001AA", Version: "62.0", Dialect: Dialect{Delimiter: ','}, Created: at, Modified: at}
	b, err := json.Marshal(i.brief())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"id":"7505g00000000001AA","operation":"upsert","object":"Partner__c","createdById":"0055g00000000001AA",` +
		`"createdDate":"2026-10-05T12:00:00.000+0000","systemModstamp":"2026-10-05T12:00:00.000+0000","state":"Open",` +
		`"externalIdFieldName":"Partner_ID__c","concurrencyMode":"Parallel","contentType":"CSV","apiVersion":62.0,` +
		`"contentUrl":"services/data/v62.0/jobs/ingest/7505g00000000001AA/batches","lineEnding":"LF","columnDelimiter":"COMMA"}`
	if string(b) != want {
		t.Errorf("%s", b)
	}
	i.State, i.Processed, i.Failed, i.Total, i.ErrorMessage = Failed, 3, 1, 1500*time.Millisecond, "why"
	if b, err = json.Marshal(i.full()); err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]any{"jobType": "V2Ingest", "numberRecordsProcessed": 3.0, "numberRecordsFailed": 1.0, "retries": 0.0,
		"totalProcessingTime": 1500.0, "apiActiveProcessingTime": 0.0, "apexProcessingTime": 0.0, "errorMessage": "why", "contentUrl": nil} {
		if m[k] != v {
			t.Errorf("%s is %v, want %v", k, m[k], v)
		}
	}
}
