package peer_test

import (
	"fmt"
	"testing"

	"github.com/k-capehart/go-salesforce/v3"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// partners makes n records of partners, of which those at the places in bad
// lack their name's room.
func partners(n int, bad ...int) []row {
	out := make([]row, n)
	for i := range out {
		out[i] = row{"Partner_ID__c": fmt.Sprintf("FG%04d", i), "Name": fmt.Sprintf("Partner %d", i)}
	}
	for _, i := range bad {
		out[i]["Name"] = text(81)
	}
	return out
}

// agree wants n results in order: ids of 18 characters, and failures with the
// code only at the places in bad.
func agree(t *testing.T, got salesforce.SalesforceResults, n int, code string, bad ...int) {
	t.Helper()
	if len(got.Results) != n || got.HasSalesforceErrors != (len(bad) > 0) {
		t.Fatalf("%d results with errors %t, want %d: %.400v", len(got.Results), got.HasSalesforceErrors, n, got)
	}
	failed := map[int]bool{}
	for _, i := range bad {
		failed[i] = true
	}
	for i, r := range got.Results {
		switch {
		case failed[i] && (r.Success || len(r.Errors) == 0 || r.Errors[0].StatusCode != code):
			t.Fatalf("result %d is %+v, want %s", i, r, code)
		case !failed[i] && (!r.Success || len(r.Id) != 18 || len(r.Errors) != 0):
			t.Fatalf("result %d is %+v, want a success", i, r)
		}
	}
}

// named gives the records their ids out of the results, for the next step.
func named(rows []row, got salesforce.SalesforceResults, change func(i int, r row)) []row {
	var out []row
	for i := range rows {
		if got.Results[i].Success {
			r := row{"Id": got.Results[i].Id}
			change(i, r)
			out = append(out, r)
		}
	}
	return out
}

func TestCollectionsGoInBatches(t *testing.T) {
	d := open(t, emulator.Options{})
	rows := partners(450, 7, 201)
	got, err := d.InsertCollection("Partner__c", rows, 200)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, got, 450, "STRING_TOO_LONG", 7, 201)

	updates := named(rows, got, func(i int, r row) { r["Tier__c"] = fmt.Sprint("Tier ", i) })
	got, err = d.UpdateCollection("Partner__c", updates, 100)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, got, 448, "")
	if tier := d.only("SELECT Tier__c FROM Partner__c WHERE Partner_ID__c = 'FG0449'")["Tier__c"]; tier != "Tier 449" {
		t.Errorf("got %v", tier)
	}

	gone, err := d.DeleteCollection("Partner__c", updates[:250], 200)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, gone, 250, "")
	if n := len(d.query("SELECT Id FROM Partner__c")); n != 198 {
		t.Errorf("%d partners are left, want 198", n)
	}
	gone, err = d.DeleteCollection("Partner__c", updates[249:251], 200)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, gone, 2, "ENTITY_IS_DELETED", 0)
}

func TestCollectionsUpsert(t *testing.T) {
	d := open(t, emulator.Options{})
	if _, err := d.UpsertCollection("Partner__c", "Partner_ID__c", partners(3), 200); err != nil {
		t.Fatal(err)
	}
	rows := partners(5, 4)
	rows[1]["Tier__c"] = "Gold"
	got, err := d.UpsertCollection("Partner__c", "Partner_ID__c", rows, 2)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, got, 5, "STRING_TOO_LONG", 4)
	if n := len(d.query("SELECT Id FROM Partner__c")); n != 4 {
		t.Errorf("%d partners, want 4", n)
	}
	if tier := d.only("SELECT Tier__c FROM Partner__c WHERE Partner_ID__c = 'FG0001'")["Tier__c"]; tier != "Gold" {
		t.Errorf("got %v", tier)
	}
	twice := append(partners(1), partners(1)...)
	got, err = d.UpsertCollection("Partner__c", "Partner_ID__c", twice, 200)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, got, 2, "DUPLICATE_VALUE", 0, 1)
}

