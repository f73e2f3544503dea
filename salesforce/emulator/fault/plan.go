package fault

import (
	"net/http"
	"regexp"
	"time"
)

// Plan is a list of rules, checked.
type Plan struct {
	Rules []Rule
	// text is what the plan was read from, for whoever asks what is in force.
	text string
}

// Text gives the document from which the plan was read; "" if it was not read.
func (p *Plan) Text() string { return p.text }

// Rule is one way to misbehave.
type Rule struct {
	// Name is unique in its plan; it seeds the rule's random stream.
	Name string
	When Match
	// Times is how often the rule plays at most; 0 is without end.
	Times int
	Do    Action
}

// Match says which requests a rule is about, and which of them it picks. What is
// not set matches everything.
type Match struct {
	Methods []string
	// Path holds a glob or a regular expression over the URL's path, compiled.
	Path *regexp.Regexp
	// Kinds are kinds of resources, as KindOf tells them.
	Kinds []Kind
	// Objects are names of objects, compared in any case.
	Objects []string
	// Page is the number of a page within its result, from 1; 0 is any.
	Page int
	// From and Until bound the org's time; Until is exclusive.
	From, Until Instant

	// Requests that match all of the above are counted from 1; the following pick
	// among them by that count.
	Every       int // the nth, the 2nth, and so on
	First       int // the first n
	After       int // those after the nth
	Between     [2]int
	Probability float64 // 0 to 1, when IsRandom
	IsRandom    bool
}

// Instant is a time of the org: fixed, or a while after the plan came into force.
type Instant struct {
	At         time.Time
	Since      time.Duration
	IsRelative bool
	IsSet      bool
}

// instant gives the time that is meant by a plan in force since began.
func (i Instant) instant(began time.Time) time.Time {
	if i.IsRelative {
		return began.Add(i.Since)
	}
	return i.At
}

// Action is what a rule does: one of the pointers or non-empty values, and Delay,
// which goes with any of them or alone.
type Action struct {
	// Delay is waited before anything else happens to the request.
	Delay time.Duration

	Answer *Answer
	Cut    *Cut
	Lose   *Answer // do the work, then lose the answer: Status 0 drops the connection
	Rows   *Rows
	Late   time.Duration // a write is seen by queries only so much later
	Stamp  time.Duration // writes of an interval of this length share a SystemModstamp
	Cursor CursorFault
	// Session is 401 or 403: the request's session ends, and the answer says so.
	Session int
	Quota   Quota
	Job     JobFault
	// Hide names objects ("Lead") and fields ("Account.Name") that are gone.
	Hide []string
	// Skew is added to the org's clock: its Date header and what it stamps.
	Skew time.Duration
}

// takesAnswer says whether the action decides over the answer; of two such
// actions for one request, the first of the plan plays.
func (a *Action) takesAnswer() bool {
	return a.Answer != nil || a.Cut != nil || a.Lose != nil || a.Cursor == CursorVanishes || a.Session != 0 || a.Quota != ""
}

// Swallows says whether the request never reaches the org.
func (a *Action) Swallows() bool {
	switch {
	case a.Answer != nil:
		return !a.Answer.Form.isOwn()
	case a.Cut != nil:
		return a.Cut.Bytes < 0
	}
	return a.Cursor == CursorVanishes || a.Session != 0 || a.Quota != ""
}

// Form is a kind of body.
type Form string

// The forms. The last two spoil the org's own answer, after it did its work; the
// others stand in its place, and it does nothing.
const (
	FormHTML      Form = "html"       // a page, as a load balancer sends it
	FormArray     Form = "json-array" // []
	FormNull      Form = "json-null"  // null
	FormEmpty     Form = "empty"      // no body at all
	FormTruncated Form = "truncated"  // the org's own body, its end missing
	FormGzip      Form = "gzip"       // said to be gzip, and broken
)

// isOwn says whether the form is made from the org's own answer.
func (f Form) isOwn() bool { return f == FormTruncated || f == FormGzip }

// Answer is what the client gets in the place of the org's answer.
type Answer struct {
	// Status is the HTTP status; 0 is 503 for FormHTML, the org's own for the forms
	// that spoil its answer, and 200 else.
	Status int
	Header http.Header
	// Body is sent as it is, if Form is "". Without a Content-Type in Header it is
	// called JSON if it begins like JSON, and HTML otherwise.
	Body string
	Form Form
	// Bytes is how much FormTruncated leaves; negative is half of it.
	Bytes int
}

// Cut ends an answer before its end: the connection closes or, with Hangs, stays
// silent.
type Cut struct {
	// Bytes is how much of the body is sent first; negative means that not even the
	// headers are, and that the work is not done.
	Bytes int
	Hangs bool
	// For is how long the silence lasts before the connection closes; 0 is until
	// the client goes away.
	For time.Duration
}

// Rows refuses rows of a write.
type Rows struct {
	Code    string
	Message string
	Fields  []string
	// Rate is the part of the rows that fails, 0 to 1; Every the nth of a request.
	Rate  float64
	Every int
	// Key, if set, restricts it to rows of which Field matches; without Field, to
	// rows whose key does: the external id or record id that the write is by.
	Key   *regexp.Regexp
	Field string
}

// CursorFault is what happens to the further pages of a query.
type CursorFault string

// The faults of cursors.
const (
	CursorVanishes CursorFault = "vanish" // INVALID_QUERY_LOCATOR
	CursorLoops    CursorFault = "loop"   // nextRecordsUrl leads to the page itself
)

// Quota is a quota that is used up.
type Quota string

// The quotas, both refused as REQUEST_LIMIT_EXCEEDED.
const (
	QuotaDaily      Quota = "daily"
	QuotaConcurrent Quota = "concurrent"
)

// JobFault is how a Bulk job ends that a matching request has begun.
type JobFault string

// The faults of Bulk jobs.
const (
	JobFails  JobFault = "fail"
	JobAborts JobFault = "abort"
	JobStays  JobFault = "stuck" // InProgress for ever
)
