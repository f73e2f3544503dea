package emulator_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/bulk"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// object decodes a JSON object, or fails.
func (c *client) object(body string) map[string]any {
	c.t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		c.t.Fatalf("%v: %s", err, body)
	}
	return m
}

// must sends a request that has to be answered with a status.
func (c *client) must(want int, method, path, body string, header ...string) (string, http.Header) {
	c.t.Helper()
	status, text, h := c.do(method, path, body, header...)
	if status != want {
		c.t.Fatalf("%s %s: %d %s, want %d", method, path, status, text, want)
	}
	return text, h
}

// ingest makes a job of CSV, closes it, waits for it, and gives its path and what
// it became.
func (c *client) ingest(job, csv string) (path string, info map[string]any) {
	c.t.Helper()
	text, _ := c.must(200, "POST", "jobs/ingest", job)
	path = "jobs/ingest/" + c.object(text)["id"].(string)
	c.must(201, "PUT", path+"/batches", csv, "Content-Type", "text/csv")
	c.must(200, "PATCH", path, `{"state":"UploadComplete"}`)
	c.org.WaitForJobs()
	text, _ = c.must(200, "GET", path, "")
	return path, c.object(text)
}

// results gives the three results of an ingest job.
func (c *client) results(path string) (successful, failed, unprocessed string) {
	c.t.Helper()
	for _, r := range []struct {
		into *string
		part string
	}{{&successful, "successfulResults"}, {&failed, "failedResults"}, {&unprocessed, "unprocessedrecords"}} {
		text, h := c.must(200, "GET", path+"/"+r.part, "")
		if h.Get("Content-Type") != "text/csv; charset=UTF-8" {
			c.t.Errorf("%s is %s", r.part, h.Get("Content-Type"))
		}
		*r.into = text
	}
	return successful, failed, unprocessed
}

// select makes a query job, waits for it, and gives its path and what it became.
func (c *client) bulkQuery(job string) (path string, info map[string]any) {
	c.t.Helper()
	text, _ := c.must(200, "POST", "jobs/query", job)
	if state := c.object(text)["state"]; state != "UploadComplete" {
		c.t.Errorf("a new query job is %s", state)
	}
	path = "jobs/query/" + c.object(text)["id"].(string)
	c.org.WaitForJobs()
	text, _ = c.must(200, "GET", path, "")
	return path, c.object(text)
}

func TestBulkUpsertWritesRowsAndSaysWhatBecameOfEach(t *testing.T) {
	c := newClient(t, emulator.Options{})
	partner := c.insert("Partner__c", map[string]any{"Partner_ID__c": "FG3877", "Name": "First"})
	old := c.insert("Partner_Commission__c", map[string]any{"Commission_Key__c": "old", "Amount__c": "1", "Status__c": "accrued"})
	path, info := c.ingest(`{"operation":"upsert","object":"partner_commission__c","externalIdFieldName":"commission_key__c","contentType":"CSV","lineEnding":"LF"}`,
		"Commission_Key__c,Partner__r.Partner_ID__c,Amount__c,Status__c,\"Reason__c\"\n"+
			"old,FG3877,12.5,#N/A,\"say \"\"hi\"\"\nthere\"\n"+
			"new,,7,open,\n"+
			",FG3877,7,open,\n"+
			"lost,XX0001,7,open,\n"+
			"bad,FG3877,seven,open,\n"+
			"twin,FG3877,1,open,\n"+
			"twin,FG3877,2,open,\n")
	for k, v := range map[string]any{"state": "JobComplete", "numberRecordsProcessed": 7.0, "numberRecordsFailed": 5.0, "object": "Partner_Commission__c",
		"externalIdFieldName": "Commission_Key__c", "jobType": "V2Ingest", "apiVersion": 62.0, "contentUrl": nil} {
		if info[k] != v {
			t.Errorf("%s is %v, want %v", k, info[k], v)
		}
	}
	made := c.query("query", "SELECT Id FROM Partner_Commission__c WHERE Commission_Key__c = 'new'").Records[0]["Id"].(string)
	successful, failed, unprocessed := c.results(path)
	const header = `Commission_Key__c,Partner__r.Partner_ID__c,Amount__c,Status__c,"Reason__c"` + "\n"
	want := `"sf__Id","sf__Created",` + header +
		`"` + old + `","false","old","FG3877","12.5","#N/A","say ""hi""` + "\nthere\"\n" +
		`"` + made + `","true","new","","7","open",""` + "\n"
	if diff := cmp.Diff(want, successful); diff != "" {
		t.Error(diff)
	}
	want = `"sf__Id","sf__Error",` + header +
		`"","MISSING_ARGUMENT:Commission_Key__c not specified:--","","FG3877","7","open",""` + "\n" +
		`"","INVALID_FIELD:Foreign key external ID: XX0001 not found for field Partner_ID__c in entity Partner__c:--","lost","XX0001","7","open",""` + "\n" +
		`"","INVALID_TYPE_ON_FIELD_IN_RECORD:Amount: value not of required type: seven:Amount__c --","bad","FG3877","seven","open",""` + "\n" +
		`"","DUPLICATE_VALUE:Duplicate external id specified: twin:Commission_Key__c --","twin","FG3877","1","open",""` + "\n" +
		`"","DUPLICATE_VALUE:Duplicate external id specified: twin:Commission_Key__c --","twin","FG3877","2","open",""` + "\n"
	if diff := cmp.Diff(want, failed); diff != "" {
		t.Error(diff)
	}
	if unprocessed != header {
		t.Errorf("unprocessed is %q", unprocessed)
	}
	r, _ := c.org.Record("Partner_Commission__c", old)
	if r["Partner__c"] != partner || r["Status__c"] != nil || fmt.Sprint(r["Amount__c"]) != "12.5" || r["Reason__c"] != "say \"hi\"\nthere" {
		t.Errorf("the record is %v", r)
	}
}

