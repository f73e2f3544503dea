package salesforce

// One test for each defect of simpleforce that was found, so that none of them
// can reach a caller of this package: the names say what the library does.

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/errs"
)

// TestSimpleforceIsUsedOnlyWhereItIsSound reads this package's source: of the
// library only what is listed here may be named, and no other package below
// this one has it.
func TestSimpleforceIsUsedOnlyWhereItIsSound(t *testing.T) {
	allowed := []string{"NewClient", "SetSidLoc", "SetHttpClient", "ApexREST", "LoginPassword", "GetSid", "GetLoc"}
	used := map[string]bool{}
	for _, name := range sources(t) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && (x.Name == "simpleforce" || x.Name == "sf") {
				used[s.Sel.Name] = true
			}
			return true
		})
	}
	for name := range used {
		if !slices.Contains(allowed, name) {
			t.Errorf("simpleforce's %s is used; only %v are", name, allowed)
		}
	}
	for _, name := range allowed {
		if !used[name] {
			t.Errorf("simpleforce's %s is not used any more; take it off the list", name)
		}
	}
}

func sources(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
}

func TestSimpleforceLosesTheErrorsOfItsCallsButOursReturnThem(t *testing.T) {
	o := newOrg(t, replies(refusal(400, "INVALID_FIELD", "No such column 'Nope__c'")))
	c := o.client(t)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"upsert": func() error {
			_, err := c.Upsert(ctx, "Partner__c", "Partner_ID__c", []any{map[string]any{"Partner_ID__c": "AB1234"}})
			return err
		},
		"describe":    func() error { _, err := c.Describe(ctx, "Partner__c"); return err },
		"limits":      func() error { _, err := c.Limits(ctx); return err },
		"server time": func() error { _, err := c.ServerTime(ctx); return err },
		"query":       func() error { return c.Query(ctx, "SELECT Nope__c FROM Partner__c", QueryOptions{}, nil) },
	} {
		var e *Error
		err := call()
		if !errors.As(err, &e) || e.Status != 400 || !e.Has("INVALID_FIELD") || !strings.Contains(err.Error(), "Nope__c") {
			t.Errorf("%s: the platform's error is lost: %v", name, err)
		}
	}
}

// TestSimpleforceDeletesAnotherRecordThanAskedSoNothingHereDeletes: the wish to
// delete X deletes the object's own id. No request but reads and upserts leaves through it; what
// deletes Bulk jobs goes past it, in one place.
func TestSimpleforceDeletesAnotherRecordThanAskedSoNothingHereDeletes(t *testing.T) {
	for _, name := range sources(t) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "MethodDelete" && name != "stream.go" {
				t.Errorf("%s sends a DELETE", name)
			}
			return true
		})
	}
}

