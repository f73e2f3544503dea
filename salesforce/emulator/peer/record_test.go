package peer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// account is how a program in Go may write down an account.
type account struct {
	ID                string `salesforce:"Id,omitempty"`
	Name              string
	NumberOfEmployees int
	Website           string `salesforce:",omitempty"`
}

func TestOneRecordLivesAndDies(t *testing.T) {
	d := open(t, emulator.Options{})
	created, err := d.InsertOne("Account", account{Name: "Grün & Co", NumberOfEmployees: 12})
	if err != nil {
		t.Fatal(err)
	}
	if !created.Success || len(created.Id) != 18 || !strings.HasPrefix(created.Id, "001") || len(created.Errors) != 0 {
		t.Fatalf("created %+v", created)
	}
	if err := d.UpdateOne("Account", account{ID: created.Id, Name: "Grün", NumberOfEmployees: 13, Website: "https://gruen.example"}); err != nil {
		t.Fatal(err)
	}
	var got []account
	if err := d.Query("SELECT Id, Name, NumberOfEmployees, Website FROM Account", &got); err != nil {
		t.Fatal(err)
	}
	if want := (account{created.Id, "Grün", 13, "https://gruen.example"}); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := d.UpdateOne("Account", row{"Id": created.Id, "Website": nil}); err != nil {
		t.Fatal(err)
	}
	var one row
	d.get("/sobjects/Account/"+created.Id[:15]+"?fields=Id,Website", &one)
	if one["Website"] != nil || one["Id"] != created.Id {
		t.Errorf("after null for the website and by the short id: %v", one)
	}
	if err := d.DeleteOne("Account", account{ID: created.Id}); err != nil {
		t.Fatal(err)
	}
	d.refused(d.DeleteOne("Account", account{ID: created.Id}), "ENTITY_IS_DELETED")
	d.refused(d.UpdateOne("Account", account{ID: created.Id, Name: "x"}), "ENTITY_IS_DELETED")
	if n := len(d.query("SELECT Id FROM Account")); n != 0 {
		t.Errorf("%d accounts are left", n)
	}
	var all struct{ Records []row }
	d.get("/queryAll?q="+escaped("SELECT Id, IsDeleted FROM Account WHERE IsDeleted = true"), &all)
	if len(all.Records) != 1 || all.Records[0]["IsDeleted"] != true {
		t.Errorf("the recycle bin holds %v", all.Records)
	}
}

func TestUpsertOneMakesThenChanges(t *testing.T) {
	d := open(t, emulator.Options{})
	first, err := d.UpsertOne("Partner__c", "Partner_ID__c", row{"Partner_ID__c": "FG0001", "Name": "First"})
	if err != nil || !first.Success || len(first.Id) != 18 {
		t.Fatalf("%+v %v", first, err)
	}
	again, err := d.UpsertOne("Partner__c", "Partner_ID__c", row{"Partner_ID__c": "FG0001", "Name": "Second"})
	if err != nil || !again.Success || again.Id != first.Id {
		t.Fatalf("%+v %v", again, err)
	}
	if got := d.only("SELECT Name FROM Partner__c WHERE Partner_ID__c = 'FG0001'")["Name"]; got != "Second" {
		t.Errorf("got %v", got)
	}
	// The answer itself says which of both it was, and its status does too.
	for id, status := range map[string]int{"FG0001": 200, "FG0002": 201} {
		var out struct{ Created, Success bool }
		r, err := d.ask("PATCH", "/sobjects/Partner__c/Partner_ID__c/"+id, `{"Name": "Third"}`, &out)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != status || out.Created != (status == 201) || !out.Success {
			t.Errorf("%s: status %d with %+v", id, r.StatusCode, out)
		}
	}
	_, err = d.UpsertOne("Partner__c", "Tier__c", row{"Tier__c": "Gold", "Name": "x"})
	d.refused(err, "NOT_FOUND")
	var one row
	d.get("/sobjects/Partner__c/Partner_ID__c/FG0001", &one)
	if one["Name"] != "Third" || one["attributes"] == nil {
		t.Errorf("by its key: %v", one)
	}
}

