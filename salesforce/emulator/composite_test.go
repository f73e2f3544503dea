package emulator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

type compositeAnswer struct {
	CompositeResponse []struct {
		Body           json.RawMessage
		HTTPHeaders    map[string]string
		HTTPStatusCode int
		ReferenceID    string
	}
}

// statuses are the parts' statuses, and the codes of those refused.
func (a compositeAnswer) statuses() string {
	var out []string
	for _, p := range a.CompositeResponse {
		s := fmt.Sprint(p.ReferenceID, " ", p.HTTPStatusCode)
		var errs []struct{ ErrorCode string }
		if p.HTTPStatusCode >= 400 && json.Unmarshal(p.Body, &errs) == nil && len(errs) > 0 {
			s += " " + errs[0].ErrorCode
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

const data = "/services/data/v62.0/"

func TestCompositePartsReferToEarlierOnes(t *testing.T) {
	c := newClient(t, emulator.Options{DailyLimit: 2})
	a := got[compositeAnswer](t, 200, c, "POST", "composite", `{"compositeRequest":[
		{"method":"POST","url":"`+data+`sobjects/Account","referenceId":"acc","body":{"Name":"A & \"B\""}},
		{"method":"POST","url":"`+data+`sobjects/Contact","referenceId":"con","body":{"LastName":"L","AccountId":"@{acc.id}"}},
		{"method":"GET","url":"`+data+`sobjects/Account/@{acc.id}?fields=Name","referenceId":"read"},
		{"method":"PATCH","url":"`+data+`sobjects/Contact/@{con.id}","referenceId":"change","body":{"Title":"of @{read.Name}"}},
		{"method":"GET","url":"`+data+`query?q=SELECT+Title+FROM+Contact+WHERE+Id='@{con.id}'","referenceId":"q"},
		{"method":"POST","url":"`+data+`sobjects/Lead","referenceId":"lead","body":{"LastName":"@{q.records[0].Title}","Company":"C"}},
		{"method":"GET","url":"`+data+`sobjects/Account/@{acc.nothing}","referenceId":"bad"},
		{"method":"GET","url":"`+data+`sobjects/Account/@{bad.id}","referenceId":"worse"}]}`)
	want := "acc 201, con 201, read 200, change 204, q 200, lead 201, bad 400 PROCESSING_HALTED, worse 400 PROCESSING_HALTED"
	if s := a.statuses(); s != want {
		t.Fatalf("got  %s\nwant %s", s, want)
	}
	if names := c.names("SELECT Name FROM Lead"); names != `of A & "B"` {
		t.Errorf("the lead is %s", names)
	}
	if loc := a.CompositeResponse[0].HTTPHeaders["Location"]; !strings.HasPrefix(loc, data+"sobjects/Account/001") {
		t.Errorf("Location is %q", loc)
	}
	if string(a.CompositeResponse[3].Body) != "null" || !strings.Contains(string(a.CompositeResponse[6].Body), "Invalid reference specified. No value for acc.nothing found in acc") {
		t.Errorf("bodies: %s %s", a.CompositeResponse[3].Body, a.CompositeResponse[6].Body)
	}
	if r := c.org.Requests(); r.Record != 0 || r.Other != 1 {
		t.Errorf("the parts were counted: %+v", r)
	}
}

// A reference is short and its value long: what they make of a part is bounded as
// a body is.
func TestReferencesDoNotMakeAPartTooLong(t *testing.T) {
	c := newClient(t, emulator.Options{MaxBody: 10_000})
	c.insert("Account", row{"Name": strings.Repeat("x", 200)})
	body := func(references int) string {
		return `{"compositeRequest":[{"method":"GET","url":"` + data + `query?q=SELECT+Name+FROM+Account","referenceId":"a"},
			{"method":"POST","url":"` + data + `sobjects/Contact","referenceId":"b","body":{"Title":"` + strings.Repeat("@{a.records[0].Name}", references) + `"}}]}`
	}
	for references, want := range map[int]string{45: "a 200, b 400 STRING_TOO_LONG", 51: "a 200, b 413 REQUEST_ENTITY_TOO_LARGE"} {
		if s := got[compositeAnswer](t, 200, c, "POST", "composite", body(references)).statuses(); s != want {
			t.Errorf("%d references: %s, want %s", references, s, want)
		}
	}
}

func TestAllOrNoneComposite(t *testing.T) {
	c := newClient(t, emulator.Options{})
	old := c.insert("Account", row{"Name": "old"})
	body := func(last string) string {
		return `{"allOrNone":true,"compositeRequest":[
		{"method":"PATCH","url":"` + data + `sobjects/Account/` + old + `","referenceId":"a","body":{"Name":"new"}},
		{"method":"DELETE","url":"` + data + `sobjects/Account/` + old + `","referenceId":"b"},
		{"method":"POST","url":"` + data + `composite/sobjects","referenceId":"c","body":{"allOrNone":true,"records":[{"attributes":{"type":"Account"},"Name":"x"}]}},
		{"method":"GET","url":"` + data + `query?q=SELECT+Id+FROM+Account","referenceId":"d"},
		` + last + `,
		{"method":"POST","url":"` + data + `sobjects/Account","referenceId":"f","body":{"Name":"never"}}]}`
	}
	for _, tt := range []struct{ last, want string }{
		{`{"method":"POST","url":"` + data + `sobjects/Contact","referenceId":"e","body":{}}`, "e 400 REQUIRED_FIELD_MISSING"},
		{`{"method":"POST","url":"` + data + `composite/sobjects","referenceId":"e","body":{"records":[{"attributes":{"type":"Contact"}}]}}`, "e 400"},
	} {
		a := got[compositeAnswer](t, 200, c, "POST", "composite", body(tt.last))
		s := a.statuses()
		if strings.Count(s, "PROCESSING_HALTED") != 5 || !strings.Contains(s, tt.want) {
			t.Errorf("got %s", s)
		}
		if r, _ := c.org.Record("Account", old); r["Name"] != "old" || r["IsDeleted"] != false || c.org.Count("Account") != 1 {
			t.Errorf("the record is %v, of %d", r, c.org.Count("Account"))
		}
	}
	a := got[compositeAnswer](t, 200, c, "POST", "composite", body(`{"method":"GET","url":"`+data+`limits","referenceId":"e"}`))
	if s := a.statuses(); s != "a 204, b 204, c 200, d 200, e 200, f 201" || c.org.Count("Account") != 2 {
		t.Errorf("got %s", s)
	}
}

// What others write while a composite call is under way stays when it is taken
// back, and nobody sees what is taken back.
func TestACompositeTakesBackOnlyItsOwn(t *testing.T) {
	c := newClient(t, emulator.Options{})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 10 {
				c.do("POST", "composite", `{"allOrNone":true,"compositeRequest":[
					{"method":"POST","url":"`+data+`sobjects/Account","referenceId":"a","body":{"Name":"taken back"}},
					{"method":"POST","url":"`+data+`sobjects/Contact","referenceId":"b","body":{}}]}`)
				c.do("POST", "sobjects/Account", fmt.Sprintf(`{"Name":"kept %d"}`, i))
				if body := got[result](t, 200, c, "GET", "query?q=SELECT+Id+FROM+Account+WHERE+Name='taken+back'", ""); body.TotalSize != 0 {
					t.Errorf("a reader saw what was taken back: %+v", body)
				}
				if _, err := c.org.Insert("Lead", row{"LastName": "L", "Company": "C"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if c.org.Count("Account") != 40 || c.org.Count("Lead") != 40 || c.org.Count("Contact") != 0 {
		t.Errorf("%d accounts, %d leads, %d contacts", c.org.Count("Account"), c.org.Count("Lead"), c.org.Count("Contact"))
	}
}

// A query's pages go on after the transaction in which it began.
func TestPagesOutliveATransaction(t *testing.T) {
	c := newClient(t, emulator.Options{MinBatch: 1})
	c.insert("Account", row{"Name": "a"})
	a := got[compositeAnswer](t, 200, c, "POST", "composite", `{"allOrNone":true,"compositeRequest":[
		{"method":"POST","url":"`+data+`sobjects/Account","referenceId":"a","body":{"Name":"b"}},
		{"method":"GET","url":"`+data+`query?q=SELECT+Name+FROM+Account+ORDER+BY+Name","referenceId":"q","httpHeaders":{"Sforce-Query-Options":"batchSize=1"}}]}`)
	var first result
	if err := json.Unmarshal(a.CompositeResponse[1].Body, &first); err != nil || first.Done || first.TotalSize != 2 {
		t.Fatalf("%v, %+v in %s", err, first, a.statuses())
	}
	var wg sync.WaitGroup
	wg.Go(func() { c.do("PATCH", "sobjects/Account/"+c.insert("Account", row{"Name": "c"}), `{"Name":"d"}`) })
	if next := c.page(first.NextRecordsURL); !next.Done || next.Records[0]["Name"] != "b" {
		t.Errorf("the next page is %+v", next)
	}
	wg.Wait()
}

func TestRefusedComposites(t *testing.T) {
	c := newClient(t, emulator.Options{})
	part := func(ref, more string) string {
		return `{"method":"GET","url":"` + data + `limits","referenceId":"` + ref + `"` + more + `}`
	}
	var many, queries []string
	for i := range 26 {
		many = append(many, part(fmt.Sprint("r", i), ""))
	}
	for i := range 6 {
		queries = append(queries, fmt.Sprintf(`{"method":"GET","url":"%squery?q=x","referenceId":"r%d"}`, data, i))
	}
	for _, tt := range []struct{ parts, code string }{
		{"", "MISSING_ARGUMENT"}, {strings.Join(many, ","), "LIMIT_EXCEEDED"}, {strings.Join(queries, ","), "LIMIT_EXCEEDED"},
		{part("a b", ""), "INVALID_INPUT"}, {part("", ""), "JSON_PARSER_ERROR"}, {part("a", "") + "," + part("a", ""), "DUPLICATE_VALUE"},
		{part("a", `,"unknown":1`), "JSON_PARSER_ERROR"}, {`{"method":"GET","referenceId":"a"}`, "JSON_PARSER_ERROR"}, {`{"url":"x","referenceId":"a"}`, "JSON_PARSER_ERROR"},
	} {
		c.refused(400, tt.code, "POST", "composite", `{"compositeRequest":[`+tt.parts+`]}`)
	}
	a := got[compositeAnswer](t, 200, c, "POST", "composite", `{"compositeRequest":[
		{"method":"POST","url":"`+data+`composite","referenceId":"nested","body":{}},{"method":"GET","url":"http://evil.example/services/data/v62.0/limits","referenceId":"away"},
		{"method":"GET","url":"/services/oauth2/userinfo","referenceId":"outside"},{"method":"BREW","url":"`+data+`limits","referenceId":"method"},
		{"method":"GET","url":"`+data+`limits","referenceId":"fine"}]}`)
	if s := a.statuses(); s != "nested 400 INVALID_INPUT, away 404 NOT_FOUND, outside 404 NOT_FOUND, method 405 METHOD_NOT_ALLOWED, fine 200" {
		t.Errorf("got %s", s)
	}
}

func TestBatchPartsKnowNothingOfEachOther(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.insert("Account", row{"Name": "A"})
	type answer struct {
		HasErrors bool
		Results   []struct {
			StatusCode int
			Result     json.RawMessage
		}
	}
	batch := func(halt bool) answer {
		return got[answer](t, 200, c, "POST", "composite/batch", fmt.Sprintf(`{"haltOnError":%t,"batchRequests":[
			{"method":"PATCH","url":"v62.0/sobjects/Account/%s","richInput":{"Name":"B"}},{"method":"GET","url":"v62.0/sobjects/Nothing/1"},
			{"method":"GET","url":"/services/data/v62.0/sobjects/Account/%s?fields=Name"}]}`, halt, id, id))
	}
	a := batch(false)
	if !a.HasErrors || a.Results[0].StatusCode != 204 || string(a.Results[0].Result) != "null" || a.Results[1].StatusCode != 404 || !strings.Contains(string(a.Results[2].Result), `"Name":"B"`) {
		t.Errorf("got %+v", a)
	}
	if a := batch(true); a.Results[2].StatusCode != 412 || !strings.Contains(string(a.Results[2].Result), "BATCH_PROCESSING_HALTED") {
		t.Errorf("halted: %+v", a)
	}
	c.refused(400, "MISSING_ARGUMENT", "POST", "composite/batch", `{}`)
	c.refused(400, "LIMIT_EXCEEDED", "POST", "composite/batch", `{"batchRequests":[`+strings.TrimSuffix(strings.Repeat(`{"method":"GET","url":"v62.0/limits"},`, 26), ",")+`]}`)
}

func TestEachGraphIsATransaction(t *testing.T) {
	c := newClient(t, emulator.Options{})
	graph := func(id, contact string) string {
		return `{"graphId":"` + id + `","compositeRequest":[
			{"method":"POST","url":"` + data + `sobjects/Account/","referenceId":"a","body":{"Name":"` + id + `"}},
			{"method":"POST","url":"` + data + `sobjects/Contact/","referenceId":"b","body":{"AccountId":"@{a.id}"` + contact + `}}]}`
	}
	type answer struct {
		Graphs []struct {
			GraphID       string
			IsSuccessful  bool
			GraphResponse compositeAnswer
		}
	}
	a := got[answer](t, 200, c, "POST", "composite/graph", `{"graphs":[`+graph("good", `,"LastName":"L"`)+","+graph("bad", "")+`]}`)
	if !a.Graphs[0].IsSuccessful || a.Graphs[1].IsSuccessful || a.Graphs[1].GraphID != "bad" ||
		a.Graphs[1].GraphResponse.statuses() != "a 400 PROCESSING_HALTED, b 400 REQUIRED_FIELD_MISSING" {
		t.Errorf("got %+v", a)
	}
	if names := c.names("SELECT Name FROM Account"); names != "good" {
		t.Errorf("accounts: %s", names)
	}
	var many []string
	for i := range 76 {
		many = append(many, graph(fmt.Sprint("g", i), ""))
	}
	for body, code := range map[string]string{
		`{"graphs":[]}`: "MISSING_ARGUMENT", `{"graphs":[` + strings.Join(many, ",") + `]}`: "LIMIT_EXCEEDED",
		`{"graphs":[` + graph("a", "") + "," + graph("a", "") + `]}`:                                                         "DUPLICATE_VALUE",
		`{"graphs":[{"graphId":"g","compositeRequest":[{"method":"GET","url":"` + data + `query?q=x","referenceId":"a"}]}]}`: "INVALID_INPUT",
	} {
		c.refused(400, code, "POST", "composite/graph", body)
	}
}
