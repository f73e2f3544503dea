package emulator_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// got decodes a JSON answer that has to have a status.
func got[T any](t *testing.T, status int, c *client, method, path, body string, header ...string) T {
	t.Helper()
	s, text, _ := c.do(method, path, body, header...)
	if s != status {
		t.Fatalf("%s %s: %d %s, want %d", method, path, s, text, status)
	}
	var out T
	if text != "" {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return out
}

func TestARecordsLife(t *testing.T) {
	c := newClient(t, emulator.Options{})
	status, body, h := c.do("POST", "sobjects/account/", `{"name":"Acme","Website":"acme.example"}`)
	var made upsertRow
	if err := json.Unmarshal([]byte(body), &made); err != nil || status != 201 || !made.Success || strings.Contains(body, "created") {
		t.Fatalf("create: %d %s", status, body)
	}
	path := "sobjects/Account/" + made.ID
	if want := "/services/data/v62.0/" + path; h.Get("Location") != want {
		t.Errorf("Location is %s, want %s", h.Get("Location"), want)
	}
	c.clock.Advance(time.Minute)
	if status, body, _ := c.do("PATCH", "sobjects/Account/"+made.ID[:15], `{"Name":"Acme Ltd","Website":null}`); status != 204 || body != "" {
		t.Errorf("update: %d %s", status, body)
	}
	if status, body, _ := c.do("POST", path+"?_HttpMethod=PATCH", `{"Phone":"1"}`); status != 204 {
		t.Errorf("update by POST: %d %s", status, body)
	}
	r := got[map[string]any](t, 200, c, "GET", path+"?fields=Name,Website,Phone", "")
	if r["Name"] != "Acme Ltd" || r["Website"] != nil || r["Phone"] != "1" {
		t.Errorf("read: %v", r)
	}
	if status, body, _ := c.do("DELETE", path, ""); status != 204 || body != "" {
		t.Errorf("delete: %d %s", status, body)
	}
	for _, method := range []string{"DELETE", "PATCH"} {
		if m := c.refused(404, "ENTITY_IS_DELETED", method, path, `{}`); m != "entity is deleted" {
			t.Errorf("%s of a deleted record: %s", method, m)
		}
	}
	c.refused(404, "NOT_FOUND", "GET", path, "")
}

func TestRefusedWritesOfOneRecord(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.insert("Partner__c", row{"Partner_ID__c": "AA0001", "Name": "A"})
	c.insert("Partner__c", row{"Partner_ID__c": "BB0001", "Name": "B"})
	for _, tt := range []struct {
		method, path, body string
		status             int
		code, message      string
		fields             string // as JSON; "" for none at all
	}{
		{"POST", "sobjects/Lead", `{"Company":"x"}`, 400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", `["LastName"]`},
		{"POST", "sobjects/Nothing__c", `{}`, 404, "NOT_FOUND", "The requested resource does not exist", ""},
		{"POST", "sobjects/Account", `{"Name":"x","Nope__c":1}`, 400, "INVALID_FIELD", "No such column 'Nope__c' on sobject of type Account", ""},
		{"POST", "sobjects/Account", `{"Name":"x","Id":"0015g0000000001AAA"}`, 400, "INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", `["Id"]`},
		{"POST", "sobjects/Account", ``, 400, "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body.", ""},
		{"POST", "sobjects/Account", `null`, 400, "JSON_PARSER_ERROR", "The HTTP entity body is required", ""},
		{"POST", "sobjects/Account", `[]`, 400, "JSON_PARSER_ERROR", "Cannot deserialize instance of object from START_ARRAY value or request may be missing a required field at [line:1, column:2]", ""},
		{"POST", "sobjects/Account", "{\n \"Name\": x}", 400, "JSON_PARSER_ERROR", "Unexpected character ('x' (code 120)): expected a valid value (number, String, array, object, 'true', 'false' or 'null') at [line:2, column:11]", ""},
		{"POST", "sobjects/Account", `{"Name":"x" "Phone":"1"}`, 400, "JSON_PARSER_ERROR", "was expecting comma to separate OBJECT entries at [line:1, column:14]", ""},
		{"POST", "sobjects/Account", `{"Name":"x"`, 400, "JSON_PARSER_ERROR", "Unexpected end-of-input", ""},
		{"POST", "sobjects/Opportunity", `{"Name":"x","StageName":"x","CloseDate":"soon"}`, 400, "JSON_PARSER_ERROR", "Cannot deserialize instance of date from VALUE_STRING value soon or request may be missing a required field at [line:1, column:41]", ""},
		{"POST", "sobjects/Account", `{"Name":"x","NumberOfEmployees":{"a":1}}`, 400, "JSON_PARSER_ERROR", "Cannot deserialize instance of int from START_OBJECT value { or request may be missing a required field at [line:1, column:33]", ""},
		{"POST", "composite/sobjects", `{"allOrNone":1.5}`, 400, "JSON_PARSER_ERROR", "Cannot deserialize instance of boolean from VALUE_NUMBER_", ""},
		{"POST", "jobs/query", `[]`, 400, "JSON_PARSER_ERROR", "Cannot deserialize instance of object from START_ARRAY value", ""},
		{"POST", "jobs/ingest", `{"object":"Account" x}`, 400, "JSON_PARSER_ERROR", "Unexpected character ('x' (code 120)): was expecting comma to separate OBJECT entries at [line:1, column:22]", ""},
		{"POST", "sobjects/Partner__c", `{"Partner_ID__c":"AA0001"}`, 400, "DUPLICATE_VALUE", "duplicate value found: Partner_ID__c duplicates value on record with id: " + id, `["Partner_ID__c"]`},
		{"POST", "sobjects/Space__History", `{}`, 400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be inserted: Space History", `[]`},
		{"POST", "sobjects/Contact", `{"LastName":"x","AccountId":"0015g0000zzzzzzAAA"}`, 400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", `["AccountId"]`},
		{"PATCH", "sobjects/Partner__c/" + id, `{"Id":"` + id + `"}`, 400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.", ""},
		{"PATCH", "sobjects/Partner__c/xyz", `{}`, 404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: xyz", ""},
		{"PATCH", "sobjects/Partner__c/a075g0000zzzzzzAAA", `{}`, 404, "NOT_FOUND", "The requested resource does not exist", ""},
		{"PUT", "sobjects/Partner__c/" + id, `{}`, 405, "METHOD_NOT_ALLOWED", "HTTP Method 'PUT' not allowed. Allowed are HEAD,GET,PATCH,DELETE", ""},
		{"POST", "sobjects/Partner__c/" + id, `{}`, 405, "METHOD_NOT_ALLOWED", "HTTP Method 'POST' not allowed. Allowed are HEAD,GET,PATCH,DELETE", ""},
		{"PATCH", "sobjects/Partner__c", `{}`, 405, "METHOD_NOT_ALLOWED", "HTTP Method 'PATCH' not allowed. Allowed are HEAD,GET,POST", ""},
		{"OPTIONS", "sobjects/Partner__c", ``, 405, "METHOD_NOT_ALLOWED", "HTTP Method 'OPTIONS' not allowed", ""},
		{"DELETE", "sobjects/Partner__c/a075g0000zzzzzzAAA", ``, 404, "NOT_FOUND", "", ""},
		{"DELETE", "sobjects/User/" + c.org.UserID, ``, 400, "INVALID_TYPE_FOR_OPERATION", "", `[]`},
		{"PATCH", "sobjects/Partner__c/Partner_ID__c/AA0001", `{"Partner_ID__c":"AA0001"}`, 400, "INVALID_FIELD", "The Partner_ID__c field should not be specified in the sobject data.", ""},
		{"PATCH", "sobjects/Partner__c/Name/A", `{}`, 404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: Name", ""},
	} {
		if m := c.refused(tt.status, tt.code, tt.method, tt.path, tt.body); !strings.Contains(m, tt.message) {
			t.Errorf("%s %s %s:\ngot  %s\nwant %s", tt.method, tt.path, tt.body, m, tt.message)
		}
		_, body, h := c.do(tt.method, tt.path, tt.body)
		var raw []map[string]json.RawMessage
		if err := json.Unmarshal([]byte(body), &raw); err != nil || string(raw[0]["fields"]) != tt.fields {
			t.Errorf("%s %s %s: fields are %s, want %s", tt.method, tt.path, tt.body, raw[0]["fields"], tt.fields)
		}
		if tt.status == 405 && h.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow header", tt.method, tt.path)
		}
	}
	c.refused(415, "UNSUPPORTED_MEDIA_TYPE", "POST", "sobjects/Account", `{"Name":"x"}`, "Content-Type", "text/xml")
	if c.org.Count("Account") != 0 || c.org.Count("Partner__c") != 2 {
		t.Error("a refused write wrote something")
	}
}

// An external id names a record, whatever characters it has.
func TestUpsertByExternalID(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for _, key := range []string{"plain", "FG3877%2Fspace%2F006", "a%20b", "100%25", "%C3%A9+x", "q%3Fa=b"} {
		path := "sobjects/Space__c/Space_Key__c/" + key
		first := got[upsertRow](t, 201, c, "PATCH", path, `{"Name":"one"}`)
		if !first.Created || !first.Success {
			t.Errorf("%s: %+v", key, first)
		}
		again := got[upsertRow](t, 200, c, "PATCH", path, `{"Name":"two"}`)
		if again.Created || again.ID != first.ID {
			t.Errorf("%s: %+v after %+v", key, again, first)
		}
		if r := got[map[string]any](t, 200, c, "GET", path, ""); r["Id"] != first.ID || r["Name"] != "two" {
			t.Errorf("%s: %v", key, r)
		}
	}
	if names := c.names("SELECT Name FROM Space__c WHERE Space_Key__c = 'FG3877/space/006'"); names != "two" {
		t.Errorf("the key with slashes is kept otherwise: %q", names)
	}
	c.refused(404, "NOT_FOUND", "PATCH", "sobjects/Space__c/Space_Key__c/new?updateOnly=true", `{}`)
	if status, _, _ := c.do("DELETE", "sobjects/Space__c/Space_Key__c/plain", ""); status != 204 {
		t.Errorf("delete by external id: %d", status)
	}
	c.refused(404, "NOT_FOUND", "DELETE", "sobjects/Space__c/Space_Key__c/plain", "")
	byID := got[upsertRow](t, 201, c, "POST", "sobjects/Account/Id", `{"Name":"A"}`)
	if got[upsertRow](t, 200, c, "PATCH", "sobjects/Account/Id/"+byID.ID, `{"Name":"B"}`).ID != byID.ID {
		t.Error("an upsert by Id makes another record")
	}
	c.refused(404, "NOT_FOUND", "PATCH", "sobjects/Account/Id/0015g0000zzzzzzAAA", `{"Name":"C"}`)
}

func TestAValueOfSeveralRecordsIsAmbiguous(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.insert("Lead", row{"LastName": "A", "Company": "C", "Email": "x@y.example"})
	c.insert("Lead", row{"LastName": "B", "Company": "C", "Email": "x@y.example"})
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		if paths := got[[]string](t, 300, c, method, "sobjects/Lead/Email/x@y.example", `{}`); len(paths) != 2 || !strings.HasPrefix(paths[0], "/services/data/v62.0/sobjects/Lead/00Q") {
			t.Errorf("%s: %v", method, paths)
		}
	}
}

func TestRelationshipsAreWalked(t *testing.T) {
	c := newClient(t, emulator.Options{})
	acc := c.insert("Account", row{"Name": "A"})
	con := c.insert("Contact", row{"LastName": "L", "AccountId": acc})
	if r := got[map[string]any](t, 200, c, "GET", "sobjects/Contact/"+con+"/Account?fields=Name", ""); r["Name"] != "A" {
		t.Errorf("parent: %v", r)
	}
	children := got[result](t, 200, c, "GET", "sobjects/Account/"+acc+"/contacts?fields=LastName", "")
	if children.TotalSize != 1 || children.Records[0]["LastName"] != "L" || !children.Done {
		t.Errorf("children: %+v", children)
	}
	if all := got[result](t, 200, c, "GET", "sobjects/Account/"+acc+"/Contacts", ""); all.Records[0]["Id"] != con {
		t.Errorf("children with all fields: %+v", all)
	}
	for _, path := range []string{acc + "/Nothing", "0015g0000zzzzzzAAA/Contacts", acc + "/Parent"} {
		c.refused(404, "NOT_FOUND", "GET", "sobjects/Account/"+path, "")
	}
}

func TestConditionalRequests(t *testing.T) {
	c := newClient(t, emulator.Options{})
	path := "sobjects/Account/" + c.insert("Account", row{"Name": "A"})
	_, _, h := c.do("GET", path, "")
	at := h.Get("Last-Modified")
	if at != "Fri, 20 Nov 2026 12:00:00 GMT" {
		t.Fatalf("Last-Modified is %q", at)
	}
	later := c.clock.Now().Add(time.Hour).Format(http.TimeFormat)
	for _, tt := range []struct {
		method, path, header, value string
		status                      int
	}{
		{"GET", path, "If-Modified-Since", at, 304},
		{"GET", path, "If-Modified-Since", "Fri, 20 Nov 2026 11:59:59 GMT", 200},
		{"GET", path, "If-Unmodified-Since", "Fri, 20 Nov 2026 11:59:59 GMT", 412},
		{"GET", path, "If-Unmodified-Since", later, 200},
		{"PATCH", path, "If-Unmodified-Since", "Fri, 20 Nov 2026 11:59:59 GMT", 412},
		{"PATCH", path, "If-Unmodified-Since", later, 204},
		{"GET", "sobjects/Account/describe", "If-Modified-Since", later, 304},
		{"GET", "sobjects", "If-Modified-Since", later, 304},
		{"GET", "sobjects", "If-Modified-Since", "Fri, 20 Nov 2020 11:59:59 GMT", 200},
	} {
		if status, body, _ := c.do(tt.method, tt.path, `{"Phone":"1"}`, tt.header, tt.value); status != tt.status {
			t.Errorf("%s %s, %s %s: %d %.80s, want %d", tt.method, tt.path, tt.header, tt.value, status, body, tt.status)
		}
	}
}

func TestBodiesMayBePacked(t *testing.T) {
	c := newClient(t, emulator.Options{})
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(`{"Name":"packed"}`))
	z.Close()
	if status, body, _ := c.do("POST", "sobjects/Account", b.String(), "Content-Encoding", "gzip"); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	c.refused(400, "JSON_PARSER_ERROR", "POST", "sobjects/Account", `{"Name":"plain"}`, "Content-Encoding", "gzip")
	_, body, h := c.do("GET", "sobjects/Account/describe", "", "Accept-Encoding", "deflate, gzip;q=0.8")
	r, err := gzip.NewReader(strings.NewReader(body))
	if err != nil || h.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v, Content-Encoding %q", err, h.Get("Content-Encoding"))
	}
	if text, err := io.ReadAll(r); err != nil || !json.Valid(text) {
		t.Errorf("%v in %.80s", err, text)
	}
	for _, accept := range []string{"identity", "gzip;q=0", "deflate"} {
		if _, body, h := c.do("GET", "limits", "", "Accept-Encoding", accept); h.Get("Content-Encoding") != "" || !json.Valid([]byte(body)) {
			t.Errorf("with Accept-Encoding %s the answer is packed", accept)
		}
	}
	if status, body, h := c.do("HEAD", "limits", "", "Accept-Encoding", "gzip"); status != 200 || body != "" || h.Get("Content-Type") == "" {
		t.Errorf("HEAD: %d %q", status, body)
	}
}

func TestRecentRecords(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for _, name := range []string{"first", "second"} {
		c.do("POST", "sobjects/Account", `{"Name":"`+name+`"}`)
	}
	c.do("POST", "sobjects/Lead", `{"LastName":"L","Company":"C"}`)
	type item struct {
		ID         string `json:"Id"`
		Name       string
		Attributes struct{ Type, URL string }
	}
	if items := got[[]item](t, 200, c, "GET", "recent?limit=2", ""); len(items) != 2 || items[0].Name != "L" || items[1].Name != "second" || items[1].Attributes.Type != "Account" {
		t.Errorf("recent: %+v", items)
	}
	info := got[struct{ RecentItems []item }](t, 200, c, "GET", "sobjects/Account", "")
	if len(info.RecentItems) != 2 || info.RecentItems[0].Name != "second" {
		t.Errorf("recentItems: %+v", info)
	}
	c.do("DELETE", "sobjects/Account/"+info.RecentItems[0].ID, "")
	if items := got[[]item](t, 200, c, "GET", "recent", ""); len(items) != 2 {
		t.Errorf("a deleted record is recent: %+v", items)
	}
}