func TestBulkRowsAreRefusedAsTheOperationAsks(t *testing.T) {
	c := newClient(t, emulator.Options{})
	a, b := c.insert("Account", map[string]any{"Name": "A"}), c.insert("Account", map[string]any{"Name": "B"})
	gone := c.insert("Account", map[string]any{"Name": "C"})
	if err := c.org.Delete("Account", gone); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		operation, csv string
		want           []string // the failed rows' errors
	}{
		{"insert", "Name,Website\n,x\nD,y\n", []string{"REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"}},
		{"insert", "Id,Name\n" + a + ",x\n", []string{"INVALID_FIELD_FOR_INSERT_UPDATE:cannot specify Id in an insert call:Id --"}},
		{"update", "Id,Name\n" + a + ",A2\n,x\n" + gone + ",x\n003000000000001AAA,x\n" + a[:3] + "000000000000AAA,x\nnonsense,x\n", []string{
			"MISSING_ARGUMENT:Id not specified in an update call:Id --", "ENTITY_IS_DELETED:entity is deleted:--",
			"MALFORMED_ID:Account ID: id value of incorrect type: 003000000000001AAA:Id --",
			"INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--", "MALFORMED_ID:Record ID: id value of incorrect type: nonsense:Id --"}},
		{"update", "Id,CreatedDate\n" + a + ",2020-01-01\n", []string{"INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: CreatedDate. Please check the security settings of this field and verify that it is read/write for your profile or permission set.:CreatedDate --"}},
		{"upsert", "Id,Name\n" + a + ",A3\n,New\n", nil},
		{"delete", "Id\n" + a[:15] + "\n" + a + "\n", []string{"ENTITY_IS_DELETED:entity is deleted:--"}},
		{"hardDelete", "Id\n" + gone + "\n" + b + "\n", nil},
	} {
		path, info := c.ingest(`{"operation":"`+tt.operation+`","object":"Account","externalIdFieldName":"Id"}`, tt.csv)
		if info["state"] != "JobComplete" || info["numberRecordsFailed"] != float64(len(tt.want)) {
			t.Errorf("%s %q: %v", tt.operation, tt.csv, info)
		}
		_, failed, _ := c.results(path)
		for _, e := range tt.want {
			if !strings.Contains(failed, `,"`+e+`",`) {
				t.Errorf("%s: %s\nis not in\n%s", tt.operation, e, failed)
			}
		}
	}
	if r, _ := c.org.Record("Account", a); r["Name"] != "A3" || r["IsDeleted"] != true {
		t.Errorf("A is %v", r)
	}
	if _, ok := c.org.Record("Account", b); ok {
		t.Error("B is still there")
	}
}

