package salesforce

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/errs"
)

func TestParseErrorReadsEveryFormOfRefusal(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   Error
	}{
		"array": {400, `[{"message":"bad","errorCode":"INVALID_FIELD","fields":["A","B"]}]`,
			Error{Details: []Detail{{"INVALID_FIELD", "bad", []string{"A", "B"}}}}},
		"object": {400, `{"message":"bad","errorCode":"JSON_PARSER_ERROR"}`, Error{Details: []Detail{{Code: "JSON_PARSER_ERROR", Message: "bad"}}}},
		"row":    {400, `[{"message":"bad","statusCode":"DUPLICATE_VALUE","fields":[]}]`, Error{Details: []Detail{{Code: "DUPLICATE_VALUE", Message: "bad"}}}},
		"oauth":  {400, `{"error":"invalid_grant","error_description":"expired"}`, Error{Details: []Detail{{Code: "invalid_grant", Message: "expired"}}}},
		"soap":   {500, soapFaultBody, Error{Details: []Detail{{Code: "INVALID_LOGIN", Message: "Invalid username, password, security token; or user locked out."}}}},
		"odd fields": {400, `[{"errorCode":"X","message":"m","fields":"A"},{"errorCode":"Y","message":"n","fields":null}]`,
			Error{Details: []Detail{{"X", "m", []string{`"A"`}}, {Code: "Y", Message: "n"}}}},
		"odd types":                {400, `[{"errorCode":7,"message":{"a":1}}]`, Error{Details: []Detail{{Message: `{"errorCode":7,"message":{"a":1}}`}}}},
		"unknown":                  {400, `{"hasErrors":true}`, Error{Details: []Detail{{Message: `{"hasErrors":true}`}}}},
		"links":                    {300, `["/services/data/v62.0/sobjects/X/1","/2"]`, Error{Summary: `with "[\"/services/data/v62.0/sobjects/X/1\",\"/2\"]"`}},
		"none":                     {500, `[]`, Error{Summary: `with "[]"`}},
		"null":                     {500, `null`, Error{Summary: `with "null"`}},
		"empty":                    {500, " \n", Error{}},
		"html":                     {503, "\n<HTML><TITLE lang=x>\n Down &amp;\n out </TITLE>", Error{NotJSON: true, Summary: `with the web page "Down & out"`}},
		"page":                     {502, `<html>no title`, Error{NotJSON: true, Summary: "with a web page"}},
		"text":                     {502, "upstream connect error\xff", Error{NotJSON: true, Summary: "with \"upstream connect error\uFFFD\""}},
		"long":                     {502, strings.Repeat("é", 100), Error{NotJSON: true, Summary: `with "` + strings.Repeat("é", 60) + `…"`}},
		"long, cut in a character": {502, "x" + strings.Repeat("é", 100), Error{NotJSON: true, Summary: `with "x` + strings.Repeat("é", 59) + `…"`}},
		"cut":                      {500, `[{"errorCode":"INVALID_`, Error{NotJSON: true, Summary: `with "[{\"errorCode\":\"INVALID_"`}},
	} {
		got := parseError(c.status, []byte(c.body))
		c.want.Status = c.status
		if !cmp.Equal(c.want, *got) {
			t.Errorf("%s: %s", name, cmp.Diff(c.want, *got))
		}
	}
}

