package emulator

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// sendTo lets an org answer a request, and swallows that it drops the connection.
func sendTo(t *testing.T, o *Org, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("User-Agent", "tester")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	o.Handler().ServeHTTP(w, r)
	return w
}

func TestTheLogKeepsTheLatestRequestsOnly(t *testing.T) {
	o := New(Options{})
	for i := range maxLogged + 30 {
		sendTo(t, o, "GET", "/services/nothing/"+strconv.Itoa(i), "")
	}
	log := o.requests.latest()
	if len(log) != maxLogged {
		t.Fatalf("the log has %d requests", len(log))
	}
	for i, r := range log {
		if want := "/services/nothing/" + strconv.Itoa(maxLogged+29-i); r.Path != want || r.Status != 404 || r.Rows != -1 || r.Client != "tester" || r.Bytes == 0 {
			t.Fatalf("entry %d is %+v", i, r)
		}
	}
}

func TestADroppedConnectionIsInTheLogWithoutAStatus(t *testing.T) {
	o := New(Options{})
	o.FailTimes(1, "/services/data", Fault{Drop: true})
	sendTo(t, o, "GET", "/services/data", "")
	o.FailTimes(1, "/services/data", Fault{Status: 503, Body: "<html>"})
	sendTo(t, o, "GET", "/services/data", "")
	log := o.requests.latest()
	if len(log) != 2 || log[1].Status != 0 || log[0].Status != 503 || log[0].Bytes != 6 {
		t.Errorf("the log is %+v", log)
	}
}

func TestTheLogKeepsNoSecret(t *testing.T) {
	o := New(Options{})
	const secret = "s3cret"
	sendTo(t, o, "POST", "/services/oauth2/token?client_secret="+secret, "grant_type=client_credentials&client_id="+DemoClientID+"&client_secret="+secret)
	sendTo(t, o, "GET", "/services/data/v62.0/query?q=SELECT+Id+FROM+Account&sid="+secret, "")
	sendTo(t, o, "GET", "/services/data/v62.0/limits?q="+secret, "")
	for _, r := range o.requests.latest() {
		if strings.Contains(r.Path+r.SOQL+r.Client, secret) {
			t.Errorf("the log has the secret: %+v", r)
		}
	}
}

func TestWhatTheLogKeepsIsBounded(t *testing.T) {
	o := New(Options{})
	sendTo(t, o, "GET", "/services/"+strings.Repeat("x", 12_000), "")
	sendTo(t, o, "GET", "/services/data/v62.0/query?q="+strings.Repeat("%ff", 5_000), "")
	for _, r := range o.requests.latest() {
		if len(r.Path) > maxLoggedPath+3 || len(r.SOQL) > 3*maxLoggedSOQL+3 {
			t.Errorf("an entry has %d and %d bytes", len(r.Path), len(r.SOQL))
		}
	}
}

func TestTheLogIsSafeForManyRequests(t *testing.T) {
	o := New(Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				sendTo(t, o, "GET", "/services/data", "")
				o.requests.latest()
			}
		})
	}
	wg.Wait()
	if n := len(o.requests.latest()); n != maxLogged {
		t.Errorf("the log has %d requests", n)
	}
}