func TestBulkDataThatCannotBeReadFailsTheJob(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for _, tt := range []struct{ dialect, csv, want, unprocessed string }{
		{`"lineEnding":"LF"`, "Name\r\nA\r\n", "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF", "Name\r\nA\r\n"},
		{`"lineEnding":"CRLF"`, "Name\nA\n", "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is CRLF", "Name\nA\n"},
		{`"columnDelimiter":"COMMA"`, "Name,Nam\nA,B\n", "InvalidBatch : Field name not found : Nam", "Name,Nam\nA,B\n"},
		{`"columnDelimiter":"PIPE"`, "Name,Website\nA,B\n", "InvalidBatch : Field name not found : Name,Website", "Name,Website\nA,B\n"},
		{`"lineEnding":"LF"`, "Owner.Name\nA\n", "InvalidBatch : Field name not found : Owner.Name", "Owner.Name\nA\n"},
		{`"lineEnding":"LF"`, "\uFEFF\"Name\"\nA\n", "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote", "\uFEFF\"Name\"\nA\n"},
		{`"lineEnding":"LF"`, "", "InvalidBatch : Records not found", ""},
		{`"lineEnding":"LF"`, "Name\n" + strings.Repeat("A\n", 200) + "\"B\n", "InvalidBatch : Failed to parse CSV. EOF reached before closing an opened quote", "Name\n\"B\n"},
		{`"lineEnding":"LF"`, "Name\nA,B\n", "InvalidBatch : Failed to parse CSV. Found a row of 2 columns under a header of 1", "Name\nA,B\n"},
	} {
		path, info := c.ingest(`{"operation":"insert","object":"Account",`+tt.dialect+`}`, tt.csv)
		if info["state"] != "Failed" || info["errorMessage"] != tt.want {
			t.Errorf("%q: %v", tt.csv, info)
		}
		if _, _, unprocessed := c.results(path); unprocessed != tt.unprocessed {
			t.Errorf("%q: unprocessed is %q", tt.csv, unprocessed)
		}
	}
	if n := c.org.Count("Account"); n != 200 {
		t.Errorf("%d accounts are there", n)
	}
}

