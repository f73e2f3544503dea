package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/partnersync/partnersync/salesforce/emulator"
)

// rows gives the values of every record of a query without its attributes, as
// JSON whose members are in the order of their names.
func (c *client) rows(soql string) string {
	c.t.Helper()
	var out []string
	for _, r := range c.query("query", soql).Records {
		strip(r)
		b, err := json.Marshal(r)
		if err != nil {
			c.t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return strings.Join(out, " ")
}

func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "attributes")
		for _, x := range v {
			strip(x)
		}
	case []any:
		for _, x := range v {
			strip(x)
		}
	}
}

// dealOrg has three accounts with contacts and opportunities.
func dealOrg(t *testing.T) *client {
	c := newClient(t, emulator.Options{MinBatch: 1})
	a := c.insert("Account", row{"Name": "Alpha", "Type": "Customer", "NumberOfEmployees": 10})
	b := c.insert("Account", row{"Name": "Beta", "Type": "Prospect", "NumberOfEmployees": 5, "ParentId": a})
	c.insert("Account", row{"Name": "Gamma"})
	for i, name := range []string{"Ann", "Bob", "Cy"} {
		c.insert("Contact", row{"AccountId": a, "LastName": name, "Email": fmt.Sprintf("%d@x.example", i)})
	}
	c.insert("Contact", row{"AccountId": b, "LastName": "Dee"})
	deal := func(account any, name, stage, amount, on string) {
		f := row{"Name": name, "StageName": stage, "CloseDate": on, "AccountId": account}
		if amount != "" {
			f["Amount"] = amount
		}
		c.insert("Opportunity", f)
	}
	deal(a, "o1", "Closed Won", "0.1", "2026-01-31")
	deal(a, "o2", "Closed Won", "0.2", "2026-04-01")
	deal(b, "o3", "Prospecting", "1000000.005", "2026-04-30")
	deal(b, "o4", "Closed Lost", "", "2025-12-31")
	deal(nil, "o5", "Prospecting", "5", "2025-11-30")
	return c
}

func TestAggregates(t *testing.T) {
	c := dealOrg(t)
	for _, tt := range []struct{ query, want string }{
		{"SELECT COUNT(Id) FROM Opportunity", `{"expr0":5}`},
		{"SELECT COUNT(Amount) n, SUM(Amount), AVG(Amount), MIN(Amount) low, MAX(CloseDate) FROM Opportunity",
			`{"expr0":1000005.305,"expr1":250001.32625,"expr2":"2026-04-30","low":0.1,"n":4}`},
		{"SELECT SUM(Amount) FROM Opportunity WHERE AccountId != null AND IsWon = true", `{"expr0":0.3}`}, // no floats
		{"SELECT COUNT(Id), SUM(Amount), MIN(Name) FROM Opportunity WHERE Name = 'none'", `{"expr0":0,"expr1":null,"expr2":null}`},
		{"SELECT AVG(Amount) FROM Opportunity WHERE Name IN ('o1', 'o2', 'o5')", `{"expr0":1.766666666666667}`},
		{"SELECT COUNT_DISTINCT(StageName), MIN(StageName), MAX(StageName) FROM Opportunity", `{"expr0":3,"expr1":"Prospecting","expr2":"Closed Lost"}`},
		{"SELECT StageName, COUNT(Id) FROM Opportunity GROUP BY StageName",
			`{"StageName":"Prospecting","expr0":2} {"StageName":"Closed Won","expr0":2} {"StageName":"Closed Lost","expr0":1}`},
		{"SELECT Account.Name, COUNT(Id) n FROM Opportunity GROUP BY Account.Name ORDER BY COUNT(Id) DESC, Account.Name DESC NULLS LAST",
			`{"Name":"Beta","n":2} {"Name":"Alpha","n":2} {"Name":null,"n":1}`},
		{"SELECT CALENDAR_YEAR(CloseDate) y, CALENDAR_QUARTER(CloseDate), COUNT(Id) FROM Opportunity GROUP BY CALENDAR_YEAR(CloseDate), CALENDAR_QUARTER(CloseDate) HAVING COUNT(Id) > 1",
			`{"expr0":4,"expr1":2,"y":2025} {"expr0":2,"expr1":2,"y":2026}`},
		{"SELECT StageName s FROM Opportunity GROUP BY StageName HAVING SUM(Amount) > 1 AND StageName LIKE 'P%' LIMIT 1", `{"s":"Prospecting"}`},
		{"SELECT StageName, COUNT(Id) FROM Opportunity GROUP BY StageName ORDER BY StageName DESC LIMIT 1 OFFSET 1", `{"StageName":"Closed Won","expr0":2}`},
		{"SELECT DAY_ONLY(convertTimezone(CreatedDate)) d, COUNT(Id) FROM Account GROUP BY DAY_ONLY(convertTimezone(CreatedDate))", `{"d":"2026-11-20","expr0":3}`},
		{"SELECT IsWon w, StageName s, GROUPING(StageName) g, COUNT(Id) n FROM Opportunity WHERE IsClosed = true GROUP BY ROLLUP(IsWon, StageName)",
			`{"g":0,"n":1,"s":"Closed Lost","w":false} {"g":1,"n":1,"s":null,"w":false} {"g":0,"n":2,"s":"Closed Won","w":true} {"g":1,"n":2,"s":null,"w":true} {"g":1,"n":3,"s":null,"w":null}`},
		{"SELECT IsWon w, IsClosed c, COUNT(Id) n FROM Opportunity WHERE IsClosed = true GROUP BY CUBE(IsWon, IsClosed)",
			`{"c":true,"n":1,"w":false} {"c":null,"n":1,"w":false} {"c":true,"n":2,"w":true} {"c":null,"n":2,"w":true} {"c":true,"n":3,"w":null} {"c":null,"n":3,"w":null}`},
		{"SELECT SUM(NumberOfEmployees), MAX(CreatedDate) FROM Account", `{"expr0":15,"expr1":"2026-11-20T12:00:00.000+0000"}`},
		{"SELECT FORMAT(SUM(Amount)) f FROM Opportunity", `{"f":"$1,000,005.31"}`},
	} {
		if got := c.rows(tt.query); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.query, got, tt.want)
		}
	}
	_, body, _ := c.do("GET", "query?q="+url.QueryEscape("SELECT COUNT(Id) FROM Contact"), "")
	if want := `{"totalSize":1,"done":true,"records":[{"attributes":{"type":"AggregateResult"},"expr0":4}]}`; body != want {
		t.Errorf("got %s, want %s", body, want)
	}
}