func TestSimpleforceUpsertDoesNotEscapeTheExternalIDAndRefusesNumbersButOursTakesBoth(t *testing.T) {
	o := newOrg(t, replies(reply{body: `[{"id":"a0","success":true,"created":true,"errors":[]},{"id":"a1","success":true,"created":false,"errors":[]}]`}))
	got, err := o.client(t).Upsert(t.Context(), "Partner__c", "Key__c", []any{
		map[string]any{"Key__c": `../../Account/1?x=#"é`, "Name": "A"},
		map[string]any{"Key__c": json.Number("20261120000000000042"), "Name": "B"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []UpsertResult{{ID: "a0", Success: true, Created: true, Errors: []RowError{}}, {ID: "a1", Success: true, Errors: []RowError{}}}; !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
	sent := o.received("/composite/")[0]
	if sent.Path != "/services/data/v62.0/composite/sobjects/Partner__c/Key__c" || sent.Query != "" {
		t.Errorf("the external id reached the path: %s?%s", sent.Path, sent.Query)
	}
	var body struct{ Records []map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(sent.Body), &body); err != nil {
		t.Fatal(err)
	}
	var key string
	if err := json.Unmarshal(body.Records[0]["Key__c"], &key); err != nil || key != `../../Account/1?x=#"é` {
		t.Errorf("external id %q, %v", key, err)
	}
	if n := string(body.Records[1]["Key__c"]); n != "20261120000000000042" {
		t.Errorf("numeric external id %s", n)
	}
}

func TestSimpleforceDropsFifteenFieldNamesButOursSendsThem(t *testing.T) {
	dropped := []string{"LastModifiedDate", "LastReferencedDate", "IsClosed", "ContactPhone", "CreatedById", "CaseNumber", "ContactFax",
		"ContactMobile", "IsDeleted", "LastViewedDate", "SystemModstamp", "CreatedDate", "ContactEmail", "ClosedDate", "LastModifiedById"}
	record := map[string]any{"Key__c": "K"}
	for _, name := range dropped {
		record[name] = "value of " + name
	}
	o := newOrg(t, replies(reply{body: `[{"id":"a0","success":true,"errors":[]}]`}))
	if _, err := o.client(t).Upsert(t.Context(), "Thing__c", "Key__c", []any{record}); err != nil {
		t.Fatal(err)
	}
	sent := o.received("/composite/")[0].Body
	for _, name := range dropped {
		if !strings.Contains(sent, fmt.Sprintf("%q:%q", name, "value of "+name)) {
			t.Errorf("%s was dropped", name)
		}
	}
}

func TestSimpleforceParserPanicsOnEmptyErrorsButOursDescribesThem(t *testing.T) {
	for _, body := range []string{`[]`, `null`, ``, ` `, `{}`, `[null]`, `[[]]`, `"text"`, `[1]`} {
		o := newOrg(t, replies(reply{status: 400, body: body}))
		_, err := o.client(t).Limits(t.Context())
		var e *Error
		if !errors.As(err, &e) || e.Status != 400 || !strings.Contains(err.Error(), "answered 400") {
			t.Errorf("body %q: %v", body, err)
		}
	}
}

func TestSimpleforceGivesAnEmptyErrorForAWebPageButOursNamesIt(t *testing.T) {
	o := newOrg(t, replies(htmlBusy))
	_, err := o.client(t, func(c *Config) { c.MaxAttempts = 2 }).Limits(t.Context())
	if err == nil || !strings.Contains(err.Error(), `answered 503, with the web page "Down for maintenance"`) {
		t.Error(err)
	}
	if errs.KindOf(err) != errs.Transient || ClassOf(err) != ClassRetry || errs.HintOf(err) == "" {
		t.Errorf("kind %s, class %s, hint %q", errs.KindOf(err), ClassOf(err), errs.HintOf(err))
	}
}

func TestSimpleforceKeepsOnlyTheFirstErrorButOursKeepsAllWithTheirFields(t *testing.T) {
	o := newOrg(t, replies(reply{status: 400, body: `[
		{"errorCode":"REQUIRED_FIELD_MISSING","message":"Required fields are missing: [Name]","fields":["Name"]},
		{"errorCode":"STRING_TOO_LONG","message":"Tier: data value too large","fields":["Tier__c","Kind__c"]}]`}))
	_, err := o.client(t).Limits(t.Context())
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	want := []Detail{
		{Code: "REQUIRED_FIELD_MISSING", Message: "Required fields are missing: [Name]", Fields: []string{"Name"}},
		{Code: "STRING_TOO_LONG", Message: "Tier: data value too large", Fields: []string{"Tier__c", "Kind__c"}},
	}
	if !cmp.Equal(want, e.Details) || !strings.Contains(err.Error(), "(fields Tier__c, Kind__c)") {
		t.Errorf("%v\n%s", err, cmp.Diff(want, e.Details))
	}
}

func TestSimpleforceDecodesMoneyToFloatsButOursKeepsEveryDigit(t *testing.T) {
	const record = `{"Amount":12345678901234567890.120,"Small":0.10,"E":1E+2}`
	o := newOrg(t, replies(reply{body: `{"totalSize":1,"done":true,"records":[` + record + `]}`}))
	c := o.client(t)
	err := c.Query(t.Context(), "SELECT Amount FROM Opportunity", QueryOptions{}, func(_ context.Context, p Page) error {
		if string(p.Records[0]) != record {
			t.Errorf("read %s", p.Records[0])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	o.answer = replies(reply{body: `[{"id":"a0","success":true,"errors":[]}]`})
	type commission struct {
		Key    string          `json:"Key__c"`
		Amount json.Number     `json:"Amount__c"`
		Rate   json.RawMessage `json:"Rate__c"`
	}
	_, err = c.Upsert(t.Context(), "Partner_Commission__c", "Key__c", []any{commission{"K", "90071992547409931.010", json.RawMessage("0.300")}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"allOrNone":false,"records":[{"attributes":{"type":"Partner_Commission__c"},"Key__c":"K","Amount__c":90071992547409931.010,"Rate__c":0.300}]}`
	if got := o.received("/composite/")[0].Body; got != want {
		t.Errorf("sent %s\nwant %s", got, want)
	}
}

// TestSimpleforceRacesOnSharedStateButOursIsShared fails under -race if two
// calls share a client of the library.
func TestSimpleforceRacesOnSharedStateButOursIsShared(t *testing.T) {
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/describe"):
			reply{body: `{"name":"X","fields":[]}`, header: map[string]string{"Sforce-Limit-Info": "api-usage=1/100"}}.send(w)
		case strings.HasSuffix(r.URL.Path, "/query"):
			reply{body: `{"totalSize":0,"done":true,"records":[]}`}.send(w)
		default:
			okLimits.send(w)
		}
	})
	c := o.client(t)
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			var err error
			switch i % 3 {
			case 0:
				_, err = c.Describe(t.Context(), "X")
			case 1:
				err = c.Query(t.Context(), "SELECT Id FROM X", QueryOptions{}, func(context.Context, Page) error { return nil })
			default:
				_, err = c.Limits(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
			c.Usage()
		})
	}
	all.Wait()
	if n := o.logins.Load(); n != 1 {
		t.Errorf("%d logins", n)
	}
}

func TestSimpleforceHTTPHasNoContextTimeoutRetryOrHeadersButOursHas(t *testing.T) {
	t.Run("a context that ends ends the call", func(t *testing.T) {
		arrived := make(chan struct{})
		o := newOrg(t, func(_ http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done() })
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		if _, err := o.client(t).Limits(ctx); !errors.Is(err, context.Canceled) || ClassOf(err) != ClassNone {
			t.Errorf("%v, class %s", err, ClassOf(err))
		}
	})
	t.Run("a time-out ends one request", func(t *testing.T) {
		o := newOrg(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		c := o.client(t, func(c *Config) { c.RequestTimeout, c.MaxAttempts = 100*time.Millisecond, 2 })
		_, err := c.Limits(t.Context())
		if errs.KindOf(err) != errs.Transient || !strings.Contains(err.Error(), "within 100ms") || errs.HintOf(err) == "" {
			t.Error(err)
		}
		if n := len(o.received("/limits")); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
	})
	t.Run("a busy org is asked again", func(t *testing.T) {
		o := newOrg(t, replies(htmlBusy, refusal(503, "SERVER_UNAVAILABLE", "busy"), okLimits))
		got, err := o.client(t).Limits(t.Context())
		if want := map[string]Limit{"DailyApiRequests": {100000, 89982}}; err != nil || !cmp.Equal(want, got) {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("headers are sent and read", func(t *testing.T) {
		o := newOrg(t, replies(reply{body: `{"totalSize":0,"done":true,"records":[]}`, header: map[string]string{
			"Sforce-Limit-Info": "api-usage=10018/100000", "Date": "Fri, 20 Nov 2026 12:00:00 GMT"}}))
		c := o.client(t)
		err := c.Query(t.Context(), "SELECT Id FROM X", QueryOptions{BatchSize: 500}, func(_ context.Context, p Page) error {
			if want := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC); !p.ServerTime.Equal(want) {
				t.Errorf("server time %s", p.ServerTime)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if h := o.received("/query")[0].Header.Get("Sforce-Query-Options"); h != "batchSize=500" {
			t.Errorf("Sforce-Query-Options: %s", h)
		}
		if u := c.Usage().Daily; u != (Quota{10018, 100000}) {
			t.Errorf("usage %v", u)
		}
	})
}

// TestSimpleforceLogsBodiesQueriesAndNamesButNothingOfThemReachesTheLog can't
// be parallel: the standard logger is one for the process.
func TestSimpleforceLogsBodiesQueriesAndNamesButNothingOfThemReachesTheLog(t *testing.T) {
	var written bytes.Buffer
	before := log.Writer()
	defer log.SetOutput(before)
	failingQueries := func(c *Client) {
		for range 2 {
			if err := c.Query(t.Context(), "SELECT Id FROM Contact WHERE Email = 'jo@acme.example'", QueryOptions{}, nil); err == nil {
				t.Error("the query should fail")
			}
		}
	}
	answers := []reply{refusal(400, "MALFORMED_QUERY", "near 'jo@acme.example'"), {body: "cut {"}}

	// Without the SOAP login the logger is not touched, and nothing is written.
	log.SetOutput(&written)
	failingQueries(newOrg(t, replies(answers...)).client(t))
	if log.Writer() != &written || written.Len() > 0 {
		t.Errorf("the process's log is %T and has:\n%s", log.Writer(), &written)
	}

	// With it, the library's lines are dropped and all others stay.
	o := newOrg(t, replies(answers...))
	o.onLogin = soapAnswer(o)
	c := o.client(t, soapConfig)
	log.Print("a line before")
	if err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	failingQueries(c)
	o.onLogin = replies(reply{status: 500, body: soapFaultBody})
	if err := c.Login(t.Context()); errs.KindOf(err) != errs.Auth {
		t.Error(err)
	}
	log.Print("a line after")
	if got := written.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "a line before") || !strings.Contains(got, "a line after") {
		t.Errorf("the process's log has:\n%s", got)
	}

	// A program that gives its logger another output gets the library's line
	// again; so what the library is shown has nothing to tell.
	cut, err := soapResult(fmt.Appendf(nil, soapSuccess, o.URL))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"jo@acme.example", "Jo Doe", "userFullName"} {
		if strings.Contains(string(cut), secret) {
			t.Errorf("the library would see %s", secret)
		}
	}
}

func TestSimpleforceLoginDoesNotEscapeNameAndTokenButOursDoes(t *testing.T) {
	o := newOrg(t, replies(okLimits))
	o.onLogin = soapAnswer(o)
	c := o.client(t, soapConfig, func(c *Config) {
		c.ClientID, c.Username, c.Password, c.SecurityToken = `cli<ent>&`, `a&b<c>"@acme.example`, `p<&>'"`, `</n1:password>&t%s`
	})
	if _, err := c.Limits(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Client   string `xml:"Header>CallOptions>client"`
		Username string `xml:"Body>login>username"`
		Password string `xml:"Body>login>password"`
	}
	if err := xml.Unmarshal([]byte(o.received("/Soap/")[0].Body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Client != `cli<ent>&` || got.Username != `a&b<c>"@acme.example` || got.Password != `p<&>'"</n1:password>&t%s` {
		t.Errorf("%+v", got)
	}
	if h := o.received("/limits")[0].Header.Get("Authorization"); h != "Bearer soap-session" {
		t.Errorf("Authorization: %s", h)
	}
}

const (
	soapSuccess = `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"><soapenv:Body><loginResponse><result><serverUrl>%s/services/Soap/u/62.0/00D000000000001</serverUrl><sessionId>soap-session</sessionId><userId>005000000000001AAA</userId><userInfo><userEmail>jo@acme.example</userEmail><userFullName>Jo Doe</userFullName><userName>jo@acme.example</userName></userInfo></result></loginResponse></soapenv:Body></soapenv:Envelope>`

	soapFaultBody = `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault><faultcode>sf:INVALID_LOGIN</faultcode><faultstring>INVALID_LOGIN: Invalid username, password, security token; or user locked out.</faultstring></soapenv:Fault></soapenv:Body></soapenv:Envelope>`
)

func soapAnswer(o *testOrg) http.HandlerFunc {
	return replies(reply{body: fmt.Sprintf(soapSuccess, o.URL), header: map[string]string{"Content-Type": "text/xml"}})
}

func soapConfig(c *Config) {
	c.Flow, c.Username, c.Password, c.SecurityToken = FlowPassword, "jo@acme.example", "demo-password", "demo-token"
}
