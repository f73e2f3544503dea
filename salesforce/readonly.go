package salesforce

import (
	"net/http"
	"strings"

	"github.com/partnersync/partnersync/internal/errs"
)

// ReadOnly gives a transport that lets no request through that could change anything
// in an org: only logins, what is asked with GET, and Bulk jobs that query. Others fail
// before they are sent, with errs.Conflict. base is what requests go through.
// https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
func ReadOnly(base http.RoundTripper) http.RoundTripper { return readOnly{base} }

type readOnly struct{ base http.RoundTripper }

// RoundTrip sends a request that reads.
func (r readOnly) RoundTrip(q *http.Request) (*http.Response, error) {
	path := q.URL.Path
	isQueryJob := strings.HasPrefix(path, "/services/data/v") && strings.Contains(path, "/jobs/query")
	isLogin := q.Method == http.MethodPost && (strings.HasSuffix(path, "/services/oauth2/token") || strings.Contains(path, "/services/Soap/"))
	switch {
	case q.Method == http.MethodGet, q.Method == http.MethodHead, isQueryJob, isLogin:
		return r.base.RoundTrip(q)
	}
	if q.Body != nil {
		_ = q.Body.Close() // a transport closes it also when it fails
	}
	return nil, errs.New(errs.Conflict, "%s %s would write to Salesforce, and nothing may be written here", q.Method, path)
}

// CloseIdleConnections gives up the connections of the transport underneath.
func (r readOnly) CloseIdleConnections() {
	if t, ok := r.base.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