func TestGroupsBeyondOnePageAreRefused(t *testing.T) {
	c := newClient(t, emulator.Options{})
	for i := range 2001 {
		c.insert("Account", row{"Name": fmt.Sprint(i)})
	}
	c.refused(400, "EXCEEDED_ID_LIMIT", "GET", "query?q="+url.QueryEscape("SELECT Name FROM Account GROUP BY Name"), "")
	if n := c.query("query", "SELECT Name FROM Account GROUP BY Name LIMIT 2000").TotalSize; n != 2000 {
		t.Errorf("got %d groups", n)
	}
}

func TestChildren(t *testing.T) {
	c := dealOrg(t)
	for _, tt := range []struct{ query, want string }{
		{"SELECT Name, (SELECT LastName FROM Contacts WHERE LastName != 'Bob' ORDER BY LastName DESC) FROM Account ORDER BY Name",
			`{"Contacts":{"done":true,"records":[{"LastName":"Cy"},{"LastName":"Ann"}],"totalSize":2},"Name":"Alpha"}` +
				` {"Contacts":{"done":true,"records":[{"LastName":"Dee"}],"totalSize":1},"Name":"Beta"} {"Contacts":null,"Name":"Gamma"}`},
		{"SELECT (SELECT Account.Name FROM Account.Contacts LIMIT 1), (SELECT Name, (SELECT LastName FROM Contacts) FROM ChildAccounts) FROM Account a WHERE a.Name = 'Alpha'",
			`{"ChildAccounts":{"done":true,"records":[{"Contacts":{"done":true,"records":[{"LastName":"Dee"}],"totalSize":1},"Name":"Beta"}],"totalSize":1},` +
				`"Contacts":{"done":true,"records":[{"Account":{"Name":"Alpha"}}],"totalSize":1}}`},
	} {
		if got := c.rows(tt.query); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.query, got, tt.want)
		}
	}
}

