package peer_test

import (
	"fmt"
	"testing"

	"github.com/forcedotcom/go-soql"
	"github.com/google/go-cmp/cmp"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// deals fills an org with two customers and their opportunities.
func deals(d *desk) {
	d.t.Helper()
	for _, c := range []struct {
		name    string
		amounts []int
	}{{"Acme", []int{100, 250, 50}}, {"Beta", []int{40}}} {
		account := d.insert("Account", row{"Name": c.name, "Industry": "Energy"})
		for i, amount := range c.amounts {
			stage := "Prospecting"
			if i == 0 {
				stage = "Closed Won"
			}
			d.insert("Opportunity", row{"Name": fmt.Sprintf("%s %d", c.name, i), "AccountId": account, "Amount": amount,
				"StageName": stage, "CloseDate": fmt.Sprintf("2026-0%d-15", i+1)})
		}
		d.insert("Contact", row{"LastName": c.name + "son", "FirstName": "Ada", "Email": "ada@" + c.name + ".example", "AccountId": account})
	}
}

func TestQueryFillsStructs(t *testing.T) {
	d := open(t, emulator.Options{})
	deals(d)
	type account struct{ Name string }
	type opportunity struct {
		ID      string `salesforce:"Id"`
		Name    string
		Amount  float64
		IsWon   bool
		Account account
	}
	var got []opportunity
	if err := d.Query("SELECT Id, Name, Amount, IsWon, Account.Name FROM Opportunity WHERE Account.Name = 'Acme' ORDER BY Amount DESC", &got); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if len(got[i].ID) != 18 {
			t.Errorf("Id is %q", got[i].ID)
		}
		got[i].ID = ""
	}
	acme := account{"Acme"}
	want := []opportunity{{"", "Acme 1", 250, false, acme}, {"", "Acme 0", 100, true, acme}, {"", "Acme 2", 50, false, acme}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQueryFollowsPages(t *testing.T) {
	const n = 4501
	d := open(t, emulator.Options{})
	for i := range n {
		d.insert("Space_User__c", row{"Email__c": fmt.Sprintf("u%05d@x.example", i)})
	}
	got := d.query("SELECT Id, Email__c FROM Space_User__c ORDER BY Email__c")
	if len(got) != n || got[0]["Email__c"] != "u00000@x.example" || got[n-1]["Email__c"] != "u04500@x.example" {
		t.Errorf("%d records from %v to %v", len(got), got[0]["Email__c"], got[len(got)-1]["Email__c"])
	}
}

func TestQueryStructWritesTheQuery(t *testing.T) {
	d := open(t, emulator.Options{})
	deals(d)
	type parent struct {
		Name string `soql:"selectColumn,fieldName=Name"`
	}
	type fields struct {
		ID       string `soql:"selectColumn,fieldName=Id" salesforce:"Id"`
		LastName string `soql:"selectColumn,fieldName=LastName"`
		Account  parent `soql:"selectColumn,fieldName=Account"`
	}
	type criteria struct {
		Last    []string `soql:"likeOperator,fieldName=LastName"`
		First   []string `soql:"inOperator,fieldName=FirstName"`
		Not     string   `soql:"notEqualsOperator,fieldName=Email"`
		NoTitle *bool    `soql:"nullOperator,fieldName=Title"`
	}
	type statement struct {
		SelectClause  fields       `soql:"selectClause,tableName=Contact"`
		WhereClause   criteria     `soql:"whereClause"`
		OrderByClause []soql.Order `soql:"orderByClause"`
		LimitClause   *int         `soql:"limitClause"`
		OffsetClause  *int         `soql:"offsetClause"`
	}
	yes, limit, offset := true, 5, 1
	var got []fields
	err := d.QueryStruct(statement{
		WhereClause:   criteria{Last: []string{"son", "nobody"}, First: []string{"Ada", "Bob"}, Not: "x@y.example", NoTitle: &yes},
		OrderByClause: []soql.Order{{Field: "LastName", IsDesc: true}}, LimitClause: &limit, OffsetClause: &offset,
	}, &got)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].LastName != "Acmeson" || got[0].Account.Name != "Acme" {
		t.Errorf("got %+v", got)
	}
}

func TestQueryGroupsAndSums(t *testing.T) {
	d := open(t, emulator.Options{})
	deals(d)
	type group struct {
		Name  string
		N     float64 `salesforce:"n"`
		Total float64 `salesforce:"total"`
		Most  float64 `salesforce:"expr0"`
	}
	var got []group
	err := d.Query("SELECT Account.Name, COUNT(Id) n, SUM(Amount) total, MAX(Amount) FROM Opportunity GROUP BY Account.Name HAVING COUNT(Id) > 0 ORDER BY Account.Name", &got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]group{{"Acme", 3, 400, 250}, {"Beta", 1, 40, 40}}, got); diff != "" {
		t.Error(diff)
	}
	if got := d.only("SELECT COUNT_DISTINCT(AccountId) customers, AVG(Amount) mean FROM Opportunity"); got["customers"] != 2.0 || got["mean"] != 110.0 {
		t.Errorf("got %v", got)
	}
}

