package salesforce

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/errs"
)

func key(k string) map[string]any { return map[string]any{"Key__c": k} }

func TestUpsertGivesOneResultForEachRecordInOrderWithItsReasons(t *testing.T) {
	o := newOrg(t, replies(reply{body: `[
		{"id":"a0","success":true,"created":true,"errors":[]},
		{"success":false,"errors":[{"statusCode":"DUPLICATE_VALUE","message":"dup","fields":["Key__c"]},{"statusCode":"STRING_TOO_LONG","message":"long","fields":[]}]},
		{"success":false,"errors":[]}, null, {"success":true,"created":false,"errors":[]}, {"id":"a5","success":true,"created":false}]`}))
	got, err := o.client(t).Upsert(t.Context(), "Thing__c", "Key__c", []any{key("a"), key("b"), key("c"), key("d"), key("e"), key("f")})
	if err != nil {
		t.Fatal(err)
	}
	noReason := []RowError{{StatusCode: "NO_REASON_GIVEN", Message: "Salesforce refused the record and gave no reason"}}
	want := []UpsertResult{
		{ID: "a0", Success: true, Created: true, Errors: []RowError{}},
		{Errors: []RowError{{"DUPLICATE_VALUE", "dup", []string{"Key__c"}}, {"STRING_TOO_LONG", "long", []string{}}}},
		{Errors: noReason}, {Errors: noReason},
		{Errors: []RowError{{StatusCode: "NO_ID_GIVEN", Message: "Salesforce reported a success without the record's id"}}},
		{ID: "a5", Success: true},
	}
	if !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestUpsertOfAnotherNumberOfResultsThanRecordsIsAnError(t *testing.T) {
	for _, body := range []string{`[]`, `[{"id":"a","success":true},{"id":"b","success":true}]`, `null`, `{"hasErrors":true}`} {
		o := newOrg(t, replies(reply{body: body}))
		got, err := o.client(t).Upsert(t.Context(), "Thing__c", "Key__c", []any{key("a")})
		if errs.KindOf(err) != errs.Transient || got != nil {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
}

func TestUpsertSaysThatAnExternalIDIsAmbiguous(t *testing.T) {
	o := newOrg(t, replies(reply{status: 300, body: `["/services/data/v62.0/sobjects/Thing__c/a0","/services/data/v62.0/sobjects/Thing__c/a1"]`}))
	_, err := o.client(t).Upsert(t.Context(), "Thing__c", "Key__c", []any{key("a")})
	if errs.KindOf(err) != errs.Conflict || ClassOf(err) != ClassRow || !strings.Contains(errs.HintOf(err), "More than one record") {
		t.Errorf("%v: kind %s, class %s, %q", err, errs.KindOf(err), ClassOf(err), errs.HintOf(err))
	}
	if n := len(o.received("/composite")); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// TestUpsertIsRepeatedWithTheSameBody: after a lost answer too, for the same
// state under the same external id leaves the same record.
func TestUpsertIsRepeatedWithTheSameBody(t *testing.T) {
	var n atomic.Int64
	o := newOrg(t, func(w http.ResponseWriter, _ *http.Request) {
		switch n.Add(1) {
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			htmlBusy.send(w)
		case 3:
			expired401.send(w)
		case 4:
			refusal(503, "UNABLE_TO_LOCK_ROW", "").send(w)
		default:
			reply{body: `[{"id":"a0","success":true,"created":false,"errors":[]}]`}.send(w)
		}
	})
	got, err := o.client(t).Upsert(t.Context(), "Thing__c", "Key__c", []any{key("a")})
	if err != nil || len(got) != 1 || !got[0].Success {
		t.Fatal(got, err)
	}
	calls := o.received("/composite")
	if len(calls) != 5 {
		t.Fatalf("%d requests", len(calls))
	}
	for _, c := range calls {
		if c.Method != http.MethodPatch || c.Body != calls[0].Body || c.Body == "" || c.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%+v", c)
		}
	}
}

func TestUpsertRefusesWhatThePlatformWould(t *testing.T) {
	o := newOrg(t, nil)
	c := o.client(t)
	many := make([]any, MaxUpsert+1)
	for i := range many {
		many[i] = key(fmt.Sprint(i))
	}
	for name, run := range map[string]struct {
		object, field string
		records       []any
		want          string
	}{
		"object":     {"X/../Y", "Key__c", []any{key("a")}, "API name of an object"},
		"field":      {"X", "Key__c?a=b", []any{key("a")}, "API name of a field"},
		"too many":   {"X", "Key__c", many, "201 records"},
		"twice":      {"X", "Key__c", []any{key("a"), key("b"), key("a")}, "records 0 and 2"},
		"no key":     {"X", "Key__c", []any{key("a"), map[string]any{"Name": "n"}}, "record 1: Key__c"},
		"empty key":  {"X", "Key__c", []any{key("")}, "record 0: Key__c"},
		"null key":   {"X", "Key__c", []any{map[string]any{"Key__c": nil}}, "record 0: Key__c"},
		"attributes": {"X", "Key__c", []any{map[string]any{"Key__c": "a", "attributes": 1}}, "attributes"},
		"no object":  {"X", "Key__c", []any{"text"}, "JSON object"},
		"nil":        {"X", "Key__c", []any{nil}, "JSON object"},
		"empty":      {"X", "Key__c", []any{struct{}{}}, "Key__c"},
		"bad raw":    {"X", "Key__c", []any{json.RawMessage(`{"Key__c":1`)}, "record 0"},
		"bad number": {"X", "Key__c", []any{map[string]any{"Key__c": json.Number("1,5")}}, "record 0"},
	} {
		_, err := c.Upsert(t.Context(), run.object, run.field, run.records)
		if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), run.want) {
			t.Errorf("%s: %v, want %q", name, err, run.want)
		}
	}
	if got, err := c.Upsert(t.Context(), "X", "Key__c", nil); err != nil || got == nil || len(got) != 0 {
		t.Errorf("no records: %v, %v", got, err)
	}
	if n := len(o.received("")); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestUpsertTakesStructsMapsAndRawRecords(t *testing.T) {
	o := newOrg(t, replies(reply{body: `[{"id":"1","success":true},{"id":"2","success":true},{"id":"3","success":true}]`}))
	type parent struct {
		Key string `json:"Partner_ID__c"`
	}
	_, err := o.client(t).Upsert(t.Context(), "Thing__c", "Key__c", []any{
		struct {
			Key     string  `json:"Key__c"`
			Partner parent  `json:"Partner__r"`
			Gone    *string `json:"Gone__c"`
		}{"a", parent{"AB1234"}, nil},
		map[string]json.RawMessage{"Key__c": json.RawMessage(`"<b>"`), "N__c": json.RawMessage("1.500")},
		json.RawMessage(` { "Key__c" : "c", "N__c": 10.10 } `),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"allOrNone":false,"records":[` +
		`{"attributes":{"type":"Thing__c"},"Key__c":"a","Partner__r":{"Partner_ID__c":"AB1234"},"Gone__c":null},` +
		`{"attributes":{"type":"Thing__c"},"Key__c":"\u003cb\u003e","N__c":1.500},` +
		`{"attributes":{"type":"Thing__c"},"Key__c":"c","N__c":10.10}]}`
	if got := o.received("/composite")[0].Body; got != want {
		t.Errorf("sent %s\nwant %s", got, want)
	}
}