func TestBulkJobsAreRefusedInThePlatformsWords(t *testing.T) {
	c := newClient(t, emulator.Options{NoHardDelete: true})
	text, _ := c.must(200, "POST", "jobs/ingest", `{"operation":"insert","object":"Account"}`)
	id := c.object(text)["id"].(string)
	if c.object(text)["contentUrl"] != "services/data/v62.0/jobs/ingest/"+id+"/batches" || c.object(text)["state"] != "Open" {
		t.Errorf("a new job is %s", text)
	}
	open := "jobs/ingest/" + id[:15]
	c.must(201, "PUT", open+"/batches", "Name\nA\n", "Content-Type", "text/csv; charset=UTF-8")
	over, _ := c.ingest(`{"operation":"insert","object":"Account"}`, "Name\nA\n")
	query, _ := c.bulkQuery(`{"operation":"query","query":"SELECT Id FROM Account"}`)
	for _, tt := range []struct {
		status             int
		method, path, body string
		want               string
	}{
		{400, "POST", "jobs/ingest", `{"operation":"","object":"Account"}`, "API_ERROR: Invalid value: '' supplied for property: 'operation'"},
		{400, "POST", "jobs/ingest", `{"operation":"insert","object":"Account","contentType":"JSON"}`, "API_ERROR: Invalid value: 'JSON' supplied for property: 'contentType'"},
		{400, "POST", "jobs/ingest", `{"operation":"insert","object":"Account","columnDelimiter":"DOT"}`, "API_ERROR: Invalid value: 'DOT' supplied for property: 'columnDelimiter'"},
		{400, "POST", "jobs/ingest", `{"operation":"insert","object":"Acount"}`, "INVALIDJOB: InvalidJob : Unable to find object: Acount"},
		{400, "POST", "jobs/ingest", `{"operation":"insert","object":"Space__History"}`, "INVALIDENTITY: Entity 'Space__History' is not supported by the Bulk API."},
		{400, "POST", "jobs/ingest", `{"operation":"upsert","object":"Account"}`, "INVALIDJOB: InvalidJob : Field name provided,  does not match an External ID for Account"},
		{400, "POST", "jobs/ingest", `{"operation":"hardDelete","object":"Account"}`, "FEATURENOTENABLED: FeatureNotEnabled : hardDelete operation requires special user profile permission, please contact your system administrator"},
		{400, "POST", "jobs/ingest", `{`, "JSON_PARSER_ERROR: Unexpected end-of-input: was expecting closing of a value at [line:1, column:2]"},
		{400, "PUT", open + "/batches", "Name\nA\n", "BULK_API_ERROR: Found multiple contents for job: <" + id[:15] + ">, please 'Close' / 'Abort' / 'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job."},
		{400, "DELETE", open, "", "INVALIDJOBSTATE: Deleting Open Job not allowed"},
		{400, "GET", open + "/successfulResults", "", "INVALIDJOBSTATE: Job is in state Open. Results are there when it is JobComplete, Failed or Aborted"},
		{400, "PATCH", over, `{"state":"Aborted"}`, "INVALIDJOBSTATE: Aborting already Completed Job not allowed"},
		{400, "PUT", over + "/batches", "Name\nA\n", "INVALIDJOBSTATE: Uploading to already Completed Job not allowed"},
		{400, "PATCH", query, `{"state":"Aborted"}`, "INVALIDJOBSTATE: Aborting already Completed Job not allowed"},
		{405, "POST", query, "", "METHOD_NOT_ALLOWED: HTTP Method 'POST' not allowed. Allowed are HEAD,GET,PATCH,DELETE"},
		{404, "GET", "jobs/ingest/" + query[len("jobs/query/"):], "", "NOT_FOUND: The requested resource does not exist"},
		{404, "GET", "jobs/query/nonsense", "", "NOT_FOUND: The requested resource does not exist"},
		{404, "GET", query + "/nonsense", "", "NOT_FOUND: The requested resource does not exist"},
		{409, "GET", "/services/data/v61.0/" + query + "/results", "", "API_ERROR: Results are there in the API version of the job only, 62.0"},
		{400, "GET", query + "/results?locator=xyz", "", "INVALID_QUERY_LOCATOR: Invalid query locator: xyz"},
		{400, "GET", query + "/results?maxRecords=0", "", "API_ERROR: Invalid value: '0' supplied for property: 'maxRecords'"},
		{400, "GET", "jobs/query?jobType=V3", "", "API_ERROR: Invalid value: 'V3' supplied for property: 'jobType'"},
		{400, "POST", "jobs/query", `{"operation":"insert","query":"SELECT Id FROM Account"}`, "API_ERROR: Invalid value: 'insert' supplied for property: 'operation'"},
		{400, "POST", "jobs/query", `{"operation":"query","query":"SELECT Id, (SELECT Id FROM Opportunities) FROM Account"}`, "API_ERROR: Aggregate Relationships not supported in Bulk V2 Query with CSV content type"},
		{400, "POST", "jobs/query", `{"operation":"query","query":"SELECT COUNT() FROM Account"}`, "API_ERROR: Aggregate functions not supported in Bulk V2 Query with CSV content type"},
		{400, "POST", "jobs/query", `{"operation":"query","query":"SELECT MAX(Name) FROM Account"}`, "API_ERROR: Aggregate functions not supported in Bulk V2 Query with CSV content type"},
		{400, "POST", "jobs/query", `{"operation":"query","query":"SELECT Name FROM Account GROUP BY Name"}`, "API_ERROR: GROUP BY not supported in Bulk V2 Query with CSV content type"},
		{400, "POST", "jobs/query", `{"operation":"query","query":"SELECT FIELDS(ALL) FROM Account LIMIT 200"}`, "API_ERROR: FIELDS() not supported in Bulk V2 Query with CSV content type"},
		{400, "POST", "jobs/query", `{"operation":"query","query":"SELECT Id FROM Account OFFSET 5"}`, "API_ERROR: OFFSET not supported in Bulk V2 Query with CSV content type"},
	} {
		header := []string{}
		if tt.method == "PUT" {
			header = []string{"Content-Type", "text/csv"}
		}
		status, body, _ := c.do(tt.method, tt.path, tt.body, header...)
		var errs []struct{ ErrorCode, Message string }
		if err := json.Unmarshal([]byte(body), &errs); err != nil || len(errs) != 1 {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, status, body)
			continue
		}
		if got := errs[0].ErrorCode + ": " + errs[0].Message; status != tt.status || got != tt.want {
			t.Errorf("%s %s %s: %d %s, want %d %s", tt.method, tt.path, tt.body, status, got, tt.status, tt.want)
		}
	}
	if status, _, _ := c.do("PUT", open+"/batches", "Name\n", "Content-Type", "application/json"); status != 415 {
		t.Errorf("an upload of JSON: %d", status)
	}
	for _, path := range []string{over, query} {
		c.must(204, "DELETE", path, "")
		c.must(404, "GET", path, "")
	}
}