// Children that are too many for a page have a locator of their own, which lives
// as long as their parents'.
func TestLongListsOfChildrenHavePages(t *testing.T) {
	c := dealOrg(t)
	const q = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account WHERE Name = 'Alpha'"
	p := c.query("query", q, "Sforce-Query-Options", "batchSize=2")
	contacts, _ := p.Records[0]["Contacts"].(map[string]any)
	next, _ := contacts["nextRecordsUrl"].(string)
	if contacts["done"] != false || fmt.Sprint(contacts["totalSize"]) != "3" || !strings.HasSuffix(next, "-2") {
		t.Fatalf("contacts: %v", contacts)
	}
	rest := c.page(next, "Sforce-Query-Options", "batchSize=2")
	if !rest.Done || rest.TotalSize != 3 || len(rest.Records) != 1 || rest.Records[0]["LastName"] != "Cy" {
		t.Errorf("the second page: %+v", rest)
	}
	c.org.DropCursors()
	c.refused(400, "INVALID_QUERY_LOCATOR", "GET", next, "")
}

func TestSemiJoins(t *testing.T) {
	c := dealOrg(t)
	for _, tt := range []struct{ where, want string }{
		{"Id IN (SELECT AccountId FROM Opportunity WHERE IsWon = true)", "Alpha"},
		{"Id NOT IN (SELECT AccountId FROM Contact)", "Gamma"}, // nulls within do not matter
		{"Id IN (SELECT AccountId FROM Contact) AND Id NOT IN (SELECT AccountId FROM Opportunity WHERE IsWon = true)", "Beta"},
		{"ParentId IN (SELECT AccountId FROM Contact)", "Beta"},
		{"OwnerId IN (SELECT Id FROM User)", "Alpha Beta Gamma"},
	} {
		if got := c.names("SELECT Name FROM Account WHERE " + tt.where + " ORDER BY Name"); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.where, got, tt.want)
		}
	}
}

func TestPolymorphicLookups(t *testing.T) {
	c := dealOrg(t)
	c.insert("Lead", row{"LastName": "L", "Company": "C"})
	c.insert("Space_Org__c", row{"Name": "O", "Space__c": c.insert("Space__c", row{"Name": "S", "Space_Key__c": "s"})})
	for _, tt := range []struct{ query, want string }{
		{"SELECT Owner.Type, Owner.Name FROM Lead WHERE Owner.Type = 'user'", `{"Owner":{"Name":"Integration User","Type":"User"}}`},
		{"SELECT TYPEOF Owner WHEN User THEN Alias, UserType ELSE Name END FROM Lead", `{"Owner":{"Alias":"integ","UserType":"Standard"}}`},
		{"SELECT Name, TYPEOF Space__r.Owner WHEN User THEN UserType END, Space__r.Name FROM Space_Org__c", `{"Name":"O","Space__r":{"Name":"S","Owner":{"UserType":"Standard"}}}`},
		{"SELECT Owner.UserType FROM Account LIMIT 1", `{"Owner":{"UserType":"Standard"}}`}, // a user, nothing else
	} {
		if got := c.rows(tt.query); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.query, got, tt.want)
		}
	}
}

func TestWhatIsSelectedByFunctions(t *testing.T) {
	c := dealOrg(t)
	for _, tt := range []struct{ query, want string }{
		{"SELECT Name, FORMAT(Amount), FORMAT(CloseDate) d, toLabel(StageName) FROM Opportunity WHERE Name = 'o3'", `{"Amount":"$1,000,000.01","Name":"o3","StageName":"Prospecting","d":"4/30/2026"}`},
		{"SELECT FORMAT(CreatedDate) t, FORMAT(NumberOfEmployees) n, FORMAT(Account.Parent.Name) p, FORMAT(Description) FROM Account WHERE Name = 'Beta'", `{"Description":null,"n":"5","p":"Alpha","t":"11/20/2026, 12:00 PM"}`},
		{"SELECT convertCurrency(Amount) FROM Opportunity WHERE Name = 'o1'", `{"Amount":0.1}`},
		{"SELECT c.LastName, a.Name FROM Contact c, c.Account a WHERE a.Name = 'Beta'", `{"Account":{"Name":"Beta"},"LastName":"Dee"}`},
		{"SELECT Name FROM Opportunity USING SCOPE mine WHERE CALENDAR_YEAR(CloseDate) = 2025 AND DAY_IN_WEEK(CloseDate) = 1", `{"Name":"o5"}`},
		{"SELECT Name FROM Opportunity USING SCOPE team", ``},
		{"SELECT Name FROM Opportunity WHERE Account.Parent.IsDeleted = false AND DAY_ONLY(CreatedDate) = TODAY AND Amount > USD4 ORDER BY StageName, Name LIMIT 1", `{"Name":"o3"}`},
	} {
		if got := c.rows(tt.query); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.query, got, tt.want)
		}
	}
	all := c.query("query", "SELECT FIELDS(ALL) FROM Account LIMIT 1").Records[0]
	if len(all) < 15 || all["Name"] != "Alpha" || all["SystemModstamp"] == nil {
		t.Errorf("FIELDS(ALL) gives %v", all)
	}
	if custom := c.query("query", "SELECT FIELDS(CUSTOM) FROM Contact LIMIT 1").Records[0]; len(custom) != 2 {
		t.Errorf("FIELDS(CUSTOM) gives %v", custom)
	}
}

