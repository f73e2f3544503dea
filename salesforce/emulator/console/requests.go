package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// refreshEvery is how often, in seconds, the log loads itself again when it is
// told to.
const refreshEvery = 3

// maxShownSOQL is how many characters of a query the log shows.
const maxShownSOQL = 240

// requestLine is a request as the log shows it.
type requestLine struct {
	ISO, At, Method, SOQL, QueryHref string
	Path                             []string // cut where a line may break
	Status, Took, Rows, Size, Client string
	Tone                             string // "good", "warn", "bad"
	Slow                             bool
	Faults                           string
}

// requestsPage is the log.
type requestsPage struct {
	Lines     []requestLine
	Refreshes bool
	Every     int
	Failed    bool // only those that failed are shown
	All       int
	About     About
}

func (s *site) requests(w http.ResponseWriter, r *http.Request) {
	log := s.org.Log()
	p := requestsPage{Refreshes: r.URL.Query().Get("refresh") == "on", Every: refreshEvery, Failed: r.URL.Query().Get("failed") == "on", All: len(log), About: s.org.About(r)}
	if p.Failed {
		var failed []Request
		for _, q := range log {
			if q.Status == 0 || q.Status >= http.StatusBadRequest {
				failed = append(failed, q)
			}
		}
		log = failed
	}
	p.Lines = requestLines(log, s.org.Now())
	v := view{Title: "Requests", Here: "requests", Page: p}
	if p.Refreshes {
		v.Refresh = refreshEvery
	}
	s.show(w, http.StatusOK, "requests", v)
}

// requestLines shows requests; those of another day than now with their date.
func requestLines(log []Request, now time.Time) []requestLine {
	out := make([]requestLine, 0, len(log))
	for _, q := range log {
		l := requestLine{
			ISO: q.At.UTC().Format(time.RFC3339Nano), At: q.At.UTC().Format("15:04:05.000"), Method: q.Method, Path: strings.SplitAfter(q.Path, "/"), SOQL: shorten(q.SOQL, maxShownSOQL),
			Status: strconv.Itoa(q.Status), Took: took(q.Duration), Size: size(q.Bytes), Client: q.Client, Tone: "good",
			Slow: q.Duration >= time.Second, Faults: strings.Join(q.Faults, ", "),
		}
		if q.At.UTC().Format(time.DateOnly) != now.UTC().Format(time.DateOnly) {
			l.At = q.At.UTC().Format("2006-01-02 ") + l.At
		}
		if q.Rows >= 0 {
			l.Rows = groupDigits(strconv.Itoa(q.Rows))
		}
		if q.SOQL != "" && !strings.HasSuffix(q.SOQL, "…") { // one that was cut can't be run again
			l.QueryHref = prefix + "/query?" + url.Values{"q": {q.SOQL}}.Encode()
		}
		switch {
		case q.Status == 0:
			l.Tone, l.Status = "bad", "dropped"
		case q.Status >= http.StatusInternalServerError:
			l.Tone = "bad"
		case q.Status >= http.StatusBadRequest:
			l.Tone = "warn"
		}
		out = append(out, l)
	}
	return out
}