func TestABulkQueryGivesItsResultInPages(t *testing.T) {
	c := newClient(t, emulator.Options{})
	parent := c.insert("Account", map[string]any{"Name": `Acme "One"`})
	var want []string
	for i := range 7 {
		id := c.insert("Opportunity", map[string]any{"Name": fmt.Sprintf("Deal %d", i), "StageName": "Closed Won", "CloseDate": "2026-10-31", "Amount": 1000 * i, "AccountId": parent})
		want = append(want, fmt.Sprintf(`"%s","Deal %d","%d.0","Acme ""One""","true","2026-11-20T12:00:00.000Z",""`, id, i, 1000*i))
	}
	c.insert("Opportunity", map[string]any{"Name": "Other", "StageName": "Prospecting", "CloseDate": "2026-10-31"})
	path, info := c.bulkQuery(`{"operation":"query","query":"SELECT id, Name, Amount, account.name, IsWon, SystemModstamp, Referral_Code__c FROM Opportunity WHERE IsWon = true"}`)
	for k, v := range map[string]any{"state": "JobComplete", "numberRecordsProcessed": 7.0, "object": "Opportunity", "operation": "query", "jobType": "V2Query",
		"isPkChunkingSupported": true, "numberRecordsFailed": nil, "lineEnding": "LF", "columnDelimiter": "COMMA"} {
		if info[k] != v {
			t.Errorf("%s is %v, want %v", k, info[k], v)
		}
	}
	// What changes after the query has run is not seen.
	if err := c.org.Update("Account", parent, map[string]any{"Name": "Later"}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	const header = `"Id","Name","Amount","Account.Name","IsWon","SystemModstamp","Referral_Code__c"` + "\n"
	body, h := c.must(200, "GET", path+"/results", "")
	if h.Get("Sforce-Locator") != "null" || h.Get("Sforce-NumberOfRecords") != "7" || h.Get("Content-Type") != "text/csv; charset=UTF-8" {
		t.Errorf("headers are %v", h)
	}
	if diff := cmp.Diff(header+strings.Join(want, "\n")+"\n", body); diff != "" {
		t.Error(diff)
	}
	var rows []string
	pages, locator := 0, ""
	for locator != "null" {
		body, h := c.must(200, "GET", path+"/results/?maxRecords=3&locator="+locator, "")
		locator = h.Get("Sforce-Locator")
		lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
		if lines[0]+"\n" != header || h.Get("Sforce-NumberOfRecords") != fmt.Sprint(len(lines)-1) {
			t.Errorf("a page is %s", body)
		}
		rows, pages = append(rows, lines[1:]...), pages+1
	}
	if pages != 3 || !cmp.Equal(rows, want) {
		t.Errorf("%d pages: %s", pages, rows)
	}
	text, _ := c.must(200, "GET", path+"/resultPages", "")
	if m := c.object(text); m["done"] != true || len(m["resultPages"].([]any)) != 1 {
		t.Errorf("the result's pages are %s", text)
	}
}

func TestABulkQueryWritesItsDialectAndAnEmptyResult(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.insert("Account", map[string]any{"Name": "A"})
	if err := c.org.Delete("Account", id); err != nil {
		t.Fatal(err)
	}
	path, _ := c.bulkQuery(`{"operation":"queryAll","query":"SELECT Id, Name FROM Account","columnDelimiter":"CARET","lineEnding":"CRLF"}`)
	if body, _ := c.must(200, "GET", path+"/results", ""); body != "\"Id\"^\"Name\"\r\n\""+id+"\"^\"A\"\r\n" {
		t.Errorf("%q", body)
	}
	path, _ = c.bulkQuery(`{"operation":"query","query":"SELECT Id, Name FROM Account"}`)
	if body, h := c.must(200, "GET", path+"/results", ""); body != "\"Id\",\"Name\"\n" || h.Get("Sforce-NumberOfRecords") != "0" || h.Get("Sforce-Locator") != "null" {
		t.Errorf("%q %v", body, h)
	}
}

func TestBulkDataMayBePackedBothWays(t *testing.T) {
	c := newClient(t, emulator.Options{})
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, "Name\nA\n")
	z.Close()
	text, _ := c.must(200, "POST", "jobs/ingest", `{"operation":"insert","object":"Account"}`)
	path := "jobs/ingest/" + c.object(text)["id"].(string)
	c.must(400, "PUT", path+"/batches", "Name\nA\n", "Content-Type", "text/csv", "Content-Encoding", "gzip")
	c.must(201, "PUT", path+"/batches", packed.String(), "Content-Type", "text/csv", "Content-Encoding", "gzip")
	c.must(200, "PATCH", path, `{"state":"UploadComplete"}`)
	c.org.WaitForJobs()
	body, h := c.must(200, "GET", path+"/successfulResults", "", "Accept-Encoding", "deflate, gzip;q=1.0")
	if h.Get("Content-Encoding") != "gzip" {
		t.Fatalf("not packed: %v", h)
	}
	r, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || !strings.HasPrefix(string(b), "\"sf__Id\",\"sf__Created\",Name\n") {
		t.Errorf("%s %v", b, err)
	}
}

