package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/internal/errs"
)

func nothing(context.Context, Page) error { return nil }

func TestQueryGivesEveryPageInOrder(t *testing.T) {
	const soql = "SELECT Id FROM X WHERE Name = 'a&b=c#d%20+é' AND SystemModstamp > 2026-11-20T12:00:00.000Z"
	o := newOrg(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/services/data/v62.0/queryAll":
			if q := r.URL.Query().Get("q"); q != soql {
				refusal(400, "MALFORMED_QUERY", q).send(w)
				return
			}
			reply{body: `{"totalSize":3,"done":false,"nextRecordsUrl":"/services/data/v62.0/query/01gX-2","records":[{"Id":"1"},{"Id":"2"}]}`}.send(w)
		case "/services/data/v62.0/query/01gX-2":
			reply{body: ` {"records":[{"Id":"3"}],"totalSize":3,"done":true}`}.send(w)
		}
	})
	var pages []string
	err := o.client(t).Query(t.Context(), soql, QueryOptions{All: true, BatchSize: 200}, func(_ context.Context, p Page) error {
		pages = append(pages, fmt.Sprintf("%d %s last=%t", p.TotalSize, p.Records, p.Last))
		return nil
	})
	want := []string{`3 [{"Id":"1"} {"Id":"2"}] last=false`, `3 [{"Id":"3"}] last=true`}
	if err != nil || !cmp.Equal(want, pages) {
		t.Errorf("%v %s", err, cmp.Diff(want, pages))
	}
	for _, c := range o.received("/query") {
		if h := c.Header.Get("Sforce-Query-Options"); h != "batchSize=200" {
			t.Errorf("%s: Sforce-Query-Options: %q", c.Path, h)
		}
	}
}

func TestQueryCallsPageOnceForAnEmptyResultAndForACount(t *testing.T) {
	for _, total := range []int{0, 1234567} {
		o := newOrg(t, replies(reply{body: fmt.Sprintf(`{"totalSize":%d,"done":true,"records":[]}`, total)}))
		calls := 0
		err := o.client(t).Query(t.Context(), "SELECT COUNT() FROM X", QueryOptions{}, func(_ context.Context, p Page) error {
			calls++
			if p.TotalSize != total || !p.Last || len(p.Records) != 0 || p.ServerTime.IsZero() {
				t.Errorf("%+v", p)
			}
			return nil
		})
		if err != nil || calls != 1 {
			t.Errorf("%v, %d calls", err, calls)
		}
	}
}

func TestQueryEndsWithThePagesOwnErrorUnchanged(t *testing.T) {
	o := newOrg(t, replies(reply{body: `{"totalSize":2,"done":false,"nextRecordsUrl":"/services/data/v62.0/query/n","records":[{}]}`}))
	own := errors.New("disk full")
	if err := o.client(t).Query(t.Context(), "SELECT Id FROM X", QueryOptions{}, func(context.Context, Page) error { return own }); err != own {
		t.Error(err)
	}
	if n := len(o.received("/query")); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestQueryAsksAgainForThePageThatFailedAndForNoOther(t *testing.T) {
	o := newOrg(t, replies(
		reply{body: `{"totalSize":2,"done":false,"nextRecordsUrl":"/services/data/v62.0/query/n","records":[{"Id":"1"}]}`},
		htmlBusy, reply{body: `{"totalSize":2,"done":tr`}, expired401,
		reply{body: `{"totalSize":2,"done":true,"records":[{"Id":"2"}]}`}))
	var got []string
	err := o.client(t).Query(t.Context(), "SELECT Id FROM X", QueryOptions{}, func(_ context.Context, p Page) error {
		for _, r := range p.Records {
			got = append(got, string(r))
		}
		return nil
	})
	if want := []string{`{"Id":"1"}`, `{"Id":"2"}`}; err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v %v", err, got)
	}
}

func TestQueryRefusesToLoopOrToLeaveTheOrg(t *testing.T) {
	for name, next := range map[string]string{
		"the same page":   "/services/data/v62.0/query/n",
		"another host":    "https://evil.example/services/data/v62.0/query/n",
		"a host in path":  "//evil.example/services/data/v62.0/query/n",
		"another part":    "/services/apexrest/x",
		"a way up":        "/services/data/../../secret",
		"an escaped way":  "/services/data/%2e%2e/%2e%2e/secret",
		"no address":      "https://%zz",
		"nothing":         "",
		"user in address": "http://me@127.0.0.1/services/data/x",
	} {
		o := newOrg(t, replies(reply{body: fmt.Sprintf(`{"totalSize":9,"done":false,"nextRecordsUrl":%q,"records":[{}]}`, next)}))
		err := o.client(t).Query(t.Context(), "SELECT Id FROM X", QueryOptions{}, nothing)
		if errs.KindOf(err) != errs.Transient {
			t.Errorf("%s: %v", name, err)
		}
		want, requests := "is not at", 1
		switch name {
		case "the same page":
			want, requests = "again and again", 2
		case "nothing":
			want, requests = "names no next page", DefaultMaxAttempts
		}
		if n := len(o.received("/services/data")); n != requests || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %d requests, %v", name, n, err)
		}
	}
}

