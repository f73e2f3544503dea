package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

func TestThePageAnswersOnlyUnderNamesOfThisMachine(t *testing.T) {
	b := newBrowser(t, emulator.Options{InstanceURL: "https://desk.acme.example:8443"})
	for host, ok := range map[string]bool{
		"localhost": true, "localhost:8081": true, "LOCALHOST.": true, "127.0.0.1:8081": true, "[::1]:8081": true, "[::1]": true,
		"192.168.1.5:8081": true, "org.localhost:8081": true, "localhost.": true, "desk.acme.example:8443": true, "Desk.Acme.Example": true,
		"evil.example": false, "evil.example:8081": false, "127.0.0.1.evil.example": false, "localhost.evil.example": false, "": false,
		"acme.example": false, "a.localhost.evil": false, "evillocalhost": false,
	} {
		for _, path := range []string{"/", "/console/requests", "/console/objects/Account", "/console/query.csv?q=SELECT+Id+FROM+Account", "/console/nothing"} {
			w := b.load(host, "GET", path)
			if refused := w.Code == http.StatusMisdirectedRequest; refused == ok {
				t.Errorf("under the name %q %s is answered %d", host, path, w.Code)
			}
			if !ok && (!strings.Contains(w.Body.String(), "DNS rebinding") || strings.Contains(w.Body.String(), "Acme")) {
				t.Errorf("under the name %q %s says %s", host, path, w.Body)
			}
		}
	}
}

func TestThePageAnswersUnderEveryNameIfItIsToldTo(t *testing.T) {
	b := newBrowser(t, emulator.Options{AdminAnyHost: true})
	if w := b.load("salesforce:8081", "GET", "/"); w.Code != http.StatusOK {
		t.Errorf("the page is answered %d", w.Code)
	}
}

func TestTheAPIAnswersUnderEveryName(t *testing.T) {
	b := newBrowser(t, emulator.Options{})
	if w := b.load("salesforce.test", "GET", "/services/data"); w.Code != http.StatusOK {
		t.Errorf("the API is answered %d", w.Code)
	}
}

func TestBrowsersAreToldWhatThePageMayDo(t *testing.T) {
	b := newBrowser(t, emulator.Options{})
	for _, path := range []string{"/", "/console/static/console.css", "/console/nothing", "/console/query.csv"} {
		h := b.load("localhost", "GET", path).Header()
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q lacks %s", path, policy, want)
			}
		}
		if strings.Contains(policy, "script-src") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy %q lets too much in", path, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

func TestThePageOnlyReads(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		for _, path := range []string{"/", "/console/query?q=SELECT+Id+FROM+Account", "/console/records/" + w.account} {
			if r := w.load("localhost", method, path); r.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s is answered %d", method, path, r.Code)
			}
		}
	}
	if r := w.load("localhost", "HEAD", "/"); r.Code != http.StatusOK {
		t.Errorf("HEAD / is answered %d", r.Code)
	}
	for _, path := range []string{"/console/static/", "/console/static/nothing.css", "/console/static/../console.go", "/console/objects", "/console/objects/Nothing__c", "/console/objects/Nothing__c/fields", "/console/records/x"} {
		if r := w.load("localhost", "GET", path); r.Code != http.StatusNotFound && r.Code != http.StatusMovedPermanently && r.Code != http.StatusTemporaryRedirect {
			t.Errorf("GET %s is answered %d", path, r.Code)
		}
	}
	if r := w.load("localhost", "GET", "/console"); r.Code != http.StatusSeeOther {
		t.Errorf("/console is answered %d", r.Code)
	}
}

func TestThePageCountsNowhere(t *testing.T) {
	w := newWorld(t)
	for i := range 450 {
		w.must("Lead", map[string]any{"LastName": strings.Repeat("x", i%5+1), "Company": "c"})
	}
	token := w.token()
	before := w.org.Requests()
	query := "/console/query?q=" + url.QueryEscape("SELECT Id FROM Lead")
	client := httptest.NewRequestWithContext(t.Context(), "GET", "/services/data/v62.0/query?q=SELECT+Id+FROM+Lead", nil)
	client.Header.Set("Authorization", "Bearer "+token)
	client.Header.Set("Sforce-Query-Options", "batchSize=200")
	first := httptest.NewRecorder()
	w.handler.ServeHTTP(first, client)
	_, rest, _ := strings.Cut(first.Body.String(), `"nextRecordsUrl":"/services/data/v62.0/`)
	locator, _, _ := strings.Cut(rest, `"`)
	w.org.FailTimes(1000, "/", emulator.Fault{Status: 503})
	for range 15 { // more results than a user may have open
		w.page(200, query)
		w.page(200, "/")
	}
	w.org.Fail(nil)
	if r := w.api(token, locator); r.Code != http.StatusOK {
		t.Errorf("the page pushed a client's result out: %d %s", r.Code, r.Body)
	}
	if after := w.org.Requests(); after.Total != before.Total+2 {
		t.Errorf("requests were counted: %+v, then %+v", before, after)
	}
	p := w.page(200, "/console/requests")
	p.wants("2 of 100,000 requests of the day are used", "3 requests, the latest first")
}

func TestPagesWhileOthersWrite(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 200 {
			id, err := w.org.Insert("Partner_Commission__c", map[string]any{"Commission_Key__c": "k", "Amount__c": "1"})
			if err != nil {
				t.Error(err)
				return
			}
			if err := w.org.Purge("Partner_Commission__c", id); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for _, path := range []string{"/", "/console/objects/Partner_Commission__c?find=k", "/console/records/" + w.partner, "/console/query?q=SELECT+Id+FROM+Partner_Commission__c", "/console/find?q=k"} {
		wg.Go(func() {
			for range 15 {
				if r := w.load("localhost", "GET", path); r.Code != http.StatusOK {
					t.Errorf("%s is answered %d", path, r.Code)
				}
			}
		})
	}
	wg.Wait()
}