func TestRefusesWhatTheSchemaDoesNotAllow(t *testing.T) {
	c := dealOrg(t)
	for _, tt := range []struct{ query, code, message string }{
		{"SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", "\nSELECT Name, COUNT(Id) FROM Account\n       ^\nERROR at Row:1:Column:8\nField must be grouped or aggregated: Name"},
		{"SELECT COUNT(Id) FROM Account ORDER BY Name", "MALFORMED_QUERY", "Ordered field must be grouped or aggregated: Name"},
		{"SELECT COUNT(Id) FROM Account GROUP BY Type HAVING Name = 'x'", "MALFORMED_QUERY", "must be grouped or aggregated: Name"},
		{"SELECT Amount FROM Opportunity GROUP BY Amount", "MALFORMED_QUERY", "field 'Amount' can not be grouped in a query call"},
		{"SELECT COUNT(Id) FROM Opportunity GROUP BY CreatedDate", "MALFORMED_QUERY", "can not be grouped"},
		{"SELECT SUM(Name) FROM Account", "MALFORMED_QUERY", "field Name does not support aggregate operator SUM"},
		{"SELECT MIN(Description) FROM Account", "MALFORMED_QUERY", "does not support aggregate operator MIN"},
		{"SELECT MIN(IsWon) FROM Opportunity", "MALFORMED_QUERY", "does not support aggregate operator MIN"},
		{"SELECT Account.Name, Owner.Name FROM Opportunity GROUP BY Account.Name, Owner.Name", "MALFORMED_QUERY", "duplicate alias: Name"},
		{"SELECT COUNT(Id) x, MIN(Id) X FROM Opportunity", "MALFORMED_QUERY", "duplicate alias: X"},
		{"SELECT Name FROM Account WHERE CALENDAR_YEAR(Name) = 1", "MALFORMED_QUERY", "CALENDAR_YEAR"},
		{"SELECT Name FROM Opportunity WHERE HOUR_IN_DAY(CloseDate) = 1", "MALFORMED_QUERY", "HOUR_IN_DAY"},
		{"SELECT Name FROM Account WHERE CALENDAR_YEAR(CreatedDate) = '2026'", "INVALID_FIELD", "must be of type int"},
		{"SELECT Name, (SELECT Id FROM Nothing__r) FROM Account", "INVALID_TYPE", "Didn't understand relationship 'Nothing__r' in FROM part of query call."},
		{"SELECT Name, (SELECT Id FROM Contact) FROM Account", "INVALID_TYPE", "Didn't understand relationship 'Contact'"},
		{"SELECT (SELECT Id FROM Contacts), (SELECT Name FROM Contacts) FROM Account", "INVALID_FIELD", "duplicate field selected: Contacts"},
		{"SELECT Id FROM Account WHERE Name IN (SELECT Name FROM Contact)", "MALFORMED_QUERY", "should be an id field, cannot use: 'Name'"},
		{"SELECT Id FROM Account WHERE Id IN (SELECT Name FROM Contact)", "MALFORMED_QUERY", "can only query id fields, cannot use: 'Name'"},
		{"SELECT Id FROM Account WHERE Id IN (SELECT Id FROM Contact)", "MALFORMED_QUERY", "should point to the same object type"},
		{"SELECT Id FROM Account WHERE Id IN (SELECT ParentId FROM Account)", "MALFORMED_QUERY", "should not be on the same object type"},
		{"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contacts)", "INVALID_TYPE", "sObject type 'Contacts' is not supported"},
		{"SELECT TYPEOF Account WHEN Account THEN Name END FROM Opportunity", "INVALID_FIELD", "polymorphic"},
		{"SELECT TYPEOF Owner WHEN Lead THEN Name END FROM Lead", "INVALID_TYPE", "'Lead'"},
		{"SELECT TYPEOF Owner WHEN User THEN Name END, Owner.Name FROM Lead", "INVALID_FIELD", "duplicate field selected: Owner"},
		{"SELECT Owner.Name, TYPEOF Owner WHEN User THEN Name END FROM Lead", "INVALID_FIELD", "duplicate field selected: Owner"},
		{"SELECT TYPEOF Owner WHEN User THEN Name END FROM Lead GROUP BY Name", "MALFORMED_QUERY", "TYPEOF"},
		{"SELECT Company, Owner.UserType FROM Lead", "INVALID_FIELD", "\nSELECT Company, Owner.UserType FROM Lead\n                ^\nERROR at Row:1:Column:17\nNo such column 'UserType' on entity 'Name'."},
		{"SELECT Id FROM Account WHERE Name INCLUDES ('x')", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator"},
		{"SELECT Id, FIELDS(STANDARD) FROM Account", "INVALID_FIELD", "duplicate field selected: Id"},
		{"SELECT Id FROM Account WHERE NumberOfEmployees > USD5", "INVALID_FIELD", "must be of type int"},
		{"SELECT Id FROM Account WHERE FORMAT(Name) = 'x'", "MALFORMED_QUERY", "unexpected token: 'FORMAT'"},
		{"SELECT convertCurrency(Name) FROM Account", "INVALID_FIELD", "convertCurrency"},
	} {
		if got := c.refused(400, tt.code, "GET", "query?q="+url.QueryEscape(tt.query), ""); !strings.Contains(got, tt.message) {
			t.Errorf("%s: got %q, want %q in it", tt.query, got, tt.message)
		}
	}
}

// What the Salesforce CLI asks for before it prints a table.
func TestColumnMetadata(t *testing.T) {
	c := dealOrg(t)
	type column struct {
		Aggregate               bool
		ColumnName, DisplayName string
		Custom                  bool
		JoinColumns             []column
	}
	var flat func([]column) string
	flat = func(cs []column) string {
		var out []string
		for _, x := range cs {
			s := x.ColumnName
			if x.Aggregate {
				s += "=" + x.DisplayName
			}
			if len(x.JoinColumns) > 0 {
				s += "(" + flat(x.JoinColumns) + ")"
			}
			out = append(out, s)
		}
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"SELECT id, owner.profile__c, name FROM account":                                           "", // no such field
		"SELECT id, owner.name, owner.Email, (SELECT Id, Account.Name FROM contacts) FROM account": "Id Owner(Name Email) Contacts=Contacts(Id Account(Name))",
		"SELECT count(id), max(amount) m, stagename FROM opportunity GROUP BY stagename":           "expr0=COUNT(id) m=MAX(amount) StageName",
		"SELECT TYPEOF Owner WHEN User THEN Alias ELSE Name END, FORMAT(Name) n FROM Lead":         "Owner(Alias Name) n",
	} {
		status, body, _ := c.do("GET", "query?columns=true&q="+url.QueryEscape(query), "")
		if want == "" {
			if status != 400 {
				t.Errorf("%s: %d %s", query, status, body)
			}
			continue
		}
		var got struct {
			ColumnMetadata []column
			EntityName     string
			KeyPrefix      string
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
			t.Fatalf("%s: %d %s", query, status, body)
		}
		if flat(got.ColumnMetadata) != want || got.EntityName == "" || got.KeyPrefix == "" {
			t.Errorf("%s: got %s, want %s in %s", query, flat(got.ColumnMetadata), want, body)
		}
	}
}

func TestExplain(t *testing.T) {
	c := dealOrg(t)
	for query, want := range map[string]string{
		"SELECT Id FROM Account WHERE Name = 'Alpha'":                               `"leadingOperationType":"TableScan"`,
		"SELECT Id FROM Account WHERE SystemModstamp >= 2026-11-20T12:00:00Z":       `"cardinality":3,"fields":["SystemModstamp"],"leadingOperationType":"Index"`,
		"SELECT Id FROM Account WHERE Id IN ('001000000000001', '001000000000002')": `"cardinality":2,"fields":["Id"],"leadingOperationType":"Index"`,
	} {
		if status, body, _ := c.do("GET", "query?explain="+url.QueryEscape(query), ""); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", query, status, body, want)
		}
	}
	c.refused(400, "MALFORMED_QUERY", "GET", "query?explain=x", "")
}
