package emulator

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// No line of the table stands behind another that takes its paths.
func TestEveryRouteIsReached(t *testing.T) {
	rt := newRouter(restRoutes(), doors())
	for _, r := range restRoutes() {
		path := placeholder.ReplaceAllString(r.pattern, "x")
		if found, _ := rt.find(r.method, splitPath(path)); found.pattern != r.pattern || found.method != r.method {
			t.Errorf("%s %s is answered by %s %s", r.method, r.pattern, found.method, found.pattern)
		}
	}
	for _, d := range doors() {
		if found, _ := rt.door(placeholder.ReplaceAllString(d.pattern, "x")); found.pattern != d.pattern {
			t.Errorf("%s is answered by %s", d.pattern, found.pattern)
		}
	}
}

func TestPatterns(t *testing.T) {
	handle := func(*Org, *call) error { return nil }
	rt := newRouter([]route{
		{"GET", "", kindOther, handle}, {"GET", "a/fixed", kindOther, handle}, {"GET", "a/{x}", kindOther, handle}, {"POST", "a/{x}", kindOther, handle},
		{"GET", "rest/{more...}", kindOther, handle},
	}, nil)
	for _, tt := range []struct{ method, path, pattern, args string }{
		{"GET", "", "", ""}, {"GET", "/", "", ""}, {"GET", "a/fixed/", "a/fixed", ""}, {"GET", "a/b%2Fc%20d", "a/{x}", "x=b/c d"}, {"POST", "a/%zz", "a/{x}", "x=%zz"},
		{"HEAD", "a/b", "a/{x}", "x=b"}, {"GET", "rest/b/c", "rest/{more...}", "more=b/c"}, {"GET", "rest", "rest/{more...}", "more="},
	} {
		r, args := rt.find(tt.method, decodePath(tt.path))
		var got []string
		for _, a := range args {
			got = append(got, a.name+"="+a.value)
		}
		if r.pattern != tt.pattern || strings.Join(got, " ") != tt.args {
			t.Errorf("%s %q: %q with %v, want %q with %s", tt.method, tt.path, r.pattern, got, tt.pattern, tt.args)
		}
	}
	if r, _ := rt.find(http.MethodDelete, []string{"a", "b"}); r.pattern != "" {
		t.Errorf("a method that is not there has the route of %s", r.pattern)
	}
	if roots := strings.Join(rt.roots(), " "); roots != "a rest" {
		t.Errorf("roots: %s", roots)
	}
}
