package salesforce

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-json"

	"github.com/partnersync/partnersync/internal/errs"
)

// Error is an answer with which Salesforce refused a request, or which was not
// an answer of Salesforce at all. It has a kind (errs.KindOf) and a hint.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Request is the method and the path, without the query: a query may hold
	// what must not be logged.
	Request string
	// Host is who answered.
	Host string
	// Details are all the errors of the body, in its order.
	Details []Detail
	// NotJSON says that the body was none of the platform's forms; Summary is
	// then its title or beginning.
	NotJSON bool
	Summary string
}

// Detail is one error of an answer.
type Detail struct {
	// Code is errorCode, a SOAP fault's exception code or OAuth's error.
	Code string
	// Message is the platform's text. It may quote field values.
	Message string
	// Fields are the API names that the error is about.
	Fields []string
}

// maxShown bounds how many details, and summaryLength how much of a foreign
// body, an error's text shows.
const (
	maxShown      = 3
	summaryLength = 120
)

// Error gives the request, the status, and the codes with messages and fields.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s answered %d", e.Request, e.Host, e.Status)
	if len(e.Details) == 0 {
		switch {
		case e.Summary != "":
			fmt.Fprintf(&b, ", %s", e.Summary)
		case http.StatusText(e.Status) != "":
			fmt.Fprintf(&b, " (%s) and gave no reason", http.StatusText(e.Status))
		}
	}
	for i, d := range e.Details {
		if i == maxShown {
			fmt.Fprintf(&b, "; and %d more", len(e.Details)-maxShown)
			break
		}
		separator := "; "
		if i == 0 {
			separator = " "
		}
		b.WriteString(separator + d.String())
	}
	return b.String()
}

// String gives "CODE: message (fields A, B)" on one line. Before the place of a
// fault in a query the platform quotes the query around it; that is left out, as
// it may have what must not be logged, and stays in Message.
func (d Detail) String() string {
	s, message := d.Code, d.Message
	if i := strings.Index(message, "ERROR at Row:"); i > 0 {
		message = message[i:]
	}
	message = strings.Join(strings.Fields(message), " ")
	if message != "" && message != d.Code {
		s = strings.TrimPrefix(s+": "+message, ": ")
	}
	if len(d.Fields) > 0 {
		s += " (fields " + strings.Join(d.Fields, ", ") + ")"
	}
	return s
}

// Codes gives the codes of all details, in order.
func (e *Error) Codes() []string {
	codes := make([]string, len(e.Details))
	for i, d := range e.Details {
		codes[i] = d.Code
	}
	return codes
}

// Has says whether one of the details has a code.
func (e *Error) Has(code string) bool {
	for _, d := range e.Details {
		if d.Code == code {
			return true
		}
	}
	return false
}

// Unwrap gives the error's kind and hint to errs.KindOf and errs.HintOf.
func (e *Error) Unwrap() error { return &errs.Error{Kind: e.kind(), Hint: e.hint()} }

// authCodes are the configuration errors that are about who we are or what we
// may do; OAuth's codes, all in small letters, are too.
var authCodes = map[string]bool{
	"INSUFFICIENT_ACCESS": true, "INSUFFICIENT_ACCESS_OR_READONLY": true, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": true,
	"TXN_SECURITY_METERING_ERROR": true, "API_DISABLED_FOR_ORG": true, "API_CURRENTLY_DISABLED": true,
	"INVALID_LOGIN": true, "LOGIN_MUST_USE_SECURITY_TOKEN": true, "PASSWORD_LOCKOUT": true,
	"INVALID_OPERATION_WITH_EXPIRED_PASSWORD": true,
}

func (e *Error) kind() errs.Kind {
	switch e.Class() {
	case ClassSession:
		return errs.Auth
	case ClassNarrow:
		if tooLong(e.Status) {
			return errs.Invalid // The same request would be refused for ever.
		}
		return errs.Transient
	case ClassRetry, ClassRestart:
		return errs.Transient
	case ClassDefer:
		return errs.Limit
	case ClassRow:
		if e.Status == http.StatusMultipleChoices {
			return errs.Conflict
		}
		return errs.Invalid
	}
	for _, d := range e.Details {
		if authCodes[d.Code] || oauthCode(d.Code) {
			return errs.Auth
		}
	}
	switch {
	case e.Has("NOT_FOUND"), e.Status == http.StatusNotFound:
		return errs.NotFound
	case e.Status == http.StatusForbidden && (len(e.Details) == 0 || codeClasses[e.Details[0].Code] == ClassNone):
		return errs.Auth
	}
	return errs.Invalid
}