func TestErrorTextShowsTheFirstDetailsAndCountsTheRest(t *testing.T) {
	e := &Error{Status: 400, Request: "GET x", Host: "h", Details: []Detail{{"A", "a", []string{"F"}}, {Code: "B"}, {Message: "c"}, {Code: "D"}, {Code: "E"}}}
	if got, want := e.Error(), "GET x: h answered 400 A: a (fields F); B; c; and 2 more"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestErrorTextIsOneLineWithoutTheQuery(t *testing.T) {
	const message = "\nWHERE Email = 'jo@acme.example' AND Nope__c\n      ^\nERROR at Row:1:Column:31\nNo such column 'Nope__c'"
	e := &Error{Status: 400, Request: "GET q", Host: "h", Details: []Detail{{Code: "INVALID_FIELD", Message: message}}}
	if got, want := e.Error(), "GET q: h answered 400 INVALID_FIELD: ERROR at Row:1:Column:31 No such column 'Nope__c'"; got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestClasses is the table of what to do about which failure.
func TestClasses(t *testing.T) {
	coded := func(status int, code, message string) error {
		return &Error{Status: status, Details: []Detail{{Code: code, Message: message}}}
	}
	bare := func(status int) error { return &Error{Status: status} }
	for _, c := range []struct {
		err   error
		class Class
		kind  errs.Kind
	}{
		{coded(401, "INVALID_SESSION_ID", ""), ClassSession, errs.Auth},
		{coded(403, "INVALID_SESSION_ID", ""), ClassSession, errs.Auth},
		{bare(401), ClassSession, errs.Auth},
		{bare(420), ClassRetry, errs.Transient}, {bare(429), ClassRetry, errs.Transient}, {bare(500), ClassRetry, errs.Transient},
		{bare(502), ClassRetry, errs.Transient}, {bare(503), ClassRetry, errs.Transient},
		{&Error{Status: 200, NotJSON: true}, ClassRetry, errs.Transient},
		{coded(500, "UNABLE_TO_LOCK_ROW", ""), ClassRetry, errs.Transient},
		{coded(400, "UNABLE_TO_LOCK_ROW", ""), ClassRetry, errs.Transient},
		{coded(503, "SERVER_UNAVAILABLE", ""), ClassRetry, errs.Transient},
		{coded(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."), ClassRetry, errs.Transient},
		{coded(503, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."), ClassRetry, errs.Transient},
		{coded(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), ClassDefer, errs.Limit},
		{coded(503, "LIMIT_EXCEEDED", ""), ClassDefer, errs.Limit},
		{coded(400, "QUERY_TIMEOUT", ""), ClassNarrow, errs.Transient}, {coded(400, "OPERATION_TOO_LARGE", ""), ClassNarrow, errs.Transient},
		{coded(400, "EXCEEDED_ID_LIMIT", ""), ClassNarrow, errs.Transient},
		{bare(414), ClassNarrow, errs.Invalid}, {bare(431), ClassNarrow, errs.Invalid},
		{coded(400, "INVALID_QUERY_LOCATOR", ""), ClassRestart, errs.Transient},
		{coded(400, "DUPLICATE_VALUE", ""), ClassRow, errs.Invalid}, {bare(300), ClassRow, errs.Conflict},
		{coded(400, "INVALID_FIELD", ""), ClassConfig, errs.Invalid}, {coded(400, "INVALID_TYPE", ""), ClassConfig, errs.Invalid},
		{coded(403, "INSUFFICIENT_ACCESS", ""), ClassConfig, errs.Auth},
		{coded(403, "TXN_SECURITY_METERING_ERROR", ""), ClassConfig, errs.Auth},
		{coded(403, "SOME_NEW_REASON", ""), ClassConfig, errs.Auth},
		{coded(404, "NOT_FOUND", ""), ClassConfig, errs.NotFound}, {bare(404), ClassConfig, errs.NotFound},
		{coded(400, "SOME_NEW_REASON", ""), ClassConfig, errs.Invalid},
		{coded(401, "invalid_client", ""), ClassConfig, errs.Auth}, {coded(400, "invalid_grant", "login rate exceeded"), ClassDefer, errs.Limit},
		{errs.New(errs.Transient, "gone"), ClassRetry, errs.Transient}, {errs.New(errs.Limit, "x"), ClassDefer, errs.Limit},
		{errs.New(errs.Auth, "x"), ClassConfig, errs.Auth},
		{context.Canceled, ClassNone, errs.Unknown}, {fmt.Errorf("x: %w", context.DeadlineExceeded), ClassNone, errs.Unknown},
		{errors.New("a page's own error"), ClassNone, errs.Unknown}, {nil, ClassNone, ""},
	} {
		if got := ClassOf(c.err); got != c.class {
			t.Errorf("%v: class %q, want %q", c.err, got, c.class)
		}
		if got := errs.KindOf(c.err); got != c.kind {
			t.Errorf("%v: kind %q, want %q", c.err, got, c.kind)
		}
		var e *Error
		if errors.As(c.err, &e) && c.class != ClassRow && c.class != ClassConfig && errs.HintOf(c.err) == "" {
			t.Errorf("%v: no hint", c.err)
		}
	}
}

func TestOfSeveralErrorsTheMostDemandingDecides(t *testing.T) {
	e := &Error{Status: 400, Details: []Detail{{Code: "UNABLE_TO_LOCK_ROW"}, {Code: "INVALID_FIELD"}, {Code: "DUPLICATE_VALUE"}}}
	if e.Class() != ClassConfig {
		t.Error(e.Class())
	}
}

func TestRowErrorsHaveClasses(t *testing.T) {
	for _, c := range []struct {
		code, message string
		want          Class
	}{
		{"UNABLE_TO_LOCK_ROW", "", ClassRetry},
		{"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: execution of AfterUpdate caused by: UNABLE_TO_LOCK_ROW", ClassRetry},
		{"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: null pointer", ClassRow},
		{"FIELD_CUSTOM_VALIDATION_EXCEPTION", "", ClassRow}, {"REQUIRED_FIELD_MISSING", "", ClassRow}, {"DUPLICATE_VALUE", "", ClassRow},
		{"ENTITY_IS_DELETED", "", ClassRow}, {"A_CODE_OF_TOMORROW", "", ClassRow}, {"", "", ClassRow},
		{"STORAGE_LIMIT_EXCEEDED", "", ClassDefer}, {"INSUFFICIENT_ACCESS_OR_READONLY", "", ClassConfig}, {"INVALID_FIELD", "", ClassConfig},
	} {
		if got := (RowError{StatusCode: c.code, Message: c.message}).Class(); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.code, c.message, got, c.want)
		}
	}
	if got := (RowError{"A", "b", []string{"C", "D"}}).String(); got != "A: b (fields C, D)" {
		t.Error(got)
	}
	r := UpsertResult{Errors: []RowError{{StatusCode: "UNABLE_TO_LOCK_ROW"}, {StatusCode: "DUPLICATE_VALUE"}}}
	if r.Class() != ClassRow || (UpsertResult{Success: true}).Class() != ClassNone ||
		(UpsertResult{Errors: r.Errors[:1]}).Class() != ClassRetry || (UpsertResult{}).Class() != ClassRow {
		t.Error(r.Class())
	}
}

func FuzzParseError(f *testing.F) {
	for _, seed := range []string{"", "[]", "null", "{}", `[{"errorCode":"A","message":"m","fields":["F"]}]`, `{"error":"invalid_grant","error_description":"d"}`,
		soapFaultBody, "<html><title>x</title>", "<a", `["/services/data"]`, `[[{"errorCode":1}]]`, "\xff\xfe", `[{"fields":{}}]`, `[{"errorCode":"A"}`} {
		f.Add(400, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := parseError(status, body)
		if e == nil || e.Status != status {
			t.Fatal("no error")
		}
		if len(e.Details) > 0 && e.NotJSON {
			t.Fatal("details of no JSON")
		}
		if utf8.Valid(body) && !utf8.ValidString(e.Error()) {
			t.Fatalf("%q", e.Error())
		}
		if len(e.Summary) > 8*summaryLength || strings.Contains(e.Summary, "\n") {
			t.Fatalf("summary %q", e.Summary)
		}
		if e.Class() == ClassNone || errs.KindOf(e) == errs.Unknown {
			t.Fatalf("class %q, kind %q", e.Class(), errs.KindOf(e))
		}
		_ = e.Unwrap().Error()
	})
}
