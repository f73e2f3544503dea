package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator"
)

// benchOrg is an org of 100,000 opportunities on a port, and a token for it.
func benchOrg(b *testing.B) (address, token string) {
	b.Helper()
	org := emulator.New(emulator.Options{Clock: clock.NewManual(noon), DailyLimit: 1 << 40, NoCompression: true})
	if err := org.Generate(emulator.GenerateOptions{Opportunities: 100_000}); err != nil {
		b.Fatal(err)
	}
	s := httptest.NewServer(org.Handler())
	b.Cleanup(s.Close)
	r, err := http.PostForm(s.URL+"/services/oauth2/token", url.Values{"grant_type": {"client_credentials"},
		"client_id": {emulator.DemoClientID}, "client_secret": {emulator.DemoClientSecret}})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Body.Close()
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		b.Fatal(err)
	}
	return s.URL, body.Token
}

// plainClient asks for pages that are not packed.
var plainClient = &http.Client{Transport: &http.Transport{DisableCompression: true}}

// drain fetches a page into memory that the next one uses again: a client that
// does nothing else costs as little as a client can.
func drain(b *testing.B, address, token, path string, into *bytes.Buffer) []byte {
	b.Helper()
	req, err := http.NewRequest("GET", address+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	r, err := plainClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Body.Close()
	into.Reset()
	into.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
	if _, err := into.ReadFrom(r.Body); err != nil || r.StatusCode != 200 {
		b.Fatalf("%d %v %.300s", r.StatusCode, err, into)
	}
	return into.Bytes()
}

const pulled = "SELECT Id, SystemModstamp, IsDeleted, Name, AccountId, Amount, CloseDate, StageName, IsClosed, IsWon, Type, CreatedDate, Space__c, Service_Start__c, Service_End__c FROM Opportunity"

// The emulator must not be what a client waits for. These are the records a second
// that it has to serve and take on two cores, client included.
const (
	leastPages  = 300_000
	leastBulk   = 1_000_000
	leastIngest = 50_000
)

// reportRate reports records a second, and how many times the least that is.
func reportRate(b *testing.B, records, least int) {
	rate := float64(records) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "records/s")
	b.ReportMetric(rate/float64(least), "times-the-least")
}

// BenchmarkKeysetPages reads all opportunities over HTTP in pages of 2,000 by
// key range, a query for each page.
func BenchmarkKeysetPages(b *testing.B) {
	address, token := benchOrg(b)
	records := 0
	var page bytes.Buffer
	for b.Loop() {
		where := ""
		for {
			body := drain(b, address, token, "/services/data/v62.0/queryAll?q="+url.QueryEscape(pulled+where+" ORDER BY SystemModstamp, Id LIMIT 2000"), &page)
			n, err := strconv.Atoi(between(string(body[:100]), `"totalSize":`, ","))
			if err != nil {
				b.Fatal(err)
			}
			records += n
			if n < 2000 {
				break
			}
			last := string(body[bytes.LastIndex(body, []byte(`"attributes"`)):])
			id := between(last, `"Id":"`, `"`)
			at := strings.Replace(between(last, `"SystemModstamp":"`, `"`), "+0000", "Z", 1)
			where = fmt.Sprintf(" WHERE (SystemModstamp = %s AND Id > '%s') OR SystemModstamp > %s", at, id, at)
		}
	}
	reportRate(b, records, leastPages)
}

// BenchmarkLocatorPages reads them by one query and its nextRecordsUrl.
func BenchmarkLocatorPages(b *testing.B) {
	address, token := benchOrg(b)
	records := 0
	var page bytes.Buffer
	for b.Loop() {
		path := "/services/data/v62.0/queryAll?q=" + url.QueryEscape(pulled+" ORDER BY SystemModstamp, Id")
		total := ""
		for path != "" {
			head := string(drain(b, address, token, path, &page)[:200])
			total, path = between(head, `"totalSize":`, ","), between(head, `"nextRecordsUrl":"`, `"`)
		}
		n, err := strconv.Atoi(total)
		if err != nil {
			b.Fatal(err)
		}
		records += n
	}
	reportRate(b, records, leastPages)
}

func between(s, before, after string) string {
	_, s, ok := strings.Cut(s, before)
	if !ok {
		return ""
	}
	s, _, _ = strings.Cut(s, after)
	return s
}

// BenchmarkUpsert writes records by Collections calls of 200.
func BenchmarkUpsert(b *testing.B) {
	address, token := benchOrg(b)
	n := 0
	for b.Loop() {
		var body strings.Builder
		body.WriteString(`{"records":[`)
		for i := range 200 {
			if i > 0 {
				body.WriteByte(',')
			}
			fmt.Fprintf(&body, `{"attributes":{"type":"Partner_Commission__c"},"Commission_Key__c":"FG3877/space/%d","Amount__c":%d.%02d,"Period__c":"2026-10","Status__c":"accrued"}`, n, n, n%100)
			n++
		}
		body.WriteString("]}")
		req, err := http.NewRequest("PATCH", address+"/services/data/v62.0/composite/sobjects/Partner_Commission__c/Commission_Key__c", strings.NewReader(body.String()))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != 200 {
			b.Fatal(r.Status, err)
		}
		r.Body.Close()
	}
	reportRate(b, n, leastIngest)
}
