package emulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/internal/clock"
	"github.com/partnersync/partnersync/salesforce/emulator"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
)

func TestThePlanIsChangedWhileTheOrgRuns(t *testing.T) {
	c := newClient(t, emulator.Options{})
	if _, body, _ := c.do("GET", "/emulator/faults", ""); body != `{"rules":[]}` {
		t.Error(body)
	}
	status, body, _ := c.do("PUT", "/emulator/faults?seed=7", "rules:\n- {name: a, when: {kind: limits}, times: 3, do: {quota: daily}}\n")
	if status != 200 || !strings.Contains(body, `"seed":7`) {
		t.Fatalf("%d %s", status, body)
	}
	c.refused(403, "REQUEST_LIMIT_EXCEEDED", "GET", "limits", "")
	_, body, _ = c.do("GET", "/emulator/faults", "")
	var got struct {
		Rules []struct {
			Name                 string
			Matches, Plays, Left int
		}
		Plan string
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Rules) != 1 || got.Rules[0].Plays != 1 || got.Rules[0].Left != 2 || !strings.HasPrefix(got.Plan, "rules:") {
		t.Errorf("%v %s", err, body)
	}
	if status, body, _ := c.do("POST", "/emulator/faults", `{"rules":[{"name":"b","do":{"late":1}},{"x":1}]}`); status != 400 || !strings.Contains(body, `"problems":[{"line":1,"column":36,"key":"rules[0].do.late"`) {
		t.Errorf("%d %s", status, body)
	}
	if c.org.Faults().Plan().Rules[0].Name != "a" {
		t.Error("a plan that is wrong came into force")
	}
	for path, body := range map[string]string{"?seed=x": "", "?seed=-1": ""} {
		if status, _, _ := c.do("PUT", "/emulator/faults"+path, body); status != 400 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _, _ := c.do("DELETE", "/emulator/faults", ""); status != 204 || c.org.Faults() != nil {
		t.Errorf("%d", status)
	}
	if status, _, _ := c.do("GET", "limits", ""); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}

func TestTheLogSaysWhatHappened(t *testing.T) {
	c := newClient(t, emulator.Options{RequestLog: 3})
	c.play(1, "{name: slow quota, when: {kind: limits}, do: {quota: daily}}", "{name: cut, when: {kind: describe}, do: {drop: {}}}")
	c.do("GET", "query?q=SELECT+Id+FROM+Account", "")
	c.do("GET", "limits", "")
	req, _ := http.NewRequest("POST", c.url+"/services/data/v62.0/sobjects/Account/describe", nil)
	if resp, err := http.DefaultClient.Do(req); err == nil {
		t.Fatalf("answered %d", resp.StatusCode)
	}
	status, body, _ := c.do("GET", "/emulator/requests?n=2", "")
	if status != 200 {
		t.Fatal(body)
	}
	log := c.org.RequestLog(10)
	if len(log) != 3 || log[0].Status != 0 || log[0].Faults[0] != "cut" || log[1].Status != 403 || log[1].Faults[0] != "slow quota" ||
		log[2].Query != "SELECT Id FROM Account" || log[2].Status != 200 || log[2].Bytes == 0 || log[2].ID != 2 || !log[2].At.Equal(noon) {
		t.Errorf("%+v", log)
	}
	var got struct{ Requests []emulator.LoggedRequest }
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Requests) != 2 || got.Requests[1].Path != "/services/data/v62.0/limits" {
		t.Errorf("%v %s", err, body)
	}
	if status, _, _ := c.do("GET", "/emulator/requests?n=x", ""); status != 400 {
		t.Errorf("n=x: %d", status)
	}
}

