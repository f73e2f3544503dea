package emulator_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// bulkBench is an org on a port and a client that does not ask for packed
// answers, so that what is measured is the org.
type bulkBench struct {
	b      *testing.B
	org    *emulator.Org
	url    string
	token  string
	client *http.Client
}

func newBulkBench(b *testing.B) *bulkBench {
	b.Helper()
	org := emulator.New(emulator.Options{Clock: clock.NewManual(noon), DailyLimit: 1 << 40,
		Limits: map[string]int{"DailyBulkV2QueryJobs": 1 << 40, "DailyBulkApiBatches": 1 << 40, "DailyBulkV2QueryFileStorageMB": 1 << 40}})
	s := httptest.NewServer(org.Handler())
	b.Cleanup(s.Close)
	x := &bulkBench{b: b, org: org, url: s.URL, client: &http.Client{Transport: &http.Transport{DisableCompression: true, ReadBufferSize: 256 << 10}}}
	var body struct {
		Token string `json:"access_token"`
	}
	form := "grant_type=client_credentials&client_id=" + emulator.DemoClientID + "&client_secret=" + emulator.DemoClientSecret
	r, err := http.Post(s.URL+"/services/oauth2/token", "application/x-www-form-urlencoded", strings.NewReader(form))
	if err != nil {
		b.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		b.Fatal(err)
	}
	x.token = body.Token
	return x
}

// do sends a request, drains the answer, and gives it if it is small.
func (x *bulkBench) do(method, path, contentType string, body io.Reader, drain bool) (string, http.Header) {
	x.b.Helper()
	req, err := http.NewRequest(method, x.url+"/services/data/v62.0/"+path, body)
	if err != nil {
		x.b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+x.token)
	req.Header.Set("Content-Type", contentType)
	r, err := x.client.Do(req)
	if err != nil {
		x.b.Fatal(err)
	}
	defer r.Body.Close()
	var into strings.Builder
	to := io.Writer(&into)
	if drain {
		to = io.Discard
	}
	if _, err := io.Copy(to, r.Body); err != nil || r.StatusCode >= 300 {
		x.b.Fatalf("%s %s: %d %v %s", method, path, r.StatusCode, err, into.String())
	}
	return into.String(), r.Header
}

func (x *bulkBench) jobID(text string) string {
	id := between(text, `"id":"`, `"`)
	if id == "" {
		x.b.Fatal(text)
	}
	return id
}

// ingest upserts CSV and checks that no row failed.
func (x *bulkBench) ingest(job, csv string, rows int) {
	x.b.Helper()
	text, _ := x.do("POST", "jobs/ingest", "application/json", strings.NewReader(job), false)
	path := "jobs/ingest/" + x.jobID(text)
	x.do("PUT", path+"/batches", "text/csv", strings.NewReader(csv), false)
	x.do("PATCH", path, "application/json", strings.NewReader(`{"state":"UploadComplete"}`), false)
	x.org.WaitForJobs()
	text, _ = x.do("GET", path, "application/json", nil, false)
	if between(text, `"state":"`, `"`) != "JobComplete" || !strings.Contains(text, fmt.Sprintf(`"numberRecordsProcessed":%d,"numberRecordsFailed":0`, rows)) {
		x.b.Fatal(text)
	}
	x.do("DELETE", path, "application/json", nil, false)
}

// opportunities is CSV of rows [from, to) of made-up opportunities, with the
// fields that BenchmarkBulkQuery reads.
func opportunities(accounts []string, from, to int) string {
	stages := [...]string{"Prospecting", "Closed Won", "Closed Lost", "Negotiation/Review"}
	var b strings.Builder
	b.WriteString("Name,AccountId,Amount,CloseDate,StageName,Type,Service_Start__c,Service_End__c\n")
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "Customer %d renewal,%s,%d.%02d,2026-%02d-%02d,%s,Renewal,2026-%02d-01,2027-%02d-28\n",
			i, accounts[i%len(accounts)], 1000+i%50_000, i%100, 1+i%12, 1+i%28, stages[i%len(stages)], 1+i%12, 1+i%12)
	}
	return b.String()
}

func (x *bulkBench) load(records int) {
	x.b.Helper()
	var accounts []string
	for i := range 1000 {
		id, err := x.org.Insert("Account", map[string]any{"Name": fmt.Sprintf("Account %d", i)})
		if err != nil {
			x.b.Fatal(err)
		}
		accounts = append(accounts, id)
	}
	const step = 100_000
	for from := 0; from < records; from += step {
		to := min(from+step, records)
		x.ingest(`{"operation":"insert","object":"Opportunity"}`, opportunities(accounts, from, to), to-from)
	}
}

// BenchmarkBulkQuery makes a query job of the 15 columns that a pull reads,
// waits for it, and fetches its result in pages of 100,000, unpacked.
func BenchmarkBulkQuery(b *testing.B) {
	x := newBulkBench(b)
	x.load(200_000)
	records := 0
	for b.Loop() {
		job, err := json.Marshal(map[string]string{"operation": "queryAll", "query": pulled})
		if err != nil {
			b.Fatal(err)
		}
		text, _ := x.do("POST", "jobs/query", "application/json", strings.NewReader(string(job)), false)
		path := "jobs/query/" + x.jobID(text)
		x.org.WaitForJobs()
		for locator := ""; locator != "null"; {
			_, h := x.do("GET", path+"/results?locator="+locator, "text/csv", nil, true)
			n, err := strconv.Atoi(h.Get("Sforce-NumberOfRecords"))
			if err != nil || n == 0 {
				b.Fatal(n, err)
			}
			records += n
			locator = h.Get("Sforce-Locator")
		}
		x.do("DELETE", path, "application/json", nil, false)
	}
	reportRate(b, records, leastBulk)
}

// BenchmarkBulkIngest upserts commissions by external id, 20,000 a job, half of
// them new.
func BenchmarkBulkIngest(b *testing.B) {
	x := newBulkBench(b)
	const rows = 20_000
	n, from := 0, 0
	for b.Loop() {
		var csv strings.Builder
		csv.WriteString("Commission_Key__c,Amount__c,Period__c,Status__c,Currency__c\n")
		for i := range rows {
			fmt.Fprintf(&csv, "FG3877/space/%d,%d.%02d,2026-10,accrued,USD\n", from+i, i, i%100)
		}
		x.ingest(`{"operation":"upsert","object":"Partner_Commission__c","externalIdFieldName":"Commission_Key__c"}`, csv.String(), rows)
		from += rows / 2
		n += rows
	}
	reportRate(b, n, leastIngest)
}

// BenchmarkMillionRecords loads a million opportunities by Bulk API and reports
// the memory that they take, uploads being gone, and the most that the process
// (client and tests included) ever had.
func BenchmarkMillionRecords(b *testing.B) {
	const records = 1_000_000
	for b.Loop() {
		x := newBulkBench(b)
		x.load(records)
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapInuse)/(1<<20), "MB-heap")
		b.ReportMetric(float64(m.HeapAlloc)/records, "bytes/record")
		b.ReportMetric(peakMB(), "MB-peak")
		if n := x.org.Count("Opportunity"); n != records {
			b.Fatal(n)
		}
	}
	b.ReportMetric(records*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// peakMB is the process's largest resident size so far, where the system tells.
func peakMB() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	kb, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(between(string(text), "VmHWM:", "\n"), "kB")))
	if err != nil {
		return 0
	}
	return float64(kb) / 1024
}
