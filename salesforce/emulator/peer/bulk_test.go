package peer_test

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/k-capehart/go-salesforce/v3"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// finished waits for the jobs to end and gives what came of them, in order.
func (d *desk) finished(ids []string) []salesforce.BulkJobResults {
	d.t.Helper()
	out := make([]salesforce.BulkJobResults, len(ids))
	for i, id := range ids {
		deadline := time.Now().Add(20 * time.Second)
		for out[i].State != "JobComplete" {
			var err error
			if out[i], err = d.GetJobResults(id); err != nil {
				d.t.Fatal(err)
			}
			if out[i].State == "Failed" || out[i].State == "Aborted" || time.Now().After(deadline) {
				d.t.Fatalf("job %s: %+v", id, out[i])
			}
		}
	}
	return out
}

func TestBulkWritesInJobs(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Options{})
	ids, err := d.InsertBulk("Partner__c", partners(1200, 3, 700), 500, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) != 3 || !strings.HasPrefix(ids[0], "750") {
		t.Fatalf("jobs %v", ids)
	}
	jobs := d.finished(ids)
	var created []row
	for i, want := range []struct{ good, bad int }{{499, 1}, {499, 1}, {200, 0}} {
		if len(jobs[i].SuccessfulRecords) != want.good || len(jobs[i].FailedRecords) != want.bad || jobs[i].NumberRecordsFailed != want.bad {
			t.Fatalf("job %d: %d good, %d failed, %d counted as failed; want %v", i, len(jobs[i].SuccessfulRecords), len(jobs[i].FailedRecords), jobs[i].NumberRecordsFailed, want)
		}
		for _, r := range jobs[i].SuccessfulRecords {
			if r["sf__Created"] != "true" || len(fmt.Sprint(r["sf__Id"])) != 18 || r["Partner_ID__c"] == "" {
				t.Fatalf("a success is %v", r)
			}
			created = append(created, row{"Id": r["sf__Id"]})
		}
	}
	failed := jobs[0].FailedRecords[0]
	if got := fmt.Sprint(failed["sf__Error"]); !strings.HasPrefix(got, "STRING_TOO_LONG:") || failed["Partner_ID__c"] != "FG0003" || failed["sf__Id"] != "" {
		t.Errorf("a failure is %v", failed)
	}

	ids, err = d.DeleteBulk("Partner__c", created[:1000], 10000, true)
	if err != nil {
		t.Fatal(err)
	}
	if job := d.finished(ids)[0]; len(job.SuccessfulRecords) != 1000 {
		t.Errorf("%d are deleted: %v", len(job.SuccessfulRecords), job.FailedRecords)
	}
	if n := len(d.query("SELECT Id FROM Partner__c")); n != 198 {
		t.Errorf("%d partners are left, want 198", n)
	}
}

func TestBulkUpsertsAndUpdates(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Options{})
	rows := partners(4)
	rows[0]["Joined_On__c"], rows[1]["Joined_On__c"], rows[2]["Joined_On__c"], rows[3]["Joined_On__c"] = "2026-01-02", "2026-01-02", "2026-01-02", "2026-01-02"
	if _, err := d.UpsertBulk("Partner__c", "Partner_ID__c", rows[:2], 100, true); err != nil {
		t.Fatal(err)
	}
	ids, err := d.UpsertBulk("Partner__c", "Partner_ID__c", rows, 100, true)
	if err != nil {
		t.Fatal(err)
	}
	job := d.finished(ids)[0]
	var made []string
	for _, r := range job.SuccessfulRecords {
		made = append(made, fmt.Sprint(r["sf__Created"]))
	}
	if got := strings.Join(made, " "); got != "false false true true" {
		t.Errorf("created: %s", got)
	}
	// Empty leaves a value as it is, and #N/A takes it away.
	id := fmt.Sprint(job.SuccessfulRecords[0]["sf__Id"])
	other := fmt.Sprint(job.SuccessfulRecords[1]["sf__Id"])
	ids, err = d.UpdateBulk("Partner__c", []row{{"Id": id, "Joined_On__c": "", "Tier__c": "Gold, with \"comma\"\nand line"}, {"Id": other, "Joined_On__c": "#N/A", "Tier__c": ""},
		{"Id": "a00000000000000AAA", "Joined_On__c": "", "Tier__c": ""}}, 100, true)
	if err != nil {
		t.Fatal(err)
	}
	if job = d.finished(ids)[0]; len(job.SuccessfulRecords) != 2 || len(job.FailedRecords) != 1 {
		t.Fatalf("updated: %+v", job)
	}
	got := d.query("SELECT Joined_On__c, Tier__c FROM Partner__c WHERE Partner_ID__c IN ('FG0000', 'FG0001') ORDER BY Partner_ID__c")
	if got[0]["Joined_On__c"] != "2026-01-02" || got[0]["Tier__c"] != "Gold, with \"comma\"\nand line" || got[1]["Joined_On__c"] != nil {
		t.Errorf("got %v", got)
	}
}