func TestCollectionsReadManyAtOnce(t *testing.T) {
	d := open(t, emulator.Options{})
	first, second := d.insert("Account", row{"Name": "A"}), d.insert("Account", row{"Name": "B"})
	body := fmt.Sprintf(`{"ids": [%q, "001000000000000AAA", %q], "fields": ["Id", "Name"]}`, second, first)
	var got []row
	if _, err := d.ask("POST", "/composite/sobjects/Account", body, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0]["Name"] != "B" || got[1] != nil || got[2]["Name"] != "A" {
		t.Errorf("by POST: %v", got)
	}
	got = nil
	d.get("/composite/sobjects/Account?ids="+first+","+second+"&fields=Name", &got)
	if len(got) != 2 || got[0]["Name"] != "A" || got[1]["Name"] != "B" {
		t.Errorf("by GET: %v", got)
	}
}

func TestCompositeCarriesCollections(t *testing.T) {
	d := open(t, emulator.Options{})
	rows := partners(450, 7)
	got, err := d.InsertComposite("Partner__c", rows, 200, false)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, got, 450, "STRING_TOO_LONG", 7)

	updates := named(rows, got, func(_ int, r row) { r["Tier__c"] = "Gold" })
	if got, err = d.UpdateComposite("Partner__c", updates, 200, true); err != nil {
		t.Fatal(err)
	}
	agree(t, got, 449, "")
	if n := len(d.query("SELECT Id FROM Partner__c WHERE Tier__c = 'Gold'")); n != 449 {
		t.Errorf("%d partners are gold, want 449", n)
	}

	if got, err = d.UpsertComposite("Partner__c", "Partner_ID__c", partners(460), 100, true); err != nil {
		t.Fatal(err)
	}
	agree(t, got, 460, "")
	if n := len(d.query("SELECT Id FROM Partner__c")); n != 460 {
		t.Errorf("%d partners, want 460", n)
	}

	if got, err = d.DeleteComposite("Partner__c", updates, 200, true); err != nil {
		t.Fatal(err)
	}
	agree(t, got, 449, "")
	if n := len(d.query("SELECT Id FROM Partner__c")); n != 11 {
		t.Errorf("%d partners are left, want 11", n)
	}
}

// One refused record takes all of the call with it, the subrequests before it
// too.
func TestCompositeAllOrNothing(t *testing.T) {
	d := open(t, emulator.Options{})
	got, err := d.InsertComposite("Partner__c", partners(6, 3), 2, true)
	if err != nil {
		t.Fatal(err)
	}
	if !got.HasSalesforceErrors {
		t.Error("no error is told")
	}
	if n := len(d.query("SELECT Id FROM Partner__c")); n != 0 {
		t.Errorf("%d partners stayed", n)
	}
}

func TestCompositeHandsResultsOn(t *testing.T) {
	d := open(t, emulator.Options{})
	v := "/services/data/" + d.GetAPIVersion()
	body := `{"allOrNone": true, "compositeRequest": [
		{"method": "POST", "url": "` + v + `/sobjects/Account", "referenceId": "NewAccount", "body": {"Name": "Acme"}},
		{"method": "GET", "url": "` + v + `/sobjects/Account/@{NewAccount.id}?fields=Name", "referenceId": "Read"},
		{"method": "POST", "url": "` + v + `/sobjects/Contact", "referenceId": "NewContact", "body": {"LastName": "@{Read.Name}son", "AccountId": "@{NewAccount.id}"}},
		{"method": "GET", "url": "` + v + `/query?q=SELECT+Account.Name+FROM+Contact+WHERE+Id='@{NewContact.id}'", "referenceId": "Query"}]}`
	var out struct {
		CompositeResponse []struct {
			Body           row
			HTTPHeaders    map[string]string `json:"httpHeaders"`
			HTTPStatusCode int               `json:"httpStatusCode"`
			ReferenceID    string            `json:"referenceId"`
		} `json:"compositeResponse"`
	}
	if _, err := d.ask("POST", "/composite", body, &out); err != nil {
		t.Fatal(err)
	}
	steps := out.CompositeResponse
	if len(steps) != 4 {
		t.Fatalf("got %+v", out)
	}
	for i, want := range []int{201, 200, 201, 200} {
		if steps[i].HTTPStatusCode != want {
			t.Errorf("step %s: %d %v", steps[i].ReferenceID, steps[i].HTTPStatusCode, steps[i].Body)
		}
	}
	if steps[3].Body["totalSize"] != 1.0 {
		t.Errorf("the query sees %v", steps[3].Body)
	}
	if got := steps[0].HTTPHeaders["Location"]; got != v+"/sobjects/Account/"+fmt.Sprint(steps[0].Body["id"]) {
		t.Errorf("the new record is at %q", got)
	}
}
