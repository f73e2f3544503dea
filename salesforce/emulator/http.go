package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/salesforce/emulator/console"
)

// The API versions that the org lists, and the limits on what it reads.
const (
	firstVersion = 50
	lastVersion  = 67

	maxURL  = 16_384   // longer ones are answered 414
	maxBody = 10 << 20 // bytes of a JSON body, unpacked
)

// Handler answers the org's HTTP surface, and at / and /console/ the page for
// people. It never panics on a request, except to drop a connection when a Fault
// says so.
func (o *Org) Handler() http.Handler {
	page := console.New(desk{o})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if console.Answers(r.URL.Path) {
			page.ServeHTTP(w, r)
			return
		}
		o.logged(w, r)
	})
}

// apiError is a request that the platform refuses as a whole.
type apiError struct {
	status  int
	code    string
	message string
	fields  []string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func refuse(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

var (
	errNoResource = refuse(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
	errSession    = refuse(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
)

func errMethod(method, allowed string) *apiError {
	return refuse(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '%s' not allowed. Allowed are %s", method, allowed)
}

// call is one request to the REST API, after it was let in.
type call struct {
	w       http.ResponseWriter
	r       *http.Request
	version string // "62.0"
	session *session
}

// base is the path under which the call's version answers.
func (c *call) base() string { return "/services/data/v" + c.version + "/" }

// serve answers one request.
func (o *Org) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", o.opt.Clock.Now().UTC().Format(http.TimeFormat))
	path := strings.TrimRight(r.URL.Path, "/")
	o.opt.Logger.Debug("request", zap.String("method", r.Method), zap.String("path", path))
	switch {
	case len(r.URL.RequestURI()) > maxURL:
		w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
		w.WriteHeader(http.StatusRequestURITooLong)
		fmt.Fprint(w, "<html><head><title>414 URI Too Long</title></head><body>URI Too Long</body></html>")
	case path == "/services/oauth2/token":
		o.traffic.count(kindLogin)
		o.token(w, r)
	case path == "/services/oauth2/userinfo":
		o.traffic.count(kindOther)
		o.userinfo(w, r)
	case strings.HasPrefix(path, "/services/Soap/u/"), strings.HasPrefix(path, "/services/Soap/c/"):
		o.traffic.count(kindLogin)
		o.soap(w, r)
	case path == "/services/data":
		o.traffic.count(kindOther)
		writeJSON(w, http.StatusOK, o.versions())
	case strings.HasPrefix(path, "/services/data/"):
		if err := o.rest(w, r, strings.TrimPrefix(path, "/services/data/")); err != nil {
			writeError(w, err)
		}
	default:
		o.traffic.count(kindOther)
		writeError(w, errNoResource)
	}
}

var versionPattern = regexp.MustCompile(`^v(\d\d)\.0$`)

// rest checks version, session and quota, and hands the call to its resource.
func (o *Org) rest(w http.ResponseWriter, r *http.Request, path string) error {
	parts := strings.Split(path, "/")
	version, ok := parseVersion(parts[0])
	if !ok {
		o.traffic.count(kindOther)
		return errNoResource
	}
	kind, f := o.resource(r.Method, parts[1:])
	o.traffic.count(kind)
	s, err := o.authorize(r)
	if err != nil {
		return err
	}
	used, within := o.traffic.spend(o.opt.Clock.Now(), o.opt.DailyLimit)
	w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", used, o.opt.DailyLimit))
	if !within {
		return refuse(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
	}
	return f(&call{w: w, r: r, version: version, session: s})
}

// parseVersion reads "v62.0" and gives "62.0", if the org has that version.
func parseVersion(s string) (string, bool) {
	m := versionPattern.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	n, err := strconv.Atoi(m[1])
	return m[1] + ".0", err == nil && n >= firstVersion && n <= lastVersion
}

type resourceFunc func(*call) error

// resource is the route table of the REST API: the path after the version.
func (o *Org) resource(method string, p []string) (requestKind, resourceFunc) {
	only := func(allowed string, kind requestKind, f resourceFunc) (requestKind, resourceFunc) {
		for m := range strings.SplitSeq(allowed, ",") {
			if m == method || m == http.MethodGet && method == http.MethodHead {
				return kind, f
			}
		}
		return kind, func(*call) error { return errMethod(method, allowed) }
	}
	at := func(i int) string {
		if i < len(p) {
			return p[i]
		}
		return ""
	}
	switch {
	case len(p) == 0:
		return only("GET", kindOther, o.resources)
	case at(0) == "query" || at(0) == "queryAll":
		if len(p) == 2 {
			return only("GET", kindPage, func(c *call) error { return o.nextPage(c, p[1]) })
		}
		if len(p) == 1 {
			return only("GET", kindQuery, func(c *call) error { return o.firstPage(c, p[0] == "queryAll") })
		}
	case at(0) == "limits" && len(p) == 1:
		return only("GET", kindLimits, o.limits)
	case at(0) == "sobjects":
		switch {
		case len(p) == 1:
			return only("GET", kindDescribe, o.describeGlobal)
		case len(p) == 2:
			return only("GET", kindDescribe, func(c *call) error { return o.basicInfo(c, p[1]) })
		case len(p) == 3 && p[2] == "describe":
			return only("GET", kindDescribe, func(c *call) error { return o.describe(c, p[1]) })
		case len(p) == 3:
			return only("GET", kindRecord, func(c *call) error { return o.getRecord(c, p[1], p[2]) })
		case len(p) == 4:
			return only("GET", kindRecord, func(c *call) error { return o.getByExternalID(c, p[1], p[2], p[3]) })
		}
	case at(0) == "composite" && at(1) == "sobjects" && len(p) == 4:
		return only("PATCH", kindUpsert, func(c *call) error { return o.upsertCollection(c, p[2], p[3]) })
	}
	return kindOther, func(*call) error { return errNoResource }
}

func (o *Org) versions() []map[string]string {
	var out []map[string]string
	for v := firstVersion; v <= lastVersion; v++ {
		// Three versions a year: v50 is Winter '21.
		season := [...]string{"Spring", "Summer", "Winter"}[(v-48)%3]
		year := 20 + (v-48)/3
		if season == "Winter" {
			year++
		}
		out = append(out, map[string]string{"label": fmt.Sprintf("%s '%d", season, year),
			"url": fmt.Sprintf("/services/data/v%d.0", v), "version": fmt.Sprintf("%d.0", v)})
	}
	return out
}

func (o *Org) resources(c *call) error {
	out := map[string]string{}
	for _, name := range []string{"limits", "query", "queryAll", "sobjects", "composite"} {
		out[name] = c.base() + name
	}
	writeJSON(c.w, http.StatusOK, out)
	return nil
}

// writeJSON answers with a value as JSON. That the client has gone away is its
// own business, so a failed write is not looked at.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		status = http.StatusInternalServerError
		b.Reset()
		b.WriteString(`[{"errorCode":"UNKNOWN_EXCEPTION","message":"An unexpected error occurred."}]`)
	}
	writeBody(w, status, bytes.TrimRight(b.Bytes(), "\n"))
}

func writeBody(w http.ResponseWriter, status int, b []byte) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	w.Write(b) //nolint:errcheck // see writeJSON
}

// writeError answers with the platform's array of errors.
func writeError(w http.ResponseWriter, err error) {
	e := refuse(http.StatusInternalServerError, "UNKNOWN_EXCEPTION", "An unexpected error occurred.")
	errors.As(err, &e)
	type body struct {
		Message   string   `json:"message"`
		ErrorCode string   `json:"errorCode"`
		Fields    []string `json:"fields,omitempty"`
	}
	writeJSON(w, e.status, []body{{e.message, e.code, e.fields}})
}
