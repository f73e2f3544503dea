package emulator_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

func TestUpsertCreatesThenChanges(t *testing.T) {
	c := newClient(t, emulator.Options{})
	c.upsert("Partner__c", "Partner_ID__c", false, row{"Partner_ID__c": "FG3877", "Name": "Fig"})
	line := row{"Commission_Key__c": "FG3877/space/x", "Partner__r": row{"Partner_ID__c": "FG3877"}, "Amount__c": json.Number("12345678.9055"), "Period__c": "2026-10"}
	first := c.upsert("Partner_Commission__c", "Commission_Key__c", false, line)[0]
	if !first.Success || !first.Created || len(first.ID) != 18 {
		t.Fatalf("first: %+v", first)
	}
	c.clock.Advance(time.Minute)
	// Another case of the key is another record; the same key is the same one.
	again := c.upsert("Partner_Commission__c", "Commission_Key__c", false,
		row{"commission_key__c": "FG3877/space/x", "Amount__c": nil}, row{"Commission_Key__c": "FG3877/SPACE/x"})
	if again[0].ID != first.ID || again[0].Created || !again[1].Created {
		t.Errorf("again: %+v", again)
	}
	r, _ := c.org.Record("Partner_Commission__c", first.ID)
	if r["Amount__c"] != nil || r["Period__c"] != "2026-10" || r["Partner__c"] == nil || r["Name"] != "PC-00000001" {
		t.Errorf("the record is %v", r)
	}
	if r["CreatedDate"] != "2026-11-20T12:00:00.000+0000" || r["SystemModstamp"] != "2026-11-20T12:01:00.000+0000" || r["LastModifiedDate"] != r["SystemModstamp"] {
		t.Errorf("stamps: %v %v %v", r["CreatedDate"], r["SystemModstamp"], r["LastModifiedDate"])
	}
}

func TestAmountsAreExactAndRoundedToTheirScale(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for i, tt := range []struct{ in, want string }{
		{"0.1", "0.1"}, {"1234.5675", "1234.568"}, {"-1234.5675", "-1234.568"}, {"999999999999999.999", "9.99999999999999999E14"}, {"0.0004", "0.0"}, {"1e3", "1000.0"},
	} {
		key := string(rune('a' + i))
		if r := c.upsert("Partner_Commission__c", "Commission_Key__c", false, row{"Commission_Key__c": key, "Amount__c": json.Number(tt.in)})[0]; !r.Success {
			t.Errorf("%s: %+v", tt.in, r)
			continue
		}
		p := c.query("query", "SELECT Amount__c FROM Partner_Commission__c WHERE Commission_Key__c = '"+key+"'")
		if got := p.Records[0]["Amount__c"]; got != json.Number(tt.want) {
			t.Errorf("%s is kept as %v, want %s", tt.in, got, tt.want)
		}
	}
}