func TestAMultipartRequestMakesUploadsAndCloses(t *testing.T) {
	c := newClient(t, emulator.Options{})
	const body = "--B\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=\"job\"\r\n\r\n" +
		"{\"object\":\"Account\",\"operation\":\"insert\"}\r\n--B\r\nContent-Type: text/csv\r\n" +
		"Content-Disposition: form-data; name=\"content\"; filename=\"content\"\r\n\r\nName\nA\nB\n\r\n--B--\r\n"
	text, _ := c.must(200, "POST", "jobs/ingest", body, "Content-Type", "multipart/form-data; boundary=B")
	if c.object(text)["state"] != "UploadComplete" {
		t.Errorf("%s", text)
	}
	c.org.WaitForJobs()
	if n := c.org.Count("Account"); n != 2 {
		t.Errorf("%d accounts", n)
	}
	c.must(400, "POST", "jobs/ingest", "--B\r\n\r\n--B--\r\n", "Content-Type", "multipart/form-data; boundary=B")
}

func TestJobsAreListedInPagesAndByType(t *testing.T) {
	c := newClient(t, emulator.Options{DailyLimit: 1 << 20})
	for range 1001 {
		c.must(200, "POST", "jobs/ingest", `{"operation":"insert","object":"Account"}`)
	}
	c.bulkQuery(`{"operation":"query","query":"SELECT Id FROM Account"}`)
	type list struct {
		Done    bool
		Records []map[string]any
		Next    *string `json:"nextRecordsUrl"`
	}
	get := func(path string) (l list) {
		text, _ := c.must(200, "GET", path, "")
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := get("jobs/ingest")
	if first.Done || len(first.Records) != 1000 || first.Next == nil {
		t.Fatalf("%t %d %v", first.Done, len(first.Records), first.Next)
	}
	if rest := get(*first.Next); !rest.Done || len(rest.Records) != 1 || rest.Next != nil {
		t.Errorf("%t %d", rest.Done, len(rest.Records))
	}
	for path, want := range map[string]int{"jobs/query": 1, "jobs/ingest?jobType=V2Query": 1, "jobs/query?jobType=Classic": 0, "jobs/ingest?isPkChunkingEnabled=true": 0} {
		if l := get(path); len(l.Records) != want || !l.Done {
			t.Errorf("%s: %d jobs", path, len(l.Records))
		}
	}
}

func TestBulkJobsCountAgainstTheLimitsAndVanishAfterAWeek(t *testing.T) {
	c := newClient(t, emulator.Options{})
	path, _ := c.ingest(`{"operation":"insert","object":"Account"}`, "Name\n"+strings.Repeat("A\n", 10_001))
	c.bulkQuery(`{"operation":"query","query":"SELECT Id FROM Account"}`)
	text, _ := c.must(200, "GET", "limits", "")
	for _, want := range []string{`"DailyBulkApiBatches":{"Max":15000,"Remaining":14998}`, `"DailyBulkV2QueryJobs":{"Max":10000,"Remaining":9999}`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	c.clock.Advance(7*24*time.Hour + time.Second)
	c.login()
	c.must(404, "GET", path, "")
}

// plays puts a fault plan into force, with a rule for each action.
func (c *client) plays(when string, do ...string) {
	c.t.Helper()
	text := "rules:\n"
	for i, action := range do {
		text += fmt.Sprintf("- {name: r%d, when: {%s}, do: {%s}}\n", i, when, action)
	}
	p, err := fault.Parse([]byte(text), "test")
	if err != nil {
		c.t.Fatal(err)
	}
	c.org.PlayFaults(p, 1)
}

func TestAJobMeetsItsFate(t *testing.T) {
	c := newClient(t, emulator.Options{})
	csv := "Name\n" + strings.Repeat("A\n", 1000)
	for fate, want := range map[bulk.Fate]string{bulk.FateFails: "Failed", bulk.FateAborts: "Aborted"} {
		c.plays("kind: [bulk-ingest, bulk-query]", "job: "+string(fate))
		path, info := c.ingest(`{"operation":"insert","object":"Account"}`, csv)
		if info["state"] != want {
			t.Errorf("%s: %v", fate, info)
		}
		successful, failed, unprocessed := c.results(path)
		if a, b, u := strings.Count(successful, "\n")-1, strings.Count(failed, "\n")-1, strings.Count(unprocessed, "\n")-1; a+u != 1000 || b != 0 || a < 400 || u < 400 {
			t.Errorf("%s: %d written, %d failed, %d unprocessed", fate, a, b, u)
		}
		if _, info := c.bulkQuery(`{"operation":"query","query":"SELECT Id FROM Account"}`); info["state"] != want {
			t.Errorf("%s: a query job is %v", fate, info)
		}
	}
	c.plays("kind: bulk-query", "job: stuck")
	text, _ := c.must(200, "POST", "jobs/query", `{"operation":"query","query":"SELECT Id FROM Account"}`)
	path := "jobs/query/" + c.object(text)["id"].(string)
	text, _ = c.must(200, "PATCH", path, `{"state":"Aborted"}`)
	if c.object(text)["state"] != "Aborted" {
		t.Errorf("%s", text)
	}
	c.must(400, "GET", path+"/results", "")
}

func TestARowMayBeMadeToFail(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.org.FailRow(func(object string, fields map[string]any) *schema.RowError {
		if object == "Account" && fields["Name"] == "B" {
			return &schema.RowError{StatusCode: "UNABLE_TO_LOCK_ROW", Message: "unable to obtain exclusive access to this record"}
		}
		return nil
	})
	path, _ := c.ingest(`{"operation":"insert","object":"Account"}`, "Name\nA\nB\n")
	if _, failed, _ := c.results(path); !strings.Contains(failed, `"","UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--","B"`) {
		t.Error(failed)
	}
}

func TestAPlansRowsAndStampsAreThoseOfBulkJobsToo(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.plays("kind: bulk-ingest", "rows: {code: UNABLE_TO_LOCK_ROW, rate: 1, key: ^FG, field: Partner_ID__c}", "late: 5m")
	path, _ := c.ingest(`{"operation":"insert","object":"Partner__c"}`, "Name,Partner_ID__c\nA,FG1\nB,XX1\n")
	if successful, failed, _ := c.results(path); strings.Count(successful, "\n") != 2 || !strings.Contains(failed, "UNABLE_TO_LOCK_ROW:") {
		t.Errorf("%s%s", successful, failed)
	}
	c.org.PlayFaults(nil, 0)
	if n := c.query("query", "SELECT Id FROM Partner__c").TotalSize; n != 0 {
		t.Errorf("%d records are seen before their time", n)
	}
	c.clock.Advance(5 * time.Minute)
	if n := c.query("query", "SELECT Id FROM Partner__c").TotalSize; n != 1 {
		t.Errorf("%d records are seen", n)
	}
}

func TestJobsDoNotSeeWhatAFaultHides(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.plays("kind: [bulk-ingest, bulk-query]", "hide: [Lead, Account.Website]")
	c.refused(400, "INVALIDJOB", "POST", "jobs/ingest", `{"operation":"insert","object":"Lead"}`)
	c.refused(400, "INVALID_FIELD", "POST", "jobs/query", `{"operation":"query","query":"SELECT Website FROM Account"}`)
	if _, info := c.ingest(`{"operation":"insert","object":"Account"}`, "Name,Website\nA,x\n"); info["errorMessage"] != "InvalidBatch : Field name not found : Website" {
		t.Errorf("%v", info)
	}
}

func TestJobsStopWhereALimitIs(t *testing.T) {
	c := newClient(t, emulator.Options{Limits: map[string]int{"DailyBulkV2QueryJobs": 1, "DailyBulkApiBatches": 1}})
	const query = `{"operation":"query","query":"SELECT Id FROM Account"}`
	c.bulkQuery(query)
	if message := c.refused(400, "LIMIT_EXCEEDED", "POST", "jobs/query", query); !strings.Contains(message, "Max bulk v2 query jobs") {
		t.Error(message)
	}
	path, info := c.ingest(`{"operation":"insert","object":"Account"}`, "Name\n"+strings.Repeat("A\n", 10_001))
	if info["state"] != "Failed" || info["errorMessage"] != "ExceededQuota : ApiBatchItems Limit exceeded." || info["numberRecordsProcessed"] != 10_000.0 {
		t.Errorf("%v", info)
	}
	if _, _, unprocessed := c.results(path); unprocessed != "Name\nA\n" {
		t.Errorf("%q", unprocessed)
	}
}

func TestClosingAServerStopsItsJobs(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c := newClient(t, emulator.Options{})
	c.plays("kind: bulk-query", "job: stuck")
	s, err := emulator.Serve(t.Context(), c.org, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for range 6 { // more than are worked on at once
		text, _ := c.must(200, "POST", "jobs/query", `{"operation":"query","query":"SELECT Id FROM Account"}`)
		paths = append(paths, "jobs/query/"+c.object(text)["id"].(string))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if text, _ := c.must(200, "GET", p, ""); c.object(text)["state"] != "Aborted" {
			t.Errorf("%s", text)
		}
	}
	c.close()
	http.DefaultClient.CloseIdleConnections()
}

func TestALookupIsGivenByWhatIdentifiesItsRecord(t *testing.T) {
	c := newClient(t, emulator.Options{})
	owner := c.insert("User", map[string]any{"Username": "second@acme.example", "LastName": "Second", "Email": "second@acme.example", "Alias": "sec", "TimeZoneSidKey": "GMT"})
	for header, want := range map[string]string{
		"Owner.Username": "JobComplete", "user:owner.username": "JobComplete", "OwnerId": "JobComplete", "Owner.Id": "JobComplete",
		"Account:Owner.Username": "Failed", "Owner.LastName": "Failed", "Nobody.Username": "Failed",
	} {
		value := "second@acme.example"
		if strings.HasSuffix(header, "Id") {
			value = owner
		}
		_, info := c.ingest(`{"operation":"insert","object":"Account","columnDelimiter":"TAB","lineEnding":"CRLF"}`, "Name\t"+header+"\r\n"+header+"\t"+value+"\r\n")
		if info["state"] != want || info["numberRecordsFailed"] != 0.0 {
			t.Errorf("%s: %v", header, info)
		}
		n := c.query("query", "SELECT Id FROM Account WHERE Name = '"+header+"' AND OwnerId = '"+owner+"'").TotalSize
		if (n == 1) != (want == "JobComplete") {
			t.Errorf("%s: %d records", header, n)
		}
	}
}
