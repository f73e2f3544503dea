package emulator

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/console"
)

// The bounds of the log of requests.
const (
	maxLogged     = 500   // requests
	maxLoggedPath = 1_000 // bytes of a path
	maxLoggedSOQL = 4_000 // bytes of a query
	maxLoggedName = 200   // bytes of a client's name
)

// requestLog keeps the latest requests in a ring. It keeps no header and no body,
// and of what stands behind a path only the query: the rest may be a secret.
type requestLog struct {
	mu   sync.Mutex
	ring []console.Request
	next int // where the next one goes, once the ring is full
}

func (l *requestLog) add(r console.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ring) < maxLogged {
		l.ring = append(l.ring, r)
		return
	}
	l.ring[l.next] = r
	l.next = (l.next + 1) % maxLogged
}

// latest gives the requests, newest first.
func (l *requestLog) latest() []console.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]console.Request, 0, len(l.ring))
	for i := range l.ring {
		out = append(out, l.ring[(l.next+len(l.ring)-1-i)%len(l.ring)])
	}
	return out
}

// logged answers a request and writes it into the log, one whose connection is
// dropped too. How long it took is told by the machine's clock, since an org's
// own may stand still.
func (o *Org) logged(w http.ResponseWriter, r *http.Request) {
	lw := &loggedWriter{ResponseWriter: w, rows: -1}
	began := time.Now()
	entry := console.Request{At: o.opt.Clock.Now(), Method: clip(r.Method, maxLoggedName), Path: clip(r.URL.Path, maxLoggedPath), Client: clip(r.UserAgent(), maxLoggedName)}
	if strings.HasSuffix(strings.TrimRight(r.URL.Path, "/"), "/query") || strings.HasSuffix(strings.TrimRight(r.URL.Path, "/"), "/queryAll") {
		entry.SOQL = clip(r.URL.Query().Get("q"), maxLoggedSOQL)
	}
	defer func() {
		p := recover()
		entry.Status, entry.Bytes, entry.Rows, entry.Duration = lw.status, lw.bytes, lw.rows, time.Since(began)
		if p == nil {
			lw.WriteHeader(http.StatusOK)
			entry.Status = lw.status
		}
		o.requests.add(entry)
		if p != nil {
			panic(p) // net/http's way to close a connection; see serveFaulty
		}
	}()
	o.serveFaulty(lw, r)
}

// clip cuts a text to so many bytes, and makes it valid.
func clip(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// loggedWriter sees what is answered.
type loggedWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
	rows   int
}

func (l *loggedWriter) WriteHeader(status int) {
	if l.status == 0 {
		l.status = status
		l.ResponseWriter.WriteHeader(status)
	}
}

func (l *loggedWriter) Write(b []byte) (int, error) {
	if l.status == 0 {
		l.status = http.StatusOK
	}
	n, err := l.ResponseWriter.Write(b)
	l.bytes += int64(n)
	return n, err
}

// Unwrap gives the writer below, for http.ResponseController.
func (l *loggedWriter) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// noteRows tells the log how many records an answer gives, or a request wrote.
func noteRows(w http.ResponseWriter, n int) {
	for w != nil {
		if l, ok := w.(*loggedWriter); ok {
			l.rows = n
			return
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = u.Unwrap()
	}
}