func TestUpsertRowErrors(t *testing.T) {
	c := newClient(t, emulator.Options{MultiCurrency: true})
	acc := c.insert("Account", row{"Name": "A"})
	gone := c.insert("Account", row{"Name": "gone"})
	if err := c.org.Delete("Account", gone); err != nil {
		t.Fatal(err)
	}
	c.insert("Lead", row{"LastName": "L", "Company": "C", "Email": "two@x.example"})
	c.insert("Lead", row{"LastName": "M", "Company": "C", "Email": "two@x.example"})
	space := func(fields row) row {
		fields["Space_Key__c"] = "k"
		return fields
	}
	for _, tt := range []struct {
		name, object, key string
		row               row
		code, message     string
	}{
		{"no key", "Space__c", "Space_Key__c", row{"Name": "x"}, "MISSING_ARGUMENT", "Space_Key__c not specified"},
		{"null key", "Space__c", "Space_Key__c", row{"Space_Key__c": nil}, "MISSING_ARGUMENT", ""},
		{"required", "Lead", "Email", row{"Email": "a@b.example", "Company": "C"}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]"},
		{"too long", "Space__c", "Space_Key__c", space(row{"Partner_ID__c": strings.Repeat("é", 21)}), "STRING_TOO_LONG", "(max length=20)"},
		{"e-mail", "Space__c", "Space_Key__c", space(row{"Creator_Email__c": "not an address"}), "INVALID_EMAIL_ADDRESS", "invalid email address: not an address"},
		{"malformed id", "Space__c", "Space_Key__c", space(row{"Account__c": "xyz"}), "MALFORMED_ID", "id value of incorrect type"},
		{"id with a damaged checksum", "Space__c", "Space_Key__c", space(row{"Account__c": acc[:15] + "ZZZ"}), "MALFORMED_ID", ""},
		{"id of another object", "Space__c", "Space_Key__c", space(row{"Account__c": "0065g0000000001AAA"}), "FIELD_INTEGRITY_EXCEPTION", "id value of incorrect type"},
		{"id of nothing", "Space__c", "Space_Key__c", space(row{"Account__c": "0015g0000zzzzzzAAA"}), "INVALID_CROSS_REFERENCE_KEY", ""},
		{"deleted parent", "Space__c", "Space_Key__c", space(row{"Account__c": gone}), "ENTITY_IS_DELETED", "entity is deleted"},
		{"unknown external id", "Partner_Commission__c", "Commission_Key__c", row{"Commission_Key__c": "k", "Partner__r": row{"Partner_ID__c": "ZZ9999"}}, "INVALID_FIELD", "Foreign key external ID: ZZ9999 not found for field Partner_ID__c in entity Partner__c"},
		{"not an external id", "Space__c", "Space_Key__c", space(row{"Account__r": row{"Name": "A"}}), "INVALID_FIELD", "not an External ID"},
		{"restricted picklist", "Space__c", "Space_Key__c", space(row{"CurrencyIsoCode": "XXX"}), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value for restricted picklist field: XXX"},
		{"number too large", "Partner_Commission__c", "Commission_Key__c", row{"Commission_Key__c": "k", "Amount__c": json.Number("1e15")}, "NUMBER_OUTSIDE_VALID_RANGE", ""},
		{"read-only", "Space__c", "Space_Key__c", space(row{"CreatedDate": "2020-01-01T00:00:00Z"}), "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: CreatedDate"},
		{"auto number", "Partner_Commission__c", "Commission_Key__c", row{"Commission_Key__c": "k", "Name": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "Name"},
		{"ambiguous key", "Lead", "Email", row{"Email": "two@x.example", "LastName": "N", "Company": "C"}, "DUPLICATE_EXTERNAL_ID", ""},
		{"no type", "Space__c", "Space_Key__c", space(row{"attributes": row{}}), "INVALID_TYPE", "attributes.type"},
		{"other type", "Space__c", "Space_Key__c", space(row{"attributes": row{"type": "Account"}}), "INVALID_TYPE", "Account"},
		{"no such id", "Account", "Id", row{"Id": "0015g0000zzzzzzAAA", "Name": "x"}, "INVALID_CROSS_REFERENCE_KEY", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := c.org.Count(tt.object)
			got := c.upsert(tt.object, tt.key, false, tt.row)[0]
			if got.Success || got.ID != "" || len(got.Errors) != 1 || got.Errors[0].StatusCode != tt.code || !strings.Contains(got.Errors[0].Message, tt.message) || got.Errors[0].Fields == nil {
				t.Errorf("got %+v", got)
			}
			if c.org.Count(tt.object) != n {
				t.Error("a refused row was written")
			}
		})
	}
}

func TestUpsertRequestErrors(t *testing.T) {
	c := newClient(t, emulator.Options{})
	const path = "composite/sobjects/Partner_Commission__c/Commission_Key__c"
	record := func(more string) string {
		return `{"records":[{"attributes":{"type":"Partner_Commission__c"},"Commission_Key__c":"k"` + more + `}]}`
	}
	for _, tt := range []struct{ more, code string }{
		{`,"Nope__c":1`, "INVALID_FIELD"}, {`,"Nope__r":{"X":1}`, "INVALID_FIELD"}, {`,"Amount__c":"abc"`, "JSON_PARSER_ERROR"}, {`,"Amount__c":[1]`, "JSON_PARSER_ERROR"},
		{`,"Computed_At__c":"yesterday"`, "JSON_PARSER_ERROR"}, {`,"Amount__c":true`, "JSON_PARSER_ERROR"},
	} {
		c.refused(400, tt.code, "PATCH", path, record(tt.more))
	}
	many := `{"records":[` + strings.TrimSuffix(strings.Repeat(`{"attributes":{"type":"Partner_Commission__c"}},`, 201), ",") + `]}`
	if m := c.refused(400, "EXCEEDED_ID_LIMIT", "PATCH", path, many); !strings.Contains(m, "200") {
		t.Error(m)
	}
	if c.org.Count("Partner_Commission__c") != 0 {
		t.Error("a refused request wrote something")
	}
}

// Of one external id, all rows of a call fail; the others are written.
func TestOneKeyTwiceInACall(t *testing.T) {
	c := newClient(t, emulator.Options{})
	got := c.upsert("Partner__c", "Partner_ID__c", false, row{"Partner_ID__c": "AA0001"}, row{"Partner_ID__c": "BB0001"}, row{"Partner_ID__c": "AA0001"})
	if got[0].Success || got[2].Success || !got[1].Success || got[0].Errors[0].StatusCode != "DUPLICATE_VALUE" || got[0].Errors[0].Message != "Duplicate external id specified: AA0001" {
		t.Errorf("got %+v", got)
	}
}

func TestUniqueValues(t *testing.T) {
	c := newClient(t, emulator.Options{})
	a := c.insert("Partner_Registration__c", row{"Registration_Key__c": "R-1"})
	if _, err := c.org.Insert("Partner_Registration__c", row{"Registration_Key__c": "R-1"}); err == nil || !strings.Contains(err.Error(), "DUPLICATE_VALUE") {
		t.Errorf("a second record with the key: %v", err)
	}
	c.insert("Partner_Registration__c", row{"Registration_Key__c": "r-1"}) // case-sensitive
	if err := c.org.Delete("Partner_Registration__c", a); err != nil {
		t.Fatal(err)
	}
	b := c.insert("Partner_Registration__c", row{"Registration_Key__c": "R-1"}) // what is deleted does not count
	if err := c.org.Undelete("Partner_Registration__c", a); err == nil {
		t.Error("a record came back beside another with its key")
	}
	if err := c.org.Purge("Partner_Registration__c", b); err != nil {
		t.Fatal(err)
	}
	if err := c.org.Undelete("Partner_Registration__c", a); err != nil {
		t.Error(err)
	}
}

func TestAllOrNone(t *testing.T) {
	c := newClient(t, emulator.Options{})
	got := c.upsert("Partner__c", "Partner_ID__c", true, row{"Partner_ID__c": "AA0001"}, row{"Name": "no key"})
	if got[0].Success || got[0].Errors[0].StatusCode != "ALL_OR_NONE_OPERATION_ROLLED_BACK" || got[1].Errors[0].StatusCode != "MISSING_ARGUMENT" || c.org.Count("Partner__c") != 0 {
		t.Errorf("got %+v", got)
	}
	if got := c.upsert("Partner__c", "Partner_ID__c", true, row{"Partner_ID__c": "AA0001"}); !got[0].Success {
		t.Errorf("got %+v", got)
	}
}

func TestUpsertByID(t *testing.T) {
	c := newClient(t, emulator.Options{})
	id := c.insert("Account", row{"Name": "old"})
	got := c.upsert("Account", "Id", false, row{"Id": id[:15], "Name": "new"}, row{"Name": "made"})
	if got[0].ID != id || got[0].Created || !got[1].Created {
		t.Errorf("got %+v", got)
	}
	if names := c.names("SELECT Name FROM Account ORDER BY Name"); names != "made new" {
		t.Errorf("names are %s", names)
	}
}
