package emulator_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

func collection(t *testing.T, allOrNone bool, rows ...row) string {
	t.Helper()
	b, err := json.Marshal(row{"allOrNone": allOrNone, "records": rows})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func typed(object string, fields row) row {
	out := row{"attributes": row{"type": object}}
	maps.Copy(out, fields)
	return out
}

func TestCollectionsOfMixedObjectsAreWrittenInOrder(t *testing.T) {
	c := newClient(t, emulator.Options{})
	made := got[[]upsertRow](t, 200, c, "POST", "composite/sobjects", collection(t, false,
		typed("Account", row{"Name": "A"}), typed("contact", row{"FirstName": "no last name"}), typed("Contact", row{"LastName": "L"}), typed("Nothing__c", row{})))
	if !made[0].Success || made[1].Success || !made[2].Success || made[3].Success ||
		made[1].Errors[0].StatusCode != "REQUIRED_FIELD_MISSING" || made[3].Errors[0].StatusCode != "INVALID_TYPE" {
		t.Fatalf("created: %+v", made)
	}
	acc, con := made[0].ID, made[2].ID
	changed := got[[]upsertRow](t, 200, c, "PATCH", "composite/sobjects", collection(t, false,
		typed("Contact", row{"id": con[:15], "AccountId": acc}), typed("Account", row{"Id": acc, "Name": "B"}), typed("Account", row{"Name": "no id"}),
		typed("Account", row{"Id": "0015g0000zzzzzzAAA"}), typed("Account", row{"Id": con}), typed("Account", row{"Id": "x"})))
	for i, code := range []string{"", "", "MISSING_ARGUMENT", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID", "MALFORMED_ID"} {
		if ok := len(changed[i].Errors) == 0; ok != (code == "") || !ok && changed[i].Errors[0].StatusCode != code {
			t.Errorf("update %d: %+v, want %q", i, changed[i], code)
		}
	}
	found := got[[]map[string]any](t, 200, c, "GET", "composite/sobjects/Contact?ids="+con+",0035g0000zzzzzzAAA&fields=Id,AccountId", "")
	if len(found) != 2 || found[0]["AccountId"] != acc || found[1] != nil {
		t.Errorf("retrieved: %v", found)
	}
	if more := got[[]map[string]any](t, 200, c, "POST", "composite/sobjects/account", `{"ids":["`+acc+`"],"fields":["Name"]}`); more[0]["Name"] != "B" {
		t.Errorf("retrieved by POST: %v", more)
	}
	gone := got[[]upsertRow](t, 200, c, "DELETE", "composite/sobjects?ids="+con+","+acc+","+con+",xyz", "")
	for i, code := range []string{"", "", "ENTITY_IS_DELETED", "MALFORMED_ID"} {
		if ok := gone[i].Success; ok != (code == "") || !ok && gone[i].Errors[0].StatusCode != code {
			t.Errorf("delete %d: %+v, want %q", i, gone[i], code)
		}
	}
}

// With allOrNone nothing stays of a call that fails, in any object, and in no
// history.
func TestAllOrNoneCollections(t *testing.T) {
	c := newClient(t, emulator.Options{})
	old := c.insert("Space__c", row{"Space_Key__c": "old", "Partner_ID__c": "AA0001"})
	histories := len(c.org.Records("Space__History"))
	for _, tt := range []struct{ method, body string }{
		{"POST", collection(t, true, typed("Space__c", row{"Space_Key__c": "new", "Partner_ID__c": "AA0002"}), typed("Account", row{"Name": "A"}), typed("Contact", row{}))},
		{"POST", collection(t, true, typed("Partner__c", row{"Partner_ID__c": "P1"}), typed("Partner__c", row{"Partner_ID__c": "P1"}))},
		{"PATCH", collection(t, true, typed("Space__c", row{"Id": old, "Partner_ID__c": "BB0001"}), typed("Space__c", row{"Id": "a015g0000zzzzzzAAA"}))},
	} {
		rows := got[[]upsertRow](t, 200, c, tt.method, "composite/sobjects", tt.body)
		last := len(rows) - 1
		if rows[0].Success || rows[0].Errors[0].StatusCode != "ALL_OR_NONE_OPERATION_ROLLED_BACK" || rows[last].Errors[0].StatusCode == rows[0].Errors[0].StatusCode {
			t.Errorf("%s: %+v", tt.method, rows)
		}
	}
	rows := got[[]upsertRow](t, 200, c, "DELETE", "composite/sobjects?allOrNone=true&ids="+old+",a015g0000zzzzzzAAA", "")
	if rows[0].Success {
		t.Errorf("delete: %+v", rows)
	}
	if r, _ := c.org.Record("Space__c", old); r["Partner_ID__c"] != "AA0001" || r["IsDeleted"] != false || r["SystemModstamp"] != r["CreatedDate"] {
		t.Errorf("the record is %v", r)
	}
	if n := c.org.Count("Account") + c.org.Count("Partner__c") + c.org.Count("Contact"); n != 0 || c.org.Count("Space__c") != 1 || len(c.org.Records("Space__History")) != histories {
		t.Errorf("%d records stayed, and %d rows of history", n, len(c.org.Records("Space__History")))
	}
	if found := c.query("queryAll", "SELECT Id FROM Space__c WHERE SystemModstamp > 2020-01-01T00:00:00Z ORDER BY SystemModstamp"); len(found.Records) != 1 {
		t.Errorf("the indexes have %d records", len(found.Records))
	}
}

func TestCollectionLimits(t *testing.T) {
	c := newClient(t, emulator.Options{})
	var chunked []row
	for i := range 11 {
		chunked = append(chunked, typed([]string{"Account", "Contact"}[i%2], row{"Name": "x"}))
	}
	c.refused(400, "LIMIT_EXCEEDED", "POST", "composite/sobjects", collection(t, false, chunked...))
	ids := strings.TrimSuffix(strings.Repeat("0015g0000000001AAA,", 201), ",")
	c.refused(400, "EXCEEDED_ID_LIMIT", "DELETE", "composite/sobjects?ids="+ids, "")
	for _, tt := range []struct{ method, path, body, code string }{
		{"DELETE", "composite/sobjects", "", "MISSING_ARGUMENT"},
		{"GET", "composite/sobjects/Account?ids=0015g0000000001AAA", "", "MISSING_ARGUMENT"},
		{"GET", "composite/sobjects/Account?fields=Id", "", "MISSING_ARGUMENT"},
		{"GET", "composite/sobjects/Account?ids=x&fields=Id", "", "MALFORMED_ID"},
		{"GET", "composite/sobjects/Account?ids=0015g0000000001AAA&fields=Nope", "", "INVALID_FIELD"},
		{"POST", "composite/sobjects", `{"records":[],"record":[]}`, "JSON_PARSER_ERROR"},
		{"POST", "composite/sobjects", `{"records":[null]}`, "JSON_PARSER_ERROR"},
	} {
		c.refused(400, tt.code, tt.method, tt.path, tt.body)
	}
	twice := got[[]upsertRow](t, 200, c, "PATCH", "composite/sobjects", collection(t, false,
		typed("Account", row{"Id": "0015g0000000001AAA", "Name": "a"}), typed("Account", row{"Id": "0015g0000000001AAA", "Name": "b"})))
	if twice[0].Success || twice[1].Success || twice[0].Errors[0].StatusCode != "DUPLICATE_VALUE" {
		t.Errorf("one id twice: %+v", twice)
	}
}

// A value that cannot be read fails the whole call, and the error says where it
// stands.
func TestAnUnreadableValueIsLocated(t *testing.T) {
	c := newClient(t, emulator.Options{})
	body := `{"records":[{"attributes":{"type":"Account"},"Name":"a","NumberOfEmployees":1},` + "\n" + `{"attributes":{"type":"Account"},"Name":"b","NumberOfEmployees":"many"}]}`
	if m := c.refused(400, "JSON_PARSER_ERROR", "POST", "composite/sobjects", body); !strings.HasSuffix(m, "VALUE_STRING value many or request may be missing a required field at [line:2, column:65]") {
		t.Errorf("the message is %s", m)
	}
	if c.org.Count("Account") != 0 {
		t.Error("a part of the call was written")
	}
}

func TestTreesAreMadeWhole(t *testing.T) {
	c := newClient(t, emulator.Options{})
	record := func(object, ref string, fields row) row {
		out := typed(object, fields)
		out["attributes"].(row)["referenceId"] = ref
		return out
	}
	tree := func(records ...row) string {
		b, err := json.Marshal(row{"records": records})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	type answer struct {
		HasErrors bool
		Results   []struct {
			ReferenceID, ID string
			Errors          []struct {
				StatusCode string
				Fields     []string
			}
		}
	}
	good := tree(
		record("Account", "a1", row{"Name": "A", "Contacts": row{"records": []row{record("Contact", "c1", row{"LastName": "L"}), record("Contact", "c2", row{"LastName": "M"})}}}),
		record("Account", "a2", row{"Name": "B"}))
	a := got[answer](t, 201, c, "POST", "composite/tree/Account/", good)
	var refs []string
	for _, r := range a.Results {
		refs = append(refs, r.ReferenceID)
	}
	if fmt.Sprint(refs) != "[a1 a2 c1 c2]" || a.HasErrors {
		t.Errorf("made: %+v", a)
	}
	if r, _ := c.org.Record("Contact", a.Results[2].ID); r["AccountId"] != a.Results[0].ID {
		t.Errorf("the child is %v", r)
	}
	bad := tree(record("Account", "a3", row{"Name": "C", "Contacts": row{"records": []row{
		record("Contact", "c3", row{"LastName": "L", "Email": "not an address"}), record("Contact", "c4", row{})}}}))
	b := got[answer](t, 400, c, "POST", "composite/tree/Account", bad)
	if !b.HasErrors || len(b.Results) != 2 || b.Results[0].ReferenceID != "c3" || b.Results[0].Errors[0].StatusCode != "INVALID_EMAIL_ADDRESS" ||
		b.Results[0].Errors[0].Fields[0] != "Email" || b.Results[1].Errors[0].StatusCode != "REQUIRED_FIELD_MISSING" {
		t.Errorf("refused: %+v", b)
	}
	if c.org.Count("Account") != 2 || c.org.Count("Contact") != 2 {
		t.Errorf("%d accounts and %d contacts", c.org.Count("Account"), c.org.Count("Contact"))
	}
	deep := record("Account", "d6", row{"Name": "x"})
	for i := 5; i > 0; i-- {
		deep = record("Account", fmt.Sprint("d", i), row{"Name": "x", "ChildAccounts": row{"records": []row{deep}}})
	}
	var many []row
	for i := range 201 {
		many = append(many, record("Account", fmt.Sprint("r", i), row{"Name": "x"}))
	}
	for name, body := range map[string]string{
		"too deep": tree(deep), "too many": tree(many...), "twice": tree(record("Account", "a", row{"Name": "x"}), record("Account", "a", row{"Name": "x"})),
		"no reference": tree(typed("Account", row{"Name": "x"})), "other type": tree(record("Lead", "l", row{})), "none": tree(),
	} {
		if m := c.refused(400, "INVALID_INPUT", "POST", "composite/tree/Account", body); m == "" {
			t.Errorf("%s: no message", name)
		}
	}
	c.refused(400, "INVALID_FIELD", "POST", "composite/tree/Account", tree(record("Account", "a", row{"Nope": 1})))
}
