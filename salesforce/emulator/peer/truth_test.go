package peer_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/k-capehart/go-salesforce/v3"
	"pgregory.net/rapid"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// quoted writes a text as a literal of SOQL.
func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\t", `\t`, "\r", `\r`, `"`, `\"`).Replace(text) + "'"
}

// A text that a program writes is the text that it finds and reads, whatever is
// in it; white space at its ends goes.
func TestAnyTextIsFoundAgain(t *testing.T) {
	d := open(t, emulator.Options{})
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-zA-Z'"\\%_ äß日本é&<>\t-]{1,40}`).Draw(t, "name")
		want := strings.Trim(name, " \t")
		made, err := d.InsertOne("Account", row{"Name": name})
		if want == "" {
			if err == nil {
				t.Fatalf("a name of white space is taken")
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		for _, soql := range []string{
			"SELECT Id, Name FROM Account WHERE Name = " + quoted(want) + " AND Id = '" + made.Id + "'",
			"SELECT Id, Name FROM Account WHERE Id = '" + made.Id[:15] + "' AND Name LIKE " + likeLiteral(want),
		} {
			var out []row
			if err := d.Query(soql, &out); err != nil || len(out) != 1 || out[0]["Name"] != want {
				t.Fatalf("%s: %v %v", soql, out, err)
			}
		}
	})
}

// likeLiteral writes a text as a pattern that stands for itself.
func likeLiteral(text string) string {
	q := quoted(text)
	return strings.NewReplacer("%", `\%`, "_", `\_`).Replace(q)
}

func TestBodiesAreReadAsThePlatformDoes(t *testing.T) {
	d := open(t, emulator.Options{})
	parent := d.insert("Account", row{"Name": "Parent"})
	for _, tt := range []struct {
		name, object, body string
		want               row // what is read back; nil for a refusal as JSON_PARSER_ERROR
	}{
		{"names in any case", "account", `{"NAME": "x", "phone": "1"}`, row{"Name": "x", "Phone": "1"}},
		{"white space at the ends", "Account", `{"Name": "  x  "}`, row{"Name": "x"}},
		{"an empty text is null", "Account", `{"Name": "x", "Phone": ""}`, row{"Phone": nil}},
		{"a number as text", "Account", `{"Name": "x", "NumberOfEmployees": "12"}`, row{"NumberOfEmployees": 12.0}},
		{"a number with an exponent", "Opportunity", `{"Name": "x", "StageName": "Prospecting", "CloseDate": "2026-01-31", "Amount": 1.5e3}`, row{"Amount": 1500.0}},
		{"an id of 15 characters", "Contact", `{"LastName": "x", "AccountId": "` + parent[:15] + `"}`, row{"AccountId": parent}},
		{"an instant with a zone", "Space__c", `{"Name": "x", "Space_Key__c": "k1", "Space_Created_At__c": "2026-03-01T10:11:12+02:00"}`, row{"Space_Created_At__c": "2026-03-01T08:11:12.000+0000"}},
		{"an instant with a Z", "Space__c", `{"Name": "x", "Space_Key__c": "k2", "Space_Created_At__c": "2026-03-01T10:11:12Z"}`, row{"Space_Created_At__c": "2026-03-01T10:11:12.000+0000"}},
		{"a stage that is won", "Opportunity", `{"Name": "x", "StageName": "Closed Won", "CloseDate": "2026-01-31"}`, row{"IsWon": true, "IsClosed": true, "Probability": 100.0}},
		{"a list for a text", "Account", `{"Name": ["x"]}`, nil},
		{"a text for a checkbox", "User", `{"LastName": "x", "IsActive": "perhaps"}`, nil},
		{"no object", "Account", `[]`, nil},
		{"not JSON", "Account", `{"Name": `, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var made struct{ ID string }
			_, err := d.ask("POST", "/sobjects/"+tt.object, tt.body, &made)
			if tt.want == nil {
				(&desk{t: t}).refused(err, "JSON_PARSER_ERROR")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got row
			d.get("/sobjects/"+tt.object+"/"+made.ID, &got)
			for field, want := range tt.want {
				if got[field] != want {
					t.Errorf("%s is %v, want %v", field, got[field], want)
				}
			}
		})
	}
}

// Whether children go with their parent, stay and name it no more, or keep it from
// going is what describe says.
func TestDescribeSaysWhatBecomesOfChildren(t *testing.T) {
	each(t, func(t *testing.T, m *maker, o object) {
		for _, c := range o.ChildRelationships {
			child := m.objects[c.ChildSObject]
			f := child.field(c.Field)
			if !child.Createable || !f.Createable || len(f.ReferenceTo) != 1 || !o.Deletable || child.Name == o.Name {
				continue
			}
			clear(m.known) // some of them have gone
			parent := m.make(o, nil)
			id := m.make(child, row{c.Field: parent})
			err := m.DeleteOne(o.Name, row{"Id": parent})
			if c.RestrictedDelete {
				if err == nil {
					t.Errorf("%s.%s restricts the delete, and it goes", c.ChildSObject, c.Field)
				}
				continue
			}
			if err != nil {
				t.Errorf("with a record of %s: %v", c.ChildSObject, err)
				continue
			}
			left := m.query("SELECT " + c.Field + " FROM " + c.ChildSObject + " WHERE Id = '" + id + "'")
			if c.CascadeDelete != (len(left) == 0) {
				t.Errorf("%s.%s: that children go too is %t, and %d are left", c.ChildSObject, c.Field, c.CascadeDelete, len(left))
			}
			if len(left) == 1 && left[0][c.Field] != nil {
				t.Errorf("%s.%s still names %v, which is deleted", c.ChildSObject, c.Field, left[0][c.Field])
			}
		}
	})
}

