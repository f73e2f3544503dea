package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/partnersync/partnersync/salesforce/emulator/store"
)

// Org is what the page needs of an org.
type Org interface {
	// Data gives the records. The page takes the read lock itself.
	Data() *store.Store
	// Now is the org's present instant.
	Now() time.Time
	// Ask answers a GET of the REST API for a request of the page, in a session of
	// the page's own that counts neither against the daily limit nor in the log. path
	// begins below the version: "query", or "query/01g…-200" for a page that follows;
	// batch is how many records a page has at most.
	Ask(r *http.Request, path string, query url.Values, batch int) Answer
	// Log gives the latest requests, newest first.
	Log() []Request
	// About tells how the org is reached by whoever made the request.
	About(r *http.Request) About
	// Logger is told of faults of the page.
	Logger() *zap.Logger
}

// Answer is what the REST API answers.
type Answer struct {
	Status int
	Body   []byte
}

// Request is one line of the log of requests.
type Request struct {
	At       time.Time
	Method   string
	Path     string
	SOQL     string // the query of a query request
	Status   int    // 0 when the connection was dropped without an answer
	Duration time.Duration
	Rows     int // records given or written; -1 when the request is of none
	Bytes    int64
	Client   string   // the User-Agent
	Faults   []string // the names of the faults that played
}

// About tells how an org is reached and what logins it accepts.
type About struct {
	URL      string   // its address, without a slash at the end
	Hosts    []string // names besides localhost under which the page answers
	AnyHost  bool     // it answers under every name
	Version  string   // the newest API version, such as "67.0"
	ClientID string
	// ClientSecret and what follows open nothing but an emulator.
	ClientSecret, Username, Password, SecurityToken string
	DailyUsed, DailyLimit                           int
}

// Answers says whether a path is the page's.
func Answers(path string) bool {
	return path == "/" || path == prefix || strings.HasPrefix(path, prefix+"/")
}

// prefix is where all pages but the first are.
const prefix = "/console"

// site is the page of one org.
type site struct {
	org Org
}

// New makes the page of an org.
func New(org Org) http.Handler {
	s := &site{org: org}
	return s.guarded(s.routes())
}

// routes is the route table. A path that is not here is not found; a method that
// is not here is not allowed. GET answers HEAD too.
func (s *site) routes() *http.ServeMux {
	mux := http.NewServeMux()
	page := func(pattern string, f func(http.ResponseWriter, *http.Request)) {
		mux.Handle(pattern, s.named(http.HandlerFunc(f)))
	}
	page("GET /{$}", s.overview)
	page("GET "+prefix, s.home)
	page("GET "+prefix+"/objects/{object}", s.list)
	page("GET "+prefix+"/objects/{object}/fields", s.fields)
	page("GET "+prefix+"/records/{id}", s.record)
	page("GET "+prefix+"/find", s.find)
	page("GET "+prefix+"/query", s.query)
	page("GET "+prefix+"/query.csv", s.queryCSV)
	page("GET "+prefix+"/requests", s.requests)
	mux.Handle("GET "+prefix+"/static/", assets())
	page(prefix+"/", s.nothing)
	return mux
}

// home leads to the first page.
func (s *site) home(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// nothing answers for a path that is no page.
func (s *site) nothing(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.sorry(w, r, http.StatusMethodNotAllowed, "This page only reads", "Records are written through the API.")
		return
	}
	s.sorry(w, r, http.StatusNotFound, "There is no such page", "The overview leads to everything there is.")
}
