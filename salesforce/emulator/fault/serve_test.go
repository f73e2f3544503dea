package fault_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/partnersync/partnersync/salesforce/emulator/fault"
)

// stage is an org of one answer behind a plan of one rule.
type stage struct {
	*httptest.Server
	t      *testing.T
	worked atomic.Int32
	waited chan time.Duration
}

const ownBody = `{"totalSize":3,"done":true,"records":[{"Id":"1"},{"Id":"2"},{"Id":"3"}]}`

// newStage serves ownBody, misbehaving as an action says. Waits take no time, but
// for those that only a client ends.
func newStage(t *testing.T, do string) *stage {
	t.Helper()
	p, err := fault.Parse([]byte("rules: [{name: a, do: {"+do+"}}]"), "plan")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, waited: make(chan time.Duration, 8)}
	player := fault.NewPlayer(p, 1, nine)
	own := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if form := player.Plan().Rules[0].Do.Answer; form != nil && r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("a packed answer would be spoiled: %v", r.Header)
		}
		s.worked.Add(1)
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(ownBody)))
		w.WriteHeader(http.StatusCreated)
		for _, part := range []string{ownBody[:10], ownBody[10:]} {
			io.WriteString(w, part)
		}
	})
	st := fault.Stage{Now: func() time.Time { return nine }, DailyLimit: 100, Wait: func(ctx context.Context, d time.Duration) error {
		s.waited <- d
		if d < 24*time.Hour {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		st.Serve(player.Decide(fault.Request{Method: r.Method, Path: r.URL.Path, At: nine}), w, r, own)
	}))
	s.Server.Config.ErrorLog = nil
	t.Cleanup(s.Server.Close)
	return s
}

// get asks once; err is of the request or of reading the body.
func (s *stage) get(path string) (*http.Response, string, error) {
	s.t.Helper()
	c := s.Client()
	c.Transport.(*http.Transport).DisableKeepAlives = true // a reused connection would be tried again
	resp, err := c.Get(s.URL + path)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestAnswersInThePlaceOfTheOrgs(t *testing.T) {
	for _, tt := range []struct {
		do     string
		status int
		typ    string
		body   string
		worked int32
	}{
		{"answer: {form: html}", 503, "text/html;charset=UTF-8", "<h1>Service Unavailable</h1>", 0},
		{"answer: {form: html, status: 200}", 200, "text/html;charset=UTF-8", "<!DOCTYPE html>", 0},
		{"answer: {form: json-array}", 200, "application/json;charset=UTF-8", "[]", 0},
		{"answer: {form: json-null, status: 500}", 500, "application/json;charset=UTF-8", "null", 0},
		{"answer: {form: empty, status: 200}", 200, "text/html;charset=UTF-8", "", 0},
		{"answer: {status: 204}", 204, "", "", 0},
		{"answer: {status: 429, body: '[{}]', headers: {Content-Type: a/b}}", 429, "a/b", "[{}]", 0},
		{"answer: {form: truncated, bytes: 12}", 201, "application/json;charset=UTF-8", ownBody[:12], 1},
		{"answer: {form: truncated, bytes: 99999}", 201, "application/json;charset=UTF-8", ownBody[:len(ownBody)-1], 1},
		{"lose: {status: 504, form: html}", 504, "text/html;charset=UTF-8", "<h1>", 1},
		{"session: 401", 401, "application/json;charset=UTF-8", `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`, 0},
		{"session: 403", 403, "application/json;charset=UTF-8", `"INVALID_SESSION_ID"`, 0},
		{"quota: daily", 403, "application/json;charset=UTF-8", `"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"`, 0},
		{"quota: concurrent", 403, "application/json;charset=UTF-8", `"ConcurrentRequests (Concurrent API Requests) Limit exceeded."`, 0},
		{"cursor: vanish", 400, "application/json;charset=UTF-8", `"INVALID_QUERY_LOCATOR"`, 0},
		{"cursor: loop", 201, "application/json;charset=UTF-8", ownBody, 1},
		{"late: 5m", 201, "application/json;charset=UTF-8", ownBody, 1},
		{"delay: 5s", 201, "application/json;charset=UTF-8", ownBody, 1},
	} {
		t.Run(tt.do, func(t *testing.T) {
			s := newStage(t, tt.do)
			resp, body, err := s.get("/services/data/v62.0/query")
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != tt.typ || !strings.Contains(body, tt.body) || tt.body == "" && body != "" {
				t.Errorf("%d %s %s", resp.StatusCode, resp.Header.Get("Content-Type"), body)
			}
			if s.worked.Load() != tt.worked {
				t.Errorf("the org worked %d times", s.worked.Load())
			}
			if strings.HasPrefix(tt.do, "quota: daily") && resp.Header.Get("Sforce-Limit-Info") != "api-usage=100/100" {
				t.Errorf("usage %q", resp.Header.Get("Sforce-Limit-Info"))
			}
		})
	}
}

func TestASpoiledBodyIsAWholeMessageThatNobodyCanRead(t *testing.T) {
	_, body, err := newStage(t, "answer: {form: truncated}").get("/")
	if err != nil || json.Valid([]byte(body)) || body == "" {
		t.Errorf("truncated: %v %q", err, body)
	}
	if _, body, err := newStage(t, "answer: {form: gzip}").get("/"); err == nil {
		t.Errorf("gzip is read: %q", body)
	}
}

func TestDroppedConnections(t *testing.T) {
	for do, want := range map[string]struct {
		headers bool
		body    string
		worked  int32
	}{
		"drop: {}":                   {false, "", 0},
		"lose: {}":                   {false, "", 1},
		"drop: {bytes: 0}":           {true, "", 1},
		"drop: {bytes: 20}":          {true, ownBody[:20], 1},
		"drop: {bytes: 99999}":       {true, ownBody[:len(ownBody)-1], 1},
		"hang: {for: 5s}":            {false, "", 0},
		"hang: {bytes: 20, for: 5s}": {true, ownBody[:20], 1},
	} {
		t.Run(do, func(t *testing.T) {
			s := newStage(t, do)
			resp, body, err := s.get("/")
			if err == nil || (resp != nil) != want.headers || body != want.body || s.worked.Load() != want.worked {
				t.Errorf("%v %q after %d works", err, body, s.worked.Load())
			}
			if resp != nil && resp.StatusCode != http.StatusCreated {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
}

// A hanging answer ends with the patience of the client, and leaves nothing
// behind; also when the request has a body, which net/http has to have read.
func TestHangsEndWithTheClient(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, do := range []string{"hang: {}", "hang: {bytes: 20}"} {
		s := newStage(t, do)
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "POST", s.URL, strings.NewReader(strings.Repeat("x", 100_000)))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-s.waited
			cancel()
		}()
		resp, err := s.Client().Do(r)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", do, err)
		}
		s.Client().CloseIdleConnections()
		s.Server.Close()
	}
}

func TestADelayIsWaitedBeforeTheHeaders(t *testing.T) {
	s := newStage(t, "delay: 7s, quota: daily")
	if resp, _, err := s.get("/"); err != nil || resp.StatusCode != 403 {
		t.Fatalf("%v", err)
	}
	if d := <-s.waited; d != 7*time.Second {
		t.Errorf("waited %v", d)
	}
}

func TestSOAPHearsItsOwnKindOfFault(t *testing.T) {
	resp, body, err := newStage(t, "session: 401").get("/services/Soap/m/62.0")
	if err != nil || resp.StatusCode != 500 || !strings.Contains(body, "<faultcode>sf:INVALID_SESSION_ID</faultcode>") {
		t.Errorf("%v %s", err, body)
	}
}