func TestBatchSizeIsHeard(t *testing.T) {
	d := open(t, emulator.Options{})
	for i := range 450 {
		d.insert("Account", row{"Name": fmt.Sprint(i)})
	}
	r, err := d.DoRequest("GET", "/query?q=SELECT+Id+FROM+Account", nil, salesforce.WithHeader("Sforce-Query-Options", "batchSize=200"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), `"type":"Account"`); n != 200 || !strings.Contains(string(b), "-200\"") {
		t.Errorf("%d records on the first page of 200", n)
	}
	if info := r.Header.Get("Sforce-Limit-Info"); !strings.HasPrefix(info, "api-usage=") {
		t.Errorf("Sforce-Limit-Info is %q", info)
	}
}

func TestBulkQueriesTakeNoCountsAndNoChildren(t *testing.T) {
	d := open(t, emulator.Options{})
	for _, soql := range []string{
		"SELECT COUNT() FROM Account",
		"SELECT Name, (SELECT Id FROM Contacts) FROM Account",
		"SELECT COUNT(Id) FROM Account",
		"SELECT Name, COUNT(Id) FROM Account GROUP BY Name",
	} {
		if _, err := d.ask("POST", "/jobs/query", fmt.Sprintf(`{"operation": "query", "query": %q}`, soql), nil); err == nil {
			var jobs struct {
				Records []struct{ State, ErrorMessage string }
			}
			d.org.WaitForJobs()
			d.get("/jobs/query", &jobs)
			for _, j := range jobs.Records {
				if j.State != "Failed" {
					t.Errorf("%s ends %s", soql, j.State)
				}
			}
		}
	}
}

// A step that refers to a failed one is halted, and the rest goes on.
func TestCompositeStepsFailAlone(t *testing.T) {
	d := open(t, emulator.Options{})
	v := "/services/data/" + d.GetAPIVersion()
	ask := func(allOrNone bool) (codes []int, bodies []any) {
		var out struct {
			CompositeResponse []struct {
				Body           any
				HTTPStatusCode int `json:"httpStatusCode"`
			} `json:"compositeResponse"`
		}
		body := fmt.Sprintf(`{"allOrNone": %t, "compositeRequest": [
			{"method": "POST", "url": "%[2]s/sobjects/Account", "referenceId": "good", "body": {"Name": "Good"}},
			{"method": "POST", "url": "%[2]s/sobjects/Account", "referenceId": "bad", "body": {"Phone": "1"}},
			{"method": "POST", "url": "%[2]s/sobjects/Contact", "referenceId": "child", "body": {"LastName": "x", "AccountId": "@{bad.id}"}}]}`, allOrNone, v)
		if _, err := d.ask("POST", "/composite", body, &out); err != nil {
			t.Fatal(err)
		}
		for _, s := range out.CompositeResponse {
			codes, bodies = append(codes, s.HTTPStatusCode), append(bodies, s.Body)
		}
		return codes, bodies
	}
	codes, bodies := ask(false)
	if fmt.Sprint(codes) != "[201 400 400]" || !strings.Contains(fmt.Sprint(bodies[1]), "REQUIRED_FIELD_MISSING") || !strings.Contains(fmt.Sprint(bodies[2]), "PROCESSING_HALTED") {
		t.Errorf("got %v %v", codes, bodies)
	}
	codes, bodies = ask(true)
	if fmt.Sprint(codes) != "[400 400 400]" || !strings.Contains(fmt.Sprint(bodies[0]), "PROCESSING_HALTED") {
		t.Errorf("all or none: got %v %v", codes, bodies)
	}
	if n := len(d.query("SELECT Id FROM Account")); n != 1 {
		t.Errorf("%d accounts, want that of the first call", n)
	}
}

func TestChangesAreToldToReplicas(t *testing.T) {
	d := open(t, emulator.Options{})
	id := d.insert("Account", row{"Name": "x"})
	gone := d.insert("Account", row{"Name": "y"})
	if err := d.DeleteOne("Account", row{"Id": gone}); err != nil {
		t.Fatal(err)
	}
	day := d.now().UTC()
	span := "?start=" + escaped(day.AddDate(0, 0, -1).Format("2006-01-02T15:04:05Z")) + "&end=" + escaped(day.AddDate(0, 0, 1).Format("2006-01-02T15:04:05Z"))
	var updated struct{ IDs []string }
	d.get("/sobjects/Account/updated"+span, &updated)
	if len(updated.IDs) != 1 || updated.IDs[0] != id {
		t.Errorf("updated: %v", updated)
	}
	var deleted struct {
		DeletedRecords []struct{ ID, DeletedDate string }
	}
	d.get("/sobjects/Account/deleted"+span, &deleted)
	if len(deleted.DeletedRecords) != 1 || deleted.DeletedRecords[0].ID != gone {
		t.Errorf("deleted: %v", deleted)
	}
}

func TestMethodsThatARouteLacksAreRefused(t *testing.T) {
	d := open(t, emulator.Options{})
	for _, tt := range []struct{ method, path string }{{http.MethodDelete, "/query"}, {http.MethodPut, "/sobjects/Account"}, {http.MethodPost, "/limits"}} {
		_, err := d.ask(tt.method, tt.path, "{}", nil)
		d.refused(err, "METHOD_NOT_ALLOWED")
	}
	_, err := d.ask("GET", "/nothing", "", nil)
	d.refused(err, "NOT_FOUND")
}