func TestBulkTakesFiles(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Options{})
	write := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ids, err := d.InsertBulkFile("Account", write("new.csv", "Name,NumberOfEmployees\nOne,1\n\"Two, and\nmore\",2\n"), 1000, false)
	if err != nil {
		t.Fatal(err)
	}
	var update, remove strings.Builder
	update.WriteString("Id,NumberOfEmployees\n")
	remove.WriteString("Id\n")
	for _, r := range d.finished(ids)[0].SuccessfulRecords {
		fmt.Fprintf(&update, "%s,5\n", r["sf__Id"])
		fmt.Fprintf(&remove, "%s\n", r["sf__Id"])
	}
	if ids, err = d.UpdateBulkFile("Account", write("update.csv", update.String()), 1, false); err != nil || len(ids) != 2 {
		t.Fatal(ids, err)
	}
	d.finished(ids)
	if n := len(d.query("SELECT Id FROM Account WHERE NumberOfEmployees = 5")); n != 2 {
		t.Errorf("%d accounts are updated, want 2", n)
	}
	if ids, err = d.UpsertBulkFile("Partner__c", "Partner_ID__c", write("upsert.csv", "Partner_ID__c,Name\nFG0001,P\n"), 100, false); err != nil {
		t.Fatal(err)
	}
	if job := d.finished(ids)[0]; len(job.SuccessfulRecords) != 1 {
		t.Errorf("upserted %+v", job)
	}
	if ids, err = d.DeleteBulkFile("Account", write("delete.csv", remove.String()), 100, false); err != nil {
		t.Fatal(err)
	}
	d.finished(ids)
	if n := len(d.query("SELECT Id FROM Account")); n != 0 {
		t.Errorf("%d accounts are left", n)
	}
}

func TestBulkAssignsLeads(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Options{})
	ids, err := d.InsertBulkAssign("Lead", []row{{"LastName": "x", "Company": "y"}}, 100, true, "01Q000000000001AAA")
	if err != nil {
		t.Fatal(err)
	}
	if job := d.finished(ids)[0]; len(job.SuccessfulRecords) != 1 {
		t.Errorf("got %+v", job)
	}
}

func TestBulkJobsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Options{})
	for _, tt := range []struct{ name, body, code string }{
		{"an object that is not there", `{"object": "Nothing__c", "operation": "insert"}`, "INVALIDENTITY"},
		{"an upsert without its key", `{"object": "Partner__c", "operation": "upsert"}`, "FIELDNOTFOUND"},
		{"an operation that is none", `{"object": "Account", "operation": "magic"}`, "JSON_PARSER_ERROR"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := d.ask("POST", "/jobs/ingest", tt.body, nil)
			if err == nil {
				t.Fatal("nothing is refused")
			}
			// The vendor's pages do not say which code each of these has.
			var known = []string{tt.code, "INVALIDJOB", "INVALIDENTITY", "INVALID_TYPE", "API_ERROR"}
			for _, code := range known {
				if strings.Contains(err.Error(), `"`+code+`"`) {
					return
				}
			}
			t.Errorf("refused with %v", err)
		})
	}
	_, err := d.GetJobResults("750000000000000AAA")
	d.refused(err, "NOT_FOUND")
	// A header that names no field fails the job as a whole.
	ids, err := d.InsertBulk("Account", []row{{"Nothing__c": "x"}}, 10, true)
	if err == nil || !strings.Contains(err.Error(), "Nothing__c") {
		t.Errorf("a wrong header: %v %v", ids, err)
	}
}

func TestBulkQueryExportsToAFile(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Options{})
	deals(d)
	path := filepath.Join(t.TempDir(), "out.csv")
	if err := d.QueryBulkExport("SELECT Name, Amount, IsWon, CloseDate, Account.Name FROM Opportunity WHERE Account.Name = 'Acme' ORDER BY Name", path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := "[[Name Amount IsWon CloseDate Account.Name] [Acme 0 100.0 true 2026-01-15 Acme] [Acme 1 250.0 false 2026-02-15 Acme] [Acme 2 50.0 false 2026-03-15 Acme]]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v\nwant %s", got, want)
	}
	if err := d.QueryBulkExport("SELECT Nothing__c FROM Account", path); err == nil || !strings.Contains(err.Error(), "Nothing__c") {
		t.Errorf("a query that means nothing: %v", err)
	}
}

func TestBulkQueryIterates(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Options{})
	deals(d)
	it, err := d.QueryBulkIterator("SELECT Name, Amount FROM Opportunity ORDER BY Name")
	if err != nil {
		t.Fatal(err)
	}
	type deal struct {
		Name   string
		Amount float64
	}
	var all []deal
	for it.Next() {
		var page []deal
		if err := it.Decode(&page); err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
	}
	if err := it.Error(); err != nil {
		t.Fatal(err)
	}
	if len(all) != 4 || all[3] != (deal{"Beta 0", 40}) {
		t.Errorf("got %v", all)
	}
}

func TestBulkQueryPages(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Options{})
	const n = 25
	for i := range n {
		d.insert("Account", row{"Name": fmt.Sprint("Account ", i)})
	}
	var job struct{ ID, State string }
	if _, err := d.ask("POST", "/jobs/query", `{"operation": "query", "query": "SELECT Id FROM Account"}`, &job); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); job.State != "JobComplete"; d.get("/jobs/query/"+job.ID, &job) {
		if job.State == "Failed" || time.Now().After(deadline) {
			t.Fatalf("the job is %+v", job)
		}
	}
	seen, pages := map[string]bool{}, 0
	for locator := ""; locator != "null"; pages++ {
		r, err := d.DoRequest("GET", "/jobs/query/"+job.ID+"/results?maxRecords=10&locator="+locator, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		if lines[0] != `"Id"` || r.Header.Get("Sforce-NumberOfRecords") != fmt.Sprint(len(lines)-1) {
			t.Fatalf("%s rows in %q", r.Header.Get("Sforce-NumberOfRecords"), b)
		}
		for _, l := range lines[1:] {
			seen[l] = true
		}
		locator = r.Header.Get("Sforce-Locator")
	}
	if len(seen) != n || pages != 3 {
		t.Errorf("%d records on %d pages", len(seen), pages)
	}
}
