package emulator

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
)

// nested is a request that the org makes to itself: a part of a composite call.
// It goes through the table of routes like any other, but is let in already and
// is not counted.
type nested struct {
	method string
	url    string // "/services/data/v62.0/sobjects/Account"
	header map[string]string
	body   []byte
}

// answer is what came of a nested request.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// ask runs a nested request.
func (o *Org) ask(c *call, n nested) *answer {
	a := &answer{header: http.Header{}}
	if err := o.askErr(c, n, a); err != nil {
		writeError(a, err)
	}
	a.WriteHeader(http.StatusOK)
	return a
}

func (o *Org) askErr(c *call, n nested, a *answer) error {
	u, err := url.Parse(n.url)
	if err != nil || u.Host != "" {
		return errNoResource
	}
	first, below, _ := strings.Cut(strings.TrimPrefix(u.EscapedPath(), "/services/data/"), "/")
	version, ok := parseVersion(first)
	if !ok || !strings.HasPrefix(u.Path, "/services/data/") {
		return errNoResource
	}
	rt, args := o.router.find(n.method, decodePath(below))
	if !rt.isNestable() {
		return refuse(http.StatusBadRequest, "INVALID_INPUT", "The resource is not supported within a composite request: %s", rt.pattern)
	}
	r, err := http.NewRequestWithContext(c.r.Context(), n.method, "http://org"+u.RequestURI(), bytes.NewReader(n.body))
	if err != nil {
		return errNoResource
	}
	r.Host, r.TLS = c.r.Host, c.r.TLS
	for k, v := range n.header {
		r.Header.Set(k, v)
	}
	r.Header.Set("Content-Type", "application/json")
	return rt.handle(o, &call{w: a, r: r, version: version, session: c.session, args: args, maxBody: o.opt.MaxBody})
}

// isNestable says whether a route can be a part of a composite call: records,
// objects, queries and Collections can.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
func (r route) isNestable() bool {
	root, _, _ := strings.Cut(r.pattern, "/")
	switch root {
	case "composite":
		return strings.HasPrefix(r.pattern, "composite/sobjects")
	case "jobs", "metadata", "async":
		return false
	case "tooling":
		return r.method == http.MethodGet
	}
	return true
}

// answerWith answers with what the org says to a GET of another path below the
// version.
func (o *Org) answerWith(c *call, path string) error {
	a := o.ask(c, nested{method: http.MethodGet, url: c.base() + path, header: map[string]string{
		"Sforce-Query-Options": c.r.Header.Get("Sforce-Query-Options")}})
	writeBody(c.w, a.status, a.body.Bytes())
	return nil
}
