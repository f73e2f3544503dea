package fault

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Stage is what plays a decision's part of the connection.
type Stage struct {
	// Wait comes back after d, or with an error when the context ends or nobody shall
	// wait any longer; nil waits on the machine's clock.
	Wait func(ctx context.Context, d time.Duration) error
	// Now is the org's clock, unskewed.
	Now func() time.Time
	// DailyLimit is what the header of a used-up quota says.
	DailyLimit int
}

// Serve answers a request as the decision says, around the handler that would
// answer it. What the decision does to records, cursors and jobs is left to the
// handler. A nil decision only hands the request on.
//
// It panics with http.ErrAbortHandler to drop a connection, as net/http has it.
func (s Stage) Serve(d *Decision, w http.ResponseWriter, r *http.Request, next http.Handler) {
	if d == nil {
		next.ServeHTTP(w, r)
		return
	}
	if d.Delay > 0 && s.wait(r, d.Delay) != nil {
		panic(http.ErrAbortHandler)
	}
	a := d.Act
	switch {
	case a == nil:
		next.ServeHTTP(w, r)
	case a.Cut != nil:
		s.cut(a.Cut, w, r, next)
	case a.Lose != nil:
		next.ServeHTTP(&lost{header: http.Header{}}, r)
		if a.Lose.Status == 0 {
			panic(http.ErrAbortHandler)
		}
		s.answer(d, a.Lose, w)
	case a.Answer != nil && a.Answer.Form.isOwn():
		spoil(a.Answer, w, r, next)
	case a.Answer != nil:
		s.answer(d, a.Answer, w)
	default:
		s.refuse(d, w, r)
	}
}

// wait lets time pass; the error says that it was cut short. The body is
// read first, since net/http notices a closed connection only after it.
func (s Stage) wait(r *http.Request, d time.Duration) error {
	if r.Body != nil && d > noticeable {
		// An error is that of a body already read, or of a client that has gone away:
		// the context knows.
		body, _ := io.ReadAll(io.LimitReader(r.Body, maxKept)) //nolint:errcheck // see above
		r.Body = keptBody{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	}
	if s.Wait != nil {
		return s.Wait(r.Context(), d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

// keptBody is a body of which the beginning was read already.
type keptBody struct {
	io.Reader
	io.Closer
}

const (
	// noticeable is a delay during which somebody may give up.
	noticeable = 10 * time.Millisecond
	// maxKept is how much of a body is kept while a request waits.
	maxKept = 1 << 20
	// forever is longer than any client waits.
	forever = 365 * 24 * time.Hour
)

// cut sends a part of the answer and then nothing more.
func (s Stage) cut(c *Cut, w http.ResponseWriter, r *http.Request, next http.Handler) {
	if c.Bytes >= 0 {
		cw := &cutWriter{ResponseWriter: w, left: c.Bytes}
		next.ServeHTTP(cw, r)
		cw.start(http.StatusOK)
		cw.flush()
	}
	if c.Hangs {
		d := c.For
		if d == 0 {
			d = forever
		}
		s.wait(r, d) //nolint:errcheck // whoever ended it, the connection closes
	}
	panic(http.ErrAbortHandler)
}

// answer sends what stands in the place of the org's answer.
func (s Stage) answer(d *Decision, a *Answer, w http.ResponseWriter) {
	status, body := a.Status, a.Body
	switch a.Form {
	case FormHTML:
		body = htmlPage
		if status == 0 {
			status = http.StatusServiceUnavailable
		}
	case FormArray:
		body = "[]"
	case FormNull:
		body = "null"
	}
	if status == 0 {
		status = http.StatusOK
	}
	s.date(d, w)
	if status != http.StatusNoContent {
		w.Header().Set("Content-Type", contentType(body))
	}
	for k, values := range a.Header {
		w.Header()[http.CanonicalHeaderKey(k)] = values
	}
	send(w, status, body)
}

// date tells the org's time in an answer that the org does not make.
func (s Stage) date(d *Decision, w http.ResponseWriter) {
	if s.Now != nil {
		w.Header().Set("Date", d.Clock(s.Now()).UTC().Format(http.TimeFormat))
	}
}

// contentType guesses what a body is.
func contentType(body string) string {
	if b := strings.TrimSpace(body); b == "null" || strings.HasPrefix(b, "[") || strings.HasPrefix(b, "{") {
		return "application/json;charset=UTF-8"
	}
	return "text/html;charset=UTF-8"
}

func send(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	if body != "" {
		io.WriteString(w, body) //nolint:errcheck // that the client has gone away is its own business
	}
}

// htmlPage is what stands before an org in maintenance.
const htmlPage = `<!DOCTYPE html>
<html><head><title>Service Unavailable</title></head>
<body><h1>Service Unavailable</h1><p>The server is temporarily unable to service your request due to maintenance downtime or capacity problems. Please try again later.</p></body></html>
`

// refuse answers with the platform's error for the thing that is at its end.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
func (s Stage) refuse(d *Decision, w http.ResponseWriter, r *http.Request) {
	a := d.Act
	status, code, message := a.Session, "INVALID_SESSION_ID", "Session expired or invalid"
	switch {
	case a.Cursor == CursorVanishes:
		status, code, message = http.StatusBadRequest, "INVALID_QUERY_LOCATOR", "invalid query locator"
	case a.Quota == QuotaDaily:
		status, code, message = http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."
		w.Header().Set("Sforce-Limit-Info", fmt.Sprintf("api-usage=%d/%d", s.DailyLimit, s.DailyLimit))
	case a.Quota == QuotaConcurrent:
		status, code, message = http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
	}
	s.date(d, w)
	if strings.HasPrefix(r.URL.Path, "/services/Soap/") {
		w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
		send(w, http.StatusInternalServerError, fmt.Sprintf(soapFault, code, code, message))
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	send(w, status, fmt.Sprintf(`[{"message":%q,"errorCode":%q}]`, message, code))
}

const soapFault = `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault><faultcode>sf:%s</faultcode><faultstring>%s: %s</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>`
