package emulator

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/schema"
)

// RowError is why a record was refused, as a row of a result says it.
type RowError = schema.RowError

// Fault is how the org misbehaves for one request. The zero value does nothing.
type Fault struct {
	// Delay is waited before anything else, on the machine's clock; a client that
	// goes away ends it.
	Delay time.Duration
	// After lets the request do its work first and then loses the answer: what
	// the client gets is Status and Body, or a dropped connection.
	After bool
	// Drop closes the connection without an answer.
	Drop bool
	// Status, Header and Body are the answer instead of the org's own; Status 0
	// leaves the org's own. Without a Content-Type in Header it is JSON if Body
	// begins like JSON, and HTML otherwise.
	Status int
	Header http.Header
	Body   string
}

type faults struct {
	mu      sync.Mutex
	request func(*http.Request) *Fault
	row     func(object string, fields map[string]any) *schema.RowError
}

// Fail asks hook about every request from now on; nil from it means to answer as
// usual, and a nil hook ends the faults. The hook is called by many goroutines;
// it must not read the body.
func (o *Org) Fail(hook func(*http.Request) *Fault) {
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	o.faults.request = hook
}

// FailTimes plays a fault for the next n requests whose path holds the text
// (all, if it is empty), in the place of any other hook.
func (o *Org) FailTimes(n int, path string, f Fault) {
	var mu sync.Mutex
	o.Fail(func(r *http.Request) *Fault {
		mu.Lock()
		defer mu.Unlock()
		if n <= 0 || !strings.Contains(r.URL.Path, path) {
			return nil
		}
		n--
		return &f
	})
}

// FailRow asks hook about every row of an upsert; a row for which it gives an
// error is not written and has that error in its result. A nil hook ends it. The
// hook is called with the org locked, so it must not call the org.
func (o *Org) FailRow(hook func(object string, fields map[string]any) *schema.RowError) {
	o.faults.mu.Lock()
	defer o.faults.mu.Unlock()
	o.faults.row = hook
}

// rowFault asks the hook of FailRow.
func (o *Org) rowFault(object string, fields map[string]any) *schema.RowError {
	o.faults.mu.Lock()
	hook := o.faults.row
	o.faults.mu.Unlock()
	if hook == nil {
		return nil
	}
	e := hook(object, fields)
	if e != nil && e.Fields == nil {
		e = &schema.RowError{StatusCode: e.StatusCode, Message: e.Message, Fields: []string{}}
	}
	return e
}

// serveFaulty answers a request, or misbehaves.
func (o *Org) serveFaulty(w http.ResponseWriter, r *http.Request) {
	o.faults.mu.Lock()
	hook := o.faults.request
	o.faults.mu.Unlock()
	var f *Fault
	if hook != nil {
		f = hook(r)
	}
	if f == nil {
		o.serve(w, r)
		return
	}
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	if f.After {
		o.serve(&lostAnswer{header: http.Header{}}, r)
	} else if f.Drop || f.Status != 0 {
		o.traffic.count(kindOther)
	}
	switch {
	case f.Drop, f.After && f.Status == 0:
		panic(http.ErrAbortHandler) // net/http's way to close a connection
	case f.Status != 0:
		w.Header().Set("Date", o.opt.Clock.Now().UTC().Format(http.TimeFormat))
		f.write(w)
	default:
		o.serve(w, r)
	}
}

func (f *Fault) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	if b := strings.TrimSpace(f.Body); b == "null" || strings.HasPrefix(b, "[") || strings.HasPrefix(b, "{") {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	}
	for k, values := range f.Header {
		w.Header()[http.CanonicalHeaderKey(k)] = values
	}
	w.WriteHeader(f.Status)
	w.Write([]byte(f.Body)) //nolint:errcheck // see writeJSON
}

// lostAnswer takes an answer that nobody will see.
type lostAnswer struct {
	header http.Header
}

func (l *lostAnswer) Header() http.Header         { return l.header }
func (l *lostAnswer) WriteHeader(int)             {}
func (l *lostAnswer) Write(b []byte) (int, error) { return len(b), nil }