func TestTheClockIsMoved(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for body, want := range map[string]int{`{"advance":"1h"}`: 200, `{"advance":"x"}`: 400, `{}`: 400, `{"set":"2026-11-20T15:00:00Z","advance":"1h"}`: 400, `[`: 400, `{"x":1}`: 400} {
		if status, text, _ := c.do("POST", "/emulator/clock", body); status != want {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if !c.clock.Now().Equal(noon.Add(time.Hour)) {
		t.Errorf("it is %v", c.clock.Now())
	}
	if _, body, _ := c.do("POST", "/emulator/clock", `{"set":"2026-12-01T00:00:00Z"}`); body != `{"movable":true,"now":"2026-12-01T00:00:00Z"}` {
		t.Error(body)
	}
	fixed := emulator.New(emulator.Options{Clock: clock.System{}})
	r := httptest.NewRequest("POST", "http://localhost/emulator/clock", strings.NewReader(`{"advance":"1h"}`))
	w := httptest.NewRecorder()
	if fixed.Handler().ServeHTTP(w, r); w.Code != 409 {
		t.Errorf("a clock that nobody moves: %d", w.Code)
	}
}

func TestSessionsAndCursorsEndByRequest(t *testing.T) {
	c := newClient(t, emulator.Options{MinBatch: 1})
	c.insert("Account", row{"Name": "A"})
	c.insert("Account", row{"Name": "B"})
	next := c.query("query", "SELECT Id FROM Account", "Sforce-Query-Options", "batchSize=1").NextRecordsURL
	if status, _, _ := c.do("DELETE", "/emulator/cursors", ""); status != 204 {
		t.Errorf("cursors: %d", status)
	}
	c.refused(400, "INVALID_QUERY_LOCATOR", "GET", next, "")
	if status, _, _ := c.do("DELETE", "/emulator/sessions", ""); status != 204 {
		t.Errorf("sessions: %d", status)
	}
	c.refused(401, "INVALID_SESSION_ID", "GET", "limits", "")
	if status, body, _ := c.do("GET", "/emulator/", ""); status != 200 || !strings.Contains(body, "/emulator/faults") {
		t.Errorf("the index: %d %s", status, body)
	}
}

// Another site's page must reach the keeper's endpoints neither directly nor by
// letting a name of its own point to this machine.
func TestOtherSitesDoNotReachTheKeeper(t *testing.T) {
	for _, tt := range []struct {
		name, method, host string
		header             []string
		anyHost            bool
		want               int
	}{
		{"a tool", "DELETE", "127.0.0.1:8081", nil, false, 204},
		{"by name", "DELETE", "localhost:8081", nil, false, 204},
		{"by IPv6", "DELETE", "[::1]:8081", nil, false, 204},
		{"below localhost", "DELETE", "acme.localhost:8081", nil, false, 204},
		{"the org's own page", "DELETE", "localhost:8081", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://localhost:8081"}, false, 204},
		{"another page", "DELETE", "localhost:8081", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, false, 403},
		{"another page in an old browser", "DELETE", "localhost:8081", []string{"Origin", "https://evil.example"}, false, 403},
		{"another port", "DELETE", "localhost:8081", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:3000"}, false, 403},
		{"another page that reads", "GET", "localhost:8081", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, false, 403},
		{"a link", "GET", "localhost:8081", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, false, 200},
		{"a name that points here", "DELETE", "rebound.evil.example:8081", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://rebound.evil.example:8081"}, false, 403},
		{"a name that looks local", "DELETE", "localhost.evil.example", nil, false, 403},
		{"an address of the network", "DELETE", "192.168.1.7:8081", nil, false, 403},
		{"a container's name, allowed", "DELETE", "emulator:8081", nil, true, 204},
		{"another page, any host allowed", "DELETE", "emulator:8081", []string{"Sec-Fetch-Site", "cross-site"}, true, 403},
		{"no host", "DELETE", "", nil, false, 403},
	} {
		org := emulator.New(emulator.Options{AdminAnyHost: tt.anyHost})
		r := httptest.NewRequest(tt.method, "/emulator/faults", nil)
		r.Host = tt.host
		for i := 0; i < len(tt.header); i += 2 {
			r.Header.Set(tt.header[i], tt.header[i+1])
		}
		w := httptest.NewRecorder()
		org.Handler().ServeHTTP(w, r)
		if w.Code != tt.want {
			b, _ := io.ReadAll(w.Body)
			t.Errorf("%s: %d %s", tt.name, w.Code, b)
		}
	}
}

// The credentials are known to everybody: a page whose name leads here must not log in.
func TestPagesOfOtherNamesDoNotLogIn(t *testing.T) {
	for _, tt := range []struct {
		name, host, origin string
		anyHost            bool
		want               int
	}{
		{"a program under any name", "emulator:8081", "", false, 200},
		{"a page of a name that points here", "rebound.evil.example:8081", "http://rebound.evil.example:8081", false, 403},
		{"a page of this machine", "localhost:8081", "http://localhost:8081", false, 200},
		{"a page of an address", "192.168.1.7:8081", "http://192.168.1.7:8081", false, 200},
		{"a page behind another server", "emulator:8081", "http://localhost:3000", false, 200},
		{"a page of the instance's name", "acme.example", "http://ACME.example", false, 200},
		{"a page of a name that is allowed", "emulator:8081", "http://emulator:8081", true, 200},
	} {
		org := emulator.New(emulator.Options{AdminAnyHost: tt.anyHost, InstanceURL: "https://acme.example"})
		r := httptest.NewRequest("POST", "/services/oauth2/token", strings.NewReader("grant_type=client_credentials&client_id="+emulator.DemoClientID+"&client_secret="+emulator.DemoClientSecret))
		r.Host = tt.host
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		w := httptest.NewRecorder()
		org.Handler().ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
	}
}

// A server that ends does not wait for those who hang by a fault.
func TestHangsEndWithTheServer(t *testing.T) {
	org := emulator.New(emulator.Options{})
	p, err := fault.Parse([]byte("rules: [{name: a, do: {hang: {}}}]"), "plan")
	if err != nil {
		t.Fatal(err)
	}
	org.PlayFaults(p, 1)
	s, err := emulator.Serve(t.Context(), org, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := http.Post(s.URL()+"/services/data", "text/plain", strings.NewReader("x")) // not tried again
		ended <- err
	}()
	for org.Faults().Counts()[0].Plays == 0 {
		runtime.Gosched()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("a hanging request is answered")
	}
}