func TestQueryNestsChildren(t *testing.T) {
	d := open(t, emulator.Options{})
	deals(d)
	type children struct {
		TotalSize int `salesforce:"totalSize"`
		Done      bool
		Records   []struct{ Name string }
	}
	type account struct {
		Name          string
		Opportunities *children
		Contacts      *children
	}
	var got []account
	err := d.Query("SELECT Name, (SELECT Name FROM Opportunities WHERE Amount > 60 ORDER BY Amount), (SELECT Name FROM Contacts WHERE Title = 'CEO') FROM Account ORDER BY Name", &got)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Opportunities == nil || got[0].Opportunities.TotalSize != 2 || got[0].Opportunities.Records[0].Name != "Acme 0" {
		t.Fatalf("got %+v", got)
	}
	if got[1].Opportunities != nil || got[0].Contacts != nil {
		t.Errorf("no children are not null: %+v", got)
	}
}

func TestQueryJoins(t *testing.T) {
	d := open(t, emulator.Options{})
	deals(d)
	for soql, want := range map[string]int{
		"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Opportunity WHERE Amount > 60)":     1,
		"SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Opportunity WHERE Amount > 60)": 1,
		"SELECT Id FROM Opportunity WHERE AccountId IN (SELECT Id FROM Account WHERE Name = 'Acme')":   3,
		"SELECT Id FROM Opportunity WHERE CloseDate > 2026-01-31 AND (NOT StageName = 'Closed Won')":   2,
		"SELECT Id FROM Opportunity WHERE CreatedDate = TODAY":                                         4,
		"SELECT Id FROM Opportunity WHERE CreatedDate < LAST_N_DAYS:3":                                 0,
		"SELECT Id FROM Opportunity WHERE Account.Name LIKE 'A%me' AND Amount IN (50, 250)":            2,
		"SELECT Id FROM Opportunity WHERE CALENDAR_YEAR(CloseDate) = 2026":                             4,
		"SELECT Id FROM Opportunity ORDER BY Amount DESC NULLS LAST LIMIT 2 OFFSET 3":                  1,
	} {
		if got := len(d.query(soql)); got != want {
			t.Errorf("%s: %d records, want %d", soql, got, want)
		}
	}
}

func TestQueryCountsWithoutRecords(t *testing.T) {
	d := open(t, emulator.Options{})
	deals(d)
	var page struct {
		TotalSize int
		Done      bool
		Records   []row
	}
	d.get("/query?q="+escaped("SELECT COUNT() FROM Opportunity"), &page)
	if page.TotalSize != 4 || !page.Done || len(page.Records) != 0 {
		t.Errorf("got %+v", page)
	}
}

func TestQueriesThatMeanNothingAreRefused(t *testing.T) {
	d := open(t, emulator.Options{})
	for soql, code := range map[string]string{
		"SELECT FROM Account":                          "MALFORMED_QUERY",
		"SELECT Id, FROM Account":                      "MALFORMED_QUERY",
		"SELECT Id FROM Nothing__c":                    "INVALID_TYPE",
		"SELECT Nothing__c FROM Account":               "INVALID_FIELD",
		"SELECT Nobody.Name FROM Account":              "INVALID_FIELD",
		"SELECT Id FROM Account WHERE Description='x'": "INVALID_FIELD",
		"SELECT Id FROM Account WHERE Name = 5":        "INVALID_FIELD",
		"SELECT Name, COUNT(Id) FROM Account":          "MALFORMED_QUERY",
		"SELECT Id FROM Account OFFSET 2001":           "NUMBER_OUTSIDE_VALID_RANGE",
		"SELECT Id FROM Account WHERE Id = 'x'":        "INVALID_QUERY_FILTER_OPERATOR",
	} {
		var out []row
		t.Run(soql, func(t *testing.T) {
			e := &desk{t: t}
			e.refused(d.Query(soql, &out), code)
		})
	}
}
