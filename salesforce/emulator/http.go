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
)

// The API versions that the org lists, and the limits on what it reads.
const (
	firstVersion = 50
	lastVersion  = 67

	maxHead = 16_384   // bytes of URI and headers
	maxBody = 50 << 20 // bytes of a body, packed and unpacked, where Options say nothing
)

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
	args    []pathArg // of the route's pattern
	below   string    // "tooling/" in the Tooling API
	maxBody int64     // bytes of a body, unpacked
}

// base is the path under which the call's version answers.
func (c *call) base() string { return "/services/data/v" + c.version + "/" + c.below }

// serve answers one request.
func (o *Org) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", decisionOf(r.Context()).Clock(o.opt.Clock.Now()).UTC().Format(http.TimeFormat))
	if !o.opt.NoCompression {
		var end func()
		w, end = packed(w, r)
		defer end()
	}
	path := strings.TrimRight(r.URL.Path, "/")
	o.opt.Logger.Debug("request", zap.String("method", r.Method), zap.String("path", path))
	o.takeOn()
	if needsShape(path) {
		o.takeBody(r)
		o.customization.shape.RLock()
		defer o.customization.shape.RUnlock()
	}
	if d, ok := o.router.door(path); ok {
		o.traffic.count(d.kind)
		d.handle(o, w, r)
		return
	}
	err := error(errNoResource)
	if below, ok := strings.CutPrefix(r.URL.EscapedPath(), "/services/data/"); ok {
		err = o.rest(w, r, below)
	} else {
		o.traffic.count(kindOther)
	}
	if err != nil {
		writeError(w, err)
	}
}

var versionPattern = regexp.MustCompile(`^v(\d\d)\.0$`)

// rest checks version, session and quota, and hands the call to its resource.
// path is what follows /services/data/, escaped.
func (o *Org) rest(w http.ResponseWriter, r *http.Request, path string) error {
	if m := r.URL.Query().Get("_HttpMethod"); m != "" && r.Method == http.MethodPost {
		r.Method = strings.ToUpper(m) // for clients that know no PATCH
	}
	first, below, _ := strings.Cut(path, "/")
	version, ok := parseVersion(first)
	if !ok {
		o.traffic.count(kindOther)
		return errNoResource
	}
	rt, args := o.router.find(r.Method, decodePath(below))
	o.traffic.count(rt.kind)
	s, err := o.authorize(r)
	if err != nil {
		return err
	}
	used, within := o.traffic.spend(o.opt.Clock.Now(), o.opt.DailyLimit)
	w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", used, o.opt.DailyLimit))
	if !within {
		return refuse(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
	}
	return rt.handle(o, &call{w: w, r: r, version: version, session: s, args: args, maxBody: o.opt.MaxBody})
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
	out := map[string]string{"identity": o.identityURL(c)}
	for _, name := range o.router.roots() {
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
	var many *manyFound
	if errors.As(err, &many) {
		writeJSON(w, http.StatusMultipleChoices, many.paths)
		return
	}
	e := refuse(http.StatusInternalServerError, "UNKNOWN_EXCEPTION", "An unexpected error occurred.")
	errors.As(err, &e)
	type body struct {
		Message   string    `json:"message"`
		ErrorCode string    `json:"errorCode"`
		Fields    *[]string `json:"fields,omitempty"`
	}
	b := body{Message: e.message, ErrorCode: e.code}
	if e.fields != nil {
		b.Fields = &e.fields
	}
	writeJSON(w, e.status, []body{b})
}
