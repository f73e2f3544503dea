package emulator

import (
	"sync"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator/fault"
)

// LoggedRequest is a request that the org answered, or did not.
type LoggedRequest struct {
	// ID counts the requests of the org from 1.
	ID     uint64    `json:"id"`
	At     time.Time `json:"at"` // by the org's clock
	Method string    `json:"method"`
	Path   string    `json:"path"`
	// Query is the beginning of the SOQL text of a query.
	Query string     `json:"query,omitempty"`
	Kind  fault.Kind `json:"kind"`
	// Status is what was answered, 0 if the connection ended without an answer.
	Status int   `json:"status"`
	Bytes  int64 `json:"bytes"` // of the answer's body
	// Rows is how many records a query gave on its page, or a call of many records
	// wrote; nil for requests of one record or of none.
	Rows *int `json:"rows,omitempty"`
	// Millis is how long it took by the org's clock.
	Millis int64 `json:"ms"`
	// Faults names the rules of the plan that played.
	Faults []string `json:"faults,omitempty"`
	// Client is the beginning of the User-Agent.
	Client string `json:"client,omitempty"`
}

// maxLogQuery and maxLogClient bound the texts that the log keeps of a query and
// of a client's name, in characters.
const (
	maxLogQuery  = 1000
	maxLogClient = 200
)

// requestLog keeps the last requests.
type requestLog struct {
	mu      sync.Mutex
	n       uint64
	entries []LoggedRequest // a ring: the nth request is at n modulo its size
	size    int
}

func (l *requestLog) add(e LoggedRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.ID = l.n + 1
	if len(l.entries) < l.size {
		l.entries = append(l.entries, e)
	} else {
		l.entries[l.n%uint64(l.size)] = e
	}
	l.n++
}

// RequestLog gives the last n requests that have ended, the latest first; those
// under /emulator/ are not among them. A bound keeps it from growing: see
// Options.RequestLog.
func (o *Org) RequestLog(n int) []LoggedRequest {
	l := &o.log
	l.mu.Lock()
	defer l.mu.Unlock()
	n = max(min(n, len(l.entries)), 0)
	out := make([]LoggedRequest, n)
	for i := range out {
		out[i] = l.entries[(l.n-1-uint64(i))%uint64(l.size)]
	}
	return out
}

// shortText cuts a text for display.
func shortText(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