// oauthCode says whether a code is one of OAuth's, known or not: they alone are
// in small letters.
func oauthCode(code string) bool { return code != "" && code == strings.ToLower(code) }

func (e *Error) hint() string {
	for _, d := range e.Details {
		if h := hints[d.Code]; h != "" {
			return h
		}
	}
	switch {
	case tooLong(e.Status):
		return "The request is too long: name fewer fields, shorten the conditions or send fewer records."
	case e.Status == http.StatusMultipleChoices:
		return "More than one record has this external id; mark the field as unique and merge the records."
	case e.NotJSON && e.Status < 500:
		return "Check that the address is the org's My Domain, and that no proxy or sign-in page stands in between."
	}
	return classHints[e.Class()]
}

var classHints = map[Class]string{
	ClassSession: "Salesforce refuses even a fresh session: check that the integration user may use the API and that its session settings allow this machine's address.",
	ClassRetry:   "Salesforce was busy or unavailable; it is tried again at the next run. See https://status.salesforce.com.",
	ClassNarrow:  "Ask for less at once: a smaller window or batch.",
	ClassRestart: "Salesforce dropped the query's cursor; it starts again from where it was at the next run. Check how many queries the integration user has open.",
	ClassDefer:   "The org's quota is used up; the rest waits for a later run. See Company Information in the org's Setup.",
}

// hints say what to do about a code.
var hints = map[string]string{
	"INVALID_FIELD":                   "Check the mapping against the org: the field is missing, or hidden from the integration user by field-level security.",
	"INVALID_TYPE":                    "Check the mapping against the org: the object is missing, or the integration user may not read it.",
	"INVALID_FIELD_FOR_INSERT_UPDATE": "Give the integration user edit access to the field, or take it out of the mapping.",
	"INSUFFICIENT_ACCESS":             "Give the integration user the rights that docs/salesforce.md lists.",
	"INSUFFICIENT_ACCESS_OR_READONLY": "Give the integration user the rights that docs/salesforce.md lists.",
	"TXN_SECURITY_METERING_ERROR":     "A transaction security policy of the org blocks the integration user; ask the org's admin to exempt it.",
	"API_DISABLED_FOR_ORG":            "Give the integration user the permission API Enabled, in an edition that has the API.",
	"UNSUPPORTED_API_VERSION":         "Set an API version that the org supports.",

	"INVALID_LOGIN":                 "Check user name, password and security token, whether the user is locked, and whether the login URL is right for a sandbox (https://test.salesforce.com or the My Domain).",
	"LOGIN_MUST_USE_SECURITY_TOKEN": "Set the user's security token, or add this machine's address to the org's trusted ranges.",
	"PASSWORD_LOCKOUT":              "The user is locked out after wrong passwords; unlock it in Setup, then correct the password.",
	"INVALID_OPERATION":             "If the org has SOAP login switched off, as new orgs have, use the client_credentials login.",

	"invalid_client":             "Check the client id and client secret of the org's app.",
	"invalid_client_id":          "Check the client id; a new app takes some minutes until the org knows it.",
	"invalid_grant":              "Check that the app is enabled for this login and has a run-as user, that the user is active and approved for the app, and that the login URL is the org's My Domain; a refresh token may have been revoked or replaced.",
	"invalid_app_access":         "Let the integration user's profile or permission set use the app.",
	"inactive_user":              "Activate the integration user.",
	"inactive_org":               "The org is locked, closed or suspended.",
	"unauthorized_client":        "Enable this login flow in the org's app.",
	"unsupported_grant_type":     "Enable this login flow in the org's app, and check that the login URL is the org's My Domain.",
	"invalid_assertion":          "Check the private key against the app's certificate, the audience, and this machine's clock.",
	"invalid_request":            "Check that HTTPS is used and that the login URL is the org's My Domain.",
	"redirect_uri_mismatch":      "Check the app's callback URL.",
	"inactive_client":            "Activate the app in the org.",
	"app_not_found":              "Check the client id of the org's app.",
	"invalid_client_credentials": "Check the client id and client secret of the org's app.",
}