func TestQueryFollowsAnAddressOfItsOwnHostWithAQuery(t *testing.T) {
	o := newOrg(t, nil)
	o.answer = replies(
		reply{body: fmt.Sprintf(`{"totalSize":2,"done":false,"nextRecordsUrl":"%s/services/data/v62.0/query/a%%2Fb?x=1","records":[{}]}`, o.URL)},
		reply{body: `{"totalSize":2,"done":true,"records":[{}]}`})
	if err := o.client(t).Query(t.Context(), "SELECT Id FROM X", QueryOptions{}, nothing); err != nil {
		t.Fatal(err)
	}
	if c := o.received("/query/")[0]; c.Path != "/services/data/v62.0/query/a%2Fb" || c.Query != "x=1" {
		t.Errorf("%s?%s", c.Path, c.Query)
	}
}

func TestQueryEndsWhenMoreComesThanWasAnnounced(t *testing.T) {
	for name, records := range map[string]string{"records": `{},{}`, "empty pages": ``} {
		var n atomic.Int64
		o := newOrg(t, func(w http.ResponseWriter, _ *http.Request) {
			reply{body: fmt.Sprintf(`{"totalSize":5,"done":false,"nextRecordsUrl":"/services/data/v62.0/query/%d","records":[%s]}`, n.Add(1), records)}.send(w)
		})
		err := o.client(t).Query(t.Context(), "SELECT Id FROM X", QueryOptions{}, nothing)
		if err == nil || !strings.Contains(err.Error(), "announced 5 records") || n.Load() > 5+spareEmptyPages+1 {
			t.Errorf("%s: %v after %d pages", name, err, n.Load())
		}
	}
}

