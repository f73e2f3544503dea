package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/console"
	"github.com/partnersync/partnersync/salesforce/emulator/fault"
)

// Handler answers the org's HTTP surface, its keeper's under /emulator/, and at /
// and under /console/ the page for people. It never panics on a request, except to
// drop a connection when a fault says so.
func (o *Org) Handler() http.Handler {
	admin, api, page := o.adminHandler(), o.durable(http.HandlerFunc(o.watch)), console.New(desk{o})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = withoutDoubleSlashes(r)
		if console.Answers(r.URL.Path) {
			page.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == adminPath || strings.HasPrefix(r.URL.Path, adminPath+"/") {
			admin.ServeHTTP(w, r)
			return
		}
		if o.isRebound(r) {
			writeError(w, refuse(http.StatusForbidden, "FORBIDDEN",
				"A page of %s may not ask this org; start the emulator with --admin-any-host if it shall answer pages of that name", r.Host))
			return
		}
		api.ServeHTTP(w, r)
	})
}

// withoutDoubleSlashes takes repeated slashes of a path for one, as the platform
// does: some clients put an address that ends with one before paths that begin
// with one.
func withoutDoubleSlashes(r *http.Request) *http.Request {
	if !strings.Contains(r.URL.Path, "//") && !strings.Contains(r.URL.RawPath, "//") {
		return r
	}
	u := *r.URL
	escaped := u.EscapedPath()
	for strings.Contains(escaped, "//") {
		escaped = strings.ReplaceAll(escaped, "//", "/")
	}
	path, err := url.PathUnescape(escaped)
	if err != nil {
		return r
	}
	u.Path, u.RawPath = path, escaped
	out := *r
	out.URL = &u
	return &out
}

// watch answers a request within the limits that stand before every resource, and
// logs it.
func (o *Org) watch(w http.ResponseWriter, r *http.Request) {
	now := o.opt.Clock.Now()
	seen := &watchedWriter{ResponseWriter: w}
	e := LoggedRequest{At: now.UTC(), Method: r.Method, Path: r.URL.Path, Query: shortText(r.URL.Query().Get("q"), maxLogQuery), Client: shortText(r.UserAgent(), maxLogClient)}
	e.Kind, _ = fault.KindOf(r.Method, r.URL.Path)
	defer func() {
		e.Status, e.Bytes, e.Rows, e.Millis = seen.status, seen.bytes, seen.rows, o.opt.Clock.Now().Sub(now).Milliseconds()
		o.log.add(e)
	}()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	if o.refuseHead(seen, r) || o.refuseBody(seen, r) {
		return
	}
	if !strings.HasPrefix(r.URL.Path, "/services/oauth2/") {
		leave, ok := o.work.enter(now, o.opt.LongRequest, o.opt.MaxLongRequests)
		if !ok {
			o.traffic.count(kindOther)
			writeError(seen, refuse(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."))
			return
		}
		defer leave()
	}
	o.serveFaulty(seen, r, func(rules []string) { e.Faults = rules })
}

// refuseHead answers a request whose URI, or URI and headers together, are too
// long.
// https://developer.salesforce.com/docs/platform/salesforce-app-limits-cheatsheet/guide/salesforce-app-limits-platform-api.html
func (o *Org) refuseHead(w http.ResponseWriter, r *http.Request) bool {
	size := len(r.URL.RequestURI())
	status, text := http.StatusRequestURITooLong, "URI Too Long"
	if size <= o.opt.MaxHead {
		status, text = http.StatusRequestHeaderFieldsTooLarge, "Request Header Fields Too Large"
		for name, values := range r.Header {
			for _, v := range values {
				size += len(name) + len(v) + len(": \r\n")
			}
		}
	}
	if size <= o.opt.MaxHead {
		return false
	}
	o.traffic.count(kindOther)
	w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<html><head><title>%d %s</title></head><body>%s</body></html>", status, text, text)
	return true
}

// refuseBody answers a request that says that its body is too long, and bounds
// what others may send.
func (o *Org) refuseBody(w http.ResponseWriter, r *http.Request) bool {
	isUpload := r.Method == http.MethodPut && strings.HasSuffix(strings.TrimRight(r.URL.Path, "/"), "/batches")
	if isUpload || strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return false
	}
	if r.ContentLength > o.opt.MaxBody {
		o.traffic.count(kindOther)
		writeError(w, errBodyTooLarge)
		return true
	}
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, o.opt.MaxBody)
	}
	return false
}

// work knows since when requests are at work.
type work struct {
	mu    sync.Mutex
	n     uint64
	since map[uint64]time.Time
}

// enter lets a request begin, unless as many as there may be have been at work for
// long. The request calls leave when it ends.
func (k *work) enter(now time.Time, long time.Duration, limit int) (leave func(), ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	longOnes := 0
	for _, since := range k.since {
		if now.Sub(since) >= long {
			longOnes++
		}
	}
	if longOnes >= limit {
		return nil, false
	}
	if k.since == nil {
		k.since = map[uint64]time.Time{}
	}
	k.n++
	id := k.n
	k.since[id] = now
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.since, id)
	}, true
}

// watchedWriter notes what is answered.
type watchedWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
	rows   *int
}

func (w *watchedWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watchedWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap gives the writer below, for http.ResponseController.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// noteRows tells the log how many records a request gave or wrote.
func noteRows(w http.ResponseWriter, n int) {
	for w != nil {
		if seen, ok := w.(*watchedWriter); ok {
			seen.rows = &n
			return
		}
		below, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = below.Unwrap()
	}
}