func TestParentsAreNamedByTheirKeys(t *testing.T) {
	d := open(t, emulator.Options{})
	if _, err := d.InsertOne("Partner__c", row{"Name": "P", "Partner_ID__c": "FG0001"}); err != nil {
		t.Fatal(err)
	}
	made, err := d.InsertOne("Partner_Statement__c", row{"Statement_Key__c": "k", "Partner__r": row{"Partner_ID__c": "FG0001"}})
	if err != nil {
		t.Fatal(err)
	}
	got := d.only("SELECT Partner__r.Name FROM Partner_Statement__c WHERE Id = '" + made.Id + "'")
	if fmt.Sprint(got["Partner__r"].(row)["Name"]) != "P" {
		t.Errorf("got %v", got)
	}
	_, err = d.InsertOne("Partner_Statement__c", row{"Statement_Key__c": "l", "Partner__r": row{"Partner_ID__c": "nobody"}})
	d.refused(err, "INVALID_FIELD")
}

func TestRecordsThatCannotBeAreRefused(t *testing.T) {
	d := open(t, emulator.Options{})
	for _, tt := range []struct {
		name, object string
		fields       row
		code, field  string
	}{
		{"a required field is missing", "Contact", row{"FirstName": "x"}, "REQUIRED_FIELD_MISSING", "LastName"},
		{"an empty name", "Account", row{"Name": ""}, "REQUIRED_FIELD_MISSING", "Name"},
		{"a text that is too long", "Account", row{"Name": text(256)}, "STRING_TOO_LONG", "Name"},
		{"a field that is not there", "Account", row{"Name": "x", "Nothing__c": 1}, "INVALID_FIELD", ""},
		{"a text for a number", "Account", row{"Name": "x", "NumberOfEmployees": "many"}, "JSON_PARSER_ERROR", ""},
		{"a day that is none", "Opportunity", row{"Name": "x", "StageName": "Prospecting", "CloseDate": "2026-02-30"}, "JSON_PARSER_ERROR", ""},
		{"an address that is none", "Contact", row{"LastName": "x", "Email": "nobody"}, "INVALID_EMAIL_ADDRESS", "Email"},
		{"a value that a closed list lacks", "sfLma__License__c", row{"sfLma__License_Status__c": "Odd"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "sfLma__License_Status__c"},
		{"an id that is none", "Contact", row{"LastName": "x", "AccountId": "abc"}, "MALFORMED_ID", "AccountId"},
		{"an id of another object", "Contact", row{"LastName": "x", "AccountId": d.insert("Lead", row{"LastName": "x", "Company": "y"})}, "FIELD_INTEGRITY_EXCEPTION", "AccountId"},
		{"an account that is not there", "Contact", row{"LastName": "x", "AccountId": "001000000000000AAA"}, "INVALID_CROSS_REFERENCE_KEY", "AccountId"},
		{"a field of the platform's", "Account", row{"Name": "x", "SystemModstamp": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "SystemModstamp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := d.InsertOne(tt.object, tt.fields)
			e := (&desk{t: t}).refused(err, tt.code)
			if tt.field != "" && (len(e.Fields) != 1 || e.Fields[0] != tt.field) {
				t.Errorf("fields are %v, want %s (%s)", e.Fields, tt.field, e.Message)
			}
		})
	}
	_, err := d.InsertOne("Nothing__c", row{"Name": "x"})
	d.refused(err, "NOT_FOUND")
	_, err = d.InsertOne("Organization", row{"Name": "x"})
	d.refused(err, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
}

func TestARecordReadsBackAsItWasWritten(t *testing.T) {
	d := open(t, emulator.Options{})
	made, err := d.InsertOne("Opportunity", row{"Name": "A \"deal\" \\ with\tall", "StageName": "Closed Won", "CloseDate": "2026-02-28",
		"Amount": 12345678901.125, "Description": "Two\nlines, and 日本", "Probability": 100})
	if err != nil {
		t.Fatal(err)
	}
	var got row
	d.get("/sobjects/Opportunity/"+made.Id, &got)
	want := row{"Name": "A \"deal\" \\ with\tall", "CloseDate": "2026-02-28", "Amount": 12345678901.125, "IsWon": true, "IsClosed": true,
		"Description": "Two\nlines, and 日本", "Probability": 100.0, "IsDeleted": false}
	for field, want := range want {
		if got[field] != want {
			t.Errorf("%s is %v, want %v", field, got[field], want)
		}
	}
	created, _ := got["CreatedDate"].(string)
	if !strings.HasSuffix(created, ".000+0000") || got["LastModifiedById"] != got["CreatedById"] {
		t.Errorf("made at %v by %v", got["CreatedDate"], got["CreatedById"])
	}
}