func TestQueryRefusesWhatIsNoPage(t *testing.T) {
	for _, body := range []string{`{}`, `[]`, `{"totalSize":1,"records":[{}]}`, `{"totalSize":1,"done":true,"records":[{"a":tru}]}`, `{"done":true}x`, `"x"`} {
		o := newOrg(t, replies(reply{body: body}))
		if err := o.client(t).Query(t.Context(), "SELECT Id FROM X", QueryOptions{}, nothing); ClassOf(err) != ClassRetry {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestQueryRefusesWhatThePlatformWould(t *testing.T) {
	o := newOrg(t, replies(reply{status: 414, body: "<h1>Bad Message 414</h1>"}))
	c := o.client(t)
	ids := strings.Repeat("'001000000000001AAA',", 600)
	for name, err := range map[string]error{
		"long":  c.Query(t.Context(), "SELECT Id FROM X WHERE Id IN ("+ids+"'x')", QueryOptions{}, nothing),
		"empty": c.Query(t.Context(), " ", QueryOptions{}, nothing),
		"batch": c.Query(t.Context(), "SELECT Id FROM X", QueryOptions{BatchSize: 5000}, nothing),
	} {
		if errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(o.received("")); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	err := c.Query(t.Context(), "SELECT Id FROM X", QueryOptions{}, nothing)
	if errs.KindOf(err) != errs.Invalid || !strings.Contains(errs.HintOf(err), "too long") {
		t.Errorf("414: %v, %q", err, errs.HintOf(err))
	}
}

// TestQueryIsNotInErrors: it may have an e-mail address in it.
func TestQueryIsNotInErrors(t *testing.T) {
	o := newOrg(t, replies(htmlBusy))
	err := o.client(t).Query(t.Context(), "SELECT Id FROM Contact WHERE Email = 'jo@acme.example'", QueryOptions{}, nothing)
	if err == nil || strings.Contains(err.Error(), "jo") || strings.Contains(err.Error(), url.QueryEscape("jo@")) {
		t.Error(err)
	}
}

func TestAnAnswerLongerThanTheBoundIsRefused(t *testing.T) {
	o := newOrg(t, replies(reply{body: `{"x":"` + strings.Repeat("x", 5000) + `"}`}))
	_, err := o.client(t, func(c *Config) { c.MaxBody = 4096 }).Limits(t.Context())
	if errs.KindOf(err) != errs.Invalid || !strings.Contains(err.Error(), "longer than 4096 bytes") || len(o.received("/limits")) != 1 {
		t.Error(err)
	}
}

func TestAnAnswerThatIsCutIsAskedForAgain(t *testing.T) {
	var n atomic.Int64
	o := newOrg(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			w.Header().Set("Content-Length", "1000")
			reply{body: `{"x":`}.send(w)
			return
		}
		okLimits.send(w)
	})
	if _, err := o.client(t).Limits(t.Context()); err != nil || n.Load() != 2 {
		t.Errorf("%v, %d requests", err, n.Load())
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	o := newOrg(t, replies(reply{status: 302, header: map[string]string{"Location": "https://evil.example/services/data"}}))
	_, err := o.client(t).Limits(t.Context())
	if err == nil || !strings.Contains(err.Error(), "redirect to evil.example") || len(o.received("/limits")) != 1 {
		t.Error(err)
	}
}

func TestAWebPageInPlaceOfDataIsSaidSoAndAskedAgain(t *testing.T) {
	page := reply{body: "<html><head><title>Guest Wi-Fi</title></head></html>"}
	o := newOrg(t, replies(page, okLimits))
	if _, err := o.client(t).Limits(t.Context()); err != nil {
		t.Error(err)
	}
	o = newOrg(t, replies(page))
	_, err := o.client(t).Limits(t.Context())
	if errs.KindOf(err) != errs.Transient || !strings.Contains(err.Error(), `answered 200, with the web page "Guest Wi-Fi"`) || !strings.Contains(errs.HintOf(err), "proxy") {
		t.Errorf("%v, %q", err, errs.HintOf(err))
	}
}

func TestDescribeGivesTheFieldsThatTheUserSees(t *testing.T) {
	o := newOrg(t, replies(reply{body: `{"name":"Space__c","label":"Space","custom":true,"queryable":true,"urls":{"x":"y"},"fields":[
		{"name":"Id","type":"id","length":18,"filterable":true,"relationshipName":null,"referenceTo":[],"externalId":false},
		{"name":"Space_Key__c","type":"string","length":80,"externalId":true,"caseSensitive":true,"unique":true,"filterable":true,"createable":true,"updateable":true},
		{"name":"Account__c","type":"reference","relationshipName":"Account__r","referenceTo":["Account"],"defaultValue":1.5}]}`}))
	got, err := o.client(t).Describe(t.Context(), "Space__c")
	if err != nil {
		t.Fatal(err)
	}
	f, ok := got.Field("space_key__C")
	want := Field{Name: "Space_Key__c", Type: "string", Length: 80, ExternalID: true, CaseSensitive: true, Unique: true, Filterable: true, Createable: true, Updateable: true}
	if !ok || !cmp.Equal(want, f) {
		t.Error(cmp.Diff(want, f))
	}
	if f, ok := got.Field("Account__c"); !ok || f.RelationshipName != "Account__r" || f.ReferenceTo[0] != "Account" {
		t.Errorf("%+v", f)
	}
	if _, ok := got.Field("Nope"); ok || got.Name != "Space__c" || !got.Custom {
		t.Errorf("%+v", got)
	}
}

func TestDescribeSaysThatAnObjectIsMissing(t *testing.T) {
	o := newOrg(t, replies(refusal(404, "NOT_FOUND", "The requested resource does not exist")))
	_, err := o.client(t).Describe(t.Context(), "Nope__c")
	if errs.KindOf(err) != errs.NotFound || !strings.Contains(err.Error(), "Nope__c") || !strings.Contains(errs.HintOf(err), "mapping") {
		t.Errorf("%v, %q", err, errs.HintOf(err))
	}
	for _, name := range []string{"", "../limits", "A B", "X?y", "1X", "é"} {
		if _, err := o.client(t).Describe(t.Context(), name); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func BenchmarkQueryPage(b *testing.B) {
	record := `{"attributes":{"type":"Opportunity","url":"/services/data/v62.0/sobjects/Opportunity/006"},"Id":"006000000000001AAA","Name":"A deal","Amount":12345.67,"CloseDate":"2026-11-20","StageName":"Closed Won","IsClosed":true,"SystemModstamp":"2026-11-20T12:00:00.000+0000"}`
	body := []byte(`{"totalSize":2000,"done":true,"records":[` + strings.Repeat(record+",", 1999) + record + `]}`)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		var a queryAnswer
		if err := a.decode(body); err != nil || len(a.Records) != 2000 || !json.Valid(a.Records[7]) {
			b.Fatal(err)
		}
	}
}
