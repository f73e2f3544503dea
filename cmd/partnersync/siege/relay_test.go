package siege_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// relayPage is how many records a page of a relay has.
const relayPage = 9

// relay stands between a wall and an org, and hands on the results of queries as no
// well-behaved server would: with their records in another order, or more than once.
// It gets a result whole, changes it, and gives it in pages of its own.
type relay struct {
	t        testing.TB
	upstream *httputil.ReverseProxy
	// change gives what comes in the place of a result's records, and says whether that is
	// told as the number of all.
	change func([]any) (_ []any, isTold bool)

	mu      sync.Mutex
	results map[string]result // what is left of a result, by the path of its next page
	changed int               // results that came otherwise than the org gave them
	// breaks is after how many more pages the connection ends in the middle of one; below
	// 0 it does not.
	breaks int
}

type result struct {
	version string // "/services/data/v62.0"
	total   int
	records []any
}

// newRelay stands before the org of an observer, and gives its address.
func newRelay(t testing.TB, seer *observer, change func([]any) ([]any, bool)) (*relay, string) {
	t.Helper()
	to, err := url.Parse(seer.url)
	must(t, err)
	r := &relay{t: t, upstream: httputil.NewSingleHostReverseProxy(to), change: change, results: map[string]result{}, breaks: -1}
	r.upstream.ModifyResponse = r.jobResult
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return r, server.Listener.Addr().String()
}

// behave hands on what the org says from now on.
func (r *relay) behave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.breaks, r.change = -1, func(records []any) ([]any, bool) { return records, true }
}

// has says how many results came otherwise than the org gave them.
func (r *relay) has() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	version, resource, isData := strings.Cut(strings.TrimPrefix(req.URL.Path, "/services/data/"), "/")
	switch {
	case isData && req.Method == http.MethodGet && (resource == "query" || resource == "queryAll"):
		r.query(w, req, "/services/data/"+version)
	case isData && strings.HasPrefix(resource, "query/relay"):
		r.mu.Lock()
		left, ok := r.results[req.URL.Path]
		r.mu.Unlock()
		if !ok {
			http.NotFound(w, req)
			return
		}
		r.page(w, left)
	default:
		req.Header.Del("Accept-Encoding") // so that a job's result can be read
		r.upstream.ServeHTTP(w, req)
	}
}

// query asks for a result, changes it, and gives its first page.
func (r *relay) query(w http.ResponseWriter, req *http.Request, version string) {
	req.Header.Set("Sforce-Query-Options", "batchSize=2000")
	req.Header.Del("Accept-Encoding")
	answer := httptest.NewRecorder()
	r.upstream.ServeHTTP(answer, req)
	var page struct {
		TotalSize int
		Done      bool
		Records   []json.RawMessage
	}
	if answer.Code != http.StatusOK || json.Unmarshal(answer.Body.Bytes(), &page) != nil || len(page.Records) == 0 || !bytes.Contains(page.Records[0], []byte(`"SystemModstamp"`)) {
		pass(w, answer)
		return
	}
	if !page.Done {
		r.t.Errorf("a result of %d records is too large for the relay", page.TotalSize)
	}
	records := make([]any, len(page.Records))
	for i, raw := range page.Records {
		records[i] = raw
	}
	records, total := r.changedTo(records, page.TotalSize)
	w.Header().Set("Date", answer.Header().Get("Date"))
	r.page(w, result{version, total, records})
}

// changedTo changes the records of a result, and gives how many are told.
func (r *relay) changedTo(records []any, total int) ([]any, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	after, isTold := r.change(append([]any{}, records...))
	if fmt.Sprintf("%s", after) != fmt.Sprintf("%s", records) {
		r.changed++
	}
	if isTold {
		total = len(after)
	}
	return after, total
}

// page gives the next page of a result.
func (r *relay) page(w http.ResponseWriter, left result) {
	r.mu.Lock()
	now := left.records[:min(relayPage, len(left.records))]
	left.records = left.records[len(now):]
	body := map[string]any{"totalSize": left.total, "done": len(left.records) == 0, "records": now}
	if len(left.records) > 0 {
		next := fmt.Sprintf("%s/query/relay%d", left.version, len(r.results))
		r.results[next] = left
		body["nextRecordsUrl"] = next
	}
	isBroken := r.breaks == 0
	r.breaks--
	r.mu.Unlock()
	text, err := json.Marshal(body)
	if err != nil {
		r.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	if isBroken {
		_, _ = w.Write(text[:len(text)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(text)
}

// jobResult changes the result of a Bulk query, which is one page.
func (r *relay) jobResult(resp *http.Response) error {
	path := resp.Request.URL.Path
	if resp.StatusCode != http.StatusOK || !strings.Contains(path, "/jobs/query/") || !strings.HasSuffix(path, "/results") {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	lines, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil {
		return err
	}
	if len(lines) > 1 {
		records := make([]any, len(lines)-1)
		for i, line := range lines[1:] {
			records[i] = line
		}
		records, _ = r.changedTo(records, 0)
		var out bytes.Buffer
		w := csv.NewWriter(&out)
		_ = w.Write(lines[0])
		for _, line := range records {
			_ = w.Write(line.([]string))
		}
		w.Flush()
		body = out.Bytes()
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.Header.Set("Content-Length", fmt.Sprint(len(body)))
	resp.ContentLength = int64(len(body))
	return nil
}

// pass hands on an answer as it is.
func pass(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}