// parseError reads the body of a refusal. It accepts every form in which the
// platform and what stands before it answer: an array of errors, one error,
// OAuth's, a SOAP fault, the bare list of links of a 300, `[]`, `null`, nothing
// and web pages. It never fails: what it can't read becomes the summary.
func parseError(status int, body []byte) *Error {
	e := &Error{Status: status}
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return e
	}
	switch body[0] {
	case '[', '{':
		e.Details = jsonDetails(body)
	case '<':
		if d, ok := soapFault(body); ok {
			e.Details = []Detail{d}
		}
	}
	if len(e.Details) == 0 {
		e.NotJSON = !json.Valid(body)
		e.Summary = summarize(body)
	}
	return e
}

// rawDetail has the spellings of all bodies with which the platform refuses.
type rawDetail struct {
	ErrorCode   string          `json:"errorCode"`
	StatusCode  string          `json:"statusCode"`
	Message     string          `json:"message"`
	Fields      json.RawMessage `json:"fields"`
	OAuthError  string          `json:"error"`
	Description string          `json:"error_description"`
}

// jsonDetails reads an array of errors or a single one. An object that is no
// error of a known form is kept as text; other elements, such as the links of a
// 300, are passed over.
func jsonDetails(body []byte) []Detail {
	elements := []json.RawMessage{body}
	if body[0] == '[' {
		elements = nil
		if err := json.Unmarshal(body, &elements); err != nil {
			return nil
		}
	}
	var details []Detail
	for _, element := range elements {
		element = bytes.TrimSpace(element)
		if len(element) == 0 || element[0] != '{' || !json.Valid(element) {
			continue
		}
		details = append(details, detailOf(element))
	}
	return details
}

func detailOf(element []byte) Detail {
	var raw rawDetail
	if err := json.Unmarshal(element, &raw); err != nil {
		return Detail{Message: shorten(string(element))}
	}
	d := Detail{
		Code:    cmp.Or(raw.ErrorCode, raw.StatusCode, raw.OAuthError),
		Message: cmp.Or(raw.Message, raw.Description),
	}
	if d.Code == "" && d.Message == "" {
		d.Message = shorten(string(element))
	}
	if err := json.Unmarshal(raw.Fields, &d.Fields); err != nil {
		d.Fields = []string{shorten(string(raw.Fields))}
	}
	if len(raw.Fields) == 0 || len(d.Fields) == 0 {
		d.Fields = nil
	}
	return d
}

// soapFault reads a SOAP fault. Its code is the part after the prefix: in
// "sf:INVALID_LOGIN", INVALID_LOGIN; its text repeats the code.
func soapFault(body []byte) (Detail, bool) {
	var envelope struct {
		Code    string `xml:"Body>Fault>faultcode"`
		Message string `xml:"Body>Fault>faultstring"`
	}
	if err := xml.Unmarshal(body, &envelope); err != nil || envelope.Code == "" && envelope.Message == "" {
		return Detail{}, false
	}
	code := envelope.Code[strings.LastIndex(envelope.Code, ":")+1:]
	return Detail{Code: code, Message: strings.TrimPrefix(envelope.Message, code+": ")}, true
}

var pageTitle = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// summarize names a body that isn't the platform's, in one short line.
func summarize(body []byte) string {
	switch {
	case len(body) == 0:
		return "with nothing"
	case body[0] == '<':
		if m := pageTitle.FindSubmatch(body); m != nil {
			return "with the web page " + fmt.Sprintf("%q", shorten(html.UnescapeString(string(m[1]))))
		}
		return "with a web page"
	}
	return "with " + fmt.Sprintf("%q", shorten(string(body)))
}

func shorten(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if len(s) <= summaryLength {
		return s
	}
	s = s[:summaryLength]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
