package salesforce

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testOrg is a server that logs in by OAuth and SOAP and answers the rest with
// the handler of a test. It counts, and keeps what it received.
type testOrg struct {
	*httptest.Server
	logins atomic.Int64

	mu       sync.Mutex
	calls    []call
	answer   http.HandlerFunc
	onLogin  http.HandlerFunc
	instance string
}

// call is a request as it arrived.
type call struct {
	Method, Path, Query, Body string
	Header                    http.Header
}

func newOrg(t *testing.T, answer http.HandlerFunc) *testOrg {
	t.Helper()
	o := &testOrg{answer: answer}
	o.Server = httptest.NewServer(http.HandlerFunc(o.serve))
	t.Cleanup(o.Server.Close)
	o.instance = o.URL
	return o
}

func (o *testOrg) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	o.mu.Lock()
	o.calls = append(o.calls, call{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, string(body), r.Header.Clone()})
	answer, onLogin := o.answer, o.onLogin
	o.mu.Unlock()
	isLogin := r.URL.Path == "/services/oauth2/token" || strings.HasPrefix(r.URL.Path, "/services/Soap/u/")
	switch {
	case !isLogin:
		answer(w, r)
	case onLogin != nil:
		o.logins.Add(1)
		onLogin(w, r)
	default:
		fmt.Fprintf(w, `{"access_token":"token-%d","instance_url":%q,"token_type":"Bearer"}`, o.logins.Add(1), o.instance)
	}
}

// received gives the calls whose path contains part, in order.
func (o *testOrg) received(part string) (found []call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.calls {
		if strings.Contains(c.Path, part) {
			found = append(found, c)
		}
	}
	return found
}

// config gives a Config for the org, with pauses of no length worth noting.
func (o *testOrg) config() Config {
	return Config{
		LoginURL: o.URL, ClientID: "demo-client", ClientSecret: "demo-secret",
		RetryInitial: time.Microsecond, RetryMax: 10 * time.Microsecond, RequestTimeout: 10 * time.Second,
	}
}

func (o *testOrg) client(t *testing.T, change ...func(*Config)) *Client {
	t.Helper()
	cfg := o.config()
	for _, f := range change {
		f(&cfg)
	}
	return newClient(t, cfg)
}

func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// replies gives a handler that sends one reply after another, the last for ever.
func replies(rs ...reply) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		rs[min(int(n.Add(1)), len(rs))-1].send(w)
	}
}

type reply struct {
	status int
	body   string
	header map[string]string
}

func (r reply) send(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	for k, v := range r.header {
		w.Header().Set(k, v)
	}
	if r.status == 0 {
		r.status = http.StatusOK
	}
	w.WriteHeader(r.status)
	if _, err := io.WriteString(w, r.body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func refusal(status int, code, message string) reply {
	body, err := json.Marshal([]map[string]string{{"errorCode": code, "message": message}})
	if err != nil {
		panic(err)
	}
	return reply{status: status, body: string(body)}
}

var (
	okLimits   = reply{body: `{"DailyApiRequests":{"Max":100000,"Remaining":89982}}`}
	expired401 = refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
	htmlBusy   = reply{status: 503, body: "<html><head><title>Down for maintenance</title></head></html>", header: map[string]string{"Content-Type": "text/html"}}
)

func newTLSServer(t *testing.T, o *testOrg) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(o.serve))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}
