package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestHostOf(t *testing.T) {
	for header, want := range map[string]string{
		"localhost:8080": "localhost", "localhost": "localhost", "[::1]:8080": "::1", "[::1]": "::1", "127.0.0.1:1": "127.0.0.1",
		"example.com.": "example.com", "example.com.:80": "example.com", "": "",
	} {
		if got := HostOf(header); got != want {
			t.Errorf("HostOf(%q) = %q, want %q", header, got, want)
		}
	}
}

func TestWhichNamesAreNobodyElses(t *testing.T) {
	for _, c := range []struct {
		host            string
		isSafe, isLocal bool
	}{
		{"127.0.0.1", true, true}, {"::1", true, true}, {"::ffff:127.0.0.1", true, true}, {"10.1.2.3", true, false}, {"2001:db8::1", true, false},
		{"localhost", true, true}, {"LocalHost", true, true}, {"org.localhost", true, true},
		{"Desk.example", true, false}, // it is known
		{"evil.example", false, false}, {"localhost.evil.example", false, false}, {"notlocalhost", false, false},
		{"127.0.0.1.evil.example", false, false}, {"", false, false},
	} {
		if got := CannotBeRebound(c.host, "desk.example"); got != c.isSafe {
			t.Errorf("CannotBeRebound(%q) = %v", c.host, got)
		}
		if got := IsThisMachine(c.host); got != c.isLocal {
			t.Errorf("IsThisMachine(%q) = %v", c.host, got)
		}
	}
}

func TestAPanicSaysNothingOfTheInside(t *testing.T) {
	core, logged := observer.New(zap.ErrorLevel)
	h := Guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(errors.New("the secret")) }), NoForms, zap.New(core))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/page", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("the answer is %d %q", w.Code, w.Body.String())
	}
	if logged.Len() != 1 || logged.All()[0].ContextMap()["path"] != "/page" {
		t.Errorf("the log has %v", logged.All())
	}
}

func TestABrowserIsToldToKeepToThisSite(t *testing.T) {
	for forms, want := range map[Forms]string{NoForms: "form-action 'none'", OwnForms: "form-action 'self'"} {
		w := httptest.NewRecorder()
		Guard(http.NotFoundHandler(), forms, zap.NewNop()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, want) {
			t.Errorf("with forms %s the policy is %q", forms, policy)
		}
		for _, name := range []string{"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cache-Control"} {
			if w.Header().Get(name) == "" {
				t.Errorf("%s is not said", name)
			}
		}
	}
}
