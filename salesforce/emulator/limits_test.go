package emulator_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

func TestLongRequestsAtWorkKeepOthersOut(t *testing.T) {
	c := newClient(t, emulator.Options{MaxLongRequests: 2})
	c.play(1, "{name: slow, when: {kind: describe}, do: {hang: {}}}")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan bool)
	for range 2 {
		go func() {
			req, _ := http.NewRequestWithContext(ctx, "GET", c.url+"/services/data/v62.0/sobjects", nil)
			if resp, err := http.DefaultClient.Do(req); err == nil {
				resp.Body.Close()
			}
			ended <- true
		}()
	}
	for c.org.Faults().Counts()[0].Plays < 2 { // they are at work
		c.do("GET", "limits", "")
	}
	c.clock.Advance(20*time.Second - 1)
	if status, _, _ := c.do("GET", "limits", ""); status != 200 {
		t.Errorf("before 20 s: %d", status)
	}
	c.clock.Advance(1)
	if m := c.refused(403, "REQUEST_LIMIT_EXCEEDED", "GET", "limits", ""); m != "ConcurrentRequests (Concurrent API Requests) Limit exceeded." {
		t.Error(m)
	}
	cancel()
	<-ended
	<-ended
	for { // the org hears of it in its own time
		if status, _, _ := c.do("GET", "limits", ""); status == 200 {
			return
		}
	}
}

func TestHeadsAndBodiesAreBounded(t *testing.T) {
	c := newClient(t, emulator.Options{MaxBody: 1000})
	for _, tt := range []struct {
		name, path, body string
		header           []string
		status           int
	}{
		{"a long URI", "query?q=" + strings.Repeat("x", 17_000), "", nil, 414},
		{"long headers", "limits", "", []string{"X-Long", strings.Repeat("x", 16_500)}, 431},
		{"both together", "query?q=" + strings.Repeat("x", 9_000), "", []string{"X-Long", strings.Repeat("x", 9_000)}, 431},
		{"as much as may be", "query?q=SELECT+Id+FROM+Account" + strings.Repeat("+", 14_000), "", nil, 200},
		{"a long body", "composite/sobjects/Account/Id", `{"records":[]` + strings.Repeat(" ", 1000) + "}", nil, 413},
	} {
		method := "GET"
		if tt.body != "" {
			method = "PATCH"
		}
		if status, body, _ := c.do(method, tt.path, tt.body, tt.header...); status != tt.status {
			t.Errorf("%s: %d %.200s", tt.name, status, body)
		}
	}
	req, _ := http.NewRequest("POST", c.url+"/services/data/v62.0/sobjects/Account", struct{ *strings.Reader }{strings.NewReader(`{"Name":"` + strings.Repeat("x", 2000) + `"}`)})
	req.ContentLength = -1 // sent in chunks, its length unsaid
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("a long body of unknown length: %d", resp.StatusCode)
	}
}

// What is unpacked is bounded as what is sent.
func TestUnpackedBodiesHaveTheOrgsBound(t *testing.T) {
	c := newClient(t, emulator.Options{MaxBody: 1000})
	for spaces, want := range map[int]int{900: 201, 1000: 413} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write([]byte(`{"Name":"x"` + strings.Repeat(" ", spaces) + "}"))
		z.Close()
		if status, body, _ := c.do("POST", "sobjects/Account", packed.String(), "Content-Encoding", "gzip"); status != want {
			t.Errorf("%d spaces: %d %.200s", spaces, status, body)
		}
	}
}

func TestPagesLastTwoDays(t *testing.T) {
	c := newClient(t, emulator.Options{MinBatch: 1, SessionTTL: 100 * time.Hour})
	c.insert("Account", row{"Name": "A"})
	c.insert("Account", row{"Name": "B"})
	next := c.query("query", "SELECT Id FROM Account", "Sforce-Query-Options", "batchSize=1").NextRecordsURL
	c.clock.Advance(48*time.Hour - time.Second)
	c.page(next)
	c.clock.Advance(time.Second)
	c.refused(400, "INVALID_QUERY_LOCATOR", "GET", next, "")
}

func TestLimitsAreCompleteAndCount(t *testing.T) {
	c := newClient(t, emulator.Options{Limits: map[string]int{"DailyBulkV2QueryJobs": 2, "SingleEmail": 7}})
	for range 600 {
		c.insert("Account", row{"Name": "A"})
	}
	type limit struct {
		Max, Remaining int
		CreateCustom   *struct{ Max, Remaining int }
	}
	limits := func() map[string]limit {
		_, body, _ := c.do("GET", "limits", "")
		out := map[string]limit{}
		if err := json.Unmarshal([]byte(body), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	l := limits()
	if len(l) < 70 || l["DailyApiRequests"] != (limit{100_000, 99_999, nil}) || l["DataStorageMB"].Max-l["DataStorageMB"].Remaining != 2 || l["SingleEmail"].Max != 7 || l["PermissionSets"].CreateCustom == nil {
		t.Errorf("%d limits: %+v", len(l), l)
	}
	for _, name := range []string{"ConcurrentSyncReportRuns", "DailyApexCursorLimit", "ExternalServicesObjects", "HourlyPublishedPlatformEvents", "MaxContentDocumentsLimit", "ScheduledFlowRunLimit"} {
		if _, ok := l[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
	if !c.org.Spend("DailyBulkV2QueryJobs", 2) || c.org.Spend("DailyBulkV2QueryJobs", 1) || !c.org.Spend("HourlyODataCallout", 5) || !c.org.Spend("Unheard", 1) {
		t.Error("what can be spent")
	}
	if l := limits(); l["DailyBulkV2QueryJobs"].Remaining != 0 || l["HourlyODataCallout"].Remaining != 19_995 {
		t.Errorf("%+v", l)
	}
	c.clock.Advance(61 * time.Minute)
	if l := limits(); l["DailyBulkV2QueryJobs"].Remaining != 0 || l["HourlyODataCallout"].Remaining != 20_000 {
		t.Errorf("an hour later: %+v", l)
	}
	c.clock.Advance(24 * time.Hour)
	c.login()
	if l := limits(); l["DailyBulkV2QueryJobs"].Remaining != 2 {
		t.Errorf("a day later: %+v", l)
	}
}

func TestRecordCounts(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.insert("Account", row{"Name": "A"})
	c.insert("Contact", row{"LastName": "B"})
	if err := c.org.Delete("Account", c.insert("Account", row{"Name": "C"})); err != nil {
		t.Fatal(err)
	}
	if _, body, _ := c.do("GET", "limits/recordCount?sObjects=contact,+Account,Nothing__c", ""); body != `{"sObjects":[{"count":1,"name":"Account"},{"count":1,"name":"Contact"}]}` {
		t.Error(body)
	}
	_, body, _ := c.do("GET", "limits/recordCount", "")
	if !strings.Contains(body, `{"count":1,"name":"User"}`) || strings.Contains(body, "History") {
		t.Error(body)
	}
}
